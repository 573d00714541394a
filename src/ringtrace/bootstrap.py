"""The only composition root: what is made of what."""

import asyncio
import contextlib
import fcntl
import logging
import multiprocessing
import random
import secrets
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import httpx
from argon2 import PasswordHasher

from ringtrace.config import Settings, secret_key, write_private
from ringtrace.domain.account import TokenKind
from ringtrace.domain.identity import NOISE_BITS, uuid7
from ringtrace.domain.model import Model
from ringtrace.domain.notice import RecipientKind
from ringtrace.domain.past import Past, learn
from ringtrace.outbound.addresses import read_network
from ringtrace.outbound.http import OutboundHttp
from ringtrace.outbound.mail import MailSender
from ringtrace.outbound.webhook import WebhookSender
from ringtrace.services.apply_setup import ApplyTheSetup
from ringtrace.services.change_recipients import ChangeRecipients
from ringtrace.services.correct_call import CorrectCall
from ringtrace.services.deliver_notices import DeliverNotices
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError, StoreAwayError
from ringtrace.services.gateway_signs import GatewaySigns
from ringtrace.services.keep_recording import KeepRecording, RecordingLinks
from ringtrace.services.keep_sound import KeepTheSound, SoundLinks
from ringtrace.services.learn_models import LearnModels
from ringtrace.services.limits import HitLimits
from ringtrace.services.list_callers import KeepTheList
from ringtrace.services.mark_spam import MarkTheSpam
from ringtrace.services.occupy_target import OccupyTarget
from ringtrace.services.open_account import IssueToken, OpenTheAccount, SignIn, new_password
from ringtrace.services.ports import Clock, Notice, Reads, Sender, Store
from ringtrace.services.prepare_notices import PrepareNotices
from ringtrace.services.reattribute import Reattribute
from ringtrace.services.record_call import RecordCall
from ringtrace.services.recording_store import RecordingStore
from ringtrace.services.report_calibration import ReportCalibration
from ringtrace.services.route_call import RouteCall
from ringtrace.services.seal_days import every_night
from ringtrace.services.tag_call import TagCall
from ringtrace.services.track_hit import TrackHit
from ringtrace.services.unsubscribing import UnsubscribeLinks
from ringtrace.services.use_cases import UseCases
from ringtrace.services.watch_callers import CallerWatch
from ringtrace.services.write_off_calls import WriteOffCalls
from ringtrace.store.lake.place import LakeFolder, Place
from ringtrace.store.lake.worker import LakeReports, Sources
from ringtrace.store.recordings.folder import RecordingFolder
from ringtrace.store.sqlite.days import SqliteDays
from ringtrace.store.sqlite.reader import SqliteReader
from ringtrace.store.sqlite.store import SqliteStore
from ringtrace.tag import script
from ringtrace.web.app import App
from ringtrace.web.asgi import Asgi
from ringtrace.web.notices.letter import Letters
from ringtrace.web.notices.links import Links
from ringtrace.web.notices.payload import payload
from ringtrace.web.pages import litestar_app
from ringtrace.web.recordings import make_room

log = logging.getLogger(__name__)

NO_LAKE = "off"
"""Said in place of where the lake is."""

OWNER = 1
"""The account of a server's first start."""

_REFRESH_AGAIN_SECONDS = 2.0


class DataFolderInUseError(RuntimeError):
    """Another server runs over the same folder; SQLite and its leases belong to one process."""


class RecordingsUnusableError(RuntimeError):
    """`recordings_at` cannot be used as it is; the message says why."""


class LakeUnusableError(RuntimeError):
    """`lake_at` cannot be used as it is; the message says why."""


class DatabaseUnusableError(RuntimeError):
    """The database's URL cannot be read, there is no driver for it, or its server is too old."""


def now() -> int:
    """Ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def new_id(at: int) -> str:
    """`at` is ms since 1970 UTC."""
    return uuid7(at, secrets.randbits(NOISE_BITS))


@dataclass(frozen=True, slots=True)
class House:
    """Everything put together; `close` it."""

    settings: Settings
    use_cases: UseCases
    app: App
    deliver: DeliverNotices
    _parts: contextlib.AsyncExitStack

    async def node_token(self) -> str:
        """Lets the SIP node in that runs beside the server, for the owner's account."""
        return await _standing_token(self.use_cases, TokenKind.NODE, self.settings.node_token_file)

    async def close(self) -> None:
        await self._parts.aclose()


async def open_house(
    settings: Settings, clock: Clock = now, hasher: PasswordHasher | None = None
) -> House:
    """`hasher` sets what a password costs to check.

    Raises DataFolderInUseError, RecordingsUnusableError, LakeUnusableError, and what `open_store`
    raises.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    recordings = open_recordings(settings)
    async with contextlib.AsyncExitStack() as parts:
        parts.enter_context(_entered(settings, recordings))
        store = await parts.enter_async_context(open_store(settings, clock))
        watch = CallerWatch(store)
        use_cases = _use_cases(
            settings, store, recordings, watch, clock, hasher or PasswordHasher()
        )
        parts.push_async_callback(use_cases.route_call.settle)
        await _open_up(settings, use_cases, watch)
        pages = litestar_app(use_cases, secret_key(settings.data), settings.sessions)
        app = App(use_cases, script.load(), cast(Asgi, pages), lambda: store.waiting)
        deliver = _deliverer(settings, store, use_cases, parts)
        for work in (
            use_cases.learn_models.every_night(),
            use_cases.write_off_calls.for_ever(),
            deliver.for_ever(),
            _keep_up(store, use_cases.directory),
            *_sealing(settings, clock),
        ):
            parts.push_async_callback(_end, asyncio.create_task(work))
        return House(settings, use_cases, app, deliver, parts.pop_all())


def _deliverer(
    settings: Settings, store: Store, use_cases: UseCases, parts: contextlib.AsyncExitStack
) -> DeliverNotices:
    trusting = httpx.create_ssl_context()
    http = OutboundHttp([read_network(text) for text in settings.outbound_networks], trusting)
    parts.callback(http.close)
    deliver = DeliverNotices(
        store,
        use_cases.directory,
        use_cases.clock,
        random.random,
        _senders(settings, use_cases, http, trusting),
        settings.notice_days,
    )
    parts.push_async_callback(deliver.close)
    return deliver


def _senders(
    settings: Settings, use_cases: UseCases, http: OutboundHttp, trusting: ssl.SSLContext
) -> dict[RecipientKind, Sender]:
    links = Links(_base_url(settings), use_cases.recording_links)

    def body(notice: Notice) -> bytes:
        return payload(use_cases, links, notice)

    return {
        RecipientKind.WEBHOOK: WebhookSender(http, body, use_cases.clock),
        RecipientKind.MAIL: MailSender(settings.mail, Letters(use_cases, links), trusting),
    }


def _base_url(settings: Settings) -> Callable[[], str]:
    """Where people reach the server; unless it is told so, the address that it listens on."""

    def base() -> str:
        if settings.public_url is not None:
            return settings.public_url.rstrip("/")
        try:
            return settings.address_file.read_text().strip()
        except FileNotFoundError:
            return f"http://{settings.host}:{settings.port}"

    return base


def _sealing(settings: Settings, clock: Clock) -> list[Coroutine[Any, Any, None]]:
    """What seals the days, unless there is no lake. Raises LakeUnusableError."""
    try:
        open_lake(settings)
    except LakeUnusableError as error:
        # What somebody asked for by name must be had.
        if settings.lake_at not in {"", NO_LAKE}:
            raise
        log.info("lake_off reason=%r", str(error))
        return []
    return [every_night(partial(_seal_apart, settings), clock)]


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


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
        tasks.create_task(store.watch(changed.set, directory.extension_shown))
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


def _reports(settings: Settings, clock: Clock) -> LakeReports | None:
    """Heavy reports in a process of their own, where there is a lake."""
    try:
        place = open_lake(settings)
    except LakeUnusableError:
        return None
    return LakeReports(Sources(settings.database, place, settings.report_scratch), clock)


def open_lake(settings: Settings) -> Place:
    """Raises LakeUnusableError."""
    if settings.database_url is not None:
        raise LakeUnusableError("the lake is sealed from the file in the data folder alone so far")
    if settings.lake_at == NO_LAKE:
        raise LakeUnusableError("the server runs without a lake: `serve --lake`")
    if find_spec("duckdb") is None:
        raise LakeUnusableError("the lake needs the extra: pip install 'ringtrace[lake]'")
    if settings.lake is not None:
        return LakeFolder(settings.lake)
    try:
        from ringtrace.store.lake.bucket import LakeBucket  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise LakeUnusableError(
            "a lake in a bucket needs the extra: pip install 'ringtrace[s3]'"
        ) from error
    try:
        return LakeBucket(settings.lake_at, settings.lake_cache)
    except ValueError as error:
        raise LakeUnusableError(str(error)) from error


def open_days(settings: Settings) -> SqliteDays:
    """The rows of the store by day. Raises FileNotFoundError."""
    if not settings.database.exists():
        raise FileNotFoundError(f"no data in {settings.data}: start `ringtrace serve` first")
    return SqliteDays(settings.database)


async def _seal_apart(settings: Settings) -> None:
    """In a process of its own, which gives way to everything else; it dies with us."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringtrace", "seal", "--data", str(settings.data),
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        ended = await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if ended:
        log.error("days_not_sealed exit=%d", ended)


def open_recordings(settings: Settings) -> RecordingStore:
    """Raises RecordingsUnusableError."""
    if not settings.recordings_in_bucket:
        return RecordingFolder(settings.recordings)
    try:
        from ringtrace.store.recordings.bucket import RecordingBucket  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise RecordingsUnusableError(
            "recordings in a bucket need the extra: pip install 'ringtrace[s3]'"
        ) from error
    try:
        return RecordingBucket.open(settings.recordings_at, settings.recordings / "incoming")
    except ValueError as error:
        raise RecordingsUnusableError(str(error)) from error


def _use_cases(
    settings: Settings,
    store: Store,
    recordings: RecordingStore,
    watch: CallerWatch,
    clock: Clock,
    hasher: PasswordHasher,
) -> UseCases:
    directory = Directory(store)
    keep_list = KeepTheList(store, directory, clock)
    sound_links = SoundLinks(secret_key(settings.data), directory, store, clock)
    record_call = RecordCall(store, directory, watch, clock, PrepareNotices(directory, new_id))
    limits = HitLimits(settings.hits_per_address, settings.hits_per_site)
    return UseCases(
        store=store,
        clock=clock,
        directory=directory,
        gateway_signs=GatewaySigns(clock),
        track_hit=TrackHit(store, directory, limits, clock),
        occupy_target=OccupyTarget(clock),
        keep_recording=KeepRecording(store, recordings),
        record_call=record_call,
        write_off_calls=WriteOffCalls(store, directory, clock, record_call),
        recording_links=RecordingLinks(secret_key(settings.data), clock),
        apply_setup=ApplyTheSetup(
            store,
            directory,
            clock,
            has_mail=settings.mail is not None,
            public_url=settings.public_url,
        ),
        route_call=RouteCall(store, directory, watch, clock, sound_links, random.random),
        keep_sound=KeepTheSound(store, directory, clock),
        sound_links=sound_links,
        open_account=OpenTheAccount(store, directory, hasher),
        issue_token=IssueToken(store, directory, clock),
        sign_in=SignIn(store, hasher),
        learn_models=LearnModels(store, directory, clock, _learn_apart),
        correct_call=CorrectCall(store, directory, clock),
        change_recipients=ChangeRecipients(store, directory, clock, new_id),
        unsubscribe_links=UnsubscribeLinks(secret_key(settings.data)),
        tag_call=TagCall(store, clock),
        reattribute=Reattribute(store, directory),
        report_calibration=ReportCalibration(store, directory),
        keep_list=keep_list,
        mark_spam=MarkTheSpam(store, keep_list, watch, clock),
        recordings=recordings,
    )


async def _open_up(settings: Settings, use_cases: UseCases, watch: CallerWatch) -> None:
    """One after the other, where several servers over one database and one folder start."""
    with (settings.data / "opening.lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        await use_cases.directory.refresh()
        await watch.load(use_cases.directory.account_ids(), use_cases.clock())
        if use_cases.directory.account(OWNER) is None:
            await _first_start(settings, use_cases)
        await _standing_token(use_cases, TokenKind.COMMAND, settings.api_token_file)


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


async def _standing_token(use_cases: UseCases, kind: TokenKind, path: Path) -> str:
    """The owner's token in `path`, a new one where that is not valid (any more)."""
    token = path.read_text().strip() if path.exists() else ""
    if use_cases.directory.owner(token, kind) is None:
        token = await use_cases.issue_token(OWNER, kind)
        write_private(path, token)
    return token


def _note_places(settings: Settings) -> None:
    """For the commands that look after what the server keeps elsewhere."""
    for note, said in (
        (settings.recordings_note, settings.recordings_at),
        (settings.lake_note, settings.lake_at),
    ):
        if said:
            is_folder = not said.startswith("s3:") and said != NO_LAKE
            write_private(note, str(Path(said).absolute()) if is_folder else said)
        else:
            note.unlink(missing_ok=True)


@contextlib.contextmanager
def _entered(settings: Settings, recordings: RecordingStore) -> Iterator[None]:
    """A file of leases belongs to one server; those over one database may share the folder.

    Whoever comes first clears away what others left behind.
    """
    shared = settings.database_url is not None
    with (settings.data / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not shared:
                raise DataFolderInUseError(f"another server runs over {settings.data}") from error
        else:
            make_room(recordings.staging)
            _note_places(settings)
        if shared:
            fcntl.flock(file, fcntl.LOCK_SH)
        yield
