"""Spam: the list of callers, and what users say of calls."""

from dataclasses import replace
from typing import Annotated

import msgspec
from litestar import Request, Router, delete, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from ringtrace.domain.blocklist import Treatment
from ringtrace.services.caller_csv import read_callers
from ringtrace.services.errors import BodyInvalidError, ConfirmationNeededError
from ringtrace.services.list_callers import Wanted
from ringtrace.services.mark_spam import Verdict
from ringtrace.services.spam_records import ListingFilter
from ringtrace.web.api import spam_answers
from ringtrace.web.api.bearer import account_id
from ringtrace.web.api.call_answers import CallDetailAnswer
from ringtrace.web.api.calls import call_detail, gateway_kind
from ringtrace.web.api.errors import described
from ringtrace.web.api.spam_answers import BlocklistAnswer, ListedAnswer
from ringtrace.web.uses import Uses

_MOST_ROWS = 1_000
_MOST_SKIPPED = 1_000_000_000


class CallerForm(msgspec.Struct, forbid_unknown_fields=True):
    """`confirm`: it is meant, even if it blocks all numbers of a country."""

    caller: str
    treatment: Treatment = Treatment.BLOCK
    note: str = ""
    confirm: bool = False


class CallersForm(msgspec.Struct, forbid_unknown_fields=True):
    callers: list[CallerForm]


class SpamMarkForm(msgspec.Struct, forbid_unknown_fields=True):
    """`every` call of the caller instead of one; `caller` is how he is treated from now on."""

    spam: bool
    every: bool = False
    caller: Treatment | None = None


@get("/blocklist", summary="Who is blocked, asked or trusted", responses=described())
async def list_callers(
    uses: Uses,
    request: Request[object, object, State],
    treatment: FromQuery[Treatment | None] = None,
    caller: Annotated[
        str | None, QueryParameter(description="a part of the number or beginning")
    ] = None,
    removed: Annotated[bool, QueryParameter(description="those taken off the list")] = False,
    limit: Annotated[int, QueryParameter(ge=1, le=_MOST_ROWS)] = 100,
    offset: Annotated[int, QueryParameter(ge=0, le=_MOST_SKIPPED)] = 0,
) -> BlocklistAnswer:
    """Newest first."""
    where = ListingFilter(treatment, removed, caller)
    page = await uses.store.listings(account_id(request), where, limit, offset)
    return BlocklistAnswer(
        callers=[spam_answers.listing(one) for one in page.listings],
        total=page.total,
        limit=limit,
        offset=offset,
    )


@post("/blocklist", summary="Block, ask or trust callers", responses=described())
async def add_callers(
    uses: Uses, request: Request[object, object, State], data: JSONBody[CallersForm]
) -> ListedAnswer:
    """All or nothing; a caller who is listed otherwise is treated so from now on."""
    wanted = [Wanted(one.caller, one.treatment, one.note, one.confirm) for one in data.callers]
    listed = await uses.keep_list.add(account_id(request), wanted, None)
    return ListedAnswer([one.pattern for one in listed])


@post("/blocklist/import", summary="Import callers from CSV", responses=described())
async def import_callers(
    uses: Uses,
    request: Request[object, object, State],
    treatment: FromQuery[Treatment],
    confirm: Annotated[
        bool, QueryParameter(description="all are meant, even if they block countries")
    ] = False,
) -> ListedAnswer:
    """The body is CSV with the columns caller and note; all or nothing."""
    try:
        text = (await request.body()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BodyInvalidError("UTF-8 is needed", "body") from error
    wanted = [replace(one, confirmed=confirm) for one in read_callers(text, treatment)]
    try:
        listed = await uses.keep_list.add(account_id(request), wanted, None)
    except ConfirmationNeededError as error:
        raise ConfirmationNeededError(error.message, "confirm", error.patterns) from error
    return ListedAnswer([one.pattern for one in listed])


@delete(
    "/blocklist/{caller:str}",
    summary="Take a caller off the list",
    status_code=200,
    responses=described(404),
)
async def remove_caller(
    uses: Uses, request: Request[object, object, State], caller: FromPath[str]
) -> ListedAnswer:
    """The number or beginning as `GET /blocklist` writes it."""
    await uses.keep_list.remove(account_id(request), caller, None)
    return ListedAnswer([caller])


@put("/calls/{gateway:str}/{call:str}/spam", summary="Spam or not", responses=described(404))
async def mark_spam(
    uses: Uses,
    request: Request[object, object, State],
    gateway: FromPath[str],
    call: FromPath[str],
    data: JSONBody[SpamMarkForm],
) -> CallDetailAnswer:
    """It stays until it is taken back, whatever the rules say."""
    account, kind = account_id(request), gateway_kind(gateway)
    verdict = Verdict(data.spam, data.every, data.caller)
    await uses.mark_spam(account, kind, call, verdict, None)
    return await call_detail(uses, account, kind, call)


@delete(
    "/calls/{gateway:str}/{call:str}/spam",
    summary="Let the rules say whether it is spam",
    status_code=200,
    responses=described(404),
)
async def unmark_spam(
    uses: Uses,
    request: Request[object, object, State],
    gateway: FromPath[str],
    call: FromPath[str],
    every: Annotated[bool, QueryParameter(description="all calls of the caller")] = False,
) -> CallDetailAnswer:
    """`404` when nobody marked the call."""
    account, kind = account_id(request), gateway_kind(gateway)
    await uses.mark_spam(account, kind, call, Verdict(None, every), None)
    return await call_detail(uses, account, kind, call)


router = Router(
    "/",
    route_handlers=[
        list_callers,
        add_callers,
        import_callers,
        remove_caller,
        mark_spam,
        unmark_spam,
    ],
    tags=["Spam"],
)
