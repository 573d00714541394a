"""The only composition root: what is made of what."""

import asyncio
import fcntl
import logging
import multiprocessing
import random
import secrets
import ssl
import sys
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, cast

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
from ringtrace.services.gateway_signs import GatewaySigns
from ringtrace.services.keep_recording import KeepRecording, RecordingLinks
from ringtrace.services.keep_sound import KeepTheSound, SoundLinks
from ringtrace.services.learn_models import LearnModels
from ringtrace.services.limits import HitLimits
from ringtrace.services.list_callers import KeepTheList
from ringtrace.services.mark_spam import MarkTheSpam
from ringtrace.services.occupy_target import OccupyTarget
from ringtrace.services.open_account import IssueToken, OpenTheAccount, SignIn, new_password
from ringtrace.services.ports import Clock, Notice, Sender
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


class DataFolderInUseError(RuntimeError):
    """Another server runs over the same folder; SQLite and its leases belong to one process."""


class RecordingsUnusableError(RuntimeError):
    """`recordings_at` cannot be used as it is; the message says why."""


class LakeUnusableError(RuntimeError):
    """`lake_at` cannot be used as it is; the message says why."""


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
    _store: SqliteStore
    _lock: IO[str]
    _http: OutboundHttp
    _background: tuple[asyncio.Task[None], ...]

    async def node_token(self) -> str:
        """Lets the SIP node in that runs beside the server, for the owner's account."""
        return await _standing_token(self.use_cases, TokenKind.NODE, self.settings.node_token_file)

    async def close(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.deliver.close()
        self._http.close()
        await self.use_cases.route_call.settle()
        self._store.close()
        self._lock.close()


async def open_house(
    settings: Settings, clock: Clock = now, hasher: PasswordHasher | None = None
) -> House:
    """Raises DataFolderInUseError, RecordingsUnusableError and LakeUnusableError.

    `hasher` sets what a password costs to check.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = _lock(settings.data)
    store = SqliteStore.open(settings.database, _reports(settings, clock))
    try:
        watch = CallerWatch(store)
        use_cases = _use_cases(settings, store, watch, clock, hasher or PasswordHasher())
        await use_cases.directory.refresh()
        make_room(use_cases.recordings.staging)
        _note_places(settings)
        await watch.load(use_cases.directory.account_ids(), clock())
        if use_cases.directory.account(OWNER) is None:
            await _first_start(settings, use_cases)
        await _standing_token(use_cases, TokenKind.COMMAND, settings.api_token_file)
        pages = litestar_app(use_cases, secret_key(settings.data), settings.sessions)
        app = App(use_cases, script.load(), cast(Asgi, pages), lambda: store.waiting)
        sealing = _sealing(settings, clock)
    except BaseException:
        store.close()
        lock.close()
        raise
    trusting = httpx.create_ssl_context()
    http = OutboundHttp([read_network(text) for text in settings.outbound_networks], trusting)
    deliver = DeliverNotices(
        store,
        use_cases.directory,
        clock,
        random.random,
        _senders(settings, use_cases, http, trusting),
        settings.notice_days,
    )
    for_ever = [
        use_cases.learn_models.every_night(),
        use_cases.write_off_calls.for_ever(),
        deliver.for_ever(),
        *sealing,
    ]
    background = tuple(asyncio.create_task(one) for one in for_ever)
    return House(settings, use_cases, app, deliver, store, lock, http, background)


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
        if settings.lake_at not in {"", NO_LAKE}:
            raise
        log.info("lake_off reason=%r", str(error))
        return []
    return [every_night(partial(_seal_apart, settings), clock)]


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


def open_reader(settings: Settings) -> SqliteReader:
    """The store for reading alone, also while a server runs over it. Raises FileNotFoundError."""
    if not settings.database.exists():
        raise FileNotFoundError(f"no data in {settings.data}: start `ringtrace serve` first")
    return SqliteReader(settings.database, _reports(settings, now))


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
    store: SqliteStore,
    watch: CallerWatch,
    clock: Clock,
    hasher: PasswordHasher,
) -> UseCases:
    directory = Directory(store)
    recordings = open_recordings(settings)
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


async def _first_start(settings: Settings, use_cases: UseCases) -> None:
    # First the file: a password that nobody can read would lock everybody out.
    password = new_password()
    write_private(settings.password_file, password)
    await use_cases.open_account("My business", settings.region, "admin", password)
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


def _lock(data: Path) -> IO[str]:
    file = (data / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise DataFolderInUseError(f"another server runs over {data}") from error
    return file
