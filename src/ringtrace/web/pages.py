"""Everything that is not hot, in one Litestar app: the console and the API."""

from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.stores.file import FileStore
from litestar.types import ExceptionHandlersMap

from ringtrace.services.errors import RefusedError
from ringtrace.services.neighbours import NOBODY, Neighbours
from ringtrace.services.use_cases import UseCases
from ringtrace.web.api import errors as api_errors
from ringtrace.web.api.router import PREFIX as API
from ringtrace.web.api.router import api_router, openapi
from ringtrace.web.console import refusals
from ringtrace.web.console.assets import Assets, serve_asset
from ringtrace.web.console.router import console_router
from ringtrace.web.console.session import NO_SESSION, session_middleware
from ringtrace.web.console.templating import template_config
from ringtrace.web.console.throttle import SignInTries
from ringtrace.web.security import before_send, form_tokens

_MOST_BODY = 4 * 1024 * 1024
"""Bytes: a set-up of some ten thousand numbers."""


def litestar_app(
    use_cases: UseCases, secret: bytes, sessions: Path, neighbours: Neighbours = NOBODY
) -> Litestar:
    """`secret` signs the forms' tokens; `sessions` is the folder of signed-in sessions."""
    sessions.mkdir(parents=True, exist_ok=True, mode=0o700)
    assets = Assets.load()
    return Litestar(
        route_handlers=[api_router(), console_router(), serve_asset],
        state=State(
            {"use_cases": use_cases, "assets": assets, "throttle": SignInTries(neighbours)},
            deep_copy=False,
        ),
        dependencies={"uses": Provide(_use_cases, sync_to_thread=False)},
        stores={"sessions": FileStore(sessions)},
        middleware=[form_tokens(secret, NO_SESSION), session_middleware()],
        template_config=template_config(assets),
        openapi_config=openapi(),
        exception_handlers=_EXCEPTION_HANDLERS,
        before_send=[before_send],
        request_max_body_size=_MOST_BODY,
        # Logging is the process's business; Litestar would take over its root logger.
        logging_config=None,
    )


def _use_cases(state: State) -> UseCases:
    uses: UseCases = state.use_cases
    return uses


def _is_api(request: Request[Any, Any, Any]) -> bool:
    path = request.scope["path"]
    return path == API or path.startswith(f"{API}/")


def _refused(request: Request[Any, Any, Any], error: RefusedError) -> Response[Any]:
    refuse = api_errors.refused if _is_api(request) else refusals.refused
    return refuse(request, error)


def _http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    refuse = api_errors.http_error if _is_api(request) else refusals.http_error
    return refuse(request, error)


def _failed(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    refuse = api_errors.failed if _is_api(request) else refusals.failed
    return refuse(request, error)


_EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    RefusedError: _refused,
    HTTPException: _http_error,
    Exception: _failed,
}
