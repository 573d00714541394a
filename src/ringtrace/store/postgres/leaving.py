"""Rows of old days leave for the lake, beside servers that run.

Whoever writes hits touches visits first and marks their day last, and so does who takes them out:
when he finds the mark as it was, nobody has written to the day in between, and nobody can until
they are gone.
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from ringtrace.domain.moment import DAY_MS
from ringtrace.services.lake import Change, Key, Kind
from ringtrace.store.paced import Rest
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.paced import PacedDatabase
from ringtrace.store.postgres.rowset import of_account, unnested
from ringtrace.store.traffic import KEYS, NO_VISIT

_PART: Final = "account_id = $1 AND part = $2"
_LOCKED: Final = (
    f"SELECT day, mark FROM days WHERE {_PART} AND day = ANY($3::bigint[]) ORDER BY day FOR UPDATE"
)
_ARCHIVED: Final = f"UPDATE days SET archived = true WHERE {_PART} AND day = ANY($3::bigint[])"
_END: Final = f"UPDATE days SET left_mark = mark WHERE {_PART} AND day = $3 AND mark = $4"
_SINCE: Final = "SELECT day FROM traffic_since WHERE account_id = $1"
_COMPLETE_SINCE: Final = (
    "INSERT INTO traffic_since (account_id, day) VALUES ($1, $2)"
    " ON CONFLICT (account_id) DO UPDATE SET day = greatest(traffic_since.day, excluded.day)"
)
_TYPES: Final[Mapping[Kind, Sequence[str]]] = {
    Kind.VISITS: ("text",),
    Kind.HITS: ("text", "bigint", "text", "text"),
    Kind.EXPOSURES: ("text", "bigint", "text"),
}
_NEEDED_NO_MORE: Final[Mapping[Kind, str]] = {
    # An id can have come again, of another day.
    Kind.VISITS: (
        f"d.started_at / {DAY_MS} = $3 AND d.seen_at < $4 AND NOT EXISTS (SELECT 1 FROM credits k"
        " WHERE k.account_id = $1 AND k.visit_id = d.visit_id AND k.visit_id IS NOT NULL)"
    ),
    Kind.HITS: of_account(NO_VISIT),
    Kind.EXPOSURES: of_account(NO_VISIT),
}


def _drop(kind: Kind) -> str:
    key = KEYS[kind]
    return (
        f"DELETE FROM {kind} d USING {unnested(_TYPES[kind], 2)} u ({', '.join(key)})"
        f" WHERE d.account_id = $1{''.join(f' AND d.{name} = u.{name}' for name in key)}"
        f" AND {_NEEDED_NO_MORE[kind]}"
    )


_DROP: Final[Mapping[Kind, str]] = {kind: _drop(kind) for kind in KEYS}


class _WrittenToError(Exception):
    """The day was, since it was sealed."""


async def traffic_since(connection: Connection, account_id: int) -> int:
    """Visits, hits and exposures from this moment (ms since 1970 UTC) on are all in the store."""
    day = await connection.fetchval(_SINCE, account_id)
    return 0 if day is None else int(day) * DAY_MS


async def let_go(connection: Connection, account_id: int, day: int) -> None:
    """From now on traffic before the day `day` need not be here."""
    await connection.execute(_COMPLETE_SINCE, account_id, day)


class PostgresLeaving(PacedDatabase):
    """A visit with a sign of life at `silent_since` (ms since 1970 UTC) or later stays."""

    def __init__(self, url: str, silent_since: int, rest: Rest = time.sleep) -> None:
        super().__init__(url, rest)
        self._silent_since = silent_since

    def begin(self, account_id: int, days: Sequence[Change]) -> Sequence[Change]:
        return self._change(partial(_begin, account_id=account_id, days=days))

    def drop(self, change: Change, kind: Kind, keys: Sequence[Key]) -> int | None:
        columns = [list(column) for column in zip(*keys, strict=True)]
        more = (change.day, self._silent_since) if kind is Kind.VISITS else ()

        async def dropped(connection: Connection) -> int:
            done = await connection.execute(_DROP[kind], change.account_id, *columns, *more)
            if not await _same(connection, change.account_id, [change]):
                raise _WrittenToError
            return _count(done)

        try:
            return self._change(dropped)
        except _WrittenToError:
            return None

    def end(self, change: Change) -> bool:
        async def ended(connection: Connection) -> bool:
            return _count(await connection.execute(_END, *_part(change), change.mark)) == 1

        return self._change(ended)


async def _begin(
    connection: Connection, *, account_id: int, days: Sequence[Change]
) -> Sequence[Change]:
    same = await _same(connection, account_id, days)
    if same:
        numbers = [change.day for change in same]
        await connection.execute(_ARCHIVED, account_id, same[0].part.value, numbers)
        await let_go(connection, account_id, max(numbers) + 1)
    return same


async def _same(
    connection: Connection, account_id: int, days: Sequence[Change]
) -> Sequence[Change]:
    """Those of one part that were not written to since, locked."""
    part, numbers = days[0].part.value, [change.day for change in days]
    found = await connection.fetch(_LOCKED, account_id, part, numbers)
    marks = {day: mark for day, mark in found}  # noqa: C416 - of records
    return [change for change in days if marks.get(change.day) == change.mark]


def _part(change: Change) -> Key:
    return change.account_id, change.part.value, change.day


def _count(done: str) -> int:
    """Rows, of what the server says: `DELETE 3`."""
    return int(done.rpartition(" ")[2])
