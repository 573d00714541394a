"""Deleting what is kept no longer, beside servers that run.

Reading is for a connection of its own, because a whole account may have to be looked through.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from ringtrace.domain.moment import DAY_MS
from ringtrace.services.lake import Change, Kind, Part
from ringtrace.store.paced import Rest
from ringtrace.store.postgres import marks
from ringtrace.store.postgres.connection import Connection, open_reading_connection
from ringtrace.store.postgres.leaving import let_go
from ringtrace.store.postgres.migration import ready
from ringtrace.store.postgres.paced import PacedDatabase
from ringtrace.store.postgres.rowset import CALL_KEY, RowSet, unnested
from ringtrace.store.postgres.waiting import WaitedFor
from ringtrace.store.retention import OF_A_CALL, OldCall, old_call, without_recording
from ringtrace.store.traffic import MOMENTS

_ROWS_AT_ONCE: Final = 200
_FIRST: Final = -(1 << 63)

ACCOUNTS: Final = "SELECT account_id FROM accounts ORDER BY account_id"
_DAYS: Final = (
    "SELECT day, mark FROM days WHERE account_id = $1 AND part = $2 AND day < $3 ORDER BY day"
)
_CALLS: Final = (
    "SELECT gateway, call_id, audio_format FROM calls"
    " WHERE account_id = $1 AND started_at >= $2 AND started_at < $3"
)
_RECORDED: Final = f"{_CALLS} AND (audio_format IS NOT NULL OR report ->> 'recording' IS NOT NULL)"
_DROP_CALL: Final = tuple(
    f"DELETE FROM {table} d USING {CALL_KEY.unnested} WHERE {CALL_KEY.matching('d')}"
    for table in OF_A_CALL
)
_REPORTS: Final = (
    f"SELECT c.gateway, c.call_id, c.report FROM calls c JOIN {CALL_KEY.unnested}"
    f" ON {CALL_KEY.matching('c')}"
)
_UNRECORDED: Final = RowSet({**CALL_KEY.types, "report": "json"}, 3)
_DROP_RECORDINGS: Final = (
    "UPDATE calls c SET report = u.report, audio_format = NULL, audio_sha256 = NULL"
    f" FROM {_UNRECORDED.unnested} WHERE {_UNRECORDED.matching('c')}"
)
_DROP_DAY: Final = "DELETE FROM days WHERE account_id = $1 AND part = $2 AND day = $3 AND mark = $4"
_ALL_HERE: Final = (
    "UPDATE days SET archived = false, left_mark = NULL"
    " WHERE account_id = $1 AND part = $2 AND day = $3"
)
_WALKED: Final[Mapping[Kind, Mapping[str, str]]] = {
    Kind.VISITS: {"visit_id": "text"},
    Kind.HITS: {"visit_id": "text", "at": "bigint", "kind": "text", "path_digest": "text"},
    Kind.EXPOSURES: {"number": "text", "shown_at": "bigint", "visit_id": "text"},
}
"""The keys that tables are walked through by, with their types."""


class PostgresRetention(PacedDatabase):
    """As OldRows."""

    def __init__(self, url: str, rest: Rest = time.sleep) -> None:
        super().__init__(url, rest)
        try:
            self._reading = WaitedFor(lambda: ready(open_reading_connection(url)))
        except BaseException:
            super().close()
            raise

    def close(self) -> None:
        self._reading.close()
        super().close()

    def accounts(self) -> Sequence[int]:
        return [account_id for (account_id,) in self._fetch(ACCOUNTS)]

    def days(self, account_id: int, part: Part, before: int) -> Sequence[Change]:
        found = self._fetch(_DAYS, account_id, part.value, before)
        return [Change(account_id, part, day, mark) for day, mark in found]

    def calls(self, account_id: int, day: int) -> Sequence[OldCall]:
        return self._calls(_CALLS, account_id, day)

    def recorded(self, account_id: int, day: int) -> Sequence[OldCall]:
        return self._calls(_RECORDED, account_id, day)

    def drop_calls(self, account_id: int, some: Sequence[OldCall]) -> None:
        self._change(partial(_drop_calls, keys=_keys(account_id, some)))

    def drop_recordings(self, account_id: int, some: Sequence[OldCall]) -> None:
        self._change(partial(_drop_recordings, keys=_keys(account_id, some)))

    def drop_traffic(self, account_id: int, before: int) -> int:
        self._change(partial(let_go, account_id=account_id, day=before))
        return sum(self._drop(account_id, kind, before * DAY_MS) for kind in _WALKED)

    def drop_days(self, days: Sequence[Change]) -> None:
        self._change(partial(_drop_days, days=days))

    def _calls(self, query: str, account_id: int, day: int) -> Sequence[OldCall]:
        found = self._fetch(query, account_id, day * DAY_MS, (day + 1) * DAY_MS)
        return [old_call(row) for row in found]

    def _drop(self, account_id: int, kind: Kind, until: int) -> int:
        types = _WALKED[kind].values()
        statement = (
            f"DELETE FROM {kind} d USING {unnested(types, 3)} u ({', '.join(_WALKED[kind])})"
            f" WHERE d.account_id = $1 AND d.{MOMENTS[kind]} < $2"
            + "".join(f" AND d.{name} = u.{name}" for name in _WALKED[kind])
        )

        async def dropped(connection: Connection, keys: Sequence[Sequence[Any]]) -> None:
            columns = [list(column) for column in zip(*keys, strict=True)]
            await connection.execute(statement, account_id, until, *columns)

        total = 0
        for keys in self._old(account_id, kind, until):
            self._change(partial(dropped, keys=keys))
            total += len(keys)
        return total

    def _old(self, account_id: int, kind: Kind, until: int) -> Iterator[Sequence[Any]]:
        """Keys, by one walk through the rows of the account."""
        types = _WALKED[kind]
        columns = ", ".join(types)
        slots = ", ".join(f"${n}::{of}" for n, of in enumerate(types.values(), 3))
        query = (
            f"SELECT {columns} FROM {kind} WHERE account_id = $1 AND {MOMENTS[kind]} < $2"
            f" AND ({columns}) > ({slots}) ORDER BY {columns} LIMIT {_ROWS_AT_ONCE}"
        )
        last: Sequence[object] = ["" if of == "text" else _FIRST for of in types.values()]
        while keys := self._fetch(query, account_id, until, *last):
            yield keys
            last = tuple(keys[-1])

    def _fetch(self, query: str, *args: object) -> Sequence[Any]:
        return self._reading.answer(self._reading.connection.fetch(query, *args))


def _keys(account_id: int, some: Sequence[OldCall]) -> Sequence[tuple[int, str, str]]:
    return [(account_id, one.gateway.value, one.call) for one in some]


async def _drop_calls(connection: Connection, *, keys: Sequence[tuple[int, str, str]]) -> None:
    before = await marks.days_of(connection, keys)
    for statement in _DROP_CALL:
        await connection.execute(statement, *CALL_KEY.arrays(keys))
    await marks.mark(connection, keys, before)


async def _drop_recordings(connection: Connection, *, keys: Sequence[tuple[int, str, str]]) -> None:
    before = await marks.days_of(connection, keys)
    found = await connection.fetch(_REPORTS, *CALL_KEY.arrays(keys))
    account_id = keys[0][0]
    await connection.execute(
        _DROP_RECORDINGS,
        *_UNRECORDED.arrays(
            (account_id, gateway, call, said and without_recording(said))
            for gateway, call, said in found
        ),
    )
    await marks.mark(connection, keys, before)


async def _drop_days(connection: Connection, *, days: Sequence[Change]) -> None:
    for one in days:
        key = (one.account_id, one.part.value, one.day)
        await connection.execute(_DROP_DAY, *key, one.mark)
        await connection.execute(_ALL_HERE, *key)
