"""Tags of calls."""

from litestar import Request, Router, delete, get, put
from litestar.datastructures import State
from litestar.params import FromPath

from ringtrace.web.api.bearer import account_id
from ringtrace.web.api.call_answers import CallDetailAnswer, TagNamesAnswer
from ringtrace.web.api.calls import call_detail, gateway_kind
from ringtrace.web.api.errors import described
from ringtrace.web.uses import Uses

_TAG = "/calls/{gateway:str}/{call:str}/tags/{tag:str}"


@put(_TAG, summary="Put a tag on a call", responses=described(404))
async def add_tag(
    uses: Uses,
    request: Request[object, object, State],
    gateway: FromPath[str],
    call: FromPath[str],
    tag: FromPath[str],
) -> CallDetailAnswer:
    """A word of up to 32 letters, digits, - or _; capitals become small. Once more is no change."""
    account, kind = account_id(request), gateway_kind(gateway)
    await uses.tag_call(account, kind, call, tag, None)
    return await call_detail(uses, account, kind, call)


@delete(_TAG, summary="Take a tag off a call", status_code=200, responses=described(404))
async def remove_tag(
    uses: Uses,
    request: Request[object, object, State],
    gateway: FromPath[str],
    call: FromPath[str],
    tag: FromPath[str],
) -> CallDetailAnswer:
    account, kind = account_id(request), gateway_kind(gateway)
    await uses.tag_call.take_off(account, kind, call, tag)
    return await call_detail(uses, account, kind, call)


@get("/tags", summary="The tags that calls have", responses=described())
async def list_tags(uses: Uses, request: Request[object, object, State]) -> TagNamesAnswer:
    return TagNamesAnswer(list(await uses.store.tag_names(account_id(request))))


router = Router("/", route_handlers=[add_tag, remove_tag, list_tags], tags=["Calls"])
