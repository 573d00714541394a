"""A connection for programs that do nothing while the database works.

It has a loop in a thread of its own, which notices when the database goes, too.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

import asyncpg

from ringtrace.services.errors import StoreAwayError
from ringtrace.store.postgres.connection import AWAY, CONNECT_SECONDS, open_connection
from ringtrace.store.postgres.turns import alone

R = TypeVar("R")

_END_SECONDS: Final = 2 * CONNECT_SECONDS


class WaitedFor:
    """Connected at once; `close` it. Raises what `connect` raises, StoreAwayError for AWAY."""

    def __init__(
        self, connect: Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]
    ) -> None:
        self._connect = connect
        self._thread = _LoopThread()
        try:
            self._connection = self.answer(self._connected())
        except BaseException:
            self._thread.end()
            raise

    @property
    def connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        """The connection, or a new one when it was lost. Raises StoreAwayError."""
        if self._connection.is_closed():
            self._connection = self.answer(self._connected())
        return self._connection

    def answer(self, asked: Coroutine[Any, Any, R]) -> R:
        """What is asked of the connection, when it has come. Raises StoreAwayError."""
        try:
            return self._thread.answer(asked)
        except AWAY as error:
            raise StoreAwayError(f"the database does not answer: {error}") from error

    def close(self) -> None:
        with contextlib.suppress(StoreAwayError):
            self.answer(self._connection.close(timeout=CONNECT_SECONDS))
        self._thread.end()

    async def _connected(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await self._connect()


@contextlib.contextmanager
def turn(url: str, job: str) -> Iterator[bool]:
    """As `ports.Store.alone`. Raises ValueError (no such URL) and StoreAwayError."""
    thread = _LoopThread()
    try:
        taken = alone(lambda: open_connection(url), job)
        mine = thread.answer(taken.__aenter__())
        try:
            yield mine
        finally:
            thread.answer(taken.__aexit__(None, None, None))
    finally:
        thread.end()


class _LoopThread:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres", daemon=True)
        self._thread.start()

    def answer(self, asked: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

    def end(self) -> None:
        # Whatever goes with a connection is over in the next turn of its loop.
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(_END_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
