"""The store that the settings name: a file, or a database that servers share."""

import contextlib
from collections.abc import AsyncIterator, Iterator

from ringtrace.bootstrap.clock import now
from ringtrace.bootstrap.places import LakeUnusableError, open_lake
from ringtrace.config import Settings
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.ports import Clock, Reads, Store
from ringtrace.store.lake.worker import LakeReports, Sources
from ringtrace.store.sqlite.days import SqliteDays
from ringtrace.store.sqlite.reader import SqliteReader
from ringtrace.store.sqlite.store import SqliteStore


class DatabaseUnusableError(RuntimeError):
    """The database's URL cannot be read, there is no driver for it, or its server is too old."""


@contextlib.asynccontextmanager
async def open_store(settings: Settings, clock: Clock = now) -> AsyncIterator[Store]:
    """The file of the data folder, or the database that the settings name.

    Raises StoreAwayError, SchemaTooNewError, DatabaseUnusableError.
    """
    if settings.database_url is None:
        file = SqliteStore.open(settings.database, _reports(settings, clock))
        try:
            yield file
        finally:
            file.close()
        return
    with _database_errors():
        from ringtrace.store.postgres.store import PostgresStore  # noqa: PLC0415 - an extra

        database = await PostgresStore.open(settings.database_url)
    try:
        yield database
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[Reads]:
    """The store for reading alone, also while servers run over it.

    Raises FileNotFoundError, StoreAwayError, DatabaseUnusableError.
    """
    if settings.database_url is None:
        if not settings.database.exists():
            raise FileNotFoundError(f"no data in {settings.data}: start `ringtrace serve` first")
        file = SqliteReader(settings.database, _reports(settings, now))
        try:
            yield file
        finally:
            file.close()
        return
    with _database_errors():
        from ringtrace.store.postgres.reader import (  # noqa: PLC0415 - an extra
            PostgresReader,
            open_reader_pool,
        )

        database = PostgresReader(await open_reader_pool(settings.database_url))
    try:
        yield database
    finally:
        await database.close()


def open_days(settings: Settings) -> SqliteDays:
    """The rows of the store by day. Raises FileNotFoundError."""
    if not settings.database.exists():
        raise FileNotFoundError(f"no data in {settings.data}: start `ringtrace serve` first")
    return SqliteDays(settings.database)


@contextlib.contextmanager
def _database_errors() -> Iterator[None]:
    """What keeps a database from being opened, in words without its password."""
    try:
        from ringtrace.store.postgres.connection import AWAY  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise DatabaseUnusableError(
            "PostgreSQL needs its driver: pip install 'ringtrace[postgres]'"
        ) from error
    try:
        yield
    except ValueError as error:
        raise DatabaseUnusableError(f"the database: {error}") from error
    except AWAY as error:
        raise StoreAwayError(f"the database does not answer: {error}") from error


def _reports(settings: Settings, clock: Clock) -> LakeReports | None:
    """Heavy reports in a process of their own, where there is a lake."""
    try:
        place = open_lake(settings)
    except LakeUnusableError:
        return None
    return LakeReports(Sources(settings.database, place, settings.report_scratch), clock)
