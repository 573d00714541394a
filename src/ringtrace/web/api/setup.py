"""The account's set-up: sites, numbers, tokens; and, for the operator, new accounts."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import Request, Router, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from ringtrace.domain.account import TokenKind
from ringtrace.domain.fault import Fault
from ringtrace.services.errors import NotFoundError
from ringtrace.services.setup_form import SetupForm
from ringtrace.web.api import presenter
from ringtrace.web.api.bearer import OPERATOR, account_id
from ringtrace.web.api.errors import described
from ringtrace.web.api.notices import recipient_answer
from ringtrace.web.api.setup_answers import (
    AccountAnswer,
    FlowAnswer,
    IssuedAnswer,
    OpenedAnswer,
    SetupAnswer,
    TokenAnswer,
    TokensAnswer,
    WarningAnswer,
)
from ringtrace.web.times import utc
from ringtrace.web.uses import Uses

_HIGHEST_VERSION = 2**63 - 1
"""No store counts further."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class TokenForm(msgspec.Struct, forbid_unknown_fields=True):
    kind: TokenKind


class NewAccountForm(msgspec.Struct, forbid_unknown_fields=True):
    """`region` (ISO 3166 alpha-2) reads national telephone numbers."""

    name: Text
    region: Text
    login: Text


@get("/setup", summary="Sites and numbers as they stand", responses=described())
async def show_setup(uses: Uses, request: Request[object, object, State]) -> SetupAnswer:
    return await _setup(uses, account_id(request))


@put("/setup", summary="Add or change sites and numbers", responses=described(409))
async def apply_setup(
    uses: Uses, request: Request[object, object, State], data: JSONBody[SetupForm]
) -> SetupAnswer:
    """All or nothing. What the document does not name stays as it is."""
    account = account_id(request)
    return await _setup(uses, account, await uses.apply_setup(account, data))


@get(
    "/flows/{name:str}/versions/{version:int}",
    summary="A version of a flow",
    responses=described(404),
)
async def show_flow(
    uses: Uses, request: Request[object, object, State], name: FromPath[str], version: FromPath[int]
) -> FlowAnswer:
    """As it was when calls ran it; `GET /setup` has the newest ones."""
    known = version <= _HIGHEST_VERSION
    kept = await uses.store.flow(account_id(request), name, version) if known else None
    if kept is None:
        raise NotFoundError("no such version of a flow")
    return presenter.flow(kept)


@get("/tokens", summary="Which tokens exist", responses=described())
async def list_tokens(uses: Uses, request: Request[object, object, State]) -> TokensAnswer:
    """Kind and time of issue of every valid token, newest first; the tokens are kept nowhere."""
    known = await uses.issue_token.issued(account_id(request))
    return TokensAnswer([IssuedAnswer(one.kind.value, utc(one.issued_at)) for one in known])


@post("/tokens", summary="Issue a token", responses=described())
async def issue_token(
    uses: Uses, request: Request[object, object, State], data: JSONBody[TokenForm]
) -> TokenAnswer:
    """Of the older tokens of its kind only the newest stays valid."""
    return TokenAnswer(data.kind, await uses.issue_token.asked(account_id(request), data.kind))


@post("/accounts", summary="Open an account (operator)", responses=described(404))
async def open_account(
    uses: Uses, request: Request[object, object, State], data: JSONBody[NewAccountForm]
) -> OpenedAnswer:
    """Only with the operator's token, account 1; everybody else is told there is no such thing."""
    if account_id(request) != OPERATOR:
        raise NotFoundError("Not Found")
    opened = await uses.open_account(data.name, data.region, data.login)
    token = await uses.issue_token(opened.account_id, TokenKind.API)
    return OpenedAnswer(opened.account_id, opened.login, opened.password, token)


async def _setup(uses: Uses, account: int, warnings: Sequence[Fault] = ()) -> SetupAnswer:
    known = uses.directory.account(account)
    if known is None:
        raise NotFoundError("no such account")
    return SetupAnswer(
        account=AccountAnswer(known.account_id, known.name, known.region),
        sites=[presenter.site(one) for one in uses.directory.sites_of(account)],
        numbers=[presenter.tracking_number(one) for one in uses.directory.numbers_of(account)],
        flows=[presenter.flow(one) for one in uses.directory.flows_of(account)],
        recipients=[recipient_answer(one) for one in await uses.store.recipients(account)],
        spam=msgspec.to_builtins(uses.directory.spam_rules(account)),
        warnings=[WarningAnswer(one.path, one.message) for one in warnings],
    )


router = Router(
    "/",
    route_handlers=[show_setup, apply_setup, show_flow, list_tokens, issue_token, open_account],
    tags=["Set-up"],
)
