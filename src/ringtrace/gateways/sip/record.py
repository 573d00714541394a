"""What is known of one call; kept on disk while the call lives, reported when it has ended."""

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from ringtrace.domain.attempt import CANCELLED, Attempt, Result
from ringtrace.domain.call import Outcome, PlanSource, Reason, failure

_OK = 200


def new_call_id() -> str:
    """Thirty-two hex digits that sort by time: a version 7 UUID without its dashes."""
    milliseconds = time.time_ns() // 1_000_000
    noise = secrets.randbits(74)
    value = (
        milliseconds << 80 | 0x7 << 76 | (noise >> 62) << 64 | 0b10 << 62 | noise & (1 << 62) - 1
    )
    return f"{value:032x}"


class CallRecord(msgspec.Struct):
    """Moments are ms since 1970 UTC; `result` is `None` until the call has ended.

    `node` is the one that has the call, `flow` labels the plan that is followed. `attempts` are the
    legs so far, `digits` what the caller keyed when asked, `message_at` is when he began to leave
    a message, in the flow's voicemail `box`.
    """

    call: str
    session: str
    number: str
    caller: str | None
    started_at: int
    plan_source: PlanSource | None = None
    flow: str | None = None
    attempts: Sequence[Attempt] = ()
    digits: str | None = None
    message_at: int | None = None
    box: int | None = None
    result: Result | None = None
    node: str | None = None

    def failed(self, at: int, code: int) -> None:
        """It ended with `code` before there was a plan to follow."""
        outcome, reason = failure(code)
        self.result = self._result(at, outcome, reason, code)

    def abandoned(self, at: int) -> None:
        """The caller hung up before there was a plan to follow."""
        self.result = self._result(at, Outcome.ABANDONED, Reason.CALLER_DISCONNECTS, CANCELLED)

    def cut_off(self, at: int, code: int) -> None:
        """The node ended the call with `code`: what was reached by then stays reached."""
        self._cut(at, Reason.INTERNAL_ERROR, code)

    def lost(self, at: int) -> None:
        """The node died in the call, which it last saw `at`: as `cut_off`, and it is said why."""
        self._cut(at, Reason.GATEWAY_FAILURE, None)

    def _cut(self, at: int, reason: Reason, code: int | None) -> None:
        at = max([at, self.started_at, *map(_latest, self.attempts)])
        died = reason if reason is Reason.GATEWAY_FAILURE else None
        for attempt in self.attempts:
            if not attempt.is_over:
                attempt.ended_at = at
                attempt.reason = None if attempt.joined_at is not None else reason
        if any(attempt.joined_at is not None for attempt in self.attempts):
            self.result = self._result(at, Outcome.ANSWERED, died, _OK)
        elif self.message_at is not None:
            self.result = self._result(at, Outcome.VOICEMAIL, died, _OK)
        else:
            self.result = self._result(at, Outcome.FAILED, reason, code)

    def _result(self, at: int, outcome: Outcome, reason: Reason | None, code: int | None) -> Result:
        joined = next((one for one in self.attempts if one.joined_at is not None), None)
        decided = joined or (self.attempts[-1] if self.attempts else None)
        until = joined.joined_at if joined else self.message_at
        return Result(
            outcome=outcome,
            reason=reason,
            code=code,
            target=decided.target.to if decided else None,
            ring_seconds=((until or at) - self.started_at) / 1_000,
            talk_seconds=joined.leg().talk_seconds if joined else 0.0,
            legs=tuple(one.leg() for one in self.attempts),
            digits=self.digits,
            box=self.box,
        )


def _latest(attempt: Attempt) -> int:
    return attempt.joined_at or attempt.answered_at or attempt.began


class ReportedRecording(msgspec.Struct, frozen=True):
    seconds: float
    channels: int = 2
    url: None = None


class ReportedLeg(msgspec.Struct, frozen=True):
    target: str
    started_at: str
    ring_seconds: float
    talk_seconds: float
    code: int | None
    reason: Reason | None


class Report(msgspec.Struct, frozen=True):
    """Request 3 of docs/gateways.md."""

    number: str
    caller: str | None
    started_at: str
    outcome: Outcome
    reason: Reason | None
    code: int | None
    target: str | None
    ring_seconds: float
    talk_seconds: float
    legs: tuple[ReportedLeg, ...]
    recording: ReportedRecording | None
    session: str
    plan_source: PlanSource | None
    digits: str | None
    box: int | None
    node: str | None
    flow: str | None


def rfc3339(at: int) -> str:
    """`at` is ms since 1970 UTC."""
    moment = datetime.fromtimestamp(at / 1_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def report(record: CallRecord, recording_seconds: float | None) -> Report:
    """The report of an ended call; `recording_seconds` is `None` without a recording."""
    result = record.result
    if result is None:
        raise ValueError("the call has not ended")
    return Report(
        number=record.number,
        caller=record.caller,
        started_at=rfc3339(record.started_at),
        outcome=result.outcome,
        reason=result.reason,
        code=result.code,
        target=result.target,
        ring_seconds=result.ring_seconds,
        talk_seconds=result.talk_seconds,
        legs=tuple(
            ReportedLeg(
                leg.target,
                rfc3339(leg.started_at),
                leg.ring_seconds,
                leg.talk_seconds,
                leg.code,
                leg.reason,
            )
            for leg in result.legs
        ),
        recording=None if recording_seconds is None else ReportedRecording(recording_seconds),
        session=record.session,
        plan_source=record.plan_source,
        digits=result.digits,
        box=result.box,
        node=record.node,
        flow=record.flow,
    )
