"""The demo business's own website: a few pages that carry the tag."""

from collections.abc import Awaitable, Callable, MutableMapping
from html import escape
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_PAGES = ("index.html", "prices.html", "contact.html")
_HTML = "text/html; charset=utf-8"
_NOT_FOUND = (b"There is no such page.", "text/plain; charset=utf-8")


def site_app(tag_url: str, site_key: str, number_e164: str, number_national: str) -> Application:
    """The website as an ASGI application, rendered once.

    `tag_url` is the absolute address of `tag.js`. The pages' own number is `number_national`
    as readers see it and `number_e164` in `tel:` links. Raises ValueError for a `tag_url`
    that is not an http(s) address.
    """
    tag = urlsplit(tag_url)
    if tag.scheme not in {"http", "https"} or not tag.netloc:
        raise ValueError(f"tag_url: not an http(s) address: {tag_url!r}")
    values = {
        "tag": f'<script async src="{escape(tag_url)}" data-site="{escape(site_key)}"></script>',
        "number": escape(number_national),
        "number_e164": escape(number_e164),
    }
    site = files("ringtrace.demo").joinpath("site")
    resources = {
        f"/{name}": (_render(site.joinpath(name).read_text("utf-8"), values), _HTML)
        for name in _PAGES
    }
    resources["/"] = resources["/index.html"]
    resources["/site.css"] = (site.joinpath("site.css").read_bytes(), "text/css; charset=utf-8")
    # A strict policy, as careful sites have one: the tag needs these two permissions and no more.
    origin = f"{tag.scheme}://{tag.netloc}"
    policy = f"default-src 'self'; img-src 'self' data:; script-src {origin}; connect-src {origin}"

    async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"scope: {scope['type']} is not served here")
        known = scope["path"] in resources
        body, content_type = resources.get(scope["path"], _NOT_FOUND)
        status = 200 if known else 404
        if scope["method"] not in {"GET", "HEAD"}:
            status, body = 405, b""
        headers = {
            "content-type": content_type,
            "content-length": str(len(body)),
            "content-security-policy": policy,
            "cache-control": "no-cache",
            "x-content-type-options": "nosniff",
        }
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )

    return app


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


def _render(page: str, values: dict[str, str]) -> bytes:
    for name, value in values.items():
        page = page.replace("{{" + name + "}}", value)
    return page.encode()
