"""Reading the database on connections of their own, beside the writers of this and other servers.

Every read has a time-out of its own (see Seconds); who waits longer is told that the store is away.
Reads of whole histories take at most half of the connections, so that a ringing call finds one.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from enum import IntEnum
from functools import partial
from typing import Concatenate, Final, ParamSpec, TypeVar

import asyncpg

from ringtrace.domain.account import User
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.notice import Delivery, Recipient
from ringtrace.domain.past import Past
from ringtrace.domain.proof import Proof
from ringtrace.services.call_records import (
    CallerHistory,
    CallFilter,
    CallPage,
    CallRecord,
    ChannelRow,
    Evidence,
    KeptReport,
    ProofFilter,
    SiteHistory,
    VisitRecord,
)
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.notice_records import DeliveryFilter, DeliveryPage
from ringtrace.services.ports import ChannelReports
from ringtrace.services.setup_records import Configuration, KeptFlow, ValidToken
from ringtrace.services.spam_records import CallsFrom, ListingFilter, ListingPage, WatchedCall
from ringtrace.store import archived
from ringtrace.store.archived import Archived, with_visits
from ringtrace.store.postgres import notices, proofs, reads, recipients
from ringtrace.store.postgres.channels import channel_names, channels
from ringtrace.store.postgres.connection import (
    AWAY,
    READING,
    READING_SECONDS,
    Connection,
    Pool,
    open_pool,
    open_reading_connection,
)
from ringtrace.store.postgres.evidence import caller_history, evidence
from ringtrace.store.postgres.history import history
from ringtrace.store.postgres.leaving import traffic_since
from ringtrace.store.postgres.listings import listings
from ringtrace.store.postgres.migration import ready
from ringtrace.store.postgres.past import past
from ringtrace.store.postgres.pulse import Pulse
from ringtrace.store.postgres.rowset import storable
from ringtrace.store.postgres.sounds import sound
from ringtrace.store.postgres.spam import calls_from, watched_calls
from ringtrace.store.postgres.tags import tag_names

log = logging.getLogger(__name__)

R = TypeVar("R")
P = ParamSpec("P")


class Seconds(IntEnum):
    """How long a read may take, the wait for a connection included."""

    CALL = 5
    """A caller waits, or a gateway for its report to be taken."""
    PAGE = 20
    """A person waits."""
    WHOLE = READING_SECONDS
    """A command or the night's learning waits."""


_CLOSE_SECONDS: Final = 5.0

_LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.InvalidCachedStatementError,
)
"""A connection went with a restart of the server, or knows an older schema: the next is better."""


class PostgresReader:
    """The reading half of the store port over a pool of `open_reader_pool`.

    `close` it, and with it `reports`.
    """

    def __init__(
        self, pool: Pool, pulse: Pulse | None = None, reports: ChannelReports | None = None
    ) -> None:
        self._pool = pool
        self._pulse = pulse or Pulse()
        self._reports = reports
        self._closed = False
        self._whole = asyncio.Semaphore(max(1, pool.get_max_size() // 2))

    async def close(self) -> None:
        """Ends what is still read after a few seconds."""
        self._closed = True
        if self._reports is not None:
            self._reports.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._pool.close()
        except AWAY:
            self._pool.terminate()

    async def configuration(self) -> Configuration:
        return await self._read(Seconds.PAGE, reads.configuration)

    async def user(self, login: str) -> User | None:
        return await self._read(Seconds.PAGE, reads.user, storable(login))

    async def evidence(
        self, account_id: int, number: str, caller: str | None, at: int, digits: str | None = None
    ) -> Evidence:
        return await self._read(
            Seconds.CALL, evidence, account_id, number, _text(caller), at, digits
        )

    async def caller_history(self, account_id: int, caller: str, at: int) -> CallerHistory:
        return await self._read(Seconds.CALL, caller_history, account_id, storable(caller), at)

    async def past(self, account_id: int, site_key: str, at: int) -> Past:
        return await self._read(Seconds.WHOLE, past, account_id, storable(site_key), at)

    async def history(self, account_id: int, site_key: str, days: int) -> SiteHistory:
        return await self._read(Seconds.WHOLE, history, account_id, storable(site_key), days)

    async def call(self, account_id: int, gateway: GatewayKind, call: str) -> CallRecord | None:
        return await self._read(Seconds.CALL, reads.call, account_id, gateway, storable(call))

    async def reports(
        self, account_id: int, gateway: GatewayKind, call: str
    ) -> Sequence[KeptReport]:
        return await self._read(Seconds.PAGE, reads.reports, account_id, gateway, storable(call))

    async def calls(self, account_id: int, where: CallFilter, limit: int, offset: int) -> CallPage:
        return await self._read(Seconds.PAGE, reads.calls, account_id, _asked(where), limit, offset)

    async def calls_after(
        self, account_id: int, after: tuple[int, str, str], limit: int
    ) -> Sequence[CallRecord]:
        return await self._read(Seconds.PAGE, reads.calls_after, account_id, after, limit)

    async def unreported(self, account_id: int, since: int, until: int) -> Sequence[CallRecord]:
        return await self._read(Seconds.PAGE, reads.unreported, account_id, since, until)

    async def count_calls(self, account_id: int, where: CallFilter) -> int:
        return await self._read(Seconds.PAGE, reads.count_calls, account_id, _asked(where))

    async def listings(
        self, account_id: int, where: ListingFilter, limit: int, offset: int
    ) -> ListingPage:
        asked = replace(where, pattern=_text(where.pattern))
        return await self._read(Seconds.PAGE, listings, account_id, asked, limit, offset)

    async def watched_calls(
        self, account_id: int, since: int, spam_since: int, most: int, caller: str | None
    ) -> Sequence[WatchedCall]:
        seconds = Seconds.WHOLE if caller is None else Seconds.CALL
        return await self._read(
            seconds, watched_calls, account_id, since, spam_since, most, _text(caller)
        )

    async def calls_from(self, account_id: int, beginning: str, since: int) -> CallsFrom:
        return await self._read(Seconds.PAGE, calls_from, account_id, beginning, since)

    async def channels(self, account_id: int, where: CallFilter) -> Sequence[ChannelRow]:
        if self._reports is not None:
            elsewhere = await self._reports.channels(account_id, where)
            if elsewhere is not None:
                return elsewhere

        async def ask(visits: Archived | None) -> Sequence[ChannelRow] | None:
            return await self._read(Seconds.WHOLE, channels, account_id, _asked(where), visits)

        return await with_visits(ask, self._reports, account_id, where)

    async def proofs(self, account_id: int, where: ProofFilter) -> Sequence[Proof]:
        return await self._read(Seconds.WHOLE, proofs.strongest, account_id, where)

    async def complete_since(self, account_id: int) -> int:
        return await self._read(Seconds.PAGE, traffic_since, account_id)

    async def only_holder(self, account_id: int, where: ProofFilter) -> int:
        return await self._read(Seconds.WHOLE, proofs.only_holder, account_id, where)

    async def channel_names(self, account_id: int) -> Sequence[str]:
        return await self._read(Seconds.WHOLE, channel_names, account_id)

    async def tag_names(self, account_id: int) -> Sequence[str]:
        return await self._read(Seconds.PAGE, tag_names, account_id)

    async def visit(self, account_id: int, visit_id: str) -> VisitRecord | None:
        here = partial(self._read, Seconds.PAGE, reads.visit, account_id, storable(visit_id))
        since = partial(self.complete_since, account_id)
        return await archived.visit(here, since, self._reports, account_id, visit_id)

    async def flow(self, account_id: int, name: str, version: int) -> KeptFlow | None:
        return await self._read(Seconds.PAGE, reads.flow, account_id, storable(name), version)

    async def sound(self, account_id: int, digest: str) -> bytes | None:
        return await self._read(Seconds.CALL, sound, account_id, storable(digest))

    async def tokens(self, account_id: int) -> Sequence[ValidToken]:
        return await self._read(Seconds.PAGE, reads.tokens, account_id)

    async def recipients(self, account_id: int) -> Sequence[Recipient]:
        return await self._read(Seconds.PAGE, recipients.of_account, account_id)

    async def deliveries(
        self, account_id: int, where: DeliveryFilter, limit: int, offset: int
    ) -> DeliveryPage:
        call = where.call and (where.call[0], storable(where.call[1]))
        asked = replace(where, recipient_id=_text(where.recipient_id), call=call)
        return await self._read(Seconds.PAGE, notices.deliveries, account_id, asked, limit, offset)

    async def delivery(self, account_id: int, delivery_id: str) -> Delivery | None:
        return await self._read(Seconds.PAGE, notices.delivery, account_id, storable(delivery_id))

    async def due_deliveries(self, at: int, each: int, limit: int) -> Sequence[Delivery]:
        return await self._read(Seconds.PAGE, notices.due, at, each, limit)

    async def _read(
        self,
        seconds: Seconds,
        query: Callable[Concatenate[Connection, P], Awaitable[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        if self._closed:
            raise StoreAwayError("the store is closed")
        gate = self._whole if seconds is Seconds.WHOLE else contextlib.nullcontext()
        try:
            async with self._pulse.patience(seconds), gate:
                try:
                    return await self._once(query, *args, **kwargs)
                except _LOST:
                    return await self._once(query, *args, **kwargs)
        except (*AWAY, *_LOST) as error:
            log.warning("store_read_failed error=%s", type(error).__name__)
            raise StoreAwayError("the store does not answer") from error

    async def _once(
        self,
        query: Callable[Concatenate[Connection, P], Awaitable[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        async with self._pool.acquire() as connection:
            return await query(connection, *args, **kwargs)


def _text(said: str | None) -> str | None:
    return None if said is None else storable(said)


def _asked(where: CallFilter) -> CallFilter:
    return replace(
        where, channel=_text(where.channel), outcome=_text(where.outcome), tag=_text(where.tag)
    )


async def open_ready_pool(url: str) -> Pool:
    """For a PostgresReader over a database that a server has made ready.

    Raises one of AWAY, ValueError (no such URL), SchemaNotReadyError, SchemaTooNewError.
    """
    connection = await ready(open_reading_connection(url))
    await connection.close()
    return await open_reader_pool(url)


async def open_reader_pool(url: str, *, most: int = 8, pulse: Pulse | None = None) -> Pool:
    """For a PostgresReader. Raises one of AWAY, ValueError (no such URL)."""
    return await open_pool(
        url,
        most=most,
        settings=READING,
        command_seconds=Seconds.WHOLE,
        made=pulse.mind if pulse else None,
    )
