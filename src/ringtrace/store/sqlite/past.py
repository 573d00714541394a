"""A site's past as learning wants it: visits with their signs, and calls, of the window."""

import sqlite3
from collections import defaultdict

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.past import Past, PastCall, PastVisit
from ringtrace.domain.visit import Device


def past(connection: sqlite3.Connection, account_id: int, site_key: str, at: int) -> Past:
    """What happened at the site and on its pool's numbers in the window before `at`."""
    since = at - WINDOW_MS
    numbers = tuple(
        number
        for (number,) in connection.execute(
            "SELECT number FROM numbers WHERE account_id = ? AND site_key = ? AND kind = 'pool'"
            " AND active ORDER BY position",
            (account_id, site_key),
        )
    )
    # Visit ids begin with the time they were made, so the key itself narrows the search.
    first = f"{since:012x}"
    signs: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for visit_id, moment, kind in connection.execute(
        "SELECT visit_id, at, kind FROM hits WHERE account_id = ? AND visit_id >= ?"
        " ORDER BY visit_id, at",
        (account_id, first),
    ):
        signs[visit_id].append((moment, kind))
    visits = tuple(
        PastVisit(
            visit_id=visit_id,
            visitor_id=visitor_id,
            number=number,
            shown_at=started_at,
            seen_at=seen_at,
            left=left_at is not None,
            channel=channel,
            keyword=keyword,
            mobile=device == Device.MOBILE,
            signs=tuple(signs.get(visit_id, ())),
        )
        for visit_id, visitor_id, number, started_at, seen_at, left_at, channel, keyword, device
        in connection.execute(
            "SELECT visit_id, visitor_id, number, started_at, seen_at, left_at, channel,"
            " coalesce(term, campaign), device FROM visits"
            " WHERE account_id = ? AND visit_id >= ? AND site_key = ? AND number IS NOT NULL",
            (account_id, first, site_key),
        )
    )  # fmt: skip
    calls = tuple(
        PastCall(*row)
        for row in connection.execute(
            "SELECT started_at, number, caller FROM calls WHERE account_id = ? AND started_at >= ?"
            " AND number IN (SELECT number FROM numbers WHERE account_id = ? AND site_key = ?)",
            (account_id, since, account_id, site_key),
        )
    )
    return Past(numbers, visits, calls)
