"""The rows of a day, read for the lake on a connection of its own.

For processes that do nothing beside it: whoever asks waits for the answer.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Self

import asyncpg
from asyncpg.transaction import Transaction

from ringtrace.domain.model import Model
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.lake import Change, Kind, Part, Row
from ringtrace.store import day_rows, rows
from ringtrace.store.lake.schema import Type
from ringtrace.store.postgres.connection import open_reading_connection
from ringtrace.store.postgres.migration import ready
from ringtrace.store.postgres.waiting import WaitedFor
from ringtrace.store.schema import SchemaNotReadyError

_MANY: Final = 5_000

_COLUMNS: Final = "SELECT account_id, part, day, mark, archived, left_mark FROM days"
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

    def __init__(self, url: str, *, any_schema: bool = False) -> None:
        """`any_schema`: of another program as well, for its `changes`.

        Raises ValueError (no such URL), StoreAwayError, SchemaNotReadyError.
        """
        self._database = WaitedFor(
            lambda: ready(open_reading_connection(url), any_schema=any_schema)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        try:
            moment = self._begun()
        except StoreAwayError:
            # A restart of the database may not have been noticed yet.
            moment = self._begun()
        try:
            yield
        finally:
            # When the connection is gone, so is the transaction.
            with contextlib.suppress(StoreAwayError):
                self._database.answer(moment.rollback())

    def changes(self, account_id: int | None = None) -> Sequence[Change]:
        """Raises SchemaNotReadyError (another program's, which has not got them like this)."""
        try:
            if account_id is None:
                found = self._fetch(ALL_CHANGES)
            else:
                found = self._fetch(_CHANGES, account_id)
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
            raise SchemaNotReadyError(str(error)) from error
        return [
            Change(account, Part(part), day, mark, archived, left_mark == mark)
            for account, part, day, mark, archived, left_mark in found
        ]

    def rows(self, account_id: int, kind: Kind, days: Collection[int]) -> Iterator[tuple[int, Row]]:
        """Ask inside a snapshot."""
        if not days:
            return
        cursor = self._database.answer(self._cursor(_ROWS[kind], account_id, *day_rows.span(days)))
        while some := self._database.answer(cursor.fetch(_MANY)):
            yield from day_rows.read(kind, some, days)

    def sites(self, account_id: int) -> Mapping[str, str]:
        found = self._fetch(_SITES, account_id)
        return {number: site_key for number, site_key in found}  # noqa: C416 - of records

    def models(self, account_id: int) -> Mapping[str, Model]:
        found = self._fetch(_MODELS, account_id)
        return {site_key: rows.model(model) for site_key, model in found}

    def visits_by_channel(self, account_id: int, since: int, until: int) -> Mapping[str, int]:
        found = self._fetch(_VISITS, account_id, since, until)
        return {channel: count for channel, count in found}  # noqa: C416 - of records

    def _begun(self) -> Transaction:
        moment = self._database.connection.transaction(isolation="repeatable_read", readonly=True)
        self._database.answer(moment.start())
        return moment

    def _fetch(self, query: str, *args: object) -> Sequence[asyncpg.Record]:
        return self._database.answer(self._database.connection.fetch(query, *args))

    async def _cursor(self, query: str, *args: object) -> "asyncpg.cursor.Cursor[Any]":
        return await self._database.connection.cursor(query, *args)
