"""Every error of the API is one JSON shape with a stable `error_id`."""

import logging
from typing import Any

from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from ringtrace.services.errors import RefusedError
from ringtrace.web.api.answers import ErrorAnswer

log = logging.getLogger(__name__)

_IDS = {
    400: "body_invalid",
    401: "token_unknown",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "body_invalid",
}
_FIELD_INVALID = 422
_SERVER_FAULT = 500


def refused(_: Request[Any, Any, Any], error: RefusedError) -> Response[ErrorAnswer]:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}  # noqa: PLR2004 - Unauthorized
    answer = ErrorAnswer(error.error_id, error.field, error.message)
    return _response(answer, error.status, headers)


def http_error(_: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorAnswer]:
    """What Litestar itself refuses: a value of the wrong type, a path or method it has not."""
    if isinstance(error, ValidationException):
        field, message = _first_field(error)
        return _response(ErrorAnswer("field_invalid", field, message), _FIELD_INVALID)
    answer = ErrorAnswer(_IDS.get(error.status_code, "refused"), None, error.detail)
    return _response(answer, error.status_code, dict(error.headers or {}))


def failed(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorAnswer]:
    log.error("request_failed method=%s", request.method, exc_info=error)
    return _response(ErrorAnswer("internal_error", None, "an error on our side"), _SERVER_FAULT)


def _first_field(error: ValidationException) -> tuple[str | None, str]:
    extra = error.extra
    if isinstance(extra, list) and extra and isinstance(extra[0], dict):
        first = extra[0]
        return first.get("key"), str(first.get("message", error.detail))
    return None, error.detail


def _response(
    answer: ErrorAnswer, status: int, headers: dict[str, str] | None = None
) -> Response[ErrorAnswer]:
    return Response(answer, status_code=status, headers=headers, media_type=MediaType.JSON)


def described(*statuses: int) -> dict[int, ResponseSpec]:
    """The errors of a route for the OpenAPI document; every route needs a token."""
    return {
        status: ResponseSpec(
            ErrorAnswer, description=_DESCRIPTIONS[status], generate_examples=False
        )
        for status in (401, *statuses)
    }


_DESCRIPTIONS = {
    400: "The body is not JSON",
    401: "No API token, or one that is not known",
    404: "Not there, or another account's",
    409: "Taken by another account",
    422: "A field is wrong; `field` names it",
}
