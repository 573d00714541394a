"""A site's past as learning wants it: visits with their signs, and calls, of the window."""

import sqlite3
from collections import defaultdict

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.number import NumberKind
from ringtrace.domain.past import Past, PastCall, PastCanary, PastVisit
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
    calls = _calls(connection, account_id, site_key, since)
    return Past(numbers, visits, calls, _canaries(connection, account_id, site_key))


def _calls(
    connection: sqlite3.Connection, account_id: int, site_key: str, since: int
) -> tuple[PastCall, ...]:
    # What a user said stands above all else; of the proofs the name of the stronger comes first.
    found = connection.execute(
        "SELECT c.started_at, c.number, c.caller,"
        " iif(k.call_id IS NULL, (SELECT p.visit_id FROM proofs p WHERE p.account_id = c.account_id"
        "  AND p.gateway = c.gateway AND p.call_id = c.call_id ORDER BY p.kind LIMIT 1),"
        "  k.visit_id),"
        " k.call_id IS NOT NULL AND k.visit_id IS NULL"
        " FROM calls c LEFT JOIN corrections k ON k.account_id = c.account_id"
        " AND k.gateway = c.gateway AND k.call_id = c.call_id"
        " WHERE c.account_id = ?1 AND c.started_at >= ?2 AND c.number IN"
        " (SELECT number FROM numbers WHERE account_id = ?1 AND site_key = ?3)",
        (account_id, since, site_key),
    )
    return tuple(
        PastCall(at, number, caller, proven, bool(nobody))
        for at, number, caller, proven, nobody in found
    )


def _canaries(
    connection: sqlite3.Connection, account_id: int, site_key: str
) -> tuple[PastCanary, ...]:
    """A number that was in the pool before is one once nobody of then is a candidate any more."""
    found = connection.execute(
        "SELECT n.number, max(k.since, coalesce((SELECT max(e.shown_at) FROM exposures e"
        "  WHERE e.account_id = n.account_id AND e.number = n.number) + ?, 0))"
        " FROM numbers n JOIN canaries k ON k.account_id = n.account_id AND k.number = n.number"
        " WHERE n.account_id = ? AND n.site_key = ? AND n.kind = ? AND n.active",
        (WINDOW_MS, account_id, site_key, NumberKind.CANARY.value),
    )
    return tuple(PastCanary(number, since) for number, since in found)
