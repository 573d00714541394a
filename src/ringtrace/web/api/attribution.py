"""Whose calls they were: corrections by users, attribution anew, and the models behind both."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Request, Router, delete, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from ringtrace.web.api import presenter
from ringtrace.web.api.bearer import account_id
from ringtrace.web.api.call_answers import CallDetailAnswer
from ringtrace.web.api.calls import call_detail, gateway_kind
from ringtrace.web.api.errors import described
from ringtrace.web.api.report_answers import ModelAnswer, ReattributedAnswer
from ringtrace.web.times import milliseconds, utc
from ringtrace.web.uses import Uses


class CorrectionForm(msgspec.Struct, forbid_unknown_fields=True):
    """`visit_id` null: none of the visits called."""

    visit_id: str | None


class SinceForm(msgspec.Struct, forbid_unknown_fields=True):
    """RFC 3339 time with its offset."""

    since: Annotated[datetime, msgspec.Meta(tz=True)]


@put(
    "/calls/{gateway:str}/{call:str}/correction",
    summary="Say who called",
    responses=described(404),
)
async def correct_call(
    uses: Uses,
    request: Request[object, object, State],
    gateway: FromPath[str],
    call: FromPath[str],
    data: JSONBody[CorrectionForm],
) -> CallDetailAnswer:
    """A visit that was shown the number in the 14 days before; it stays until it is taken back."""
    account, kind = account_id(request), gateway_kind(gateway)
    await uses.correct_call(account, kind, call, data.visit_id, None)
    return await call_detail(uses, account, kind, call)


@delete(
    "/calls/{gateway:str}/{call:str}/correction",
    summary="Take a correction back",
    status_code=200,
    responses=described(404, 409),
)
async def take_back_correction(
    uses: Uses, request: Request[object, object, State], gateway: FromPath[str], call: FromPath[str]
) -> CallDetailAnswer:
    """The call is attributed by the engine again."""
    account, kind = account_id(request), gateway_kind(gateway)
    await uses.correct_call.take_back(account, kind, call)
    return await call_detail(uses, account, kind, call)


@post(
    "/attributions",
    summary="Attribute past calls anew",
    status_code=200,
    responses=described(),
)
async def reattribute(
    uses: Uses, request: Request[object, object, State], data: JSONBody[SinceForm]
) -> ReattributedAnswer:
    """Calls begun at `since` or later, as of their time, with the newest models."""
    since = milliseconds(data.since)
    done = await uses.reattribute(account_id(request), since)
    return ReattributedAnswer(utc(since), done.calls, done.changed)


@get("/sites/{site:str}/model", summary="A site's newest model", responses=described(404))
async def show_model(
    uses: Uses, request: Request[object, object, State], site: FromPath[str]
) -> ModelAnswer:
    return presenter.model(site, uses.learn_models.newest(account_id(request), site))


@post(
    "/sites/{site:str}/model",
    summary="Learn a site's model now",
    status_code=200,
    responses=described(404),
)
async def learn_model(
    uses: Uses, request: Request[object, object, State], site: FromPath[str]
) -> ModelAnswer:
    """As every night: from the 14 days before, up to the last midnight UTC."""
    account = account_id(request)
    await uses.learn_models(account, site)
    return presenter.model(site, uses.learn_models.newest(account, site))


router = Router(
    "/",
    route_handlers=[correct_call, take_back_correction, reattribute, show_model, learn_model],
    tags=["Attribution"],
)
