"""The store port over one PostgreSQL database, which other servers may write to as well.

Hits have a lane of their own, so that one statement writes them while nobody else leases from
their pools; all other commands have another. Each is a task (lane.py) for every shard group, and
all borrow from a few connections; what was acknowledged is committed with synchronous_commit.
"""

import asyncio
import functools
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import groupby
from typing import Any, Final, TypeVar

from ringtrace.services.commands import (
    ApplySetup,
    Command,
    KeepModel,
    NoteHit,
    NumberShown,
    ShowNumber,
)
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.ports import ChannelReports
from ringtrace.store.marks import call_of
from ringtrace.store.postgres import (
    calls,
    corrections,
    distribution,
    listings,
    marks,
    models,
    notices,
    recipients,
    reports,
    setup,
    sounds,
    spam,
    tags,
    turns,
)
from ringtrace.store.postgres.announcements import Ears, ExtensionNews, announce, configures, listen
from ringtrace.store.postgres.connection import (
    Connection,
    Pool,
    RawConnection,
    open_connection,
    open_writer_pool,
)
from ringtrace.store.postgres.handlers import Handler
from ringtrace.store.postgres.lane import Lane
from ringtrace.store.postgres.migration import migrate, tables
from ringtrace.store.postgres.pulse import Pulse
from ringtrace.store.postgres.reader import PostgresReader, Seconds, open_reader_pool
from ringtrace.store.postgres.routing import OneNode, Router, Shards, shard
from ringtrace.store.postgres.visits import Hit, HitWriter

log = logging.getLogger(__name__)

R = TypeVar("R")
OLDEST_SERVER: Final = 150_000

_HANDLERS: Final[Mapping[type[Command[Any]], Handler]] = {
    **setup.HANDLERS,
    **models.HANDLERS,
    **calls.HANDLERS,
    **reports.HANDLERS,
    **corrections.HANDLERS,
    **listings.HANDLERS,
    **spam.HANDLERS,
    **recipients.HANDLERS,
    **notices.HANDLERS,
    **sounds.HANDLERS,
    **tags.HANDLERS,
}
_HITS: Final = (ShowNumber, NoteHit)
_HIT_TABLES: Final = ("pools", "pool_log", "visits", "exposures", "hits")
_CALL_TABLES: Final = (
    "calls",
    "call_reports",
    "credits",
    "corrections",
    "proofs",
    "call_tags",
    "screenings",
    "spam_marks",
    "listed_callers",
    "deliveries",
)
_DIVIDING: Final = (ApplySetup, KeepModel)
"""They change what pools are made of."""


class ServerTooOldError(ValueError):
    """The database server is older than what the statements need."""


class PostgresStore(PostgresReader):
    """Open with `await PostgresStore.open(url)`, end with `close()`; belongs to one event loop.

    `waiting` is how many commands were submitted and are not durable yet.
    """

    def __init__(
        self,
        url: str,
        readers: Pool,
        writers: Pool,
        pulse: Pulse,
        reports: ChannelReports | None,
        *,
        distributed: bool,
    ) -> None:
        super().__init__(readers, pulse, reports)
        self.waiting = 0
        self._url = url
        self._beating = asyncio.create_task(
            pulse.beat(functools.partial(open_connection, url)), name="postgres-pulse"
        )
        self._writers = writers
        self._distributed = distributed
        self._router: Router = Shards(self._shard) if distributed else OneNode()
        self._groups: dict[int, _Group] = {}
        self._speaker = uuid.uuid4().hex

    @classmethod
    async def open(cls, url: str, reports: ChannelReports | None = None) -> "PostgresStore":
        """Bring the schema up to date and connect.

        Raises one of connection.AWAY, StoreAwayError, ValueError (no such URL), ServerTooOldError,
        HalfDistributedError and SchemaTooNewError.
        """
        connection = await open_connection(url)
        try:
            await _look(connection)
            await migrate(connection)
            distributed = await _is_distributed(connection)
        finally:
            await connection.close()
        pulse = Pulse()
        return cls(
            url,
            await open_reader_pool(url, pulse=pulse),
            await open_writer_pool(url, pulse.mind, distributed=distributed),
            pulse,
            reports,
            distributed=distributed,
        )

    @property
    def away(self) -> bool:
        return self._pulse.away

    async def close(self) -> None:
        """Write what is queued, then let go of the connections."""
        groups, self._groups = self._groups, {}
        self._closed = True
        await asyncio.gather(*(group.close() for group in groups.values()))
        self._beating.cancel()
        await asyncio.gather(self._beating, return_exceptions=True)
        self._writers.terminate()
        await super().close()

    async def submit(self, command: Command[R]) -> R:
        if self._closed:
            raise StoreAwayError("the store is closed")
        self._pulse.expect()
        self.waiting += 1
        try:
            group = self._group(await self._router.group(command.account_id))
            return await group.submit(command)
        finally:
            self.waiting -= 1

    def _group(self, number: int) -> "_Group":
        group = self._groups.get(number)
        if group is None:
            group = self._groups[number] = _Group(
                self._writers,
                self._pulse,
                self._router.forget,
                self._speaker,
                distributed=self._distributed,
            )
        return group

    async def _shard(self, account_id: int) -> int:
        return await self._read(Seconds.CALL, shard, account_id)

    async def _connect(self) -> RawConnection:
        connection = await open_connection(self._url)
        await self._pulse.mind(connection)
        return connection

    def alone(self, job: str) -> AbstractAsyncContextManager[bool]:
        return turns.alone(self._connect, job)

    async def watch(
        self, changed: Callable[[], None], extension_shown: Callable[[str, int], None]
    ) -> None:
        await listen(self._connect, Ears(self._speaker, changed, extension_shown))


class _Group:
    """The lanes of one shard group."""

    def __init__(
        self,
        connections: Pool,
        pulse: Pulse,
        stale: Callable[[], None],
        speaker: str,
        *,
        distributed: bool,
    ) -> None:
        self._hit_writer = HitWriter(in_one=not distributed)
        self._speaker = speaker
        self._extensions = ExtensionNews(speaker)
        # The nodes of a distributed database plan each statement anew.
        young = ((), ()) if distributed else (_HIT_TABLES, _CALL_TABLES)
        self._hits = Lane(connections, pulse, self._write_hits, young[0], stale)
        self._rest = Lane(connections, pulse, self._write_rest, young[1], stale)

    async def submit(self, command: Command[R]) -> R:
        lane = self._hits if isinstance(command, _HITS) else self._rest
        return await lane.submit(command)

    async def close(self) -> None:
        await self._rest.close()
        await self._hits.close()

    async def _write_hits(
        self, connection: Connection, commands: Sequence[Hit], *, again: bool
    ) -> Sequence[NumberShown | None]:
        results = await self._hit_writer.write(connection, commands, again=again)
        await self._extensions.tell(connection, commands, results)
        return results

    async def _write_rest(
        self,
        connection: Connection,
        commands: Sequence[Command[Any]],
        *,
        again: bool,  # noqa: ARG002 - every handler may be asked again
    ) -> Sequence[Any]:
        results: list[Any] = []
        changed = {key for command in commands if (key := call_of(command)) is not None}
        async with connection.transaction():
            before = await marks.days_of(connection, changed)
            for kind, run in groupby(commands, type):
                results += await _HANDLERS[kind](connection, list(run))
            if any(map(configures, commands, results)):
                await announce(connection, self._speaker)
            await marks.mark(connection, changed, before)
        if any(isinstance(command, _DIVIDING) for command in commands):
            self._hit_writer.forget()
        return results


async def _is_distributed(connection: Connection) -> bool:
    """Raises HalfDistributedError."""
    if not await distribution.is_installed(connection):
        return False
    if not (await distribution.look(connection, tables())).is_distributed:
        return False
    for setting in await distribution.undurable(connection):
        log.warning("store_not_durable %s=off node=worker", setting)
    return True


async def _look(connection: Connection) -> None:
    """See that what is acknowledged will be durable. Raises ServerTooOldError."""
    if int(await connection.fetchval("SHOW server_version_num")) < OLDEST_SERVER:
        raise ServerTooOldError("PostgreSQL 15 or newer is needed")
    for setting in ("fsync", "full_page_writes"):
        if await connection.fetchval("SELECT current_setting($1)", setting) == "off":
            log.warning("store_not_durable %s=off", setting)
