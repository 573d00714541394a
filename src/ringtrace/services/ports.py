"""What the use-cases need from the outside."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from ringtrace.domain.account import User
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.notice import Delivery, Recipient
from ringtrace.domain.past import Past
from ringtrace.domain.proof import Proof
from ringtrace.services.call_records import (
    CallerHistory,
    CallFilter,
    CallPage,
    CallRecord,
    ChannelRow,
    Evidence,
    KeptReport,
    ProofFilter,
    SiteHistory,
    VisitRecord,
)
from ringtrace.services.commands import Command
from ringtrace.services.notice_records import DeliveryFilter, DeliveryPage
from ringtrace.services.setup_records import Configuration, KeptFlow, ValidToken
from ringtrace.services.spam_records import (
    CallsFrom,
    ListingFilter,
    ListingPage,
    WatchedCall,
)

R = TypeVar("R")


class Clock(Protocol):
    def __call__(self) -> int:
        """Now, in ms since 1970 UTC."""
        ...


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

    async def calls_from(self, account_id: int, beginning: str, since: int) -> CallsFrom:
        """Of callers whose E.164 numbers have the `beginning`, from `since` on (ms since 1970)."""
        ...

    async def proofs(self, account_id: int, where: ProofFilter) -> Sequence[Proof]:
        """One of each call that has any: the strongest."""
        ...

    async def complete_since(self, account_id: int) -> int:
        """Visits, hits and exposures from this moment (ms since 1970 UTC) on are all in the store.

        0: none has ever left.
        """
        ...

    async def only_holder(self, account_id: int, where: ProofFilter) -> int:
        """Calls to pool numbers that one visit alone was shown in the attribution window."""
        ...

    async def channel_names(self, account_id: int) -> Sequence[str]:
        """Every channel that a call is credited to, in alphabetical order."""
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
