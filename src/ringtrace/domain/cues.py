"""The words between a gateway and the Conduct of a call: what happened, and what to do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from ringtrace.domain.plan import Plan, Target
from ringtrace.domain.prompt import Prompt

CALLER: Final = 0
"""The party that called; the legs are 1, 2, 3, … in the order in which they are dialled."""


class Tone(StrEnum):
    RINGBACK = "ringback"
    BUSY = "busy"
    BEEP = "beep"


@dataclass(frozen=True, slots=True)
class Key:
    """A party pressed `digit`: 0-9, * or #."""

    party: int
    digit: str


@dataclass(frozen=True, slots=True)
class Played:
    """A prompt or a beep that was played to a party is over; one that was stopped never is."""

    party: int


@dataclass(frozen=True, slots=True)
class Ringing:
    leg: int


@dataclass(frozen=True, slots=True)
class Answered:
    leg: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A leg that nobody answered ended with a final SIP code."""

    leg: int
    code: int


@dataclass(frozen=True, slots=True)
class HungUp:
    party: int


@dataclass(frozen=True, slots=True)
class Expired:
    timer: str


@dataclass(frozen=True, slots=True)
class Replied:
    """What the backend says of the digits; None: it does not answer."""

    plan: Plan | None


Event: TypeAlias = Key | Played | Ringing | Answered | Failed | HungUp | Expired | Replied


def leg_of(event: Event) -> int:
    """The leg that an event is about; CALLER where it is about none."""
    if isinstance(event, Expired):
        _, _, leg = event.timer.partition(" ")
        return int(leg or CALLER)
    if isinstance(event, Key | Played | HungUp):
        return event.party
    return CALLER if isinstance(event, Replied) else event.leg


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the caller."""


@dataclass(frozen=True, slots=True)
class Play:
    party: int
    sound: Prompt | Tone


@dataclass(frozen=True, slots=True)
class Silence:
    """Stop what is played to a party."""

    party: int


@dataclass(frozen=True, slots=True)
class Call:
    leg: int
    target: Target
    caller_id: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Cancel or hang up a leg."""

    leg: int


@dataclass(frozen=True, slots=True)
class Join:
    """Let caller and leg hear each other, and nothing else; `record` both from now on."""

    leg: int
    record: bool


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller alone from now on."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the backend what the keyed digits lead to."""

    digits: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Tell of `timer` in so many seconds, unless it is set anew or cleared."""

    timer: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ClearTimer:
    timer: str


@dataclass(frozen=True, slots=True)
class End:
    """Hang the caller up, or reject him with `code` if he was never answered."""

    code: int


Action: TypeAlias = (
    Answer | Play | Silence | Call | Drop | Join | Record | Ask | SetTimer | ClearTimer | End
)
