"""From what the store knows to what the API answers."""

from ringtrace.domain.attribution import Attribution
from ringtrace.domain.call import Leg, Report
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.services.ports import CallRecord, ChannelRow, VisitRecord
from ringtrace.services.use_cases import UseCases
from ringtrace.web.api import answers
from ringtrace.web.certainty import certainty
from ringtrace.web.times import utc


def call(uses: UseCases, account_id: int, record: CallRecord) -> answers.CallAnswer:
    report = record.report
    return answers.CallAnswer(
        gateway=record.gateway.value,
        call=record.call,
        number=_number(uses, account_id, record.number),
        caller=record.caller,
        started_at=utc(record.started_at),
        outcome=report.outcome.value if report else None,
        reason=report.reason.value if report and report.reason else None,
        code=report.code if report else None,
        target=report.target if report else None,
        ring_seconds=report.ring_seconds if report else None,
        talk_seconds=report.talk_seconds if report else None,
        attribution=_attribution(record.attribution),
        recording=_recording(uses, account_id, record),
        contradictions=record.contradictions,
    )


def call_detail(uses: UseCases, account_id: int, record: CallRecord) -> answers.CallDetailAnswer:
    short = call(uses, account_id, record)
    report = record.report
    return answers.CallDetailAnswer(
        **{name: getattr(short, name) for name in short.__struct_fields__},
        session=report.session if report else None,
        plan_source=report.plan_source.value if report and report.plan_source else None,
        credits=[
            answers.CreditAnswer(one.visit_id, one.probability, source(one.source))
            for one in record.attribution.credits
        ],
        legs=_legs(report),
    )


def channel(row: ChannelRow) -> answers.ChannelAnswer:
    return answers.ChannelAnswer(
        channel=row.channel,
        calls=row.calls,
        answered=row.answered,
        talk_seconds=row.talk_seconds,
        visits=row.visits,
        visit_calls=row.visit_calls,
    )


def visit(record: VisitRecord) -> answers.VisitAnswer:
    seen = record.candidate
    return answers.VisitAnswer(
        visit_id=seen.visit_id,
        visitor_id=record.visitor_id,
        site=record.site_key,
        device=record.device,
        number=record.number,
        shown_at=utc(seen.shown_at),
        seen_at=utc(seen.seen_at),
        left_at=None if seen.left_at is None else utc(seen.left_at),
        tapped_at=None if seen.tapped_at is None else utc(seen.tapped_at),
        source=source(seen.source),
        views=[answers.PageViewAnswer(utc(view.at), view.kind, view.path) for view in record.views],
    )


def site(one: Site) -> answers.SiteAnswer:
    return answers.SiteAnswer(one.key, one.name, list(one.origins), list(one.swap))


def tracking_number(one: TrackingNumber) -> answers.TrackingNumberAnswer:
    return answers.TrackingNumberAnswer(
        number=one.number,
        kind=one.kind.value,
        name=one.name,
        site=one.site_key,
        source=None if one.source is None else source(one.source),
        targets=[answers.TargetAnswer(t.to, t.ring_seconds) for t in one.flow.targets],
        record=one.flow.record,
        active=one.active,
    )


def source(said: Source) -> answers.SourceAnswer:
    click = said.click_id
    return answers.SourceAnswer(
        channel=str(said.channel),
        source=said.source,
        medium=said.medium,
        campaign=said.campaign,
        keyword=said.term,
        content=said.content,
        click_id=None if click is None else answers.ClickIdAnswer(click.type, click.value),
        landing_page=said.landing_page,
        decided_by=None if said.reason is None else said.reason.value,
    )


def _number(uses: UseCases, account_id: int, e164: str) -> answers.NumberAnswer:
    known = uses.directory.number(account_id, e164)
    return answers.NumberAnswer(
        e164, known.name if known else None, known.kind.value if known else None
    )


def _attribution(attribution: Attribution) -> answers.AttributionAnswer:
    best = certainty(attribution)
    return answers.AttributionAnswer(
        basis=attribution.basis.value,
        model=attribution.model,
        channel=best.channel,
        channel_probability=best.channel_probability,
        campaign=best.campaign,
        keyword=best.keyword,
        visit_id=best.visit_id,
        visit_probability=best.visit_probability,
        unknown=best.unknown,
    )


def _recording(
    uses: UseCases, account_id: int, record: CallRecord
) -> answers.RecordingAnswer | None:
    said = record.report.recording if record.report else None
    playable = record.has_audio or (said is not None and said.url is not None)
    if said is None and not playable:
        return None
    return answers.RecordingAnswer(
        link=uses.recording_links.path(account_id, record) if playable else None,
        seconds=said.seconds if said else None,
        channels=said.channels if said else None,
    )


def _legs(report: Report | None) -> list[answers.LegAnswer]:
    return [_leg(leg) for leg in report.legs] if report else []


def _leg(leg: Leg) -> answers.LegAnswer:
    return answers.LegAnswer(
        target=leg.target,
        started_at=utc(leg.started_at),
        ring_seconds=leg.ring_seconds,
        talk_seconds=leg.talk_seconds,
        code=leg.code,
        reason=leg.reason.value if leg.reason else None,
    )
