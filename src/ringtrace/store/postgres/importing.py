"""Bringing rows of an export back into the database, while no server runs over it."""

import contextlib
from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, Protocol, Self, TypeVar

import asyncpg

from ringtrace.services.errors import StoreAwayError
from ringtrace.services.lake import Kind, Part
from ringtrace.store.importing import COLUMNS, CallKey, Row
from ringtrace.store.lake.schema import TABLES
from ringtrace.store.postgres import marks
from ringtrace.store.postgres.connection import Connection, open_connection
from ringtrace.store.postgres.migration import ready
from ringtrace.store.postgres.rowset import CALL_KEY, RowSet
from ringtrace.store.postgres.sessions import without_others
from ringtrace.store.postgres.waiting import WaitedFor

R = TypeVar("R")

_NOT_TEXT: Final[Mapping[Kind, Mapping[str, str]]] = {
    Kind.VISITS: dict.fromkeys(
        ("started_at", "seen_at", "left_at", "contact_at", "tapped_at"), "bigint"
    ),
    Kind.HITS: {"at": "bigint"},
    Kind.EXPOSURES: {"shown_at": "bigint"},
    Kind.CALLS: {
        "started_at": "bigint",
        "talk_seconds": "double precision",
        "report": "json",
        "unknown": "double precision",
        "repeat": "double precision",
        "spam": "boolean",
        "shares": "json",
    },
    Kind.CREDITS: {
        "position": "integer",
        "probability": "double precision",
        "source": "json",
        "why": "json",
    },
}
_ROWS: Final[Mapping[Kind, RowSet]] = {
    kind: RowSet(
        {"account_id": "bigint"} | {name: _NOT_TEXT[kind].get(name, "text") for name in columns},
        1 + len(TABLES[kind].key),
    )
    for kind, columns in COLUMNS.items()
}
_INTO: Final[Mapping[Kind, str]] = {kind: row.added_to(kind) for kind, row in _ROWS.items()}
_INTO_CALLS: Final = f"{_INTO[Kind.CALLS]} RETURNING gateway, call_id"
_THERE: Final = (
    f"SELECT c.gateway, c.call_id FROM calls c JOIN {CALL_KEY.unnested} ON {CALL_KEY.matching('c')}"
)


class PostgresImporting:
    """`close` it, or use it as a context. Everything raises StoreAwayError."""

    def __init__(self, url: str) -> None:
        """Raises ValueError (no such URL), SchemaNotReadyError and DatabaseInUseError, too."""
        self._database = WaitedFor(lambda: ready(open_connection(url)))
        # One to the end: what keeps servers from starting goes with it.
        self._connection = self._database.connection
        self._alone = AsyncExitStack()
        try:
            self._answer(self._alone.enter_async_context(without_others(self._connection)))
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(StoreAwayError):
            self._answer(self._alone.aclose())
        self._database.close()

    def has_account(self, account_id: int) -> bool:
        return bool(self._fetch("SELECT 1 FROM accounts WHERE account_id = $1", account_id))

    def calls_there(self, account_id: int, keys: Collection[CallKey]) -> Collection[CallKey]:
        if not keys:
            return set()  # of no account, a distributed database would ask every shard
        arrays = CALL_KEY.arrays((account_id, *key) for key in keys)
        return {(gateway, call) for gateway, call in self._fetch(_THERE, *arrays)}

    @contextlib.contextmanager
    def day(self, account_id: int, part: Part, day: int) -> Iterator["PostgresDayWriter"]:
        whole = self._connection.transaction()
        self._answer(whole.start())
        try:
            yield PostgresDayWriter(self._connection, self._answer, account_id, part, day)
        except BaseException:
            with contextlib.suppress(StoreAwayError):
                self._answer(whole.rollback())
            raise
        self._answer(whole.commit())

    def _fetch(self, query: str, *args: object) -> Sequence[asyncpg.Record]:
        return self._answer(self._connection.fetch(query, *args))

    def _answer(self, asked: Coroutine[Any, Any, R]) -> R:
        try:
            return self._database.answer(asked)
        except asyncpg.PostgresError as error:
            raise StoreAwayError(f"the database refuses: {error}") from error


class _Answer(Protocol):
    def __call__(self, asked: Coroutine[Any, Any, R]) -> R: ...


class PostgresDayWriter:
    """Inside a transaction."""

    def __init__(
        self, connection: Connection, answer: _Answer, account_id: int, part: Part, day: int
    ) -> None:
        self._connection = connection
        self._answer = answer
        self._account_id = account_id
        self._part = part
        self._day = day

    def add(self, kind: Kind, rows: Sequence[Row]) -> int:
        done = self._answer(self._connection.execute(_INTO[kind], *self._arrays(kind, rows)))
        return int(done.rpartition(" ")[2])

    def add_calls(self, rows: Sequence[Row]) -> Collection[CallKey]:
        arrays = self._arrays(Kind.CALLS, rows)
        found = self._answer(self._connection.fetch(_INTO_CALLS, *arrays))
        return {(gateway, call) for gateway, call in found}

    def mark(self) -> None:
        self._answer(marks.mark_day(self._connection, self._account_id, self._part, self._day))

    def _arrays(self, kind: Kind, rows: Sequence[Row]) -> list[list[object]]:
        return _ROWS[kind].arrays((self._account_id, *row) for row in rows)
