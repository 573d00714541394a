"""The API's routes and its OpenAPI document."""

from litestar import Router
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from ringtrace import __version__
from ringtrace.services.errors import RefusedError
from ringtrace.web.api import (
    attribution,
    calls,
    errors,
    gateways,
    notices,
    reports,
    setup,
    sounds,
    spam,
    tags,
)
from ringtrace.web.api.bearer import token_required
from ringtrace.web.api.strict import read_strictly

PREFIX = "/api/v1"


def api_router() -> Router:
    return Router(
        PREFIX,
        route_handlers=[
            calls.router,
            tags.router,
            attribution.router,
            reports.router,
            notices.router,
            gateways.router,
            setup.router,
            spam.router,
            sounds.router,
        ],
        guards=[token_required],
        before_request=read_strictly,
        exception_handlers={
            RefusedError: errors.refused,
            HTTPException: errors.http_error,
            RecursionError: errors.too_deep,
            Exception: errors.failed,
        },
        security=[{"token": []}],
    )


def openapi() -> OpenAPIConfig:
    """The document is open to all: it says nothing of any account."""
    return OpenAPIConfig(
        title="Ringtrace API",
        version=__version__,
        description="Calls, what made them, and the set-up behind them.",
        path=f"{PREFIX}/schema",
        render_plugins=[JsonRenderPlugin(path="/")],
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}
        ),
        use_handler_docstrings=True,
    )
