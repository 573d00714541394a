"""A call: what happened to it, and how several reports of it become one truth."""

from dataclasses import dataclass, fields, replace
from enum import StrEnum


class GatewayKind(StrEnum):
    VOXIMPLANT = "voximplant"
    SIP = "sip"


class Outcome(StrEnum):
    ANSWERED = "answered"
    MISSED = "missed"
    ABANDONED = "abandoned"
    BUSY = "busy"
    FAILED = "failed"
    REJECTED = "rejected"
    VOICEMAIL = "voicemail"


class Reason(StrEnum):
    """Why a call was not answered; the raw SIP or Q.850 code is kept beside it.

    `gateway_failure` also says why a talk was cut off. `never_reported`: its gateway has not said
    how the call ended, and it cannot go on any more.
    """

    NUMBER_UNKNOWN = "number_unknown"
    CALLER_DISCONNECTS = "caller_disconnects"
    OPERATOR_BUSY = "operator_busy"
    OPERATOR_NOT_RESPONSIVE = "operator_not_responsive"
    OPERATOR_DISCONNECTS = "operator_disconnects"
    OPERATOR_NUMBER_PROBLEMS = "operator_number_problems"
    OPERATOR_CHANNELS_BUSY = "operator_channels_busy"
    NOT_ENOUGH_MONEY = "not_enough_money"
    LIMIT_EXCEEDED = "limit_exceeded"
    INTERNAL_ERROR = "internal_error"
    NO_OPERATOR_CONFIRMATION = "no_operator_confirmation"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    NO_ACTIVE_FLOW = "no_active_flow"
    BLACKLISTED = "blacklisted"
    SPAM_LIST = "spam_list"
    TOO_MANY_IDENTICAL_INCOMING_CALLS = "too_many_identical_incoming_calls"
    GATEWAY_FAILURE = "gateway_failure"
    NEVER_REPORTED = "never_reported"


class PlanSource(StrEnum):
    """Where the gateway took the plan from."""

    BACKEND = "backend"
    CACHE = "cache"
    FALLBACK = "fallback"


_FAILURES: dict[int, tuple[Outcome, Reason]] = {
    486: (Outcome.BUSY, Reason.OPERATOR_BUSY),
    600: (Outcome.BUSY, Reason.OPERATOR_BUSY),
    408: (Outcome.MISSED, Reason.OPERATOR_NOT_RESPONSIVE),
    480: (Outcome.MISSED, Reason.OPERATOR_NOT_RESPONSIVE),
    487: (Outcome.MISSED, Reason.OPERATOR_NOT_RESPONSIVE),
    603: (Outcome.REJECTED, Reason.OPERATOR_DISCONNECTS),
    607: (Outcome.REJECTED, Reason.OPERATOR_DISCONNECTS),
    404: (Outcome.FAILED, Reason.OPERATOR_NUMBER_PROBLEMS),
    410: (Outcome.FAILED, Reason.OPERATOR_NUMBER_PROBLEMS),
    484: (Outcome.FAILED, Reason.OPERATOR_NUMBER_PROBLEMS),
    604: (Outcome.FAILED, Reason.OPERATOR_NUMBER_PROBLEMS),
    503: (Outcome.FAILED, Reason.OPERATOR_CHANNELS_BUSY),
    402: (Outcome.FAILED, Reason.NOT_ENOUGH_MONEY),
    403: (Outcome.FAILED, Reason.LIMIT_EXCEEDED),
}


def failure(code: int) -> tuple[Outcome, Reason]:
    """Outcome and reason of a leg that ended with a final SIP `code` (300 to 699)."""
    return _FAILURES.get(code, (Outcome.FAILED, Reason.INTERNAL_ERROR))


@dataclass(frozen=True, slots=True)
class Leg:
    """One attempt to reach one target. Times are ms since 1970 UTC, lengths are seconds."""

    target: str
    started_at: int
    ring_seconds: float
    talk_seconds: float
    code: int | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Recording:
    """Audio of a call: at the platform's `url`, or (no url) uploaded by the gateway."""

    url: str | None
    seconds: float | None
    channels: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a gateway says of a finished call. Times are ms since 1970 UTC, lengths are seconds.

    `digits` are what the caller keyed when he was asked for an extension, `box` is which of the
    flow's voicemails (counted from 0) has his message. `node` is the gateway's process or machine
    that had the call, where it has several. `flow` is the name and version of the flow whose plan
    was followed.
    """

    number: str
    caller: str | None
    started_at: int
    outcome: Outcome
    reason: Reason | None
    code: int | None
    target: str | None
    ring_seconds: float | None
    talk_seconds: float | None
    legs: tuple[Leg, ...]
    recording: Recording | None
    session: str | None
    plan_source: PlanSource | None
    digits: str | None = None
    box: int | None = None
    node: str | None = None
    flow: str | None = None


class MergeResult(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CONTRADICTS = "contradicts"


def merge(known: Report | None, report: Report) -> tuple[MergeResult, Report]:
    """Fold a later `report` of a call into what is `known` of it.

    A report completes: it fills what was absent, and an answered call may replace one believed
    unanswered (a gateway that died wrote the call off, then the platform's history knew better).
    It never un-answers a call and never changes a fact: that is a contradiction and `known` stays.
    What was presumed of a call that nobody reported gives way to any report of it.
    """
    if known is None:
        return MergeResult.CREATED, report
    if report == known or is_presumed(report):
        return MergeResult.UNCHANGED, known
    if is_presumed(known):
        # An arrival may know the moment less exactly, so that may differ.
        same = known.number == report.number
        return (MergeResult.UPDATED, report) if same else (MergeResult.CONTRADICTS, known)
    return _folded(known, report)


def _folded(known: Report, report: Report) -> tuple[MergeResult, Report]:
    if (known.number, known.started_at) != (report.number, report.started_at):
        return MergeResult.CONTRADICTS, known
    if report.outcome is Outcome.ANSWERED and known.outcome is not Outcome.ANSWERED:
        # What the wrong belief says of the outcome does not hold; who called does.
        belief = replace(
            known,
            reason=None,
            code=None,
            target=None,
            ring_seconds=None,
            talk_seconds=None,
            legs=(),
        )
        return MergeResult.UPDATED, _filled(report, belief)
    if _disagree(known, report):
        return MergeResult.CONTRADICTS, known
    merged = _filled(known, report)
    return (MergeResult.UNCHANGED if merged == known else MergeResult.UPDATED), merged


def presumed(number: str, caller: str | None, started_at: int) -> Report:
    """Of a call whose gateway has not said how it ended: nobody knows, so it counts as failed."""
    return Report(
        number=number,
        caller=caller,
        started_at=started_at,
        outcome=Outcome.FAILED,
        reason=Reason.NEVER_REPORTED,
        code=None,
        target=None,
        ring_seconds=None,
        talk_seconds=None,
        legs=(),
        recording=None,
        session=None,
        plan_source=None,
    )


def is_presumed(report: Report) -> bool:
    return report.outcome is Outcome.FAILED and report.reason is Reason.NEVER_REPORTED


_ABSENT = (None, ())


def _disagree(known: Report, report: Report) -> bool:
    return any(
        (old := getattr(known, field.name)) not in _ABSENT
        and (new := getattr(report, field.name)) not in _ABSENT
        and old != new
        for field in fields(Report)
        if field.name not in _GROWING
    )


# The recording gains its address and length after the call; where the plan came from, the
# platform's session and the node say nothing of what happened to the caller.
_GROWING = frozenset({"recording", "session", "plan_source", "node", "flow"})


def _filled(base: Report, other: Report) -> Report:
    absent = {
        field.name: getattr(other, field.name)
        for field in fields(Report)
        if getattr(base, field.name) in _ABSENT
        and not (field.name == "reason" and base.outcome is Outcome.ANSWERED)
    }
    filled = replace(base, **absent)
    return replace(filled, recording=_grown(filled.recording, other.recording))


def _grown(known: Recording | None, later: Recording | None) -> Recording | None:
    if known is None or later is None:
        return known or later
    return Recording(
        url=known.url or later.url,
        seconds=known.seconds if known.seconds is not None else later.seconds,
        channels=known.channels if known.channels is not None else later.channels,
    )
