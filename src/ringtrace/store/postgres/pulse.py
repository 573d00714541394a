"""Whether the database answers, so that nobody has to find out by waiting for it.

It is asked again and again on a connection of its own. A database that is down refuses, and one
that hangs says nothing at all: both have fallen silent. Then all connections that are minded here
are let go, which ends what anybody waits for on them; and as long as it lasts nobody needs to ask.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final, TypeVar
from weakref import WeakSet

import asyncpg

from ringtrace.services.errors import StoreAwayError
from ringtrace.store.postgres.connection import AWAY, RawConnection

log = logging.getLogger(__name__)

ASK_SECONDS: Final = 0.5
SILENCE_SECONDS: Final = 1.5
"""With ASK_SECONDS a page waits for less than the 2.5 s after which the tag goes without us."""

_AGAIN_SECONDS: Final = 0.25

R = TypeVar("R")


class Pulse:
    """Belongs to one event loop. `beat` keeps it going; until then the database counts as there."""

    def __init__(self) -> None:
        self.away = False
        self._heard = time.monotonic()
        self._minded: WeakSet[RawConnection] = WeakSet()
        self._limits: set[asyncio.Timeout] = set()

    async def mind(self, connection: RawConnection) -> None:
        """Let the connection go when the database falls silent."""
        self._minded.add(connection)

    @contextlib.asynccontextmanager
    async def patience(self, seconds: float) -> AsyncIterator[None]:
        """For so long at most, and no longer than the database answers. Raises TimeoutError."""
        self.expect()
        async with asyncio.timeout(seconds) as limit:
            self._limits.add(limit)
            try:
                yield
            finally:
                self._limits.discard(limit)

    def expect(self) -> None:
        """Raises StoreAwayError."""
        if self.away:
            raise StoreAwayError("the store does not answer")

    async def beat(self, connect: Callable[[], Coroutine[Any, Any, RawConnection]]) -> None:
        """Never ends."""
        self._heard = time.monotonic()
        while True:
            try:
                connection = await self._answered(connect())
                try:
                    await self._keep_asking(connection)
                finally:
                    connection.terminate()
            except AWAY as error:
                self._unanswered(error)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _keep_asking(self, connection: RawConnection) -> None:
        while True:
            await self._answered(connection.execute("SELECT 1"))
            self._heard = time.monotonic()
            if self.away:
                self.away = False
                log.warning("store_back")
            await asyncio.sleep(ASK_SECONDS)

    async def _answered(self, asked: Coroutine[Any, Any, R]) -> R:
        """Raises TimeoutError: it has said nothing for too long.

        What came while this process stood still counts as said in time.
        """
        task = asyncio.create_task(asked)
        left = self._heard + SILENCE_SECONDS - time.monotonic()
        in_time = False
        try:
            done, _ = await asyncio.wait({task}, timeout=max(left, ASK_SECONDS))
            in_time = bool(done)
        finally:
            if not in_time:
                task.cancel()
                task.add_done_callback(_let_go)
        if not in_time:
            raise TimeoutError
        return task.result()

    def _unanswered(self, error: BaseException) -> None:
        if self.away or time.monotonic() - self._heard < SILENCE_SECONDS:
            return
        self.away = True
        log.error("store_away error=%s", type(error).__name__)
        for connection in list(self._minded):
            connection.terminate()
        now = asyncio.get_running_loop().time()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(now)


def _let_go(task: asyncio.Task[Any]) -> None:
    """A connection that came too late."""
    if not task.cancelled() and task.exception() is None:
        answer = task.result()
        if isinstance(answer, asyncpg.Connection):
            answer.terminate()
