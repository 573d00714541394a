"""How far calls get in a flow: what they never reach, and what they reach too late or never."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ringtrace.domain.fault import Fault, Severity
from ringtrace.domain.flow import (
    Announce,
    Branch,
    Collect,
    Dial,
    Flow,
    HangUp,
    How,
    Menu,
    Step,
    Voicemail,
    children,
    places_of,
)
from ringtrace.domain.line import ACCEPT_SECONDS
from ringtrace.domain.prompt import Prompt

UNANSWERED_SECONDS: Final = 55
"""Voximplant ends a call that is not answered for 60 s; what comes before and after takes some."""


def unreachable(flow: Flow) -> Iterator[Fault]:
    """Steps behind one that ends every call."""
    yield from _behind_an_end("step", flow.step)
    for place in places_of(flow.step):
        for name, steps in children(place.step).items():
            yield from _behind_an_end(f"{place.path}.{name}", steps)


def _behind_an_end(path: str, steps: Sequence[Step]) -> Iterator[Fault]:
    end = next((i for i, step in enumerate(steps) if _ends(step)), len(steps))
    if end + 1 < len(steps):
        yield Fault(f"{path}[{end + 1}]", f"it is never reached: {path}[{end}] ends the call")


def _ends(step: Step) -> bool:
    if isinstance(step, Voicemail | HangUp):
        return True
    lists = children(step).values()
    return bool(lists) and all(any(map(_ends, steps)) for steps in lists)


def idle(flow: Flow) -> Iterator[Fault]:
    """That a call can end without anything having been done for the caller."""
    path = _idle("step", flow.step)
    if path is not None:
        message = "a call that comes this way ends without anybody rung, a message or a word"
        yield Fault(path, message, Severity.WARNING)


def _idle(path: str, steps: Sequence[Step]) -> str | None:
    """Where a call gets to the end of `steps` with nothing done; None: nowhere."""
    where: str | None = path
    for i, step in enumerate(steps):
        if isinstance(step, Branch | Menu):
            lists = children(step).items()
            ways = (_idle(f"{path}[{i}].{name}", below) for name, below in lists)
            where = next((way for way in ways if way is not None), None)
        elif not isinstance(step, Collect) and not _may_vanish(step):
            where = None
        if where is None:
            return None
    return where


def _may_vanish(step: Step) -> bool:
    return isinstance(step, Dial) and all(target.hours is not None for target in step.full_targets)


def too_long(flow: Flow, most: float = UNANSWERED_SECONDS) -> Iterator[Fault]:
    """Ringing for longer than `most` seconds before anything has answered the caller.

    That whoever answered does not accept the call until the last moment is only warned of. A
    question for an extension does not count as an answer, as most calls are not asked.
    """
    yielded = list(_Waiting(_ring_seconds, most, Severity.ERROR).faults(flow))
    yield from yielded or _Waiting(_held_seconds, most, Severity.WARNING).faults(flow)


def _ring_seconds(dial: Dial) -> float:
    rings = [target.ring_seconds for target in dial.full_targets]
    return max(rings, default=0) if dial.how is How.AT_ONCE else sum(rings)


def _held_seconds(dial: Dial) -> float:
    """With the time in which those who answer hear the whisper and may accept."""
    whisper = 0.0 if dial.whisper is None else Prompt(dial.whisper, "").about_seconds
    if dial.accept is None:
        return _ring_seconds(dial) + whisper
    times = 1 if dial.how is How.AT_ONCE else len(dial.targets)
    return _ring_seconds(dial) + (whisper + ACCEPT_SECONDS) * times


@dataclass(frozen=True, slots=True)
class _Unanswered:
    """A caller has waited for so many seconds, in the dial steps at `paths`."""

    seconds: float = 0.0
    paths: tuple[str, ...] = ()


class _Waiting:
    def __init__(
        self, seconds_of: Callable[[Dial], float], most: float, severity: Severity
    ) -> None:
        self._seconds_of = seconds_of
        self._most = most
        self._severity = severity
        self._found: list[Fault] = []

    def faults(self, flow: Flow) -> Sequence[Fault]:
        self._after("step", flow.step, _Unanswered())
        return self._found

    def _after(self, path: str, steps: Sequence[Step], so_far: _Unanswered) -> _Unanswered | None:
        """The longest wait with which a call comes to the end of `steps`; None: none does."""
        longest: _Unanswered | None = so_far
        for i, step in enumerate(steps):
            if longest is None:
                return None
            longest = self._after_step(f"{path}[{i}]", step, longest)
        return longest

    def _after_step(self, path: str, step: Step, so_far: _Unanswered) -> _Unanswered | None:
        if isinstance(step, Announce | Menu | Voicemail | HangUp):
            return None
        if isinstance(step, Branch):
            ways = [
                self._after(f"{path}.{name}", steps, so_far)
                for name, steps in children(step).items()
            ]
            left = [way for way in ways if way is not None]
            return max(left, key=lambda way: way.seconds, default=None)
        if isinstance(step, Dial):
            return self._after_dial(path, step, so_far)
        return so_far

    def _after_dial(self, path: str, dial: Dial, so_far: _Unanswered) -> _Unanswered:
        now = _Unanswered(so_far.seconds + self._seconds_of(dial), (*so_far.paths, path))
        if now.seconds > self._most >= so_far.seconds:
            message = (
                f"nothing has answered the caller after {now.seconds:.0f} s of "
                f"{', '.join(now.paths)}; Voximplant gives him up after {self._most:.0f}"
                " (an announcement before it would answer him)"
            )
            self._found.append(Fault(path, message, self._severity))
        return now
