"""One call: what happened, leg by leg, and why it is attributed as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from litestar import get
from litestar.params import FromPath
from litestar.response import Template
from markupsafe import Markup

from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.call import GatewayKind, Leg, Report
from ringtrace.domain.source import Source
from ringtrace.services.errors import CallUnknownError
from ringtrace.services.ports import CallRecord, VisitRecord
from ringtrace.web.console import charts, wording
from ringtrace.web.console.call_view import Badge, call_view, shown_target
from ringtrace.web.console.page import page
from ringtrace.web.console.session import AnyRequest, Viewer, viewer
from ringtrace.web.uses import Uses

_MOST_CANDIDATES = 6
_LEAST_PROBABILITY = 0.01
_MOST_VIEWS = 12


@dataclass(frozen=True, slots=True)
class LegView:
    target: str
    result: Badge
    ring: str
    talk: str
    code: str
    bar: Markup


@dataclass(frozen=True, slots=True)
class HitView:
    at: datetime
    words: str
    path: str


@dataclass(frozen=True, slots=True)
class CandidateView:
    """`before` is how long before the call the visit last gave a sign of life."""

    channel: str
    detail: str
    probability: str
    bar: Markup
    facts: tuple[tuple[str, str], ...]
    before: str | None
    hits: tuple[HitView, ...]
    more_hits: int


@dataclass(frozen=True, slots=True)
class Why:
    basis: str
    candidates: tuple[CandidateView, ...]
    others: int
    others_probability: str
    unknown: str | None
    unknown_bar: Markup


@get("/calls/{gateway:str}/{call:str}")
async def show_call(
    uses: Uses, request: AnyRequest, gateway: FromPath[str], call: FromPath[str]
) -> Template:
    who = viewer(request)
    if gateway not in GatewayKind.__members__.values():
        raise CallUnknownError("no such call")
    record = await uses.store.call(who.account.account_id, GatewayKind(gateway), call)
    if record is None:
        raise CallUnknownError("no such call")
    return page(
        "call",
        who,
        section="calls",
        call=call_view(uses, who, record),
        facts=_facts(record),
        legs=_legs(uses, record.report),
        why=await _why(uses, who, record),
        contradictions=record.contradictions,
    )


def _facts(record: CallRecord) -> tuple[tuple[str, str], ...]:
    report = record.report
    facts = [("Gateway", wording.GATEWAYS[record.gateway]), ("Call id", record.call)]
    if report is None:
        return tuple(facts)
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


async def _why(uses: Uses, who: Viewer, record: CallRecord) -> Why:
    attribution = record.attribution
    likely = [one for one in attribution.credits if one.probability >= _LEAST_PROBABILITY]
    shown = likely[:_MOST_CANDIDATES] or attribution.credits[:1]
    others = attribution.credits[len(shown) :]
    candidates = []
    for credit in shown:
        visit = None
        if credit.visit_id is not None:
            visit = await uses.store.visit(who.account.account_id, credit.visit_id)
        candidates.append(_candidate(uses, who, record.started_at, credit, visit))
    return Why(
        basis=wording.BASES[attribution.basis],
        candidates=tuple(candidates),
        others=len(others),
        others_probability=wording.percent(sum(credit.probability for credit in others)),
        unknown=_unknown(attribution),
        unknown_bar=charts.share_bar(attribution.unknown, "quiet"),
    )


def _unknown(attribution: Attribution) -> str | None:
    if attribution.basis is Basis.STATIC_NUMBER:
        return None
    return wording.percent(attribution.unknown)


def _candidate(
    uses: Uses, who: Viewer, called_at: int, credit: Credit, visit: VisitRecord | None
) -> CandidateView:
    said = credit.source
    facts = _source_facts(said)
    hits: tuple[HitView, ...] = ()
    more, before = 0, None
    if visit is not None:
        facts += _visit_facts(uses, visit)
        past = [view for view in visit.views if view.at <= called_at]
        hits = tuple(
            HitView(wording.moment(v.at, who.zone), wording.HITS.get(v.kind, v.kind), v.path)
            for v in past[-_MOST_VIEWS:]
        )
        more = len(past) - len(hits)
        before = _before(visit, called_at)
    return CandidateView(
        channel=str(said.channel),
        detail=" · ".join(text for text in (said.campaign, said.term) if text),
        probability=wording.percent(credit.probability),
        bar=charts.share_bar(credit.probability),
        facts=facts,
        before=before,
        hits=hits,
        more_hits=more,
    )


def _before(visit: VisitRecord, called_at: int) -> str:
    last = visit.candidate.left_at or visit.candidate.seen_at
    if last >= called_at:
        return "still on the page when the call came"
    return f"last seen {wording.ago(called_at - last)} before the call"


def _source_facts(said: Source) -> tuple[tuple[str, str], ...]:
    click = f"{said.click_id.type} {said.click_id.value}" if said.click_id else None
    named = (
        ("Source", said.source),
        ("Medium", said.medium),
        ("Campaign", said.campaign),
        ("Keyword", said.term),
        ("Ad content", said.content),
        ("Click id", click),
        ("Landing page", said.landing_page),
    )
    return tuple((name, value) for name, value in named if value)


def _visit_facts(uses: Uses, visit: VisitRecord) -> tuple[tuple[str, str], ...]:
    site = uses.directory.site(visit.site_key)
    return (
        ("Site", site.name if site else visit.site_key),
        ("Device", wording.DEVICES.get(visit.device, visit.device)),
        ("Visitor", visit.visitor_id[:8]),
    )
