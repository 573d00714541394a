"""Errors as pages: what went wrong in plain words, and a way on."""

import logging
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from ringtrace.services.errors import BodyInvalidError, FieldInvalidError, RefusedError
from ringtrace.web.console.page import page
from ringtrace.web.console.session import SignInNeededError

log = logging.getLogger(__name__)

_TITLES = {
    400: ("That did not work", "The form could not be read. Go back and try again."),
    403: ("This form has expired", "Go back, load the page anew and send it again."),
    404: ("Nothing here", "There is no such page, or it is not of your account."),
    405: ("Nothing here", "This address takes no such request."),
    413: ("Too much at once", "What you sent is larger than this server takes."),
    503: ("Storage is out of reach", "Calls still go through. Try again in a moment."),
}
_OTHERWISE = ("That did not work", "Go back and try again.")
_SERVER_FAULT = 500


def sign_in_first(request: Request[Any, Any, Any], _: SignInNeededError) -> Response[Any]:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method != "GET" or wanted == "/":
        return Redirect("/login", status_code=303)
    return Redirect(f"/login?{urlencode({'next': wanted})}", status_code=303)


def refused(_: Request[Any, Any, Any], error: RefusedError) -> Response[Any]:
    if isinstance(error, FieldInvalidError | BodyInvalidError):
        why = f"{error.message[:1].upper()}{error.message[1:]}. Go back and try again."
        return _page(error.status, ("That did not work", why))
    return _page(error.status)


def http_error(_: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    return _page(error.status_code)


def failed(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    log.error("page_failed method=%s", request.method, exc_info=error)
    return _page(_SERVER_FAULT, ("Something broke on our side", "It has been noted. Try again."))


def _page(status: int, words: tuple[str, str] | None = None) -> Response[Any]:
    title, text = words or _TITLES.get(status, _OTHERWISE)
    return page("error", None, status=status, title=title, text=text, status_code=status)
