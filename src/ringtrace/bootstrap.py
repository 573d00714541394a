"""The only composition root: what is made of what."""

import asyncio
import contextlib
import fcntl
import logging
import multiprocessing
import random
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

from argon2 import PasswordHasher

from ringtrace.config import Settings, secret_key, write_private
from ringtrace.domain.account import TokenKind
from ringtrace.domain.model import Model
from ringtrace.domain.past import Past, learn
from ringtrace.services.apply_setup import ApplyTheSetup
from ringtrace.services.correct_call import CorrectCall
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError, StoreAwayError
from ringtrace.services.keep_recording import KeepRecording, RecordingLinks
from ringtrace.services.learn_models import LearnModels
from ringtrace.services.limits import HitLimits
from ringtrace.services.open_account import IssueToken, OpenTheAccount, SignIn, new_password
from ringtrace.services.ports import Clock, Reads, Store
from ringtrace.services.reattribute import Reattribute
from ringtrace.services.record_call import RecordCall
from ringtrace.services.report_calibration import ReportCalibration
from ringtrace.services.route_call import RouteCall
from ringtrace.services.track_hit import TrackHit
from ringtrace.services.use_cases import UseCases
from ringtrace.store.sqlite.reader import SqliteReader
from ringtrace.store.sqlite.store import SqliteStore
from ringtrace.tag import script
from ringtrace.web.app import App
from ringtrace.web.asgi import Asgi
from ringtrace.web.pages import litestar_app
from ringtrace.web.recordings import sweep

log = logging.getLogger(__name__)

OWNER = 1
"""The account of a server's first start."""

_REFRESH_AGAIN_SECONDS = 2.0


class DataFolderInUseError(RuntimeError):
    """Another server runs over the same folder; SQLite and its leases belong to one process."""


class DatabaseUnusableError(RuntimeError):
    """The database's URL cannot be read, there is no driver for it, or its server is too old."""


def now() -> int:
    """Ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class House:
    """Everything put together; `close` it."""

    settings: Settings
    use_cases: UseCases
    app: App
    _parts: contextlib.AsyncExitStack

    async def close(self) -> None:
        await self._parts.aclose()


async def open_house(
    settings: Settings, clock: Clock = now, hasher: PasswordHasher | None = None
) -> House:
    """Raises DataFolderInUseError, and what `open_store` raises.

    `hasher` sets what a password costs to check.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with contextlib.AsyncExitStack() as parts:
        parts.enter_context(_entered(settings))
        store = await parts.enter_async_context(open_store(settings))
        use_cases = _use_cases(settings, store, clock, hasher or PasswordHasher())
        parts.push_async_callback(use_cases.route_call.settle)
        await _open_up(settings, use_cases)
        pages = litestar_app(use_cases, secret_key(settings.data), settings.sessions)
        app = App(use_cases, script.load(), cast(Asgi, pages))
        parts.push_async_callback(_end, asyncio.create_task(use_cases.learn_models.every_night()))
        parts.push_async_callback(_end, asyncio.create_task(_keep_up(store, use_cases.directory)))
        return House(settings, use_cases, app, parts.pop_all())


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The file of the data folder, or the database that the settings name.

    Raises StoreAwayError, SchemaTooNewError, DatabaseUnusableError.
    """
    if settings.database_url is None:
        file = SqliteStore.open(settings.database)
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
        file = SqliteReader(settings.database)
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


async def _keep_up(store: Store, directory: Directory) -> None:
    """What another server over the same database changes is known here, too."""
    changed = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.watch(changed.set))
        while True:
            await changed.wait()
            changed.clear()
            try:
                await directory.refresh()
            except StoreAwayError:
                log.warning("configuration_not_refreshed")
                await asyncio.sleep(_REFRESH_AGAIN_SECONDS)
                changed.set()


async def _learn_apart(past: Past, at: int) -> Model:
    """In a process of its own, because minutes of arithmetic would keep ringing calls waiting."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as apart:
        loop = asyncio.get_running_loop()
        return Model.of_data(await loop.run_in_executor(apart, _learnt, past, at))


def _learnt(past: Past, at: int) -> dict[str, Any]:
    return learn(past, at).to_data()


def _use_cases(settings: Settings, store: Store, clock: Clock, hasher: PasswordHasher) -> UseCases:
    directory = Directory(store)
    limits = HitLimits(settings.hits_per_address, settings.hits_per_site)
    return UseCases(
        store=store,
        clock=clock,
        directory=directory,
        track_hit=TrackHit(store, directory, limits, clock),
        route_call=RouteCall(store, directory, clock, random.random),
        record_call=RecordCall(store, directory, clock),
        keep_recording=KeepRecording(store),
        recording_links=RecordingLinks(secret_key(settings.data), clock),
        apply_setup=ApplyTheSetup(store, directory, clock),
        open_account=OpenTheAccount(store, directory, hasher),
        issue_token=IssueToken(store, directory, clock),
        sign_in=SignIn(store, hasher),
        learn_models=LearnModels(store, directory, clock, _learn_apart),
        correct_call=CorrectCall(store, directory, clock),
        reattribute=Reattribute(store, directory),
        report_calibration=ReportCalibration(store, directory),
        recordings=settings.recordings,
    )


async def _open_up(settings: Settings, use_cases: UseCases) -> None:
    """One after the other, where several servers over one database and one folder start."""
    with (settings.data / "opening.lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        await use_cases.directory.refresh()
        if use_cases.directory.account(OWNER) is None:
            await _first_start(settings, use_cases)
        await _let_the_command_in(settings, use_cases)


async def _first_start(settings: Settings, use_cases: UseCases) -> None:
    # First the file: a password that nobody can read would lock everybody out.
    password = new_password()
    write_private(settings.password_file, password)
    try:
        await use_cases.open_account("My business", settings.region, "admin", password)
    except FieldInvalidError:
        # Another server over the same database was faster.
        settings.password_file.unlink()
        await use_cases.directory.refresh()
        return
    log.info("first_start password_file=%s", settings.password_file)


async def _let_the_command_in(settings: Settings, use_cases: UseCases) -> None:
    """See that the token in the data folder opens the API."""
    path = settings.api_token_file
    known = path.read_text().strip() if path.exists() else ""
    if use_cases.directory.owner(known, TokenKind.COMMAND) is None:
        write_private(path, await use_cases.issue_token(OWNER, TokenKind.COMMAND))


@contextlib.contextmanager
def _entered(settings: Settings) -> Iterator[None]:
    """A file of leases belongs to one server; those over one database may share the folder.

    Whoever comes first sweeps it.
    """
    shared = settings.database_url is not None
    with (settings.data / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not shared:
                raise DataFolderInUseError(f"another server runs over {settings.data}") from error
        else:
            sweep(settings.recordings)
        if shared:
            fcntl.flock(file, fcntl.LOCK_SH)
        yield
