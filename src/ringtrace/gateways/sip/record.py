"""What is known of one call; kept on disk while the call lives, reported when it has ended."""

import secrets
import time
from datetime import UTC, datetime

import msgspec

from ringtrace.domain.call import Outcome, PlanSource, Reason, failure

_OK = 200
_CANCELLED = 487


def new_call_id() -> str:
    """Thirty-two hex digits that sort by time: a version 7 UUID without its dashes."""
    milliseconds = time.time_ns() // 1_000_000
    noise = secrets.randbits(74)
    value = (
        milliseconds << 80 | 0x7 << 76 | (noise >> 62) << 64 | 0b10 << 62 | noise & (1 << 62) - 1
    )
    return f"{value:032x}"


class LegRecord(msgspec.Struct):
    """One target that was rung. Times are epoch seconds; `code` is its final SIP code."""

    target: str
    started_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    code: int | None = None


class CallRecord(msgspec.Struct):
    """Times are epoch seconds; `outcome` is `None` until the call has ended.

    `digits` is what the caller keyed when asked, "" for nothing.
    """

    call: str
    session: str
    number: str
    caller: str | None
    started_at: float
    plan_source: PlanSource | None = None
    digits: str = ""
    legs: list[LegRecord] = []
    answered_at: float | None = None
    ended_at: float | None = None
    outcome: Outcome | None = None
    reason: Reason | None = None
    code: int | None = None

    def answered(self, at: float) -> None:
        self.answered_at = self.legs[-1].answered_at = at
        self.legs[-1].code = _OK

    def ended(self, at: float, code: int | None) -> None:
        """The node or the network ended the call; `code` decides when nobody had answered."""
        self.ended_at = at
        if self.answered_at is not None:
            self.outcome, self.reason, self.code = Outcome.ANSWERED, None, _OK
        elif code is None:
            self.outcome, self.reason, self.code = Outcome.FAILED, Reason.INTERNAL_ERROR, None
        else:
            self.outcome, self.reason = failure(code)
            self.code = code
        self._close_leg(at, code)

    def abandoned(self, at: float) -> None:
        """The caller hung up before an answer."""
        self.ended_at = at
        self.outcome, self.reason = Outcome.ABANDONED, Reason.CALLER_DISCONNECTS
        self.code = _CANCELLED
        self._close_leg(at, _CANCELLED)

    def interrupted(self, last_alive: float) -> None:
        """The node died in the call: an answered call stays answered up to `last_alive`."""
        latest = max((leg.started_at for leg in self.legs), default=self.started_at)
        self.ended(max(last_alive, self.answered_at or latest), None)

    def _close_leg(self, at: float, code: int | None) -> None:
        if not self.legs or self.legs[-1].ended_at is not None:
            return
        self.legs[-1].ended_at = at
        if self.legs[-1].code is None:
            self.legs[-1].code = code


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
    """Request 2 of docs/gateways.md."""

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


def rfc3339(epoch: float) -> str:
    moment = datetime.fromtimestamp(epoch, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def report(record: CallRecord, recording_seconds: float | None) -> Report:
    """The report of an ended call; `recording_seconds` is `None` without a recording."""
    if record.outcome is None or record.ended_at is None:
        raise ValueError("the call has not ended")
    ring, talk = _durations(record.started_at, record.answered_at, record.ended_at)
    recording = None if recording_seconds is None else ReportedRecording(recording_seconds)
    return Report(
        number=record.number,
        caller=record.caller,
        started_at=rfc3339(record.started_at),
        outcome=record.outcome,
        reason=record.reason,
        code=record.code,
        target=record.legs[-1].target if record.legs else None,
        ring_seconds=ring,
        talk_seconds=talk,
        legs=tuple(_reported_leg(leg, record.ended_at) for leg in record.legs),
        recording=recording,
        session=record.session,
        plan_source=record.plan_source,
        digits=record.digits or None,
    )


def _reported_leg(leg: LegRecord, call_ended_at: float) -> ReportedLeg:
    ring, talk = _durations(leg.started_at, leg.answered_at, leg.ended_at or call_ended_at)
    reason = None if leg.answered_at is not None else Reason.INTERNAL_ERROR
    if leg.answered_at is None and leg.code is not None:
        reason = failure(leg.code)[1]
    return ReportedLeg(leg.target, rfc3339(leg.started_at), ring, talk, leg.code, reason)


def _durations(start: float, answer: float | None, end: float) -> tuple[float, float]:
    if answer is None:
        return round(max(0.0, end - start), 3), 0.0
    return round(max(0.0, answer - start), 3), round(max(0.0, end - answer), 3)
