"""What the processes of one server tell each other, so that any of them may answer what comes next.

A browser, a gateway and a caller who keys digits come to whichever process is free. What one of
them has learnt since is told to the others within a few milliseconds, in memory alone: nobody waits
for it, and what gets lost is lost like in a restart. What must be counted once for all (calls of a
target, tries to sign in) is asked of the process that keeps them running, and counted by oneself
when that does not answer in time.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.screening import Finding, PastCall
from ringtrace.services.figures import Family

SEED_BYTES: Final = 32

CallKey: TypeAlias = tuple[int, GatewayKind, str]
"""Account, gateway, call."""


class _Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    pass


class CallsSeen(_Message, frozen=True):
    """Calls of a caller; `anew`: all that are known of him, in place of what was."""

    account_id: int
    caller: str
    calls: list[tuple[CallKey, PastCall]]
    anew: bool = False


class RuleActed(_Message, frozen=True):
    call: CallKey
    finding: Finding


class CallerAsked(_Message, frozen=True):
    """The caller of a call was asked to key an extension; the rest is as it arrived."""

    owner: TokenOwner
    call: str
    number: str
    caller: str | None
    started_at: int


class TurnTaken(_Message, frozen=True):
    """So many calls have taken turns at the targets of a flow, or of a number without one."""

    account_id: int
    flow: str
    count: int


class GatewaysHeard(_Message, frozen=True):
    """When each spoke last, ms since 1970 UTC."""

    signs: list[tuple[TokenOwner, int]]


class HitsTaken(_Message, frozen=True):
    """Page views that were let through, by pseudonym of the sender and by key of the site."""

    addresses: dict[bytes, float]
    sites: dict[str, float]


class Joined(_Message, frozen=True):
    """A process has come to the others and knows nothing of theirs."""


News: TypeAlias = (
    CallsSeen | RuleActed | CallerAsked | TurnTaken | GatewaysHeard | HitsTaken | Joined
)


class Ring(_Message, frozen=True):
    """Asks whether a leg may ring a target: `services.occupy_target`. Answered by a bool."""

    owner: TokenOwner
    call: str
    leg: int
    target: str
    most: int | None


class LegOver(_Message, frozen=True):
    owner: TokenOwner
    call: str
    leg: int


class CallOver(_Message, frozen=True):
    owner: TokenOwner
    call: str


class SignInTried(_Message, frozen=True):
    """Asks for the ms to wait before the next try: `web.console.throttle`. Answered by an int."""

    address: str
    login: str


class SignedIn(_Message, frozen=True):
    address: str
    login: str


class ConfigurationChanged(_Message, frozen=True):
    """Asks all others to read it. Answered by True when they have, or have had time to."""


class Sum(_Message, frozen=True):
    """Asks for the figures of all processes; `own` are those of who asks."""

    own: list[Family]


Question: TypeAlias = (
    Ring | LegOver | CallOver | SignInTried | SignedIn | ConfigurationChanged | Sum
)


@dataclass(frozen=True, slots=True)
class Ears:
    """Who hears which news, what reads the configuration anew, and what tells one's figures."""

    news: Mapping[type[News], Callable[[Any], None]]
    reload: Callable[[], Awaitable[None]]
    figures: Callable[[], list[Family]]


@dataclass(frozen=True, slots=True)
class Crew:
    """How many processes answer now, of how many that there should be."""

    running: int
    wanted: int


class Neighbours(Protocol):
    """What one process has to do with the others."""

    @property
    def seed(self) -> bytes:
        """All have the same, of this start of the server alone."""
        ...

    @property
    def crew(self) -> Crew | None:
        """None: there are no others by design."""
        ...

    def listen(self, ears: Ears) -> None:
        """To what others tell, from now on."""
        ...

    def tell(self, news: News) -> None:
        """Everybody else, soon. Returns at once."""
        ...

    def post(self, question: Question) -> None:
        """As `ask`, without an interest in the answer. Returns at once."""
        ...

    async def ask(self, question: Question, seconds: float) -> Any:
        """None: nobody answered within `seconds`, or there is nobody to ask."""
        ...


class NoNeighbour:
    crew: Crew | None = None

    def __init__(self) -> None:
        self.seed = secrets.token_bytes(SEED_BYTES)

    def listen(self, ears: Ears) -> None:
        pass

    def tell(self, news: News) -> None:
        pass

    def post(self, question: Question) -> None:
        pass

    async def ask(
        self,
        question: Question,  # noqa: ARG002 - there is nobody to ask
        seconds: float,  # noqa: ARG002 - nor to wait for
    ) -> Any:
        return None


NOBODY: Final[Neighbours] = NoNeighbour()
"""The neighbours of a process that is the whole server."""
