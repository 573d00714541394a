"""Which days were written to: what was sealed of them before is old.

Those of hits are marked by the statement that writes them (hit_rows.py).
"""

from collections.abc import Collection
from typing import Final, TypeAlias

from ringtrace.domain.moment import DAY_MS
from ringtrace.services.lake import Part
from ringtrace.store.credits import Key
from ringtrace.store.marks import new_mark
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.rowset import CALL_KEY, unnested

_Day: TypeAlias = tuple[int, int]
"""Account, and days since 1970 UTC."""

_BEFORE: Final = (
    f"SELECT c.account_id, c.started_at / {DAY_MS} FROM calls c JOIN {CALL_KEY.unnested}"
    f" ON {CALL_KEY.matching('c')} ORDER BY c.account_id, c.gateway, c.call_id FOR UPDATE OF c"
)
_MARK: Final = (
    f"INSERT INTO days (account_id, part, day, mark) SELECT a.account_id, '{Part.CALLS}', u.day,"
    f" $4::bigint FROM accounts a JOIN {unnested(('bigint', 'bigint'), 2)} u (account_id, day)"
    " ON u.account_id = a.account_id WHERE a.account_id = ANY($1) ORDER BY a.account_id, u.day"
    " ON CONFLICT (account_id, part, day) DO UPDATE SET mark = excluded.mark"
)
_MARK_DAY: Final = (
    "INSERT INTO days (account_id, part, day, mark) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (account_id, part, day) DO UPDATE SET mark = excluded.mark"
)


async def days_of(connection: Connection, keys: Collection[Key]) -> Collection[_Day]:
    """The days of the calls as they are now; their rows are locked, so that this stays so."""
    if not keys:
        return set()
    found = await connection.fetch(_BEFORE, *CALL_KEY.arrays(sorted(keys)))
    return {(account_id, day) for account_id, day in found}


async def mark(connection: Connection, keys: Collection[Key], before: Collection[_Day]) -> None:
    """The days of the calls, and those that they had before.

    The last statement of a transaction: servers that write for one account wait for each other
    here, in one order.
    """
    days = sorted({*before, *await days_of(connection, keys)})
    if days:
        accounts, on = (list(column) for column in zip(*days, strict=True))
        await connection.execute(_MARK, sorted(set(accounts)), accounts, on, new_mark())


async def mark_day(connection: Connection, account_id: int, part: Part, day: int) -> None:
    """`day` is counted since 1970 UTC."""
    await connection.execute(_MARK_DAY, account_id, part.value, day, new_mark())
