"""Calibration: what was stated of calls beside what came true."""

from collections.abc import Sequence
from dataclasses import dataclass

from litestar import get
from litestar.response import Template

from ringtrace.domain.calibration import Band, Reliability
from ringtrace.domain.moment import day_name, day_of
from ringtrace.domain.proof import ProofKind
from ringtrace.services.call_records import ProofFilter
from ringtrace.services.report_calibration import Calibration
from ringtrace.web.console import charts, wording
from ringtrace.web.console.channel_view import Kpi
from ringtrace.web.console.page import page
from ringtrace.web.console.period import chosen, last_days
from ringtrace.web.console.session import AnyRequest, viewer
from ringtrace.web.uses import Uses

_USUAL_SPAN = 90


@dataclass(frozen=True, slots=True)
class BandView:
    """Per cent without their sign: the borders of the band and of what came true."""

    low: int
    high: int
    calls: str
    stated: str
    realised: str
    realised_low: int
    realised_high: int


@dataclass(frozen=True, slots=True)
class KindView:
    name: str
    how: str
    whole: BandView | None
    error: str


@get("/calibration")
async def show_calibration(uses: Uses, request: AnyRequest) -> Template:
    who = viewer(request)
    account_id = who.account.account_id
    query = request.query_params
    period = chosen(query.get("from", ""), query.get("to", ""), who.zone)
    if period.first is None and period.last is None:
        period = last_days(_USUAL_SPAN, uses.clock(), who.zone)
    sites = uses.directory.sites_of(account_id)
    site = next((one.key for one in sites if one.key == query.get("site")), None)
    found = await uses.report_calibration(account_id, ProofFilter(period.since, period.until, site))
    return page(
        "calibration",
        who,
        section="calibration",
        period=period,
        sites=sites,
        site=site,
        kpis=_kpis(found),
        chart=charts.reliability(found.together.bands),
        bands=[_band(one) for one in found.together.bands],
        kinds=_kinds(found),
        ways=wording.PROOFS.values(),
        only_holder=found.only_holder,
        only_holder_since=_day(found.only_holder_since),
    )


def _day(at: int | None) -> str | None:
    """Visits leave by whole days of UTC."""
    return None if at is None else day_name(day_of(at))


def _kpis(found: Calibration) -> Sequence[Kpi]:
    table = found.together
    if table.whole is None:
        return ()
    return (
        Kpi("Known calls", f"{table.calls:,}", "it is known whose they were"),
        Kpi("Stated", wording.percent(table.whole.stated), "the mean of what was said of them"),
        Kpi("Came true", wording.percent(table.whole.realised), "so often it was as stated"),
        Kpi(
            "Error",
            wording.points(table.error),
            f"{wording.points(table.chance)} are to be expected by chance",
        ),
    )


def _kinds(found: Calibration) -> Sequence[KindView]:
    return [_kind(kind, table) for kind, table in found.kinds.items()]


def _kind(kind: ProofKind, table: Reliability) -> KindView:
    name, how = wording.PROOFS[kind]
    return KindView(
        name=name,
        how=how,
        whole=None if table.whole is None else _band(table.whole),
        error=wording.NONE if table.whole is None else wording.points(table.error),
    )


def _band(band: Band) -> BandView:
    return BandView(
        low=round(band.low * 100),
        high=round(band.high * 100),
        calls=f"{band.calls:,}",
        stated=wording.percent(band.stated),
        realised=wording.percent(band.realised),
        realised_low=round(band.realised_low * 100),
        realised_high=round(band.realised_high * 100),
    )
