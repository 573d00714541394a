"""The rows of a day, read for the lake on a connection of its own.

For processes that do nothing beside it: whoever asks waits for the answer. The connection has a
loop in a thread of its own, which notices when the database goes, too.
"""

import asyncio
import contextlib
import threading
from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Final, Self, TypeVar

import asyncpg

from ringtrace.domain.model import Model
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.lake import Change, Kind, Part, Row
from ringtrace.store import day_rows, rows
from ringtrace.store.lake.schema import Type
from ringtrace.store.postgres.connection import AWAY, CONNECT_SECONDS, open_reading_connection

R = TypeVar("R")
_MANY: Final = 5_000

_COLUMNS: Final = "SELECT account_id, part, day, mark FROM days"
ALL_CHANGES: Final = f"{_COLUMNS} ORDER BY day, account_id, part"
_CHANGES: Final = f"{_COLUMNS} WHERE account_id = $1 ORDER BY day, part"
_SITES: Final = (
    "SELECT number, site_key FROM numbers WHERE account_id = $1 AND site_key IS NOT NULL"
)
_MODELS: Final = (
    "SELECT DISTINCT ON (site_key) site_key, model FROM models WHERE account_id = $1"
    " ORDER BY site_key, made_at DESC"
)
_VISITS: Final = (
    "SELECT channel, count(*) FROM visits WHERE account_id = $1 AND started_at >= $2"
    " AND started_at < $3 GROUP BY channel"
)
_TYPES: Final = {Type.COUNT: "::bigint", Type.REAL: "::double precision"}


def _said(path: Sequence[str], kind: Type) -> str:
    return f"(c.report #>> '{{{{{','.join(path)}}}}}'){_TYPES.get(kind, '')}"


_ROWS: Final[Mapping[Kind, str]] = {
    kind: day_rows.select(kind, ("$1", "$2", "$3"), _said) for kind in Kind
}


class PostgresDays:
    """Reads beside the servers; `close` it or use it as a context.

    Everything raises StoreAwayError when the database does not answer; the next snapshot connects
    anew.
    """

    def __init__(self, url: str) -> None:
        """Raises ValueError (no such URL) and StoreAwayError."""
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="days", daemon=True)
        self._thread.start()
        try:
            self._connection = self._wait(open_reading_connection(url))
        except BaseException:
            self._end_thread()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(StoreAwayError):
            self._wait(self._connection.close(timeout=CONNECT_SECONDS))
        self._end_thread()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        if self._connection.is_closed():
            self._connection = self._wait(open_reading_connection(self._url))
        moment = self._connection.transaction(isolation="repeatable_read", readonly=True)
        self._wait(moment.start())
        try:
            yield
        finally:
            # When the connection is gone, so is the transaction.
            with contextlib.suppress(StoreAwayError):
                self._wait(moment.rollback())

    def changes(self, account_id: int | None = None) -> Sequence[Change]:
        if account_id is None:
            found = self._wait(self._connection.fetch(ALL_CHANGES))
        else:
            found = self._wait(self._connection.fetch(_CHANGES, account_id))
        return [Change(account, Part(part), day, mark) for account, part, day, mark in found]

    def rows(self, account_id: int, kind: Kind, days: Collection[int]) -> Iterator[tuple[int, Row]]:
        """Ask inside a snapshot."""
        if not days:
            return
        cursor = self._wait(self._cursor(_ROWS[kind], account_id, *day_rows.span(days)))
        while some := self._wait(cursor.fetch(_MANY)):
            yield from day_rows.read(kind, some, days)

    def sites(self, account_id: int) -> Mapping[str, str]:
        found = self._wait(self._connection.fetch(_SITES, account_id))
        return {number: site_key for number, site_key in found}  # noqa: C416 - of records

    def models(self, account_id: int) -> Mapping[str, Model]:
        found = self._wait(self._connection.fetch(_MODELS, account_id))
        return {site_key: rows.model(model) for site_key, model in found}

    def visits_by_channel(self, account_id: int, since: int, until: int) -> Mapping[str, int]:
        found = self._wait(self._connection.fetch(_VISITS, account_id, since, until))
        return {channel: count for channel, count in found}  # noqa: C416 - of records

    async def _cursor(self, query: str, *args: object) -> "asyncpg.cursor.Cursor[Any]":
        return await self._connection.cursor(query, *args)

    def _wait(self, asked: Coroutine[Any, Any, R]) -> R:
        try:
            return asyncio.run_coroutine_threadsafe(asked, self._loop).result()
        except AWAY as error:
            raise StoreAwayError(f"the database does not answer: {error}") from error

    def _end_thread(self) -> None:
        # Whatever goes with a connection is over in the next turn of its loop.
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
