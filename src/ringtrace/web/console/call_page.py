"""One call: what happened, leg by leg, and why it is attributed as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from litestar import get
from litestar.params import FromPath
from litestar.response import Template
from markupsafe import Markup

from ringtrace.domain.call import Leg, Report
from ringtrace.domain.tag import LONGEST
from ringtrace.services.call_records import CallRecord
from ringtrace.services.errors import CallUnknownError
from ringtrace.web.console import charts, wording
from ringtrace.web.console.call_key import CallKey, call_key
from ringtrace.web.console.call_view import Badge, call_view, shown_target
from ringtrace.web.console.disagreement import disagreements
from ringtrace.web.console.entry import NO_ENTRY, Entry
from ringtrace.web.console.explanation import explanation
from ringtrace.web.console.page import page
from ringtrace.web.console.session import AnyRequest, viewer
from ringtrace.web.console.spam_view import standing
from ringtrace.web.uses import Uses


@dataclass(frozen=True, slots=True)
class LegView:
    target: str
    result: Badge
    ring: str
    talk: str
    code: str
    bar: Markup


@dataclass(frozen=True, slots=True)
class TagView:
    tag: str
    by: str
    at: datetime


@get("/calls/{gateway:str}/{call:str}")
async def show_call(
    uses: Uses, request: AnyRequest, gateway: FromPath[str], call: FromPath[str]
) -> Template:
    return await call_page(uses, request, call_key(request, gateway, call))


async def call_page(
    uses: Uses, request: AnyRequest, key: CallKey, entry: Entry = NO_ENTRY
) -> Template:
    """With the `entry` that was refused. Raises CallUnknownError."""
    who = viewer(request)
    record = await uses.store.call(*key)
    if record is None:
        raise CallUnknownError("no such call")
    reports = await uses.store.reports(*key) if record.contradictions else ()
    return page(
        "call",
        who,
        section="calls",
        entry=entry,
        call=call_view(uses, who, record),
        standing=standing(uses.directory.listing(key[0], record.caller or "")),
        facts=_facts(record),
        legs=_legs(uses, record.report),
        tags=[
            TagView(one.tag, one.made_by or wording.THE_API, wording.moment(one.made_at, who.zone))
            for one in record.tags
        ],
        longest_tag=LONGEST,
        why=await explanation(uses, who, record),
        disagreements=disagreements(uses, who, record, reports),
    )


def _facts(record: CallRecord) -> tuple[tuple[str, str], ...]:
    report = record.report
    facts = [("Gateway", wording.GATEWAYS[record.gateway]), ("Call id", record.call)]
    if record.flow is not None:
        facts.append(("Flow", record.flow))
    if record.digits is not None:
        facts.insert(0, ("Extension keyed", record.digits))
    if report is None:
        return tuple(facts)
    if report.node is not None:
        facts.append(("Node", report.node))
    if report.session:
        facts.append(("Session", report.session))
    facts.append(("SIP code", wording.NONE if report.code is None else str(report.code)))
    if report.plan_source is not None:
        facts.append(("Plan from", wording.PLAN_SOURCES[report.plan_source]))
    return tuple(facts)


def _legs(uses: Uses, report: Report | None) -> Sequence[LegView]:
    if report is None or not report.legs:
        return ()
    end = max(_end(leg) for leg in report.legs)
    whole = max(1.0, (end - report.started_at) / 1_000)
    return [
        _leg(uses, leg, (leg.started_at - report.started_at) / 1_000, whole) for leg in report.legs
    ]


def _end(leg: Leg) -> float:
    return leg.started_at + (leg.ring_seconds + leg.talk_seconds) * 1_000


def _leg(uses: Uses, leg: Leg, start: float, whole: float) -> LegView:
    start = max(0.0, start)
    answered = start + leg.ring_seconds
    over = answered + leg.talk_seconds
    bar = charts.bar(
        [
            charts.Segment(start / whole, answered / whole, "ring"),
            charts.Segment(answered / whole, over / whole, "talk"),
        ]
    )
    said = wording.REASONS[leg.reason] if leg.reason else "Answered"
    return LegView(
        target=shown_target(uses.directory, leg.target),
        result=Badge(said, "good" if leg.reason is None else "quiet"),
        ring=wording.length(leg.ring_seconds),
        talk=wording.length(leg.talk_seconds) if leg.talk_seconds else wording.NONE,
        code=wording.NONE if leg.code is None else str(leg.code),
        bar=bar,
    )
