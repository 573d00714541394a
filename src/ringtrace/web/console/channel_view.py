"""Calls by channel as the console shows them: expected counts, because attribution is a chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from markupsafe import Markup

from ringtrace.services.call_records import ChannelRow
from ringtrace.web.console import wording
from ringtrace.web.console.charts import share_bar
from ringtrace.web.console.period import Period


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A line of the table; `between` is the interval of `calls`, None where there is no doubt."""

    name: str
    href: str | None
    bar: Markup
    share: str
    calls: str
    between: tuple[str, str] | None
    answered: str
    answer_rate: str
    talk: str
    talk_each: str
    visits: str
    calls_per_visit: str


@dataclass(frozen=True, slots=True)
class ChannelTable:
    rows: tuple[ChannelView, ...]
    total: ChannelView


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure; `change` compares it with the period before, None without one to compare."""

    label: str
    value: str
    note: str
    change: str | None = None


def channel_table(rows: Sequence[ChannelRow], period: Period) -> ChannelTable:
    total = total_of(rows)
    most = max((row.calls for row in rows), default=0.0)
    return ChannelTable(
        rows=tuple(_view(row, total.calls, most, period) for row in rows),
        total=_view(total, total.calls, 0.0, period),
    )


def total_of(rows: Sequence[ChannelRow]) -> ChannelRow:
    calls = sum(row.calls for row in rows)
    return ChannelRow(
        channel=None,
        calls=calls,
        # Whose calls they were is uncertain, not how many there were.
        calls_low=calls,
        calls_high=calls,
        answered=sum(row.answered for row in rows),
        talk_seconds=sum(row.talk_seconds for row in rows),
        visits=sum(row.visits for row in rows),
        visit_calls=sum(row.visit_calls for row in rows),
    )


def kpis(rows: Sequence[ChannelRow], earlier: Sequence[ChannelRow]) -> tuple[Kpi, ...]:
    """Calls, answered, talk and the share that could be attributed."""
    now, before = total_of(rows), total_of(earlier)
    unknown = sum(row.calls for row in rows if row.channel is None)
    each = now.talk_seconds / now.answered if now.answered > 0 else None
    return (
        Kpi("Calls", wording.expected(now.calls), "all numbers", _change(now, before)),
        Kpi(
            "Answered",
            wording.rate(now.answered, now.calls),
            f"{wording.expected(now.answered)} of {wording.expected(now.calls)} calls",
        ),
        Kpi(
            "Average talk",
            wording.length(each),
            f"{wording.long_length(now.talk_seconds)} in all",
        ),
        Kpi(
            "Attributed",
            wording.rate(now.calls - unknown, now.calls),
            f"{wording.expected(unknown)} of {wording.expected(now.calls)} calls stay unknown",
        ),
    )


def _change(now: ChannelRow, before: ChannelRow) -> str | None:
    if before.calls <= 0:
        return None
    change = now.calls / before.calls - 1
    if abs(change) < _STEADY:
        return "as many as in the period before"
    return f"{abs(change) * 100:,.0f} % {'more' if change > 0 else 'fewer'} than the period before"


_STEADY = 0.005


def _view(row: ChannelRow, calls: float, most: float, period: Period) -> ChannelView:
    return ChannelView(
        name=row.channel or wording.UNKNOWN,
        href=None if row.channel is None else _href(row.channel, period),
        bar=share_bar(
            row.calls / most if most > 0 else 0, "quiet" if row.channel is None else "accent"
        ),
        share=wording.rate(row.calls, calls),
        calls=wording.expected(row.calls),
        between=wording.between(row.calls_low, row.calls_high),
        answered=wording.expected(row.answered),
        answer_rate=wording.rate(row.answered, row.calls),
        talk=wording.long_length(row.talk_seconds) if row.talk_seconds > 0 else wording.NONE,
        talk_each=wording.length(row.talk_seconds / row.answered if row.answered > 0 else None),
        visits=f"{row.visits:,}" if row.visits else wording.NONE,
        calls_per_visit=wording.rate(row.visit_calls, row.visits),
    )


def _href(channel: str, period: Period) -> str:
    query = {"channel": channel}
    if period.first is not None:
        query["from"] = period.first.isoformat()
    if period.last is not None:
        query["to"] = period.last.isoformat()
    return f"/calls?{urlencode(query)}"
