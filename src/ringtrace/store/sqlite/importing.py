"""Bringing rows of an export back into the file, while no server runs over it."""

import contextlib
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from ringtrace.services.lake import Kind, Part
from ringtrace.store.importing import COLUMNS, CallKey, Row
from ringtrace.store.sqlite import marks
from ringtrace.store.sqlite.connection import connect, transaction

_INTO: Final[Mapping[Kind, str]] = {
    kind: f"INSERT OR IGNORE INTO {kind} (account_id, {', '.join(columns)})"
    f" VALUES ({', '.join('?' * (1 + len(columns)))})"
    for kind, columns in COLUMNS.items()
}
_IS_THERE: Final = "SELECT 1 FROM calls WHERE account_id = ? AND gateway = ? AND call_id = ?"


class SqliteImporting:
    """`close` it, or use it as a context."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def has_account(self, account_id: int) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM accounts WHERE account_id = ?", (account_id,)
        )
        return found.fetchone() is not None

    def calls_there(self, account_id: int, keys: Collection[CallKey]) -> Collection[CallKey]:
        return {
            key
            for key in keys
            if self._connection.execute(_IS_THERE, (account_id, *key)).fetchone() is not None
        }

    @contextlib.contextmanager
    def day(self, account_id: int, part: Part, day: int) -> Iterator["SqliteDayWriter"]:
        with transaction(self._connection):
            yield SqliteDayWriter(self._connection, account_id, part, day)


class SqliteDayWriter:
    """Inside a transaction."""

    def __init__(
        self, connection: sqlite3.Connection, account_id: int, part: Part, day: int
    ) -> None:
        self._connection = connection
        self._account_id = account_id
        self._part = part
        self._day = day

    def add(self, kind: Kind, rows: Sequence[Row]) -> int:
        of_account = ((self._account_id, *row) for row in rows)
        return self._connection.executemany(_INTO[kind], of_account).rowcount

    def add_calls(self, rows: Sequence[Row]) -> Collection[CallKey]:
        return {
            (str(gateway), str(call))
            for gateway, call, *rest in rows
            if self._connection.execute(
                _INTO[Kind.CALLS], (self._account_id, gateway, call, *rest)
            ).rowcount
        }

    def mark(self) -> None:
        marks.day(self._connection, self._account_id, self._part, self._day)
