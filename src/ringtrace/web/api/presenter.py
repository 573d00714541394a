"""From what the store knows to what the API answers."""

from collections.abc import Sequence

import msgspec

from ringtrace.domain.attribution import Attribution, Why
from ringtrace.domain.calibration import Band, Reliability
from ringtrace.domain.call import Leg, Recording, Report
from ringtrace.domain.flow import Flow
from ringtrace.domain.model import DAY_SECONDS, SHIPPED
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.services.call_records import CallRecord, ChannelRow, KeptReport, VisitRecord
from ringtrace.services.setup_records import KeptFlow, SiteModel
from ringtrace.services.use_cases import UseCases
from ringtrace.web.api import call_answers, report_answers, setup_answers, spam_answers
from ringtrace.web.certainty import certainty, shown_repeat
from ringtrace.web.times import utc


def call(uses: UseCases, account_id: int, record: CallRecord) -> call_answers.CallAnswer:
    report = record.report
    return call_answers.CallAnswer(
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
        digits=record.digits,
        flow=record.flow,
        spam=record.spam,
        screening=spam_answers.screening(record),
        spam_mark=spam_answers.spam_mark(record),
        tags=[
            call_answers.TagAnswer(one.tag, utc(one.made_at), one.made_by) for one in record.tags
        ],
    )


def call_detail(
    uses: UseCases, account_id: int, record: CallRecord, reports: Sequence[KeptReport]
) -> call_answers.CallDetailAnswer:
    short = call(uses, account_id, record)
    report = record.report
    return call_answers.CallDetailAnswer(
        **{name: getattr(short, name) for name in short.__struct_fields__},
        session=report.session if report else None,
        plan_source=report.plan_source.value if report and report.plan_source else None,
        node=report.node if report else None,
        credits=[
            call_answers.CreditAnswer(
                visit_id=one.visit_id,
                probability=one.probability,
                source=source(one.source),
                why=None if one.why is None else _why(one.why),
            )
            for one in record.attribution.credits
        ],
        correction=_correction(record),
        legs=_legs(report),
        reports=[_report(kept) for kept in reports],
    )


def channel(row: ChannelRow) -> report_answers.ChannelAnswer:
    return report_answers.ChannelAnswer(
        channel=row.channel,
        calls=row.calls,
        calls_low=row.calls_low,
        calls_high=row.calls_high,
        answered=row.answered,
        talk_seconds=row.talk_seconds,
        visits=row.visits,
        visit_calls=row.visit_calls,
    )


def reliability(table: Reliability) -> report_answers.ReliabilityAnswer:
    return report_answers.ReliabilityAnswer(
        calls=table.calls,
        error=table.error,
        chance=table.chance,
        whole=None if table.whole is None else _band(table.whole),
        bands=[_band(one) for one in table.bands],
    )


def visit(record: VisitRecord) -> report_answers.VisitAnswer:
    seen = record.candidate
    return report_answers.VisitAnswer(
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
        views=[
            report_answers.PageViewAnswer(utc(view.at), view.kind, view.path)
            for view in record.views
        ],
    )


def site(one: Site) -> setup_answers.SiteAnswer:
    return setup_answers.SiteAnswer(
        one.key, one.name, list(one.origins), list(one.swap), one.extensions_above
    )


def tracking_number(one: TrackingNumber) -> setup_answers.TrackingNumberAnswer:
    return setup_answers.TrackingNumberAnswer(
        number=one.number,
        kind=one.kind.value,
        name=one.name,
        site=one.site_key,
        source=None if one.source is None else source(one.source),
        targets=_targets(one.flow),
        record=one.flow.record,
        active=one.active,
        extensions=[
            setup_answers.ExtensionAnswer(
                code.code, code.name, source(code.source), _targets(one.flow_of(code))
            )
            for code in one.extensions
        ],
        flow=one.flow_name,
    )


def flow(kept: KeptFlow) -> setup_answers.FlowAnswer:
    document = msgspec.to_builtins(kept.flow)
    return setup_answers.FlowAnswer(kept.name, kept.version, utc(kept.made_at), document)


def _targets(of: Flow) -> list[setup_answers.TargetAnswer]:
    return [setup_answers.TargetAnswer(one.to, one.ring_seconds) for one in of.targets]


def model(site_key: str, learnt: SiteModel | None) -> report_answers.ModelAnswer:
    """The newest model of a site, the shipped one where nothing was learnt."""
    used = learnt.model if learnt else SHIPPED
    return report_answers.ModelAnswer(
        site=site_key,
        name=used.name,
        made_at=utc(learnt.made_at) if learnt else None,
        calls_per_visit=used.calls_per_visit,
        channels=dict(used.channels),
        devices=report_answers.DevicesAnswer(*used.devices),
        contact=report_answers.ContactAnswer(*used.contact),
        noise=used.noise * DAY_SECONDS,
        repeat=used.repeat,
        withheld=used.withheld,
    )


def source(said: Source) -> call_answers.SourceAnswer:
    click = said.click_id
    return call_answers.SourceAnswer(
        channel=str(said.channel),
        source=said.source,
        medium=said.medium,
        campaign=said.campaign,
        keyword=said.term,
        content=said.content,
        click_id=None if click is None else call_answers.ClickIdAnswer(click.type, click.value),
        landing_page=said.landing_page,
        decided_by=None if said.reason is None else said.reason.value,
    )


def _band(one: Band) -> report_answers.BandAnswer:
    return report_answers.BandAnswer(
        low=one.low,
        high=one.high,
        calls=one.calls,
        stated=one.stated,
        realised=one.realised,
        realised_low=one.realised_low,
        realised_high=one.realised_high,
    )


def _number(uses: UseCases, account_id: int, e164: str) -> call_answers.NumberAnswer:
    known = uses.directory.number(account_id, e164)
    return call_answers.NumberAnswer(
        e164, known.name if known else None, known.kind.value if known else None
    )


def _attribution(attribution: Attribution) -> call_answers.AttributionAnswer:
    best = certainty(attribution)
    return call_answers.AttributionAnswer(
        basis=attribution.basis.value,
        model=attribution.model,
        channel=best.channel,
        channel_probability=best.channel_probability,
        campaign=best.campaign,
        keyword=best.keyword,
        visit_id=best.visit_id,
        visit_probability=best.visit_probability,
        unknown=best.unknown,
        repeat=shown_repeat(attribution),
    )


def _correction(record: CallRecord) -> call_answers.CorrectionAnswer | None:
    made = record.correction
    if made is None:
        return None
    return call_answers.CorrectionAnswer(made.visit_id, utc(made.made_at), made.made_by)


def _why(why: Why) -> call_answers.WhyAnswer:
    return call_answers.WhyAnswer(
        state=why.state,
        hazard=why.hazard,
        channel=why.channel,
        keyword=why.keyword,
        device=why.device,
        contact=why.contact,
        tap=why.tap,
        free=why.free,
        caller=why.caller,
        known=why.known,
        own=why.own,
        weight=why.weight,
    )


def _recording(
    uses: UseCases, account_id: int, record: CallRecord
) -> call_answers.RecordingAnswer | None:
    said = record.report.recording if record.report else None
    if said is None and not record.is_playable:
        return None
    return call_answers.RecordingAnswer(
        link=uses.recording_links.path(account_id, record) if record.is_playable else None,
        seconds=said.seconds if said else None,
        channels=said.channels if said else None,
        format=record.audio.format.value if record.audio else None,
        sha256=record.audio.sha256 if record.audio else None,
    )


def _report(kept: KeptReport) -> call_answers.ReportAnswer:
    report = kept.report
    return call_answers.ReportAnswer(
        received_at=utc(kept.received_at),
        accepted=kept.accepted,
        number=report.number,
        caller=report.caller,
        started_at=utc(report.started_at),
        outcome=report.outcome.value,
        reason=report.reason.value if report.reason else None,
        code=report.code,
        target=report.target,
        ring_seconds=report.ring_seconds,
        talk_seconds=report.talk_seconds,
        legs=_legs(report),
        recording=_reported(report.recording),
        session=report.session,
        plan_source=report.plan_source.value if report.plan_source else None,
        digits=report.digits,
        node=report.node,
        flow=report.flow,
    )


def _reported(said: Recording | None) -> call_answers.ReportedRecordingAnswer | None:
    """Without the address at the platform: a recording is opened through the call's own link."""
    return (
        None if said is None else call_answers.ReportedRecordingAnswer(said.seconds, said.channels)
    )


def _legs(report: Report | None) -> list[call_answers.LegAnswer]:
    return [_leg(leg) for leg in report.legs] if report else []


def _leg(leg: Leg) -> call_answers.LegAnswer:
    return call_answers.LegAnswer(
        target=leg.target,
        started_at=utc(leg.started_at),
        ring_seconds=leg.ring_seconds,
        talk_seconds=leg.talk_seconds,
        code=leg.code,
        reason=leg.reason.value if leg.reason else None,
    )
