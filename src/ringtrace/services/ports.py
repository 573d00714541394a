"""What the use-cases need from the outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ringtrace.domain.account import Account, TokenOwner, User
from ringtrace.domain.attribution import Attribution, Candidate
from ringtrace.domain.call import GatewayKind, Report
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.site import Site
from ringtrace.services.commands import Command

R = TypeVar("R")


class Clock(Protocol):
    def __call__(self) -> int:
        """Now, in ms since 1970 UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything a hit or a call is decided with; small enough to stay in memory."""

    accounts: tuple[Account, ...]
    sites: tuple[Site, ...]
    numbers: tuple[TrackingNumber, ...]
    tokens: tuple[tuple[str, TokenOwner], ...]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call as the console and the API show it; without a report it is still ringing."""

    gateway: GatewayKind
    call: str
    number: str
    caller: str | None
    started_at: int
    report: Report | None
    attribution: Attribution
    has_audio: bool
    contradictions: int


@dataclass(frozen=True, slots=True)
class CallPage:
    """Newest first; `total` counts all that match."""

    calls: tuple[CallRecord, ...]
    total: int


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Calls begun in [since, until), ms since 1970; `channel` is one that got credit."""

    since: int | None = None
    until: int | None = None
    channel: str | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """Expected calls of one channel: credits summed. `channel` None is what stays unknown.

    `visit_calls` are those of the calls that came from the `visits`, not from static numbers.
    """

    channel: str | None
    calls: float
    answered: float
    talk_seconds: float
    visits: int
    visit_calls: float


class Reads(Protocol):
    """The reading half of the store. Every method raises StoreAwayError when it cannot."""

    async def configuration(self) -> Configuration: ...

    async def user(self, login: str) -> User | None: ...

    async def candidates(self, account_id: int, number: str, at: int) -> Sequence[Candidate]:
        """Visits that were shown the number within the attribution window before `at`."""
        ...

    async def call(self, account_id: int, gateway: GatewayKind, call: str) -> CallRecord | None: ...

    async def calls(
        self, account_id: int, where: CallFilter, limit: int, offset: int
    ) -> CallPage: ...

    async def channels(self, account_id: int, where: CallFilter) -> Sequence[ChannelRow]: ...

    async def visit(self, account_id: int, visit_id: str) -> "VisitRecord | None": ...


class Store(Reads, Protocol):
    """Durable storage. Commands of one shard group are written in batches, one transaction each."""

    async def submit(self, command: Command[R]) -> R:
        """Write; when this returns the effect survives a crash. Raises StoreAwayError."""
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
