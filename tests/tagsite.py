"""A business's pages with the tag, and a tracking server of which a test decides: two origins."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from ringtrace.tag.script import load
from tests.browser import Page, until

OWN = "+15550100100"
GIVEN = {
    "e164": "+15550100201",
    "national": "(555) 010-0201",
    "international": "+1 555-010-0201",
}
OTHER = {
    "e164": "+15550100377",
    "national": "(555) 010-0377",
    "international": "+1 555-010-0377",
}
LONDON = {
    "e164": "+442079460999",
    "national": "020 7946 0999",
    "international": "+44 20 7946 0999",
}
PHONE = '<p><a id="phone" href="tel:+15550100100">(555) 010-0100</a></p>'
SHOWN = "document.querySelector('#phone').textContent"

FAST_BEATS = "const slow = setInterval; window.setInterval = (work, ms) => slow(work, ms / 100);"

Serve = Callable[[Any], Awaitable[int]]
"""Serves an ASGI application on 127.0.0.1; answers the port."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def answer(number: dict[str, str] | None, *own: str) -> bytes:
    reason = None if number else "no_pool"
    return json.dumps({"number": number, "swap": own or (OWN,), "reason": reason}).encode()


@dataclass
class Tracking:
    """A tracking server of which the test decides the answers."""

    hits: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    status: int = 200
    page: bytes = field(default_factory=lambda: answer(GIVEN))
    silent: bool = False
    origin: str = ""
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/t/tag.js":
            await respond(send, 200, load().body, "text/javascript")
            return
        body = b""
        more = True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append((scope["method"], headers))
        hit = json.loads(body)
        self.hits.append(hit)
        given = self.page
        await self.open.wait()
        if self.silent:
            await asyncio.wait_for(receive(), 30)  # until the browser gives up
        elif hit["kind"] == "page":
            await respond(send, self.status, given, "application/json")
        else:
            await respond(send, 204, b"", "application/json")

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [hit for hit in self.hits if hit["kind"] == kind]

    async def wait_for(self, kind: str, count: int = 1) -> dict[str, Any]:
        await until(lambda: len(self.of(kind)) >= count, 10, f"{count} hits of kind {kind}")
        return self.of(kind)[count - 1]


@dataclass
class Site:
    """A business's pages; every path shows the same body unless it has its own."""

    tracking: Tracking
    body: str = PHONE
    pages: dict[str, str] = field(default_factory=dict)
    port: int = 0

    async def app(self, scope: Scope, _: Receive, send: Send) -> None:
        tag = f'<script async src="{self.tracking.origin}/t/tag.js" data-site="site-1"></script>'
        body = self.pages.get(scope["path"], self.body)
        page = f'<!doctype html><meta charset="utf-8"><title>Shop</title>{tag}<body>{body}</body>'
        await respond(send, 200, page.encode(), "text/html")

    def url(self, path: str = "/", host: str = "www") -> str:
        return f"http://{host}.bluebird.test:{self.port}{path}"


async def shifts_of_a_swap(page: Page, site: Site, line: str, shown: str) -> list[float]:
    """What moves when the answer comes after the first paint; `shown` is then in place of PHONE.

    Ends with a shift made on purpose: they are seen.
    """
    await page.before_load(
        "window.shifts = []; new PerformanceObserver(list => shifts.push(...list.getEntries()"
        ".map(entry => entry.value))).observe({type: 'layout-shift', buffered: true})"
    )
    site.body = "<style>body { font-variant-numeric: tabular-nums }</style>" + PHONE * 5
    site.body += f"{line}<div>below</div>"
    site.tracking.open.clear()
    await page.goto(site.url())
    frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    await page.evaluate(frames)
    site.tracking.open.set()
    await page.wait_for(f"{SHOWN} === '{shown}'")
    await page.evaluate(frames)
    shifts: list[float] = await page.evaluate("shifts")
    await page.evaluate(
        "document.body.prepend(Object.assign(document.createElement('h1'),"
        "{textContent: 'Proof that shifts are seen'}))"
    )
    await page.wait_for("shifts.length > 0")
    return shifts


async def respond(send: Send, status: int, body: bytes, content_type: str) -> None:
    headers = {
        "access-control-allow-origin": "*",
        "content-length": str(len(body)),
        "content-type": content_type,
    }
    if status == 204:
        del headers["content-length"]
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
