"""Reports that contradict a call: when they came in, and what they say otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ringtrace.domain.call import Leg, Report
from ringtrace.services.call_records import CallRecord, KeptReport
from ringtrace.services.directory import Directory
from ringtrace.services.use_cases import UseCases
from ringtrace.web.console import wording
from ringtrace.web.console.call_view import shown_target
from ringtrace.web.console.session import Viewer

_DIALLED = "Dialled"


@dataclass(frozen=True, slots=True)
class Difference:
    """`kept` is None where `said` is already a comparison."""

    name: str
    said: str
    kept: str | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Without differences the two differ by less than is shown."""

    received_at: datetime
    differences: tuple[Difference, ...]


def disagreements(
    uses: UseCases, viewer: Viewer, record: CallRecord, reports: Sequence[KeptReport]
) -> tuple[Disagreement, ...]:
    """In the order of `reports`, without those that were accepted."""
    return tuple(
        Disagreement(
            received_at=wording.moment(kept.received_at, viewer.zone),
            differences=_differences(uses.directory, record, kept.report),
        )
        for kept in reports
        if not kept.accepted
    )


def _differences(
    directory: Directory, record: CallRecord, report: Report
) -> tuple[Difference, ...]:
    if record.report is None:
        # Of a call that is ringing only the number is known for sure.
        dialled = directory.written(record.number).international
        return (Difference(_DIALLED, directory.written(report.number).international, dialled),)
    kept = _words(directory, record.report)
    said = _words(directory, report)
    differences = tuple(
        Difference(name, words, kept[name] or wording.NONE)
        for name, words in said.items()
        if words is not None and words != kept[name]
    )
    later = report.started_at - record.report.started_at
    return differences if later == 0 else (_began(later), *differences)


def _began(later: int) -> Difference:
    words = f"{wording.exact_length(abs(later) / 1_000)} {'later' if later > 0 else 'earlier'}"
    return Difference("Began", words, None)


def _words(directory: Directory, report: Report) -> dict[str, str | None]:
    """What can contradict; where the recording and the plan are from never does."""
    return {
        "Outcome": wording.OUTCOMES[report.outcome],
        "Reason": wording.REASONS[report.reason] if report.reason else None,
        _DIALLED: directory.written(report.number).international,
        "Caller": _party(directory, report.caller),
        "Target": _party(directory, report.target),
        "Rang": _length(report.ring_seconds),
        "Talked": _length(report.talk_seconds),
        "SIP code": None if report.code is None else str(report.code),
        "Who was rung": "; ".join(_leg(directory, report, leg) for leg in report.legs) or None,
    }


def _party(directory: Directory, text: str | None) -> str | None:
    """An address of SIP is shown whole: two may differ by their scheme alone."""
    return shown_target(directory, text) if text and text.startswith("+") else text


def _length(seconds: float | None) -> str | None:
    return None if seconds is None else wording.exact_length(seconds)


def _leg(directory: Directory, report: Report, leg: Leg) -> str:
    after = (leg.started_at - report.started_at) / 1_000
    parts = (
        f"{_party(directory, leg.target)} after {after:.10g} s",
        f"rang {wording.exact_length(leg.ring_seconds)}",
        f"talked {wording.exact_length(leg.talk_seconds)}",
        wording.REASONS[leg.reason] if leg.reason else "Answered",
        f"SIP {wording.NONE if leg.code is None else leg.code}",
    )
    return ", ".join(parts)
