"""What every answer tells the browser not to do."""

from litestar.datastructures import MutableScopeHeaders
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
