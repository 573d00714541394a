"""Calls and channels as the terminal shows them."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ringtrace.domain.attribution import verdict
from ringtrace.services.call_records import CallPage, CallRecord, ChannelRow

PIPED_WIDTH = 160


def show(table: Table) -> None:
    """On stdout; a pipe has no width of its own."""
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)


def call_facts(call: CallRecord) -> dict[str, object]:
    """One call as JSON values; what is not known is null."""
    best, report = verdict(call.attribution), call.report
    return {
        "gateway": call.gateway,
        "call": call.call,
        "started_at": utc_text(call.started_at),
        "number": call.number,
        "caller": call.caller,
        "target": report and report.target,
        "outcome": report and report.outcome,
        "reason": report and report.reason,
        "code": report and report.code,
        "ring_seconds": report and report.ring_seconds,
        "talk_seconds": report and report.talk_seconds,
        "spam": call.spam,
        "recording": bool(call.audio or (report and report.recording)),
        "channel": best.channel,
        "campaign": best.campaign,
        "keyword": best.keyword,
        "visit": best.visit_id,
        "probability": best.probability,
        "tags": [one.tag for one in call.tags],
    }


def call_table(page: CallPage) -> Table:
    """Fits 80 columns: what belongs together stands on two lines of one cell."""
    table = Table(title=f"{len(page.calls)} of {page.total} calls, newest first", show_lines=True)
    table.add_column("started (UTC)")
    table.add_column("from, to")
    table.add_column("outcome")
    table.add_column("came from")
    table.add_column("sure", justify="right")
    for call in page.calls:
        best = verdict(call.attribution)
        named = [part for part in (best.campaign, best.keyword) if part]
        tags = "".join(f"\n{one.tag}" for one in call.tags)
        table.add_row(
            utc_text(call.started_at)[:19].replace("T", "\n"),
            f"{call.caller or 'withheld'}\n{call.number}{tags}",
            _outcome(call),
            "\n".join([best.channel or "unknown", *named]),
            f"{best.probability:.0%}",
        )
    return table


def _outcome(call: CallRecord) -> Text:
    report = call.report
    if report is None:
        return Text("ringing", "dim")
    answered = report.outcome == "answered"
    shown = Text(report.outcome, "green" if answered else "red")
    if call.spam:
        shown.append("\nspam", "red")
    if answered and report.talk_seconds is not None:
        shown.append(f"\n{report.talk_seconds:.0f} s", "default")
    return shown


def channel_table(rows: Sequence[ChannelRow]) -> Table:
    table = Table(title="Expected calls by channel")
    table.add_column("channel")
    for name in ("visits", "calls", "95 %", "answered", "talk"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.channel or "unknown",
            str(row.visits),
            f"{row.calls:.1f}",
            f"{row.calls_low:.1f}-{row.calls_high:.1f}",
            f"{row.answered:.1f}",
            f"{row.talk_seconds / 60:.1f} min",
        )
    return table


def utc_text(at: int) -> str:
    """`at` (ms since 1970) in RFC 3339."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
