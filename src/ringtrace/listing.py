"""Calls and channels as the terminal shows them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from ringtrace.domain.attribution import verdict
from ringtrace.services.ports import CallPage, CallRecord, ChannelRow


def call_facts(call: CallRecord) -> dict[str, object]:
    """One call as JSON values; what is not known is null."""
    best, report = verdict(call.attribution), call.report
    return {
        "gateway": call.gateway,
        "call": call.call,
        "started_at": _utc(call.started_at),
        "number": call.number,
        "caller": call.caller,
        "target": report and report.target,
        "outcome": report and report.outcome,
        "reason": report and report.reason,
        "code": report and report.code,
        "ring_seconds": report and report.ring_seconds,
        "talk_seconds": report and report.talk_seconds,
        "recording": bool(call.has_audio or (report and report.recording)),
        "channel": best.channel,
        "campaign": best.campaign,
        "keyword": best.keyword,
        "visit": best.visit_id,
        "probability": best.probability,
    }


def call_table(page: CallPage) -> Table:
    table = Table(title=f"{len(page.calls)} of {page.total} calls, newest first")
    for name in ("started (UTC)", "gateway", "number", "caller", "target", "outcome"):
        table.add_column(name, no_wrap=True)
    table.add_column("talk", justify="right")
    for name in ("channel", "campaign", "keyword"):
        table.add_column(name)
    table.add_column("sure", justify="right")
    for call in page.calls:
        best, report = verdict(call.attribution), call.report
        outcome = Text("ringing", "dim")
        if report is not None:
            outcome = Text(report.outcome, "green" if report.outcome == "answered" else "red")
        talk = report.talk_seconds if report else None
        table.add_row(
            _utc(call.started_at)[:19].replace("T", " "),
            call.gateway,
            call.number,
            call.caller or "withheld",
            (report and report.target) or "none",
            outcome,
            "" if talk is None else f"{talk:.0f} s",
            best.channel or "unknown",
            best.campaign or "",
            best.keyword or "",
            f"{best.probability:.0%}",
        )
    return table


def channel_table(rows: Sequence[ChannelRow]) -> Table:
    table = Table(title="Expected calls by channel")
    table.add_column("channel")
    for name in ("visits", "calls", "answered", "talk"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.channel or "unknown",
            str(row.visits),
            f"{row.calls:.1f}",
            f"{row.answered:.1f}",
            f"{row.talk_seconds / 60:.1f} min",
        )
    return table


def _utc(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
