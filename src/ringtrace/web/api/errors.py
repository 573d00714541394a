"""Every error of the API is one JSON shape with a stable `error_id`."""

import logging
import re
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from ringtrace.services.errors import BodyInvalidError, FieldInvalidError, RefusedError

log = logging.getLogger(__name__)

_IDS = {
    400: "body_invalid",
    401: "token_unknown",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "body_invalid",
}
_BODY = "data"
"""What Litestar calls the whole body; a body that is absent is named like a missing key."""

_ALIASES = {"delivery_state": "state"}
"""Parameters that callers know by another name: `state` is Litestar's own within a handler."""

_MISSING = re.compile(r"Missing required \w+ parameter '(?P<name>\w+)'")

_SERVER_FAULT = 500


class ErrorAnswer(msgspec.Struct, frozen=True):
    """`error_id` is stable, `field` names what is wrong, `message` is for people."""

    error_id: str
    field: str | None
    message: str


def refused(_: Request[Any, Any, Any], error: RefusedError) -> Response[ErrorAnswer]:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}  # noqa: PLR2004 - Unauthorized
    answer = ErrorAnswer(error.error_id, error.field, error.message)
    return _response(answer, error.status, headers)


def http_error(_: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorAnswer]:
    """What Litestar itself refuses: a value of the wrong type, a path or method it has not."""
    if isinstance(error, ValidationException):
        wrong = _wrong_field(error)
        return _response(ErrorAnswer(wrong.error_id, wrong.field, wrong.message), wrong.status)
    answer = ErrorAnswer(_IDS.get(error.status_code, "refused"), None, error.detail)
    return _response(answer, error.status_code, dict(error.headers or {}))


def too_deep(_: Request[Any, Any, Any], __: RecursionError) -> Response[ErrorAnswer]:
    """Nothing here recurses but the decoding and reading of what was sent."""
    return refused(_, BodyInvalidError("the body is nested too deeply", "body"))


def failed(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorAnswer]:
    log.error("request_failed method=%s", request.method, exc_info=error)
    return _response(ErrorAnswer("internal_error", None, "an error on our side"), _SERVER_FAULT)


def _wrong_field(error: ValidationException) -> RefusedError:
    """Litestar names a parameter by its name and a part of the body by its path."""
    extra = error.extra
    first = extra[0] if isinstance(extra, list) and extra else {}
    key, message = str(first.get("key", "")), str(first.get("message", error.detail))
    missing = _MISSING.match(error.detail)
    if missing is not None:
        return FieldInvalidError("it is needed", missing["name"])
    if key == _BODY and message == repr(_BODY):
        return BodyInvalidError("a JSON body is needed", "body")
    return FieldInvalidError.read(
        f"{message} - at `${'' if key == _BODY else _ALIASES.get(key, key)}`"
    )


def _response(
    answer: ErrorAnswer, status: int, headers: dict[str, str] | None = None
) -> Response[ErrorAnswer]:
    return Response(answer, status_code=status, headers=headers, media_type=MediaType.JSON)


def described(*statuses: int) -> dict[int, ResponseSpec]:
    """The errors of a route for the OpenAPI document, beside those that every route has."""
    return {
        status: ResponseSpec(
            ErrorAnswer, description=_DESCRIPTIONS[status], generate_examples=False
        )
        for status in (400, 401, 422, *statuses)
    }


_DESCRIPTIONS = {
    400: "The request cannot be read; a body must be JSON",
    401: "No API token, or one that is not known",
    404: "Not there, or another account's",
    409: "Taken by another account, or in use",
    413: "Larger than this route takes",
    422: "A field is wrong; `field` names it",
}
