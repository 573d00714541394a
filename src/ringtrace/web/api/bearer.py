"""Who asks: the account whose API token a request carries."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from ringtrace.domain.account import TokenKind
from ringtrace.services.errors import TokenUnknownError
from ringtrace.services.use_cases import UseCases

OPERATOR = 1
"""The first account of a server: the only one that may open others."""

_ACCOUNT = "api_account_id"


def token_required(
    connection: ASGIConnection[Any, Any, Any, State], _handler: BaseRouteHandler
) -> None:
    """Raises TokenUnknownError, the same for a missing, a wrong and a gateway's token."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    uses: UseCases = connection.app.state.use_cases
    owner = uses.directory.owner(token.strip(), TokenKind.API, TokenKind.COMMAND) if token else None
    if owner is None or scheme.lower() != "bearer":
        raise TokenUnknownError("an API token is needed: Authorization: Bearer TOKEN")
    connection.scope["state"][_ACCOUNT] = owner.account_id


def account_id(request: ASGIConnection[Any, Any, Any, State]) -> int:
    """Behind `token_required`."""
    return int(request.scope["state"][_ACCOUNT])
