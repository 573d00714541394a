"""The store that the settings name: a file, or a database that servers share."""

import asyncio
import contextlib
import fcntl
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from ringtrace.bootstrap.clock import now
from ringtrace.bootstrap.places import LakeUnusableError, open_lake
from ringtrace.config import Settings
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.inspection import Inspection
from ringtrace.services.lake import LeavingRows
from ringtrace.services.ports import Clock, Reads, Store
from ringtrace.store.forgetting import Forgetting
from ringtrace.store.lake.place import LakeInUseError, locked
from ringtrace.store.lake.worker import LakeReports, Sources
from ringtrace.store.retention import OldRows
from ringtrace.store.schema import SchemaNotReadyError, SchemaTooNewError
from ringtrace.store.sqlite.connection import see_ready
from ringtrace.store.sqlite.days import SqliteDays
from ringtrace.store.sqlite.forgetting import SqliteForgetting
from ringtrace.store.sqlite.inspection import inspect
from ringtrace.store.sqlite.leaving import SqliteLeaving
from ringtrace.store.sqlite.reader import SqliteReader
from ringtrace.store.sqlite.retention import SqliteRetention
from ringtrace.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from ringtrace.store.importing import Importing
    from ringtrace.store.lake.worker import Days


class DatabaseUnusableError(RuntimeError):
    """What the store is kept in cannot be worked with; the message says why.

    The database's URL cannot be read, there is no driver for it, its server is too old or does not
    let us; a newer Ringtrace wrote it; another program did; the file is damaged.
    """


class NoDataError(FileNotFoundError):
    """No server has ever run over the folder, or over the database."""


class AccountUnknownError(LookupError):
    """The store has no such account; the message names the option."""


class StoreInUseError(RuntimeError):
    """A server runs over it; the message says what to do."""


class StoreDamagedError(RuntimeError):
    """A file cannot even be opened; the message is what SQLite says."""


@contextlib.asynccontextmanager
async def open_store(settings: Settings, clock: Clock = now) -> AsyncIterator[Store]:
    """The file of the data folder, or the database that the settings name.

    Raises StoreAwayError, DatabaseUnusableError.
    """
    if settings.database_url is None:
        with _file_errors(settings):
            file = SqliteStore.open(settings.database, _reports(settings, clock))
        try:
            yield file
        finally:
            file.close()
        return
    with database_errors():
        from ringtrace.store.postgres.store import PostgresStore  # noqa: PLC0415 - an extra

        database = await PostgresStore.open(
            settings.database_url, reports=_reports(settings, clock)
        )
    try:
        yield database
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[Reads]:
    """The store for reading alone, also while servers run over it.

    Raises NoDataError, StoreAwayError, DatabaseUnusableError.
    """
    if settings.database_url is None:
        _see_file(settings)
        file = SqliteReader(settings.database, _reports(settings, now))
        try:
            yield file
        finally:
            file.close()
        return
    with database_errors():
        from ringtrace.store.postgres.reader import (  # noqa: PLC0415 - an extra
            PostgresReader,
            open_ready_pool,
        )

        database = PostgresReader(
            await open_ready_pool(settings.database_url), reports=_reports(settings, now)
        )
    try:
        yield database
    finally:
        await database.close()


def see_account(settings: Settings, account_id: int) -> None:
    """That the store has it: of another one there would be nothing, which is no answer.

    Raises AccountUnknownError, NoDataError, StoreAwayError, DatabaseUnusableError.
    """

    async def known() -> set[int]:
        async with open_reader(settings) as store:
            return {one.account_id for one in (await store.configuration()).accounts}

    if account_id not in asyncio.run(known()):
        raise AccountUnknownError(f"--account: there is no account {account_id}")


async def distribute(
    url: str, tell: Callable[[str], None], shards: int | None, *, dry_run: bool
) -> int:
    """As `ringtrace.store.postgres.conversion.distribute`.

    Raises StoreAwayError, DatabaseUnusableError.
    """
    with database_errors():
        from ringtrace.store.postgres.conversion import (  # noqa: PLC0415 - an extra
            distribute as convert,
        )

        return await convert(url, tell, shards, dry_run=dry_run)


def open_days(settings: Settings, *, any_schema: bool = False) -> "Days":
    """The rows of the store by day; with `any_schema` also when that is another one's.

    Raises NoDataError, StoreAwayError, DatabaseUnusableError.
    """
    if settings.database_url is not None:
        with database_errors():
            from ringtrace.store.postgres.days import PostgresDays  # noqa: PLC0415 - an extra

            return PostgresDays(settings.database_url, any_schema=any_schema)
    if any_schema:
        _see_there(settings)
    else:
        _see_file(settings)
    with _file_errors(settings):
        return _opener(settings)()


def inspected(settings: Settings, at: int) -> Inspection:
    """What the store says of itself at `at`, ms since 1970 UTC.

    Raises NoDataError, StoreAwayError, DatabaseUnusableError, StoreDamagedError.
    """
    if settings.database_url is None:
        _see_there(settings)
        try:
            return inspect(settings.database, at)
        except sqlite3.DatabaseError as error:
            raise StoreDamagedError(str(error)) from error
    with database_errors():
        from ringtrace.store.postgres import inspection  # noqa: PLC0415 - an extra

        return inspection.inspect(settings.database_url, at)


def open_forgetting(settings: Settings) -> Forgetting:
    """Raises NoDataError, StoreAwayError, DatabaseUnusableError."""
    if settings.database_url is None:
        _see_file(settings)
        return SqliteForgetting(settings.database)
    with database_errors():
        from ringtrace.store.postgres.forgetting import PostgresForgetting  # noqa: PLC0415

        return PostgresForgetting(settings.database_url)


def open_leaving(settings: Settings, silent_since: int) -> LeavingRows:
    """A visit with a sign of life at `silent_since` (ms since 1970 UTC) or later stays.

    Raises NoDataError, StoreAwayError, DatabaseUnusableError.
    """
    if settings.database_url is None:
        _see_file(settings)
        return SqliteLeaving(settings.database, silent_since)
    with database_errors():
        from ringtrace.store.postgres.leaving import PostgresLeaving  # noqa: PLC0415

        return PostgresLeaving(settings.database_url, silent_since)


def open_retention(settings: Settings) -> OldRows:
    """Raises NoDataError, StoreAwayError, DatabaseUnusableError."""
    if settings.database_url is None:
        _see_file(settings)
        return SqliteRetention(settings.database)
    with database_errors():
        from ringtrace.store.postgres.retention import PostgresRetention  # noqa: PLC0415

        return PostgresRetention(settings.database_url)


@contextlib.contextmanager
def open_importing(settings: Settings) -> Iterator["Importing"]:
    """The store for rows of an export; the lake's extra must be there.

    Raises NoDataError, StoreAwayError, DatabaseUnusableError, StoreInUseError.
    """
    if settings.database_url is None:
        from ringtrace.store.sqlite.importing import SqliteImporting  # noqa: PLC0415 - an extra

        _see_file(settings)
        with _server_stopped(settings), SqliteImporting(settings.database) as file:
            yield file
        return
    with database_errors():
        from ringtrace.store.postgres.importing import PostgresImporting  # noqa: PLC0415
        from ringtrace.store.postgres.sessions import DatabaseInUseError  # noqa: PLC0415

        try:
            database = PostgresImporting(settings.database_url)
        except DatabaseInUseError as error:
            raise StoreInUseError(str(error)) from error
    with database:
        yield database


@contextlib.contextmanager
def changing_lake(settings: Settings) -> Iterator[None]:
    """One process at a time changes a lake, on whichever machine it runs.

    Raises LakeInUseError, StoreAwayError, DatabaseUnusableError.
    """
    with locked(settings.lake_lock), contextlib.ExitStack() as held:
        if settings.database_url is not None:
            with database_errors():
                from ringtrace.store.postgres.waiting import turn  # noqa: PLC0415 - an extra

                mine = held.enter_context(turn(settings.database_url, "lake"))
            if not mine:
                raise LakeInUseError
        yield


@contextlib.contextmanager
def _server_stopped(settings: Settings) -> Iterator[None]:
    """A server would not wait for a day, which is one transaction. Raises StoreInUseError."""
    with (settings.data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreInUseError("the server runs: stop it, import, start it again") from error
        yield


def _see_file(settings: Settings) -> None:
    """A file of a newer Ringtrace has places that this one would neither read nor change.

    Raises NoDataError, DatabaseUnusableError.
    """
    _see_there(settings)
    with _file_errors(settings):
        see_ready(settings.database)


def _see_there(settings: Settings) -> None:
    if not settings.database.exists():
        raise NoDataError(f"no data in {settings.data}: start `ringtrace serve` first")


def _opener(settings: Settings) -> Callable[[], "Days"]:
    """Another process may have it."""
    if settings.database_url is None:
        return partial(SqliteDays, settings.database)
    from ringtrace.store.postgres.days import PostgresDays  # noqa: PLC0415 - an extra

    return partial(PostgresDays, settings.database_url)


@contextlib.contextmanager
def _file_errors(settings: Settings) -> Iterator[None]:
    """What keeps the file of the data folder from being opened."""
    try:
        yield
    except SchemaNotReadyError as error:
        raise NoDataError(f"{settings.database}: {error}") from error
    except SchemaTooNewError as error:
        raise DatabaseUnusableError(f"{settings.database}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DatabaseUnusableError(
            f"{settings.database}: {error}: see `ringtrace doctor`"
        ) from error


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """What keeps a database from being opened, in words without its password."""
    try:
        from ringtrace.store.postgres.connection import AWAY, NOT_OURS  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise DatabaseUnusableError(
            "PostgreSQL needs its driver: pip install 'ringtrace[postgres]'"
        ) from error
    try:
        yield
    except SchemaNotReadyError as error:
        raise NoDataError(f"no data in the database: {error}") from error
    except (ValueError, SchemaTooNewError, *NOT_OURS) as error:
        raise DatabaseUnusableError(f"the database: {error}") from error
    except AWAY as error:
        raise StoreAwayError(f"the database does not answer: {error}") from error


def _reports(settings: Settings, clock: Clock) -> LakeReports | None:
    """Heavy reports in a process of their own, where there is a lake."""
    try:
        place = open_lake(settings)
    except LakeUnusableError:
        return None
    return LakeReports(Sources(_opener(settings), place, settings.report_scratch), clock)
