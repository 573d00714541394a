"""The plan: what the backend tells a gateway to do with one call."""

import re

import msgspec

from ringtrace.domain.flow import is_target

RING_SECONDS = 300  # the most: an INVITE lives no longer
_DIGITS = 20
_ENTRY_SECONDS = 60
_CALLER_ID = re.compile(r"\+?[0-9A-Za-z*#._-]{1,32}")


class PlanInvalidError(ValueError):
    """The backend's answer is not a plan this node can follow."""


class Target(msgspec.Struct, frozen=True):
    """A number (E.164) or `sip:` URI, and for how long it rings."""

    to: str
    ring_seconds: float

    def __post_init__(self) -> None:
        if not is_target(self.to):
            raise ValueError("to: must be +E.164 or sip:user@host")
        if not 1 <= self.ring_seconds <= RING_SECONDS:
            raise ValueError(f"ring_seconds: must be 1 to {RING_SECONDS}")


class Dial(msgspec.Struct, frozen=True, tag_field="do", tag="dial"):
    """Ring `targets` one after another until one answers; they see `caller_id`."""

    targets: tuple[Target, ...]
    caller_id: str
    record: bool = False

    def __post_init__(self) -> None:
        if not _CALLER_ID.fullmatch(self.caller_id):
            raise ValueError("caller_id: must be a telephone number")


class Collect(msgspec.Struct, frozen=True, tag_field="do", tag="collect"):
    """Answer, ask for up to `digits` keys with `prompt`, wait `seconds` for each of them."""

    digits: int
    seconds: float
    prompt: str
    language: str

    def __post_init__(self) -> None:
        if not 1 <= self.digits <= _DIGITS:
            raise ValueError(f"digits: must be 1 to {_DIGITS}")
        if not 1 <= self.seconds <= _ENTRY_SECONDS:
            raise ValueError(f"seconds: must be 1 to {_ENTRY_SECONDS}")


class Plan(msgspec.Struct, frozen=True):
    """`cacheable` plans say nothing of a caller and may serve the number while the backend is away.

    `max_seconds` bounds the talk time.
    """

    number: str
    steps: tuple[Collect | Dial, ...]
    max_seconds: float
    cacheable: bool = False

    def __post_init__(self) -> None:
        if self.max_seconds <= 0:
            raise ValueError("max_seconds: must be positive")
        if any(isinstance(step, Collect) for step in self.steps[1:]):
            raise ValueError("steps: collect must be the first")

    @property
    def collect(self) -> Collect | None:
        first = self.steps[0] if self.steps else None
        return first if isinstance(first, Collect) else None

    @property
    def dials(self) -> tuple[Dial, ...]:
        return tuple(step for step in self.steps if isinstance(step, Dial))


def parse_plan(document: bytes) -> Plan:
    """Raises `PlanInvalidError` naming the field."""
    try:
        return msgspec.json.decode(document, type=Plan)
    except msgspec.MsgspecError as error:
        raise PlanInvalidError(str(error)) from None


def fallback_plan(number: str, target: str, ring_seconds: float) -> Plan:
    """The node's own plan: no recording, as nobody said that this number's callers consent."""
    dial = Dial(targets=(Target(target, ring_seconds),), caller_id=number)
    return Plan(number=number, steps=(dial,), max_seconds=7200)
