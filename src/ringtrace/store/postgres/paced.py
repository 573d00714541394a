"""Writing much into the database beside servers: in short transactions, on a connection of its own.

A statement is ended after connection.STATEMENT_SECONDS like any other that writes.
"""

import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Self, TypeVar

import asyncpg

from ringtrace.store.paced import Pace, Rest
from ringtrace.store.postgres.connection import Connection, open_paced_connection
from ringtrace.store.postgres.migration import ready
from ringtrace.store.postgres.waiting import WaitedFor

R = TypeVar("R")

_TRIES: Final = 3
_IN_THE_WAY: Final = (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)
"""Somebody else writes to the same rows: a moment later he is done."""


class PacedDatabase:
    """`close` it, or use it as a context. Everything raises StoreAwayError."""

    def __init__(self, url: str, rest: Rest = time.sleep) -> None:
        """Raises ValueError (no such URL), StoreAwayError, SchemaNotReadyError."""
        self._database = WaitedFor(lambda: ready(open_paced_connection(url)))
        self._pace = Pace(rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def _change(self, change: Callable[[Connection], Coroutine[Any, Any, R]]) -> R:
        """In a transaction; what makes no difference when it is done twice."""
        for _ in range(_TRIES - 1):
            try:
                return self._changed(change)
            except _IN_THE_WAY:
                continue
        return self._changed(change)

    def _changed(self, change: Callable[[Connection], Coroutine[Any, Any, R]]) -> R:
        connection = self._database.connection

        async def changed() -> R:
            async with connection.transaction():
                return await change(connection)

        with self._pace.turn():
            return self._database.answer(changed())
