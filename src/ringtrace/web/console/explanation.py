"""Why a call is attributed as it is: the candidates, and what spoke for each."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.source import Source
from ringtrace.domain.visit import HitKind
from ringtrace.services.call_records import CallRecord, PageView, VisitRecord
from ringtrace.web.certainty import shown_repeat
from ringtrace.web.console import charts, wording
from ringtrace.web.console.factors import factors
from ringtrace.web.console.session import Viewer
from ringtrace.web.uses import Uses

_MOST_CANDIDATES = 6
_LEAST_PROBABILITY = 0.01
_MOST_VIEWS = 12


@dataclass(frozen=True, slots=True)
class HitView:
    at: datetime
    words: str
    path: str


@dataclass(frozen=True, slots=True)
class CandidateView:
    """`before` is how long before the call the visit last gave a sign of life."""

    visit_id: str | None
    channel: str
    detail: str
    probability: str
    bar: Markup
    facts: tuple[tuple[str, str], ...]
    factors: tuple[tuple[str, str], ...]
    before: str | None
    hits: tuple[HitView, ...]
    more_hits: int


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates that are not kept by name; `shares` are those of their channels."""

    probability: str
    shares: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Corrected:
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """`others` are the named candidates behind the `candidates`.

    `repeat` is the share that continues an earlier call. What does not apply is None.
    """

    basis: str
    model: str | None
    repeat: str | None
    candidates: tuple[CandidateView, ...]
    others: tuple[CandidateView, ...]
    others_probability: str
    group: Group | None
    unknown: str | None
    unknown_bar: Markup
    corrected: Corrected | None
    correctable: bool


async def explanation(uses: Uses, who: Viewer, record: CallRecord) -> Explanation:
    attribution = record.attribution
    named, grouped = _parted(attribution)
    views = await _candidates(uses, who, record.started_at, named)
    likely = sum(one.probability >= _LEAST_PROBABILITY for one in named)
    shown = min(_MOST_CANDIDATES, max(1, likely))
    inferred = _is_inferred(attribution)
    repeat = shown_repeat(attribution)
    return Explanation(
        basis=wording.BASES[attribution.basis],
        model=attribution.model if inferred else None,
        repeat=wording.percent(repeat) if repeat else None,
        candidates=tuple(views[:shown]),
        others=tuple(views[shown:]),
        others_probability=wording.percent(sum(one.probability for one in named[shown:])),
        group=_group(grouped) if grouped else None,
        unknown=wording.percent(attribution.unknown) if inferred else None,
        unknown_bar=charts.share_bar(attribution.unknown, "quiet"),
        corrected=_corrected(who, record),
        correctable=attribution.basis in _CORRECTABLE and bool(named),
    )


_CORRECTABLE = frozenset({Basis.EXPOSURES, Basis.EXTENSION})


def _is_inferred(attribution: Attribution) -> bool:
    return attribution.basis in {Basis.EXPOSURES, Basis.NOTHING}


def _parted(attribution: Attribution) -> tuple[Sequence[Credit], Sequence[Credit]]:
    """The candidates by name, and those that are only kept together by source."""
    if not _is_inferred(attribution):
        return attribution.credits, ()
    named = [one for one in attribution.credits if one.visit_id is not None]
    return named, [one for one in attribution.credits if one.visit_id is None]


def _group(grouped: Sequence[Credit]) -> Group:
    sums: dict[str, float] = {}
    for credit in grouped:
        channel = str(credit.source.channel)
        sums[channel] = sums.get(channel, 0.0) + credit.probability
    falling = sorted(sums.items(), key=lambda one: (-one[1], one[0]))
    return Group(
        probability=wording.percent(sum(sums.values())),
        shares=tuple((channel, wording.percent(share)) for channel, share in falling),
    )


def _corrected(who: Viewer, record: CallRecord) -> Corrected | None:
    made = record.correction
    if made is None:
        return None
    return Corrected(wording.moment(made.made_at, who.zone), made.made_by or wording.THE_API)


async def _candidates(
    uses: Uses, who: Viewer, called_at: int, named: Sequence[Credit]
) -> list[CandidateView]:
    async def view(credit: Credit) -> CandidateView:
        visit = None
        if credit.visit_id is not None:
            visit = await uses.store.visit(who.account.account_id, credit.visit_id)
        return _candidate(uses, who, called_at, credit, visit)

    return await asyncio.gather(*(view(credit) for credit in named))


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
        before = _before(visit, past, called_at)
    return CandidateView(
        visit_id=credit.visit_id,
        channel=str(said.channel),
        detail=" · ".join(text for text in (said.campaign, said.term) if text),
        probability=wording.percent(credit.probability),
        bar=charts.share_bar(credit.probability),
        facts=facts,
        factors=factors(credit.why) if credit.why else (),
        before=before,
        hits=hits,
        more_hits=more,
    )


def _before(visit: VisitRecord, past: Sequence[PageView], called_at: int) -> str:
    """As of the call: who left before it and came back after it was away when it came."""
    last = visit.candidate.left_at or visit.candidate.seen_at
    if last >= called_at:
        if not past or past[-1].kind != HitKind.LEAVE:
            return "still on the page when the call came"
        last = past[-1].at
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
