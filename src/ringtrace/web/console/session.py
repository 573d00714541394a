"""Who is signed in: a session of the server, kept in a file and named by a cookie."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders, State
from litestar.handlers import BaseRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.middleware.session.base import SessionMiddleware
from litestar.middleware.session.server_side import (
    ServerSideSessionBackend,
    ServerSideSessionConfig,
)
from litestar.types import Message, ScopeSession

from ringtrace.domain.account import Account, User
from ringtrace.services.use_cases import UseCases
from ringtrace.web.console.period import zone_named

COOKIE = "ringtrace_session"
NO_SESSION = "^/(api|static|unsubscribe)/"
"""Paths where cookies mean nothing: tokens and signatures open them, or they are open to all."""

_LIFETIME_SECONDS = 14 * 86_400
_ZONE_COOKIE = "ringtrace_zone"

AnyRequest = Request[Any, Any, State]


class SignInNeededError(Exception):
    """Nobody is signed in; the sign-in page comes first."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a page, and the time zone of the browser (UTC until it has told)."""

    account: Account
    login: str
    zone: tzinfo


def sign_in(request: AnyRequest, user: User) -> None:
    request.set_session({"account_id": user.account_id, "login": user.login})


def sign_in_required(connection: ASGIConnection[Any, Any, Any, State], _: BaseRouteHandler) -> None:
    """Raises SignInNeededError."""
    if _account(connection) is None:
        raise SignInNeededError


def viewer(request: AnyRequest) -> Viewer:
    """Behind `sign_in_required`. Raises SignInNeededError."""
    account = _account(request)
    if account is None:
        raise SignInNeededError
    zone = zone_named(request.cookies.get(_ZONE_COOKIE, ""))
    return Viewer(account, request.session["login"], zone)


def _account(connection: ASGIConnection[Any, Any, Any, State]) -> Account | None:
    account_id = connection.session.get("account_id")
    uses: UseCases = connection.app.state.use_cases
    return uses.directory.account(account_id) if isinstance(account_id, int) else None


def session_middleware() -> DefineMiddleware:
    config = ServerSideSessionConfig(
        key=COOKIE,
        max_age=_LIFETIME_SECONDS,
        httponly=True,
        samesite="lax",
        store="sessions",
        exclude=[NO_SESSION],
    )
    return DefineMiddleware(_Middleware, backend=_SignedInOnly(config))


class _Middleware(SessionMiddleware["_SignedInOnly"]):
    pass


class _SignedInOnly(ServerSideSessionBackend):
    """Keeps sessions of people who signed in, and of nobody else.

    Litestar's own backend writes a file for every visitor of every page and takes over whatever
    session id a browser sends. Here a session is written only when it changed, always under a new
    id, so an id planted before the sign-in opens nothing.
    """

    async def load_from_connection(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> dict[str, Any]:
        data = await super().load_from_connection(connection)
        connection.scope["state"]["session_as_loaded"] = dict(data)
        return data

    async def store_in_message(
        self,
        scope_session: ScopeSession,
        message: Message,
        connection: ASGIConnection[Any, Any, Any, Any],
    ) -> None:
        session = scope_session if isinstance(scope_session, dict) else {}
        if session == connection.scope["state"].get("session_as_loaded", {}):
            return
        store = self.config.get_store_from_app(connection.scope["litestar_app"])
        old = connection.cookies.get(self.config.key)
        if old:
            await self.delete(old, store)
        value, age = "", 0
        if session:
            value, age = self.generate_session_id(), self.config.max_age
            await self.set(value, self.serialize_data(session, connection.scope), store)
        cookie = Cookie(self.config.key, value=value, max_age=age, httponly=True, samesite="lax")
        MutableScopeHeaders.from_message(message).add("set-cookie", cookie.to_header(header=""))
