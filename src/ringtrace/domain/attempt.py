"""Attempts to reach targets, and what they come to for the call as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ringtrace.domain.call import Leg, Outcome, Reason, failure
from ringtrace.domain.plan import HangUp, Target

NOBODY: Final = 480
"""The code of a call that no step took care of."""
CANCELLED: Final = 487
FULL: Final = 486
"""The code of a target that has as many calls as it takes."""


@dataclass(slots=True)
class Attempt:
    """A leg from its dialling on. Moments are ms since 1970 UTC."""

    target: Target
    began: int
    answered_at: int | None = None
    joined_at: int | None = None
    ended_at: int | None = None
    code: int | None = None
    reason: Reason | None = None

    @property
    def is_answered(self) -> bool:
        return self.answered_at is not None

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None

    def answer(self, at: int) -> None:
        self.answered_at, self.code = at, 200

    def join(self, at: int) -> None:
        self.joined_at = at

    def fail(self, at: int, code: int) -> None:
        """The network ended it; an attempt that we ended stays as it is."""
        if not self.is_over:
            self._end(at, failure(code)[1], code)

    def give_up(self, at: int) -> None:
        """It rang for too long, or whoever answered did not accept the call."""
        if self.answered_at is None:
            self._end(at, Reason.OPERATOR_NOT_RESPONSIVE, CANCELLED)
        else:
            self._end(at, Reason.NO_OPERATOR_CONFIRMATION, self.code)

    def lose(self, at: int) -> None:
        """Another target was faster."""
        self._end(at, Reason.ANSWERED_ELSEWHERE, self.code or CANCELLED)

    def leave(self, at: int) -> None:
        """The call is over."""
        reason = Reason.CALLER_DISCONNECTS if self.joined_at is None else None
        self._end(at, reason, self.code or CANCELLED)

    def _end(self, at: int, reason: Reason | None, code: int | None) -> None:
        self.ended_at, self.reason, self.code = at, reason, code

    def leg(self) -> Leg:
        """As the report tells it, once it is over."""
        end = self.ended_at or self.began
        return Leg(
            target=self.target.to,
            started_at=self.began,
            ring_seconds=((self.answered_at or end) - self.began) / 1_000,
            talk_seconds=0.0 if self.joined_at is None else (end - self.joined_at) / 1_000,
            code=self.code,
            reason=self.reason,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """How a call went, as its report says it. Lengths are seconds."""

    outcome: Outcome
    reason: Reason | None
    code: int | None
    target: str | None
    ring_seconds: float
    talk_seconds: float
    legs: tuple[Leg, ...]
    digits: str | None
    box: int | None = None


def result(
    attempts: Sequence[Attempt],
    *,
    began: int,
    now: int,
    caller_left: bool,
    message_at: int | None,
    ending: HangUp | None,
    digits: str | None,
    box: int | None = None,
) -> Result:
    """What a call comes to; `message_at` is when the caller began to leave a message in `box`.

    Without a talk, a message or a caller who left it is what the flow says that ended it, else
    the last attempt.
    """
    joined = next((one for one in attempts if one.joined_at is not None), None)
    last = attempts[-1] if attempts else None
    decided = joined or last
    outcome, reason, code = _verdict(joined, last, caller_left, message_at, ending)
    until = joined.joined_at if joined else message_at
    return Result(
        outcome=outcome,
        reason=reason,
        code=code,
        target=decided.target.to if decided else None,
        ring_seconds=((until or now) - began) / 1_000,
        talk_seconds=0.0 if joined is None else joined.leg().talk_seconds,
        legs=tuple(one.leg() for one in attempts),
        digits=digits,
        box=box,
    )


def _verdict(
    joined: Attempt | None,
    last: Attempt | None,
    caller_left: bool,
    message_at: int | None,
    ending: HangUp | None,
) -> tuple[Outcome, Reason | None, int | None]:
    if joined is not None:
        return Outcome.ANSWERED, None, joined.code
    if message_at is not None:
        return Outcome.VOICEMAIL, None, 200
    if caller_left:
        return Outcome.ABANDONED, Reason.CALLER_DISCONNECTS, CANCELLED
    return _failed(last) if ending is None else _decided(ending)


def _failed(last: Attempt | None) -> tuple[Outcome, Reason | None, int | None]:
    """Nobody was reached."""
    if last is None:
        return Outcome.MISSED, Reason.NO_ACTIVE_FLOW, NOBODY
    if last.reason is Reason.NO_OPERATOR_CONFIRMATION:
        return Outcome.MISSED, last.reason, NOBODY
    assert last.code is not None  # noqa: S101 - an attempt that is over has a code
    return (*failure(last.code), last.code)


def _decided(ending: HangUp) -> tuple[Outcome, Reason | None, int | None]:
    """That a flow had nothing for the call is not the same as that it turned the caller away."""
    reason = ending.reason or failure(ending.code)[1]
    is_missed = reason is Reason.NO_ACTIVE_FLOW
    return Outcome.MISSED if is_missed else Outcome.REJECTED, reason, ending.code
