"""A site's past as learning wants it: visits with their signs, and calls, of the window."""

import sqlite3

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.number import NumberKind
from ringtrace.domain.past import Past
from ringtrace.store.past import CALL_COLUMNS, VISIT_COLUMNS, calls, canaries, first_id, visits


def past(connection: sqlite3.Connection, account_id: int, site_key: str, at: int) -> Past:
    """What happened at the site and on its pool's numbers in the window before `at`."""
    since = at - WINDOW_MS
    numbers = connection.execute(
        "SELECT number FROM numbers WHERE account_id = ? AND site_key = ? AND kind = 'pool'"
        " AND active ORDER BY position",
        (account_id, site_key),
    )
    shown = connection.execute(
        f"SELECT {VISIT_COLUMNS} FROM visits"
        " WHERE account_id = ? AND visit_id >= ? AND site_key = ? AND number IS NOT NULL",
        (account_id, first_id(since), site_key),
    )
    signs = connection.execute(
        "SELECT visit_id, at, kind FROM hits WHERE account_id = ? AND visit_id >= ?"
        " ORDER BY visit_id, at",
        (account_id, first_id(since)),
    )
    called = connection.execute(
        f"SELECT {CALL_COLUMNS} FROM calls c LEFT JOIN corrections k"
        " ON k.account_id = c.account_id AND k.gateway = c.gateway AND k.call_id = c.call_id"
        " WHERE c.account_id = ?1 AND c.started_at >= ?2 AND c.number IN"
        " (SELECT number FROM numbers WHERE account_id = ?1 AND site_key = ?3)",
        (account_id, since, site_key),
    )
    # A number that was in the pool before is one once nobody of then is a candidate any more.
    shown_to_nobody = connection.execute(
        "SELECT n.number, max(k.since, coalesce((SELECT max(e.shown_at) FROM exposures e"
        "  WHERE e.account_id = n.account_id AND e.number = n.number) + ?, 0))"
        " FROM numbers n JOIN canaries k ON k.account_id = n.account_id AND k.number = n.number"
        " WHERE n.account_id = ? AND n.site_key = ? AND n.kind = ? AND n.active",
        (WINDOW_MS, account_id, site_key, NumberKind.CANARY.value),
    )
    return Past(
        tuple(number for (number,) in numbers),
        visits(shown, signs),
        calls(called),
        canaries(shown_to_nobody),
    )
