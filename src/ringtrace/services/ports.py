"""What the use-cases need from the outside."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ringtrace.domain.account import Account, TokenKind, TokenOwner, User
from ringtrace.domain.attribution import Attribution, Caller, Candidate
from ringtrace.domain.audio import Audio
from ringtrace.domain.blocklist import Listing
from ringtrace.domain.call import GatewayKind, Report
from ringtrace.domain.flow import Flow
from ringtrace.domain.history import Hit
from ringtrace.domain.model import Model
from ringtrace.domain.notice import Delivery, DeliveryState, Recipient
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.past import Past
from ringtrace.domain.placing import RealCall
from ringtrace.domain.proof import Proof
from ringtrace.domain.screening import SpamRules
from ringtrace.domain.sending import Failure
from ringtrace.domain.site import Site
from ringtrace.services.commands import Command
from ringtrace.services.spam_records import (
    ListingFilter,
    ListingPage,
    Screening,
    Spam,
    SpamMark,
    WatchedCall,
)

R = TypeVar("R")


class Clock(Protocol):
    def __call__(self) -> int:
        """Now, in ms since 1970 UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything a hit or a call is decided with; small enough to stay in memory.

    `extensions_shown` are the pool numbers with the moment (ms since 1970 UTC) when an extension
    of theirs was shown last. `listings` and `spam_rules` are told with their account.
    """

    accounts: tuple[Account, ...]
    sites: tuple[Site, ...]
    numbers: tuple[TrackingNumber, ...]
    tokens: tuple[tuple[str, TokenOwner], ...]
    models: tuple["SiteModel", ...] = ()
    extensions_shown: tuple[tuple[str, int], ...] = ()
    flows: tuple["KeptFlow", ...] = ()
    recipients: tuple[Recipient, ...] = ()
    listings: tuple[tuple[int, Listing], ...] = ()
    spam_rules: tuple[tuple[int, SpamRules], ...] = ()
    sounds: tuple["KeptSound", ...] = ()


@dataclass(frozen=True, slots=True)
class KeptSound:
    """A sound that flows can play; `digest` (SHA-256, hex) stands for its content.

    `made_at` is ms since 1970 UTC, `made_by` a login, None through the API.
    """

    account_id: int
    name: str
    digest: str
    seconds: float
    made_at: int
    made_by: str | None


@dataclass(frozen=True, slots=True)
class KeptFlow:
    """The newest version of one of an account's flows, made at `made_at` (ms since 1970 UTC)."""

    account_id: int
    name: str
    version: int
    flow: Flow
    made_at: int


@dataclass(frozen=True, slots=True)
class CallerHistory:
    """`last_target` is whom the caller talked to last; None: to nobody so far.

    `tags` are those of his earlier calls.
    """

    called_before: bool = False
    last_target: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteModel:
    """The newest model that was learnt of a site's callers, at `made_at` (ms since 1970 UTC)."""

    account_id: int
    site_key: str
    model: Model
    made_at: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """The visits that were shown the number, and what is remembered of the caller.

    `keyed` is the visit that was shown the extension which the caller keyed. It is not `complete`
    when visits that could have called have left the store.
    """

    candidates: Sequence[Candidate]
    caller: Caller
    keyed: Candidate | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Correction:
    """A user said that `visit_id` called, None: none of the visits.

    `made_at` is ms since 1970 UTC, `made_by` his login, None through the API.
    """

    visit_id: str | None
    made_at: int
    made_by: str | None


@dataclass(frozen=True, slots=True)
class CallTag:
    """A word that a user put on a call.

    `made_at` is ms since 1970 UTC, `made_by` his login, None through the API.
    """

    tag: str
    made_at: int
    made_by: str | None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call as the console and the API show it; without a report it is still ringing.

    `audio` is the file that the gateway handed over, `digits` are what the caller keyed when he
    was asked for an extension, `flow` the name and version of the flow that routed it. Whether it
    is `spam` follows from what a rule made of it (`screening`) and from what a user says
    (`spam_mark`).
    """

    gateway: GatewayKind
    call: str
    number: str
    caller: str | None
    started_at: int
    report: Report | None
    attribution: Attribution
    audio: Audio | None
    contradictions: int
    correction: Correction | None = None
    digits: str | None = None
    flow: str | None = None
    spam: bool = False
    screening: Screening | None = None
    spam_mark: SpamMark | None = None
    tags: tuple[CallTag, ...] = ()

    @property
    def is_playable(self) -> bool:
        """Whether there is audio, here or at the platform."""
        said = self.report.recording if self.report else None
        return self.audio is not None or (said is not None and said.url is not None)


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report as it came in, at `received_at` (ms since 1970 UTC).

    One that is not `accepted` contradicts what was known of the call and changed nothing.
    """

    received_at: int
    accepted: bool
    report: Report


@dataclass(frozen=True, slots=True)
class CallPage:
    """Newest first; `total` counts all that match."""

    calls: tuple[CallRecord, ...]
    total: int


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Calls begun in [since, until), ms since 1970; `channel` is one that got credit.

    `unknown` keeps those of which more than half is unknown.
    """

    since: int | None = None
    until: int | None = None
    channel: str | None = None
    outcome: str | None = None
    unknown: bool = False
    spam: Spam = Spam.WITH
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class ProofFilter:
    """Calls begun in [since, until), ms since 1970, to the numbers of one site or of all."""

    since: int | None = None
    until: int | None = None
    site_key: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """Expected calls of one channel: credits summed. `channel` None is what stays unknown.

    `calls_low` and `calls_high` are the 95 % interval of `calls` (domain/tally.py).
    `visit_calls` are those of the calls that came from the `visits`, not from static numbers.
    """

    channel: str | None
    calls: float
    calls_low: float
    calls_high: float
    answered: float
    talk_seconds: float
    visits: int
    visit_calls: float


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Deliveries to one recipient, in one state, about one call; None: any."""

    recipient_id: str | None = None
    state: DeliveryState | None = None
    call: tuple[GatewayKind, str] | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Newest first; `total` counts all that match."""

    deliveries: tuple[Delivery, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ValidToken:
    """That a token exists, not which; `issued_at` is ms since 1970 UTC."""

    kind: TokenKind
    issued_at: int


class ChannelReports(Protocol):
    """Reports over long spans, made elsewhere than in the store."""

    async def channels(self, account_id: int, where: CallFilter) -> Sequence[ChannelRow] | None:
        """None: the store itself is to answer. Whoever cancels this stops the work as well."""
        ...

    async def visits(self, account_id: int, where: CallFilter) -> Mapping[str, int] | None:
        """How many began in the span, by channel, those that have left the store among them.

        None: that cannot be told now.
        """
        ...

    async def visit(self, account_id: int, visit_id: str) -> "VisitRecord | None":
        """None: it is not among those that have left the store, or that cannot be told now."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SiteHistory:
    """Hits of the visits that began in the days asked for, and calls to the site's pool."""

    hits: Sequence[Hit]
    calls: Sequence[RealCall]


class Reads(Protocol):
    """The reading half of the store. Every method raises StoreAwayError when it cannot."""

    async def configuration(self) -> Configuration: ...

    async def user(self, login: str) -> User | None: ...

    async def evidence(
        self, account_id: int, number: str, caller: str | None, at: int, digits: str | None = None
    ) -> "Evidence":
        """What speaks for whom in a call to a pool number at `at`, as it was known then.

        `digits` are what the caller keyed.
        """
        ...

    async def caller_history(self, account_id: int, caller: str, at: int) -> CallerHistory:
        """What is known of a caller (E.164) before `at`, ms since 1970 UTC, on any number."""
        ...

    async def past(self, account_id: int, site_key: str, at: int) -> Past:
        """What a site's model is learnt from, of the attribution window before `at`."""
        ...

    async def history(self, account_id: int, site_key: str, days: int) -> SiteHistory:
        """What a site's visitors did in the last days up to the newest visit, to be replayed."""
        ...

    async def call(self, account_id: int, gateway: GatewayKind, call: str) -> CallRecord | None: ...

    async def reports(
        self, account_id: int, gateway: GatewayKind, call: str
    ) -> Sequence[KeptReport]:
        """All that came in of the call, oldest first."""
        ...

    async def calls(
        self, account_id: int, where: CallFilter, limit: int, offset: int
    ) -> CallPage: ...

    async def calls_after(
        self, account_id: int, after: tuple[int, str, str], limit: int
    ) -> Sequence[CallRecord]:
        """Oldest first, behind the one with this start, gateway and id."""
        ...

    async def unreported(self, account_id: int, since: int, until: int) -> Sequence[CallRecord]:
        """Calls begun in [since, until), ms since 1970, that came and were never reported."""
        ...

    async def channels(self, account_id: int, where: CallFilter) -> Sequence[ChannelRow]: ...

    async def count_calls(self, account_id: int, where: CallFilter) -> int: ...

    async def listings(
        self, account_id: int, where: ListingFilter, limit: int, offset: int
    ) -> ListingPage: ...

    async def watched_calls(
        self, account_id: int, since: int, spam_since: int, most: int, caller: str | None
    ) -> Sequence[WatchedCall]:
        """The `most` newest calls from `since` on, and the spam from `spam_since` on.

        Of one caller or of all who showed a number; newest first, ms since 1970 UTC.
        """
        ...

    async def proofs(self, account_id: int, where: ProofFilter) -> Sequence[Proof]:
        """One of each call that has any: the strongest."""
        ...

    async def only_holder(self, account_id: int, where: ProofFilter) -> int:
        """Calls to pool numbers that one visit alone was shown in the attribution window."""
        ...

    async def channel_names(self, account_id: int) -> Sequence[str]:
        """Every channel that ever got credit or a visit, in alphabetical order."""
        ...

    async def tag_names(self, account_id: int) -> Sequence[str]:
        """Every tag that a call has, in alphabetical order."""
        ...

    async def visit(self, account_id: int, visit_id: str) -> "VisitRecord | None": ...

    async def flow(self, account_id: int, name: str, version: int) -> KeptFlow | None: ...

    async def sound(self, account_id: int, digest: str) -> bytes | None:
        """The WAV file."""
        ...

    async def tokens(self, account_id: int) -> Sequence[ValidToken]:
        """Of every kind, newest first."""
        ...

    async def recipients(self, account_id: int) -> Sequence[Recipient]:
        """As they stand now; the directory does not hear of every failure."""
        ...

    async def deliveries(
        self, account_id: int, where: DeliveryFilter, limit: int, offset: int
    ) -> DeliveryPage: ...

    async def delivery(self, account_id: int, delivery_id: str) -> Delivery | None: ...

    async def due_deliveries(self, at: int, each: int, limit: int) -> Sequence[Delivery]:
        """Of all accounts what is to be tried by `at` (ms since 1970 UTC).

        At most `each` of one recipient, and every recipient's oldest before anybody's second, so
        that those who are slow keep nobody waiting; what is being tried is among them.
        """
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """What a recipient is to be told: of a call as it is known now; of none when this is a test."""

    delivery: Delivery
    recipient: Recipient
    call: CallRecord | None


@dataclass(frozen=True, slots=True)
class Sent:
    """How a try went; without a `failure` the recipient has the notice.

    `code` is what HTTP or SMTP answered, `retry_after` the seconds he asked to be left alone.
    """

    code: int | None = None
    failure: Failure | None = None
    detail: str | None = None
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice as a person reads it; `unsubscribe` is the URL where he can have no more of them."""

    subject: str
    text: str
    html: str
    unsubscribe: str


class Sender(Protocol):
    async def __call__(self, notice: Notice) -> Sent:
        """Returns within the sender's own time-out, whatever happens outside."""
        ...


class Store(Reads, Protocol):
    """Durable storage. Commands of one shard group are written in batches, one transaction each."""

    @property
    def waiting(self) -> int:
        """How many commands were submitted and are not durable yet."""
        ...

    @property
    def away(self) -> bool:
        """Whether it cannot be written to or does not answer, as far as is known."""
        ...

    async def submit(self, command: Command[R]) -> R:
        """Write; when this returns the effect survives a crash. Raises StoreAwayError."""
        ...

    def alone(self, job: str) -> AbstractAsyncContextManager[bool]:
        """Entered with True by one at a time of the servers over the same data, who does the `job`.

        The others enter with False and look again later. A server that is gone, or has lost its
        database, is not waited for: what two of them do after one another must do no harm. Raises
        StoreAwayError on entering.
        """
        ...

    async def watch(
        self, changed: Callable[[], None], extension_shown: Callable[[str, int], None]
    ) -> None:
        """Calls `changed` when another server may have changed the configuration; never ends.

        Calls `extension_shown` with a pool number of which another server has shown an extension,
        and the moment, ms since 1970 UTC: not every time, but often enough to know whom to ask.
        """
        ...


@dataclass(frozen=True, slots=True)
class PageView:
    at: int
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class VisitRecord:
    """A visit with what happened in it, oldest first."""

    candidate: Candidate
    visitor_id: str
    site_key: str
    device: str
    number: str | None
    views: tuple[PageView, ...]
