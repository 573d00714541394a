"""Reading the file on connections of their own, beside the writer or another process."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from ringtrace.domain.account import User
from ringtrace.domain.attribution import Candidate
from ringtrace.domain.call import GatewayKind
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.ports import (
    CallFilter,
    CallPage,
    CallRecord,
    ChannelRow,
    Configuration,
    VisitRecord,
)
from ringtrace.store.sqlite import reads
from ringtrace.store.sqlite.connection import connect

log = logging.getLogger(__name__)

R = TypeVar("R")
P = ParamSpec("P")
_READERS = 2


class SqliteReader:
    """The reading half of the store port; `close` it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closed = False
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-read")

    def close(self) -> None:
        self._closed = True
        self._readers.shutdown()
        for connection in self._connections:
            connection.close()

    async def configuration(self) -> Configuration:
        return await self._read(reads.configuration)

    async def user(self, login: str) -> User | None:
        return await self._read(reads.user, login)

    async def candidates(self, account_id: int, number: str, at: int) -> Sequence[Candidate]:
        return await self._read(reads.candidates, account_id, number, at)

    async def call(self, account_id: int, gateway: GatewayKind, call: str) -> CallRecord | None:
        return await self._read(reads.call, account_id, gateway, call)

    async def calls(self, account_id: int, where: CallFilter, limit: int, offset: int) -> CallPage:
        return await self._read(reads.calls, account_id, where, limit, offset)

    async def channels(self, account_id: int, where: CallFilter) -> Sequence[ChannelRow]:
        return await self._read(reads.channels, account_id, where)

    async def visit(self, account_id: int, visit_id: str) -> VisitRecord | None:
        return await self._read(reads.visit, account_id, visit_id)

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
