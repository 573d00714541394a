"""Calls that must go the same way on every gateway: what is planned, done and expected."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from ringtrace.domain.call import Outcome, Reason
from ringtrace.domain.plan import Plan, Step

FOLDER: Final = Path(__file__).with_name("cases")
NUMBER: Final = "+12025550100"
"""The tracking number of every case."""

Presses = tuple[tuple[float, str], ...]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Acts(_Part, frozen=True):
    """What a target does; seconds after it was dialled, `talk` and `keys` after it answered.

    It `answers`, or fails with a SIP `code`, or rings for ever. Without `talk` it stays until the
    caller leaves. `calls` are those it has already.
    """

    to: str
    answers: float | None = None
    code: int | None = None
    after: float = 0.1
    talk: float | None = None
    keys: Presses = ()
    ignores_cancel: bool = False
    calls: int = 0


class ExpectedLeg(_Part, frozen=True):
    to: str
    reason: Reason | None = None


class Expectation(_Part, frozen=True):
    """Everything is compared, what is left out as well, but numbers only where they are given.

    `heard` is what the caller was played, in order, a target's own voice left out. `whispered`
    are the targets that were spoken to. In a `race` any of the legs may be the one that wins.
    Talk or message `lasts` so many seconds; a message is in voicemail `box`. `rejected_with` is
    what the caller got as an answer.
    """

    outcome: Outcome
    reason: Reason | None = None
    code: int | None = None
    target: str | None = None
    legs: tuple[ExpectedLeg, ...] = ()
    race: bool = False
    recorded: bool = False
    digits: str | None = None
    heard: tuple[str, ...] = ()
    whispered: tuple[str, ...] = ()
    lasts: float | None = None
    box: int = 0
    rejected_with: int | None = None


class Case(_Part, frozen=True):
    """One call. `keys` and `hangs_up` are the caller's, seconds after his call came.

    The backend answers keyed digits with `then`, without it not at all.
    """

    name: str
    steps: tuple[Step, ...]
    expect: Expectation
    max_seconds: float = 3600
    then: tuple[Step, ...] | None = None
    then_max_seconds: float = 3600
    keys: Presses = ()
    hangs_up: float | None = None
    party: tuple[Acts, ...] = ()
    subject: str = ""

    @property
    def id(self) -> str:
        return f"{self.subject}: {self.name}"

    @property
    def plan(self) -> Plan:
        return Plan(NUMBER, self.steps, self.max_seconds, cacheable=False)

    def has_room(self, target: str, most_calls: int | None) -> bool:
        """What the backend says when a gateway asks before it rings."""
        calls = next((acts.calls for acts in self.party if acts.to == target), 0)
        return most_calls is None or calls < most_calls

    @property
    def plan_for_digits(self) -> Plan | None:
        if self.then is None:
            return None
        return Plan(NUMBER, self.then, self.then_max_seconds, cacheable=False)


class _File(_Part, frozen=True):
    case: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a gateway made of a case.

    `connected` are the targets that heard the caller and were heard by him, `left_over` those that
    rang or talked on when they should have been dropped. `lasts` is the talk or
    the message, in the case's seconds. `is_answered` is whether the caller's call was, by a target
    or by the gateway itself; `rejected_with` is None if so.
    """

    outcome: str
    reason: str | None
    code: int | None
    target: str | None
    legs: tuple[tuple[str, str | None], ...]
    recorded: bool
    digits: str | None
    heard: tuple[str, ...]
    whispered: tuple[str, ...]
    connected: tuple[str, ...]
    left_over: tuple[str, ...]
    lasts: float
    box: int | None
    is_answered: bool
    rejected_with: int | None


@cache
def cases() -> Sequence[Case]:
    """All of them, in the order of the files' names."""
    return [
        msgspec.structs.replace(case, subject=path.stem)
        for path in sorted(FOLDER.glob("*.toml"))
        for case in msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File).case
    ]


def differences(expect: Expectation, seen: Seen, *, tolerance: float) -> list[str]:
    """One line for each; empty when all is as expected, lengths to `tolerance` seconds."""
    found = list(_differences(expect, seen))
    if expect.lasts is not None and abs(seen.lasts - expect.lasts) > tolerance:
        found.append(f"lasts: {seen.lasts:.1f} s, expected {expect.lasts:.1f}")
    return found


def _differences(expect: Expectation, seen: Seen) -> Iterator[str]:
    legs: Sequence[tuple[str, str | None]] = [(leg.to, leg.reason) for leg in expect.legs]
    target, seen_legs = expect.target, seen.legs
    if expect.race:
        # Who wins is left open; that exactly one does, and is told as the target, is not.
        target = next((to for to, reason in seen.legs if reason is None), None)
        legs, seen_legs = _losers_first(legs), tuple(_losers_first(seen.legs))
    is_answered = expect.outcome is Outcome.ANSWERED
    pairs: dict[str, tuple[object, object]] = {
        "outcome": (expect.outcome, seen.outcome),
        "reason": (expect.reason, seen.reason),
        "target": (target, seen.target),
        "recorded": (expect.recorded, seen.recorded),
        "digits": (expect.digits, seen.digits),
        "box": (expect.box if expect.outcome is Outcome.VOICEMAIL else None, seen.box),
        "heard": (expect.heard, seen.heard),
        "whispered": (sorted(expect.whispered), sorted(seen.whispered)),
        "connected": ((target,) if is_answered else (), seen.connected),
        "left_over": ((), seen.left_over),
        "answered": (is_answered or bool(expect.heard), seen.is_answered),
        "legs": (_reasons(legs, race=expect.race), _reasons(seen_legs, race=expect.race)),
    }
    if expect.code is not None:
        pairs["code"] = (expect.code, seen.code)
    if expect.rejected_with is not None:
        pairs["rejected_with"] = (expect.rejected_with, seen.rejected_with)
    for field, (wanted, got) in pairs.items():
        if wanted != got:
            yield f"{field}: {_plain(got)}, expected {_plain(wanted)}"


def _losers_first(legs: Sequence[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    return sorted(legs, key=lambda leg: leg[1] or "~")


def _reasons(legs: Sequence[tuple[str, str | None]], *, race: bool) -> list[str]:
    return [str(reason) if race else f"{to} {reason}" for to, reason in legs]


def _plain(value: object) -> str:
    return repr(str(value) if isinstance(value, str) else value)
