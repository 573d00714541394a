"""A call's own row: what several reports make of it, and how it is read."""

import hashlib
from typing import Final

from ringtrace.domain import call as calls
from ringtrace.domain.attribution import Attribution
from ringtrace.domain.audio import Audio, AudioFormat
from ringtrace.domain.call import GatewayKind, MergeResult, Report
from ringtrace.services.call_records import CallRecord, Correction, KeptReport
from ringtrace.store import rows
from ringtrace.store.rows import Row

RECORD_COLUMNS: Final = (
    "c.gateway, c.call_id, c.number, c.caller, c.started_at, c.report, c.basis, c.model,"
    " c.unknown, c.audio_format, c.audio_sha256,"
    " (SELECT count(*) FROM call_reports r WHERE r.account_id = c.account_id"
    "  AND r.gateway = c.gateway AND r.call_id = c.call_id AND NOT r.accepted),"
    " c.repeat, c.digits, c.flow, c.spam"
)
"""Of a call `c`."""


def fold(known: Report | None, noted: str | None, report: Report) -> tuple[MergeResult, Report]:
    """What a report makes of a call.

    `known` was reported of it before; `noted` is the number it rang at, None: it is not kept yet.
    """
    # An arrival may know the moment less exactly than the report, but not another number.
    if known is None and noted not in {None, report.number}:
        return MergeResult.CONTRADICTS, report
    return calls.merge(known, report)


def comes_to_outcome(known: Report | None, merged: Report) -> bool:
    """Whether there is something to tell that was not told of what was `known`."""
    return known is None or known.outcome is not merged.outcome


def has_audio(merged: Report | None) -> bool:
    return bool(merged and merged.recording and merged.recording.url is not None)


def digest(report: str) -> str:
    """Names a report as it came in."""
    return hashlib.sha256(report.encode()).hexdigest()


def said(row: Row) -> tuple[str, str, float, float]:
    """What `credits.attribution` wants, from RECORD_COLUMNS."""
    return row[6], row[7], row[8], row[12]


def record(row: Row, attribution: Attribution, correction: Correction | None) -> CallRecord:
    """From RECORD_COLUMNS."""
    (gateway, call_id, number, caller, started_at, report, _basis, _model, _unknown, audio_format,
     audio_sha256, contradictions, _repeat, digits, flow, spam) = row  # fmt: skip
    return CallRecord(
        gateway=GatewayKind(gateway),
        call=call_id,
        number=number,
        caller=caller,
        started_at=started_at,
        report=rows.report(report) if report else None,
        attribution=attribution,
        audio=Audio(AudioFormat(audio_format), audio_sha256) if audio_format else None,
        contradictions=contradictions,
        correction=correction,
        digits=digits,
        flow=flow,
        spam=bool(spam),
    )


def kept_report(row: Row) -> KeptReport:
    """From received_at, accepted, report."""
    received_at, accepted, report = row
    return KeptReport(received_at, bool(accepted), rows.report(report))
