"""Which days were written to: what was sealed of them before is old."""

import sqlite3
from collections.abc import Collection, Iterable

from ringtrace.domain.moment import DAY_MS
from ringtrace.services.lake import Part
from ringtrace.store.credits import Key
from ringtrace.store.sqlite.many import ManyRows

_AGAIN = "ON CONFLICT (account_id, part, day) DO UPDATE SET mark = excluded.mark"
_INTO = "INSERT INTO days (account_id, part, day, mark)"
_DAY = f"{_INTO} VALUES (?, ?, ?, random()) {_AGAIN}"
_CALL = (
    f"{_INTO} SELECT account_id, '{Part.CALLS}', started_at / {DAY_MS}, random()"
    f" FROM calls WHERE account_id = ? AND gateway = ? AND call_id = ? {_AGAIN}"
)
_VISITS = ManyRows(
    "WITH u (account_id, visit_id, day_began_at) AS ({})"
    f" {_INTO} SELECT v.account_id, '{Part.TRAFFIC}', v.started_at / {DAY_MS}, random()"
    " FROM u CROSS JOIN visits v ON v.account_id = u.account_id AND v.visit_id = u.visit_id"
    " WHERE v.started_at < u.day_began_at"
    f" OR v.started_at >= u.day_began_at + {DAY_MS} {_AGAIN}",
    3,
)


def traffic(connection: sqlite3.Connection, days: Collection[tuple[int, int]]) -> None:
    """By account and day."""
    connection.executemany(_DAY, [(account, Part.TRAFFIC.value, day) for account, day in days])


def day(connection: sqlite3.Connection, account_id: int, part: Part, day: int) -> None:
    """`day` is counted since 1970 UTC."""
    connection.execute(_DAY, (account_id, part.value, day))


def visits_of_other_days(
    connection: sqlite3.Connection, seen: Iterable[tuple[int, str, int]]
) -> None:
    """Visits, by account and id, of which something was seen at a moment, ms since 1970 UTC.

    Those that began on another day changed that day: an earlier one, or, when the clock has gone
    back, a later one.
    """
    _VISITS.write(connection, [(account, visit, at - at % DAY_MS) for account, visit, at in seen])


def call(connection: sqlite3.Connection, key: Key) -> None:
    connection.execute(_CALL, key)
