"""One queue of commands and the one task that writes them, a batch a transaction.

What is queued while a batch is on its way becomes the next one, so that one commit serves every
request of the moment. A batch that fails for one command's sake is halved until the others are
written without it. A database that cannot write is asked again for GIVE_UP_SECONDS, because writes
may be repeated, unless it does not answer at all (pulse.py); then those who wait are told, and for
BREATH_SECONDS nobody else is kept waiting. Until it has written again, it is asked once a batch.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

import asyncpg

from ringtrace.services.commands import Command
from ringtrace.services.errors import FieldInvalidError, RefusedError, StoreAwayError
from ringtrace.store.postgres.connection import AWAY, COMMAND_SECONDS, Connection, Pool
from ringtrace.store.postgres.pulse import Pulse
from ringtrace.store.postgres.statistics import Statistics

log = logging.getLogger(__name__)

R = TypeVar("R")
BATCH: Final = 512
MOST_WAITING: Final = 50_000
GIVE_UP_SECONDS: Final = 2.0
"""The tag goes without us after 2.5 s; gateways keep their reports."""

BREATH_SECONDS: Final = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5

_AGAIN: Final = (
    *AWAY,
    StoreAwayError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)
_STALE: Final = asyncpg.FeatureNotSupportedError
"""Also said when a kept plan is of an older schema, or when accounts lie together no longer."""

_NO_TEXT: Final = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)

_Job = tuple[Command[Any], "asyncio.Future[Any]"]


class Writer(Protocol):
    async def __call__(
        self, connection: Connection, commands: Sequence[Any], *, again: bool
    ) -> Sequence[Any]:
        """Write and commit; answers a result or a RefusedError for each."""
        ...


class Lane:
    """Belongs to the event loop it is made in; `close` it.

    A batch borrows one of the `connections`. `tables` are those that grow by what is written;
    `stale` hears that what a batch has in common may not be so any more.
    """

    def __init__(
        self,
        connections: Pool,
        pulse: Pulse,
        write: Writer,
        tables: Sequence[str],
        stale: Callable[[], None] = lambda: None,
    ) -> None:
        self._connections = connections
        self._pulse = pulse
        self._write = write
        self._stale = stale
        self._waiting: deque[_Job] = deque()
        self._something = asyncio.Event()
        self._closing = False
        self._away_until = 0.0
        self._in_vain = False
        self._statistics = Statistics(tables)
        self._task = asyncio.create_task(self._run(), name="postgres-write")

    async def submit(self, command: Command[R]) -> R:
        if self._closing:
            raise StoreAwayError("the store is closed")
        if len(self._waiting) >= MOST_WAITING:
            raise StoreAwayError("the store is too slow for what is asked of it")
        if self._is_away():
            raise StoreAwayError("the store does not answer")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        self._something.set()
        return await future

    async def close(self) -> None:
        """Write what is queued."""
        self._closing = True
        self._something.set()
        await self._task

    async def _run(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self._waiting:
                count = min(BATCH, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(count)]
                _settle(batch, await self._written([command for command, _ in batch]))
                if self._is_away():
                    self._turn_away()
            if self._closing:
                return

    async def _written(self, commands: Sequence[Command[Any]]) -> Sequence[Any]:
        """The result of each, or the error that belongs to the one who asked."""
        give_up = time.monotonic() + (0.0 if self._in_vain else GIVE_UP_SECONDS)
        pause, again = _FIRST_PAUSE, False
        while True:
            try:
                results = await self._once(commands, again=again)
            except (*_AGAIN, _STALE) as error:
                if isinstance(error, _STALE):
                    self._stale()
                    if len(commands) > 1:
                        return await self._halved(commands)
                if self._pulse.away or time.monotonic() >= give_up:
                    return self._given_up(error, len(commands))
                log.warning("store_write_repeated error=%s", type(error).__name__)
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to who asked
                if len(commands) == 1:
                    return [_told(error)]
                return await self._halved(commands)
            else:
                self._in_vain = False
                return results
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause, again = min(2 * pause, _LONGEST_PAUSE), True

    async def _halved(self, commands: Sequence[Command[Any]]) -> Sequence[Any]:
        half = len(commands) // 2
        return [*await self._written(commands[:half]), *await self._written(commands[half:])]

    def _is_away(self) -> bool:
        return self._pulse.away or self._away_until > time.monotonic()

    def _turn_away(self) -> None:
        """Who came while the database was asked in vain has waited for long enough, too."""
        batch = list(self._waiting)
        self._waiting.clear()
        _settle(batch, [StoreAwayError("the store does not answer") for _ in batch])

    def _given_up(self, error: Exception, count: int) -> list[Exception]:
        log.error("store_write_given_up error=%s commands=%d", type(error).__name__, count)
        if not self._pulse.away:
            self._in_vain = True
            self._away_until = time.monotonic() + BREATH_SECONDS
        return [StoreAwayError("the store does not answer") for _ in range(count)]

    async def _once(self, commands: Sequence[Command[Any]], *, again: bool) -> Sequence[Any]:
        # It may have to be made: that is waited for no longer than the database answers.
        async with self._pulse.patience(COMMAND_SECONDS):
            connection = await self._connections.acquire()
        try:
            await self._statistics.refresh(connection, len(commands))
            return await self._write(connection, commands, again=again)
        except AWAY:
            connection.terminate()
            raise
        finally:
            await self._connections.release(connection)


def _settle(batch: Sequence[_Job], results: Sequence[Any]) -> None:
    for (_, future), result in zip(batch, results, strict=True):
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


def _told(error: Exception) -> Exception:
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, _NO_TEXT):
        return FieldInvalidError("text must not hold the character U+0000", "body")
    log.error("store_write_failed", exc_info=error)
    away = StoreAwayError("the store cannot write")
    away.__cause__ = error
    return away
