"""A server put together."""

import asyncio
import contextlib
import fcntl
import logging
import random
import ssl
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, cast

import httpx
from argon2 import PasswordHasher

from ringtrace.bootstrap.apart import learn_apart, retain_apart, seal_apart
from ringtrace.bootstrap.clock import new_id, now
from ringtrace.bootstrap.first_start import open_up, standing_token
from ringtrace.bootstrap.places import (
    NO_LAKE,
    LakeUnusableError,
    note_places,
    open_lake,
    open_recordings,
)
from ringtrace.bootstrap.stores import open_store
from ringtrace.config import Settings, secret_key
from ringtrace.domain.account import TokenKind
from ringtrace.domain.notice import RecipientKind
from ringtrace.outbound.addresses import may_reach, read_network, said_address
from ringtrace.outbound.http import OutboundHttp
from ringtrace.outbound.mail import MailSender
from ringtrace.outbound.webhook import WebhookSender
from ringtrace.services.apply_setup import ApplyTheSetup
from ringtrace.services.change_recipients import ChangeRecipients
from ringtrace.services.correct_call import CorrectCall
from ringtrace.services.deliver_notices import DeliverNotices
from ringtrace.services.directory import Directory
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.gateway_signs import GatewaySigns
from ringtrace.services.keep_recording import KeepRecording, RecordingLinks
from ringtrace.services.keep_sound import KeepTheSound, SoundLinks
from ringtrace.services.learn_models import LearnModels
from ringtrace.services.limits import HitLimits
from ringtrace.services.list_callers import KeepTheList
from ringtrace.services.mark_spam import MarkTheSpam
from ringtrace.services.neighbours import (
    NOBODY,
    CallerAsked,
    CallsSeen,
    Ears,
    GatewaysHeard,
    HitsTaken,
    Joined,
    Neighbours,
    RuleActed,
    TurnTaken,
)
from ringtrace.services.notice_records import Notice, Sender
from ringtrace.services.occupy_target import OccupyTarget
from ringtrace.services.open_account import IssueToken, OpenTheAccount, SignIn
from ringtrace.services.ports import Clock, Store
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
from ringtrace.tag import script
from ringtrace.web.app import App
from ringtrace.web.asgi import Asgi
from ringtrace.web.metrics import Meter
from ringtrace.web.notices.letter import Letters
from ringtrace.web.notices.links import Links
from ringtrace.web.notices.payload import payload
from ringtrace.web.pages import litestar_app
from ringtrace.web.recordings import make_room

log = logging.getLogger(__name__)


_REFRESH_AGAIN_SECONDS = 2.0


class DataFolderInUseError(RuntimeError):
    """Another server runs over the same folder; SQLite and its leases belong to one process."""


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
        return await standing_token(self.use_cases, TokenKind.NODE, self.settings.node_token_file)

    async def close(self) -> None:
        await self._parts.aclose()


async def open_house(
    settings: Settings,
    clock: Clock = now,
    hasher: PasswordHasher | None = None,
    neighbours: Neighbours = NOBODY,
) -> House:
    """`hasher` sets what a password costs to check; `neighbours` answer for the same server.

    Raises DataFolderInUseError, RecordingsUnusableError, LakeUnusableError, and what `open_store`
    raises.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    recordings = open_recordings(settings)
    async with contextlib.AsyncExitStack() as parts:
        parts.enter_context(_entered(settings, recordings))
        store = await parts.enter_async_context(open_store(settings, clock))
        watch = CallerWatch(store, neighbours)
        limits = HitLimits(
            settings.hits_per_address, settings.hits_per_site, neighbours.seed, neighbours
        )
        use_cases = _use_cases(
            settings,
            store,
            recordings,
            watch,
            limits,
            clock,
            hasher or PasswordHasher(),
            neighbours,
        )
        meter = Meter(use_cases.gateway_signs, lambda: store.waiting, lambda: store.away)
        neighbours.listen(_ears(use_cases, watch, limits, meter))
        parts.push_async_callback(use_cases.route_call.settle)
        await open_up(settings, use_cases, watch)
        neighbours.tell(Joined())
        pages = litestar_app(use_cases, secret_key(settings.data), settings.sessions, neighbours)
        app = App(use_cases, script.load(), cast(Asgi, pages), meter, neighbours)
        deliver = _deliverer(settings, store, use_cases, parts)
        for work in (
            use_cases.learn_models.every_night(),
            use_cases.write_off_calls.for_ever(),
            deliver.for_ever(),
            _keep_up(store, use_cases.directory),
            *_sealing(settings, store, clock),
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


def _may_ask(settings: Settings) -> Callable[[str], bool]:
    """A name is judged when it is asked for: what it stands for can change."""
    allowed = [read_network(text) for text in settings.outbound_networks]

    def may_ask(host: str) -> bool:
        address = said_address(host)
        return address is None or may_reach(address, allowed)

    return may_ask


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


def _sealing(settings: Settings, store: Store, clock: Clock) -> list[Coroutine[Any, Any, None]]:
    """What seals the days, unless there is no lake, and deletes. Raises LakeUnusableError."""
    work = [retain_apart]
    try:
        open_lake(settings)
    except LakeUnusableError as error:
        # What somebody asked for by name must be had.
        if settings.lake_at not in {"", NO_LAKE}:
            raise
        log.info("lake_off reason=%r", str(error))
    else:
        work.insert(0, seal_apart)

    async def night() -> None:
        for step in work:
            await step(settings)

    return [every_night(night, store, clock)]


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _keep_up(store: Store, directory: Directory) -> None:
    """What another server over the same database changes is known here, too."""
    changed = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.watch(changed.set, directory.extension_shown))
        while True:
            await changed.wait()
            changed.clear()
            try:
                await directory.reload()
            except StoreAwayError:
                log.warning("configuration_not_refreshed")
                await asyncio.sleep(_REFRESH_AGAIN_SECONDS)
                changed.set()


def _ears(use_cases: UseCases, watch: CallerWatch, limits: HitLimits, meter: Meter) -> Ears:
    return Ears(
        {
            CallsSeen: watch.hear_calls,
            RuleActed: watch.hear_rule,
            CallerAsked: use_cases.route_call.hear_asked,
            TurnTaken: use_cases.route_call.hear_turn,
            GatewaysHeard: use_cases.gateway_signs.hear_gateways,
            Joined: use_cases.gateway_signs.hear_joined,
            HitsTaken: lambda taken: limits.hear_hits(taken, use_cases.clock()),
        },
        use_cases.directory.reload,
        meter.families,
    )


def _use_cases(
    settings: Settings,
    store: Store,
    recordings: RecordingStore,
    watch: CallerWatch,
    limits: HitLimits,
    clock: Clock,
    hasher: PasswordHasher,
    neighbours: Neighbours,
) -> UseCases:
    directory = Directory(store, neighbours)
    keep_list = KeepTheList(store, directory, clock)
    sound_links = SoundLinks(secret_key(settings.data), directory, store, clock)
    record_call = RecordCall(store, directory, watch, clock, PrepareNotices(directory, new_id))
    return UseCases(
        store=store,
        clock=clock,
        directory=directory,
        gateway_signs=GatewaySigns(clock, neighbours),
        track_hit=TrackHit(store, directory, limits, clock),
        occupy_target=OccupyTarget(clock, neighbours),
        keep_recording=KeepRecording(store, recordings),
        record_call=record_call,
        write_off_calls=WriteOffCalls(store, directory, clock, record_call),
        recording_links=RecordingLinks(secret_key(settings.data), clock),
        apply_setup=ApplyTheSetup(
            store,
            directory,
            clock,
            may_ask=_may_ask(settings),
            has_mail=settings.mail is not None,
            public_url=settings.public_url,
        ),
        route_call=RouteCall(
            store, directory, watch, clock, sound_links, random.random, neighbours
        ),
        keep_sound=KeepTheSound(store, directory, clock),
        sound_links=sound_links,
        open_account=OpenTheAccount(store, directory, hasher),
        issue_token=IssueToken(store, directory, clock),
        sign_in=SignIn(store, hasher),
        learn_models=LearnModels(store, directory, clock, learn_apart),
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
            note_places(settings)
        if shared:
            fcntl.flock(file, fcntl.LOCK_SH)
        yield
