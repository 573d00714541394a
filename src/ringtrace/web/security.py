"""What every answer tells the browser not to do, and forms that only our own pages can send."""

import hashlib
import hmac

from litestar.config.csrf import CSRFConfig
from litestar.datastructures import MutableScopeHeaders
from litestar.middleware import DefineMiddleware
from litestar.middleware.csrf import CSRFMiddleware
from litestar.types import Message, Scope

_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " media-src 'self' https:; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


async def before_send(message: Message, scope: Scope) -> None:
    """Pages and answers hold personal data: unless they say otherwise nobody may keep them."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, value in _HEADERS.items():
        headers[name] = value
    headers.setdefault("cache-control", "no-store")
    if scope["scheme"] == "https":
        cookies = headers.getall("set-cookie", [])
        headers.pop("set-cookie", None)
        for cookie in cookies:
            headers.add(
                "set-cookie", cookie if "; secure" in cookie.lower() else f"{cookie}; Secure"
            )


def form_tokens(secret: bytes, exclude: str) -> DefineMiddleware:
    """Refuses forms without the token of the page; paths that match `exclude` take no cookies."""
    config = CSRFConfig(
        secret=hmac.digest(secret, b"csrf", hashlib.sha256).hex(),
        cookie_name="ringtrace_csrf",
        cookie_httponly=True,
        cookie_samesite="lax",
        exclude=[exclude],
    )
    return DefineMiddleware(_FormTokens, config=config)


class _FormTokens(CSRFMiddleware):
    """Litestar's own fails with TypeError on a token that is a list, a file or not ASCII."""

    def _csrf_tokens_match(self, request_csrf_token: object, cookie_csrf_token: str) -> bool:
        if not isinstance(request_csrf_token, str):
            return False
        if not (request_csrf_token.isascii() and cookie_csrf_token.isascii()):
            return False
        return super()._csrf_tokens_match(request_csrf_token, cookie_csrf_token)
