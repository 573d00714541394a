"""Flows (what is to happen to calls of a number) and plans (a flow resolved for one call)."""

import re
from dataclasses import dataclass

from ringtrace.domain.prompt import Prompt

DEFAULT_RING_SECONDS = 25
DEFAULT_MAX_SECONDS = 2 * 60 * 60


_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SIP_URI = re.compile(r"sip:[^\s<>\"@;?]+@[A-Za-z0-9.-]+(:[0-9]{1,5})?(;[^\s<>\"]*)?")


def is_phone(text: str) -> bool:
    """Whether `text` is an E.164 number."""
    return _E164.fullmatch(text) is not None


def is_target(text: str) -> bool:
    """Whether every gateway can dial `text`: an E.164 number or `sip:user@host`."""
    return is_phone(text) or _SIP_URI.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call is forwarded: an E.164 number or a `sip:` URI."""

    to: str
    ring_seconds: int = DEFAULT_RING_SECONDS


@dataclass(frozen=True, slots=True)
class Flow:
    """Ring the targets one after another."""

    targets: tuple[Target, ...]
    record: bool = True
    max_seconds: int = DEFAULT_MAX_SECONDS


@dataclass(frozen=True, slots=True)
class Collect:
    """Answer, ask with `prompt`, wait `seconds` for so many `digits`; without them go on."""

    digits: int
    seconds: int
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Dial:
    targets: tuple[Target, ...]
    caller_id: str
    record: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a gateway is to do with one call.

    A `cacheable` plan says nothing of the caller or of a visitor, so a gateway may use it for
    later calls of the number while the backend is away.
    """

    number: str
    steps: tuple[Collect | Dial, ...]
    max_seconds: int
    cacheable: bool


def resolve(flow: Flow, number: str, ask: Collect | None = None) -> Plan:
    """The plan of a call to `number` (E.164). The target sees the tracking number as caller id.

    With `ask` the caller is asked for digits first.
    """
    dial = Dial(targets=flow.targets, caller_id=number, record=flow.record)
    steps = (dial,) if ask is None else (ask, dial)
    return Plan(number=number, steps=steps, max_seconds=flow.max_seconds, cacheable=True)
