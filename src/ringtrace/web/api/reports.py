"""Reports and the visits they rest on."""

from dataclasses import replace
from typing import Annotated

from litestar import Request, Router, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, QueryParameter

from ringtrace.services.call_records import CallFilter, ProofFilter
from ringtrace.services.errors import NotFoundError
from ringtrace.services.spam_records import Spam
from ringtrace.web.api import presenter
from ringtrace.web.api.bearer import account_id
from ringtrace.web.api.calls import Moment
from ringtrace.web.api.errors import described
from ringtrace.web.api.report_answers import (
    CalibrationAnswer,
    ChannelsAnswer,
    ProofKindAnswer,
    VisitAnswer,
)
from ringtrace.web.times import read_time, utc
from ringtrace.web.uses import Uses


@get("/reports/channels", summary="Expected calls by channel", responses=described())
async def report_channels(
    uses: Uses,
    request: Request[object, object, State],
    since: Moment = None,
    until: Moment = None,
    spam: FromQuery[Spam] = Spam.WITHOUT,
) -> ChannelsAnswer:
    """Calls begun and visits started in [since, until), summed over their probabilities.

    Calls that are spam are left out and counted apart, unless `spam` says otherwise.
    """
    account = account_id(request)
    start, end = read_time(since, "since"), read_time(until, "until")
    where = CallFilter(since=start, until=end, spam=spam)
    rows = await uses.store.channels(account, where)
    spam_calls = await uses.store.count_calls(account, replace(where, spam=Spam.ONLY))
    return ChannelsAnswer(
        since=None if start is None else utc(start),
        until=None if end is None else utc(end),
        spam=spam.value,
        spam_calls=spam_calls,
        channels=[presenter.channel(row) for row in rows],
    )


@get(
    "/reports/calibration",
    summary="Whether stated probabilities come true",
    responses=described(404),
)
async def report_calibration(
    uses: Uses,
    request: Request[object, object, State],
    since: Moment = None,
    until: Moment = None,
    site: Annotated[str | None, QueryParameter(description="the key of one site")] = None,
) -> CalibrationAnswer:
    """Calls begun in [since, until) of which it is known whose they were."""
    start, end = read_time(since, "since"), read_time(until, "until")
    found = await uses.report_calibration(account_id(request), ProofFilter(start, end, site))
    told = found.only_holder_since
    return CalibrationAnswer(
        since=None if start is None else utc(start),
        until=None if end is None else utc(end),
        site=site,
        together=presenter.reliability(found.together),
        kinds=[
            ProofKindAnswer(kind.value, presenter.reliability(table))
            for kind, table in found.kinds.items()
        ],
        only_holder=found.only_holder,
        only_holder_since=None if told is None else utc(told),
    )


@get("/visits/{visit_id:str}", summary="One visit", responses=described(404))
async def show_visit(
    uses: Uses, request: Request[object, object, State], visit_id: FromPath[str]
) -> VisitAnswer:
    record = await uses.store.visit(account_id(request), visit_id)
    if record is None:
        raise NotFoundError("no such visit", "visit_id")
    return presenter.visit(record)


router = Router(
    "/", route_handlers=[report_channels, report_calibration, show_visit], tags=["Reports"]
)
