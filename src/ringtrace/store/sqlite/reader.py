"""Reading the file on connections of their own, beside the writer or another process."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

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
from ringtrace.store.sqlite import notices, proofs, reads
from ringtrace.store.sqlite.channels import channel_names, channels
from ringtrace.store.sqlite.connection import connect
from ringtrace.store.sqlite.evidence import caller_history, evidence
from ringtrace.store.sqlite.history import history
from ringtrace.store.sqlite.leaving import traffic_since
from ringtrace.store.sqlite.listings import listings
from ringtrace.store.sqlite.past import past
from ringtrace.store.sqlite.sounds import sound
from ringtrace.store.sqlite.spam import calls_from, watched_calls
from ringtrace.store.sqlite.tags import tag_names

log = logging.getLogger(__name__)

R = TypeVar("R")
P = ParamSpec("P")
_READERS = 2


class SqliteReader:
    """The reading half of the store port; `close` it, and with it `reports`."""

    def __init__(self, path: Path, reports: ChannelReports | None = None) -> None:
        self._path = path
        self._reports = reports
        self._closed = False
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-read")

    def close(self) -> None:
        self._closed = True
        if self._reports is not None:
            self._reports.close()
        self._readers.shutdown()
        for connection in self._connections:
            connection.close()

    async def configuration(self) -> Configuration:
        return await self._read(reads.configuration)

    async def user(self, login: str) -> User | None:
        return await self._read(reads.user, login)

    async def evidence(
        self, account_id: int, number: str, caller: str | None, at: int, digits: str | None = None
    ) -> Evidence:
        return await self._read(evidence, account_id, number, caller, at, digits)

    async def caller_history(self, account_id: int, caller: str, at: int) -> CallerHistory:
        return await self._read(caller_history, account_id, caller, at)

    async def past(self, account_id: int, site_key: str, at: int) -> Past:
        return await self._read(past, account_id, site_key, at)

    async def history(self, account_id: int, site_key: str, days: int) -> SiteHistory:
        return await self._read(history, account_id, site_key, days)

    async def call(self, account_id: int, gateway: GatewayKind, call: str) -> CallRecord | None:
        return await self._read(reads.call, account_id, gateway, call)

    async def reports(
        self, account_id: int, gateway: GatewayKind, call: str
    ) -> Sequence[KeptReport]:
        return await self._read(reads.reports, account_id, gateway, call)

    async def calls(self, account_id: int, where: CallFilter, limit: int, offset: int) -> CallPage:
        return await self._read(reads.calls, account_id, where, limit, offset)

    async def calls_after(
        self, account_id: int, after: tuple[int, str, str], limit: int
    ) -> Sequence[CallRecord]:
        return await self._read(reads.calls_after, account_id, after, limit)

    async def unreported(self, account_id: int, since: int, until: int) -> Sequence[CallRecord]:
        return await self._read(reads.unreported, account_id, since, until)

    async def channels(self, account_id: int, where: CallFilter) -> Sequence[ChannelRow]:
        if self._reports is not None:
            elsewhere = await self._reports.channels(account_id, where)
            if elsewhere is not None:
                return elsewhere

        async def ask(visits: Archived | None) -> Sequence[ChannelRow] | None:
            return await self._read(channels, account_id, where, visits)

        return await with_visits(ask, self._reports, account_id, where)

    async def count_calls(self, account_id: int, where: CallFilter) -> int:
        return await self._read(reads.count_calls, account_id, where)

    async def listings(
        self, account_id: int, where: ListingFilter, limit: int, offset: int
    ) -> ListingPage:
        return await self._read(listings, account_id, where, limit, offset)

    async def watched_calls(
        self, account_id: int, since: int, spam_since: int, most: int, caller: str | None
    ) -> Sequence[WatchedCall]:
        return await self._read(watched_calls, account_id, since, spam_since, most, caller)

    async def calls_from(self, account_id: int, beginning: str, since: int) -> CallsFrom:
        return await self._read(calls_from, account_id, beginning, since)

    async def proofs(self, account_id: int, where: ProofFilter) -> Sequence[Proof]:
        return await self._read(proofs.strongest, account_id, where)

    async def complete_since(self, account_id: int) -> int:
        return await self._read(traffic_since, account_id)

    async def only_holder(self, account_id: int, where: ProofFilter) -> int:
        return await self._read(proofs.only_holder, account_id, where)

    async def channel_names(self, account_id: int) -> Sequence[str]:
        return await self._read(channel_names, account_id)

    async def tag_names(self, account_id: int) -> Sequence[str]:
        return await self._read(tag_names, account_id)

    async def visit(self, account_id: int, visit_id: str) -> VisitRecord | None:
        here = partial(self._read, reads.visit, account_id, visit_id)
        since = partial(self.complete_since, account_id)
        return await archived.visit(here, since, self._reports, account_id, visit_id)

    async def flow(self, account_id: int, name: str, version: int) -> KeptFlow | None:
        return await self._read(reads.flow, account_id, name, version)

    async def sound(self, account_id: int, digest: str) -> bytes | None:
        return await self._read(sound, account_id, digest)

    async def tokens(self, account_id: int) -> Sequence[ValidToken]:
        return await self._read(reads.tokens, account_id)

    async def recipients(self, account_id: int) -> Sequence[Recipient]:
        return await self._read(notices.recipients, account_id)

    async def deliveries(
        self, account_id: int, where: DeliveryFilter, limit: int, offset: int
    ) -> DeliveryPage:
        return await self._read(notices.deliveries, account_id, where, limit, offset)

    async def delivery(self, account_id: int, delivery_id: str) -> Delivery | None:
        return await self._read(notices.delivery, account_id, delivery_id)

    async def due_deliveries(self, at: int, each: int, limit: int) -> Sequence[Delivery]:
        return await self._read(notices.due, at, each, limit)

    async def _read(
        self,
        query: Callable[Concatenate[sqlite3.Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        def run() -> R:
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = connect(self._path, readonly=True)
                self._connections.append(connection)
            return query(connection, *args, **kwargs)

        if self._closed:
            raise StoreAwayError("the store is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, run)
        except sqlite3.OperationalError as error:
            log.exception("store_read_failed")
            raise StoreAwayError("the store does not answer") from error
