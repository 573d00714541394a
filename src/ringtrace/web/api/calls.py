"""Calls: the log and one call."""

from typing import Annotated

from litestar import Request, Router, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, QueryParameter

from ringtrace.domain.call import GatewayKind, Outcome
from ringtrace.services.call_records import CallFilter
from ringtrace.services.errors import NotFoundError
from ringtrace.services.spam_records import Spam
from ringtrace.services.use_cases import UseCases
from ringtrace.web.api import presenter
from ringtrace.web.api.bearer import account_id
from ringtrace.web.api.call_answers import CallDetailAnswer, CallPageAnswer
from ringtrace.web.api.errors import described
from ringtrace.web.times import read_time
from ringtrace.web.uses import Uses

_MOST_ROWS = 250
_MOST_SKIPPED = 1_000_000_000

Moment = Annotated[
    str | None,
    QueryParameter(
        description="RFC 3339 time with its offset, e.g. 2026-11-23T06:30:00Z",
        schema_extra={"format": "date-time"},
    ),
]


@get("/calls", summary="Calls, newest first", responses=described())
async def list_calls(
    uses: Uses,
    request: Request[object, object, State],
    since: Moment = None,
    until: Moment = None,
    channel: Annotated[
        str | None, QueryParameter(description="a channel that got credit of the call")
    ] = None,
    outcome: FromQuery[Outcome | None] = None,
    spam: FromQuery[Spam] = Spam.WITH,
    tag: Annotated[str | None, QueryParameter(description="a tag that the call has")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=_MOST_ROWS)] = 50,
    offset: Annotated[int, QueryParameter(ge=0, le=_MOST_SKIPPED)] = 0,
) -> CallPageAnswer:
    """Calls begun in [since, until); `spam` says whether those that are spam are among them."""
    account = account_id(request)
    where = CallFilter(
        since=read_time(since, "since"),
        until=read_time(until, "until"),
        channel=channel,
        outcome=outcome.value if outcome else None,
        spam=spam,
        tag=tag,
    )
    page = await uses.store.calls(account, where, limit, offset)
    return CallPageAnswer(
        calls=[presenter.call(uses, account, record) for record in page.calls],
        total=page.total,
        limit=limit,
        offset=offset,
    )


@get("/calls/{gateway:str}/{call:str}", summary="One call", responses=described(404))
async def show_call(
    uses: Uses, request: Request[object, object, State], gateway: FromPath[str], call: FromPath[str]
) -> CallDetailAnswer:
    """A call with its legs, credits, a link to its recording, and every report of it."""
    return await call_detail(uses, account_id(request), gateway_kind(gateway), call)


def gateway_kind(name: str) -> GatewayKind:
    """Raises NotFoundError, as for a call that is not there."""
    if name not in GatewayKind.__members__.values():
        raise NotFoundError("no such call", "call")
    return GatewayKind(name)


async def call_detail(
    uses: UseCases, account: int, kind: GatewayKind, call: str
) -> CallDetailAnswer:
    """Raises NotFoundError."""
    record = await uses.store.call(account, kind, call)
    if record is None:
        raise NotFoundError("no such call", "call")
    reports = await uses.store.reports(account, kind, call)
    return presenter.call_detail(uses, account, record, reports)


router = Router("/", route_handlers=[list_calls, show_call], tags=["Calls"])
