"""The tag in a real browser: page and tracking server are different origins, as in life."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from ringtrace.demo.website import site_app
from ringtrace.tag.script import load
from tests.e2e.conftest import Browser, Page, Serve, until

pytestmark = pytest.mark.browser

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


@pytest.fixture
async def tracking(serve: Serve) -> Tracking:
    server = Tracking()
    server.origin = f"http://calls.ringtrace.test:{await serve(server.app)}"
    return server


@pytest.fixture
async def site(serve: Serve, tracking: Tracking) -> Site:
    website = Site(tracking)
    website.port = await serve(website.app)
    return website


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    visitor = await browser.page()
    yield visitor
    await browser.forget(visitor)


async def swapped(page: Page, texts: dict[str, str], given: bytes, site: Site) -> dict[str, str]:
    """What the page makes of each text once the tag has had its answer."""
    site.tracking.page = given
    site.body = "".join(f"<p class=case>{text}</p>" for text in texts)
    await page.goto(site.url())
    await page.wait_for("window.ringtrace && ringtrace.number()")
    shown = await page.evaluate("[...document.querySelectorAll('.case')].map(p => p.textContent)")
    return dict(zip(texts, shown, strict=True))


async def test_the_page_keeps_its_own_way_of_writing_numbers(page: Page, site: Site) -> None:
    texts = {
        "(555) 010-0100": "(555) 010-0201",
        "555-010-0100": "555-010-0201",
        "555.010.0100": "555.010.0201",
        "5550100100": "5550100201",
        "+15550100100": "+15550100201",
        "+1 (555) 010-0100": "+1 (555) 010-0201",
        "1-555-010-0100": "1-555-010-0201",
        "001 555 010 0100": "001 555 010 0201",
        "555\u00a0010\u20110100": "555\u00a0010\u20110201",
        "24/7: (555) 010-0100, 555-010-0100.": "24/7: (555) 010-0201, 555-010-0201.",
        "5550100100 5550100100": "5550100201 5550100201",
    }
    assert await swapped(page, texts, answer(GIVEN), site) == texts


async def test_other_digits_are_left_alone(page: Page, site: Site) -> None:
    texts = [
        "+44 555 010 0100",
        "+445550100100",
        "95550100100",
        "55501001009",
        "010-0100",
        "555 010 0101",
        "$5,550,100,100",
    ]
    expected = {text: text for text in texts} | {"now 5550100100": "now 5550100201"}
    assert await swapped(page, expected, answer(GIVEN), site) == expected


async def test_trunk_zero_and_country_code_of_a_number_stay(page: Page, site: Site) -> None:
    texts = {
        "020 7946 0100": "020 7946 0999",
        "(020) 7946 0100": "(020) 7946 0999",
        "+44 20 7946 0100": "+44 20 7946 0999",
        "+44 (0)20 7946 0100": "+44 (0)20 7946 0999",
        "0044 20 7946 0100": "0044 20 7946 0999",
    }
    assert await swapped(page, texts, answer(LONDON, "+442079460100"), site) == texts


async def test_a_number_of_another_length_comes_in_the_style_of_the_page(
    page: Page, site: Site
) -> None:
    berlin = {"e164": "+4930123456", "national": "030 123456", "international": "+49 30 123456"}
    texts = {
        "030 12345678": "030 123456",
        "(030) 12345678": "030 123456",
        "(call 030 12345678)": "(call 030 123456)",
        "(030 12345678)": "(030 123456)",
        "+49 30 12345678": "+49 30 123456",
        "0049 (0)30 12345678": "+49 30 123456",
    }
    assert await swapped(page, texts, answer(berlin, "+493012345678"), site) == texts


async def test_a_number_of_another_country_is_always_shown_with_its_country_code(
    page: Page, site: Site
) -> None:
    texts = {
        "(555) 010-0100": "+44 20 7946 0999",
        "+1 555 010 0100": "+44 20 7946 0999",
    }
    assert await swapped(page, texts, answer(LONDON), site) == texts


async def test_a_number_spread_over_elements_is_swapped_in_each_part(
    page: Page, site: Site
) -> None:
    site.body = (
        '<p id="a">Call <b>(555)</b> <i>010-</i>0100</p>'
        '<div id="b"><a href="tel:5550100100"><span>555</span><span> 010 </span>'
        "<span>0100</span></a></div>"
    )
    await page.goto(site.url())
    await page.wait_for("window.ringtrace && ringtrace.number()")
    html = "[...document.querySelectorAll('#a, #b')].map(box => box.innerHTML)"
    assert await page.evaluate(html) == [
        "Call <b>(555)</b> <i>010-</i>0201",
        '<a href="tel:5550100201"><span>555</span><span> 010 </span><span>0201</span></a>',
    ]


async def test_links_and_spoken_texts_carry_the_number_too(page: Page, site: Site) -> None:
    given = {
        "tel:+15550100100": "tel:+15550100201",
        "tel:555-010-0100": "tel:555-010-0201",
        "TEL:+1-555-010-0100;ext=5": "TEL:+1-555-010-0201;ext=5",
        "tel:+1%20(555)%20010%200100": "tel:+1%20(555)%20010%200201",
        "tel:+15550100999": "tel:+15550100999",
        "https://chat.example/15550100100": "https://chat.example/15550100100",
    }
    site.body = (
        "".join(f'<a href="{link}">x</a>' for link in given)
        + '<img alt="Call 555-010-0100"><b title="555-010-0100" aria-label="555 010 0100"></b>'
    )
    await page.goto(site.url())
    await page.wait_for("window.ringtrace && ringtrace.number()")
    links = "[...document.links].map(link => link.getAttribute('href'))"
    assert await page.evaluate(links) == list(given.values())
    assert await page.evaluate("document.images[0].alt") == "Call 555-010-0201"
    spoken = "['title', 'aria-label'].map(name => document.querySelector('b').getAttribute(name))"
    assert await page.evaluate(spoken) == ["555-010-0201", "555 010 0201"]


async def test_what_the_visitor_types_and_what_the_site_exempts_stays(
    page: Page, site: Site
) -> None:
    site.body = PHONE + (
        "<div id=kept><script type=x>5550100100</script><style>/*5550100100*/</style>"
        '<textarea>5550100100</textarea><input value="5550100100" title="5550100100">'
        '<p contenteditable="">5550100100</p>'
        '<p data-ringtrace-noswap="" title="5550100100"><a href="tel:5550100100">5550100100</a></p>'
        "</div>"
    )
    await page.goto(site.url())
    html = "document.querySelector('#kept').innerHTML"
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    assert "0201" not in await page.evaluate(html)
    await page.evaluate(
        "document.querySelector('[data-ringtrace-noswap]').append(' 5550100100');"
        "document.body.append(' then 5550100100')"
    )
    await page.wait_for("document.body.textContent.includes('then 5550100201')")
    assert "0201" not in await page.evaluate(html)


async def test_what_a_framework_renders_later_is_swapped_before_it_is_seen(
    page: Page, site: Site
) -> None:
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    seen_in_next_frame = """new Promise(done => {
      const box = document.createElement('div');
      box.innerHTML = '<a href="tel:+15550100100" title="555-010-0100">555 010 0100</a>';
      document.body.append(box);
      document.querySelector('#phone').firstChild.data = '(555) 010-0100';
      document.querySelector('#phone').href = 'tel:+15550100100';
      requestAnimationFrame(() => done(document.body.innerHTML));
    })"""
    html = await page.evaluate(seen_in_next_frame)
    assert "0100<" not in html
    assert html.count("010-0201") + html.count("010 0201") == 3
    assert html.count("tel:+15550100201") == 2


async def test_the_answer_is_applied_without_timers_or_frames(page: Page, site: Site) -> None:
    await page.before_load("window.setTimeout = window.requestAnimationFrame = () => 0")
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")


async def test_swapping_shifts_nothing(page: Page, site: Site) -> None:
    await page.before_load(
        "window.shifts = []; new PerformanceObserver(list => shifts.push(...list.getEntries()"
        ".map(entry => entry.value))).observe({type: 'layout-shift', buffered: true})"
    )
    site.body = "<style>body { font-variant-numeric: tabular-nums }</style>" + PHONE * 5
    site.body += "<p>Call <b>555-010-0100</b> today</p><div>below</div>"
    site.tracking.open.clear()
    await page.goto(site.url())
    frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    await page.evaluate(frames)
    site.tracking.open.set()
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    await page.evaluate(frames)
    assert await page.evaluate("shifts") == []
    await page.evaluate(
        "document.body.prepend(Object.assign(document.createElement('h1'),"
        "{textContent: 'Proof that shifts are seen'}))"
    )
    await page.wait_for("shifts.length > 0")


async def test_the_page_hit_needs_no_preflight_and_carries_no_credentials(
    page: Page, site: Site
) -> None:
    await page.goto(site.url("/a?utm_source=google#top"), referrer="https://www.google.com/")
    hit = await site.tracking.wait_for("page")
    assert hit["site"] == "site-1"
    assert hit["url"] == site.url("/a?utm_source=google#top")
    assert hit["referrer"] == "https://www.google.com/"
    int(hit["visitor"], 16)
    assert len(hit["visitor"]) == len(hit["visit"]) == 32
    ((method, headers),) = site.tracking.requests
    assert method == "POST"
    assert headers["content-type"].startswith("text/plain")
    assert "cookie" not in headers


async def test_the_visit_id_begins_with_its_time(page: Page, site: Site) -> None:
    await page.goto(site.url())
    hit = await site.tracking.wait_for("page")
    now = await page.evaluate("Date.now()")
    assert now - 20_000 < int(hit["visit"][:12], 16) <= now


async def test_the_next_page_shows_the_remembered_number_before_any_answer(
    page: Page, site: Site
) -> None:
    await page.goto(site.url())
    first = await site.tracking.wait_for("page")
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    site.tracking.silent = True
    await page.goto(site.url("/prices"))
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    assert await page.evaluate("ringtrace.number().e164") == GIVEN["e164"]
    second = await site.tracking.wait_for("page", 2)
    assert (second["visitor"], second["visit"]) == (first["visitor"], first["visit"])


async def test_a_new_answer_overrules_the_remembered_number(page: Page, site: Site) -> None:
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    site.tracking.page = answer(OTHER)
    await page.goto(site.url("/prices"))
    await page.wait_for(f"{SHOWN} === '(555) 010-0377'")
    assert await page.evaluate("document.querySelector('#phone').href") == "tel:+15550100377"


async def test_an_answer_for_an_older_visit_is_not_shown(page: Page, site: Site) -> None:
    site.tracking.open.clear()
    await page.goto(site.url())
    await site.tracking.wait_for("page")
    site.tracking.page = answer(OTHER)
    await page.evaluate(
        "window.seen = []; new MutationObserver(() => seen.push(document.body.textContent))"
        ".observe(document.body, {subtree: true, characterData: true});"
        "history.pushState({}, '', '/?utm_source=mail')"
    )
    await site.tracking.wait_for("page", 2)
    site.tracking.open.set()
    await page.wait_for(f"{SHOWN} === '(555) 010-0377'")
    assert await page.evaluate("seen.some(text => text.includes('0201'))") is False


async def test_no_number_stops_swapping_and_forgets_the_remembered_one(
    page: Page, site: Site
) -> None:
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    site.tracking.page = answer(None)
    await page.goto(site.url("/prices"))
    await page.wait_for("window.ringtrace && !ringtrace.number()")
    await page.evaluate("document.body.append(' late 5550100100')")
    await page.evaluate("new Promise(requestAnimationFrame)")
    assert "late 5550100100" in await page.evaluate("document.body.textContent")
    await page.goto(site.url("/about"))
    await site.tracking.wait_for("page", 3)
    await page.wait_for("window.ringtrace")
    assert await page.evaluate(SHOWN) == "(555) 010-0100"


async def test_a_number_after_no_number_replaces_what_was_shown_before(
    page: Page, site: Site
) -> None:
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    site.tracking.page = answer(None)
    await page.evaluate("history.pushState({}, '', '/two')")
    await page.wait_for("!ringtrace.number()")
    assert await page.evaluate(SHOWN) == "(555) 010-0201"
    site.tracking.page = answer(OTHER)
    await page.evaluate("history.pushState({}, '', '/three')")
    await page.wait_for(f"{SHOWN} === '(555) 010-0377'")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"oops"),
        (400, b'{"error_id": "bad_input", "field": "url"}'),
        (200, b"<html>a captive portal</html>"),
        (200, b"null"),
        (200, b"{}"),
        (200, b'{"number": {}, "swap": ["+15550100100"]}'),
        (200, b'{"number": {"e164": "+15550100201"}, "swap": ["+15550100100"]}'),
        (200, b'{"number": {"e164": 5, "national": 6, "international": 7}, "swap": []}'),
        (200, answer(GIVEN, "")),
        (200, answer(GIVEN, "hello")),
        (200, answer({**GIVEN, "e164": "javascript:alert(1)"})),
    ],
)
async def test_a_strange_answer_leaves_the_page_alone(
    page: Page, site: Site, status: int, body: bytes
) -> None:
    site.tracking.status, site.tracking.page = status, body
    await page.goto(site.url())
    await site.tracking.wait_for("page")
    before = await page.evaluate("document.body.innerHTML")
    await page.evaluate("history.pushState({}, '', '/again')")
    await site.tracking.wait_for("page", 2)
    assert await page.evaluate("document.body.innerHTML") == before
    assert "(555) 010-0100" in before
    assert await page.evaluate("ringtrace.number()") is None
    assert page.errors == []


async def test_a_silent_server_is_given_up_and_the_page_stays(page: Page, site: Site) -> None:
    site.tracking.silent = True
    await page.before_load(
        "window.aborted = 0; const plain = AbortController.prototype.abort;"
        "AbortController.prototype.abort = function () { aborted++; plain.call(this); }"
    )
    await page.goto(site.url())
    await page.wait_for("aborted === 1")
    assert await page.evaluate("performance.now()") > 2_400
    assert await page.evaluate(SHOWN) == "(555) 010-0100"
    assert page.errors == []


async def test_a_dead_server_leaves_no_error_of_ours(page: Page, site: Site) -> None:
    await page.before_load(
        "const live = fetch; window.failed = 0;"
        "window.fetch = (url, more) => live('http://127.0.0.1:9/', more)"
        ".finally(() => { failed++; })"
    )
    await page.goto(site.url())
    await page.wait_for("failed === 1")
    assert await page.evaluate(SHOWN) == "(555) 010-0100"
    assert page.errors == []


async def test_subdomains_share_the_visitor(page: Page, site: Site) -> None:
    await page.goto(site.url(host="www"))
    first = await site.tracking.wait_for("page")
    await page.goto(site.url(host="book"))
    second = await site.tracking.wait_for("page", 2)
    assert (second["visitor"], second["visit"]) == (first["visitor"], first["visit"])
    assert (await page.evaluate("document.cookie")).count("ringtrace=") == 1


async def test_storage_stands_in_for_a_lost_cookie(page: Page, site: Site) -> None:
    await page.goto(site.url())
    first = await site.tracking.wait_for("page")
    await page.send("Network.clearBrowserCookies")
    await page.goto(site.url())
    second = await site.tracking.wait_for("page", 2)
    assert (second["visitor"], second["visit"]) == (first["visitor"], first["visit"])


async def test_a_browser_without_cookies_and_storage_still_gets_its_number(
    page: Page, site: Site
) -> None:
    await page.before_load(
        "const refuse = () => { throw new Error('denied'); };"
        "const deny = { get: refuse, set: refuse };"
        "Object.defineProperty(Document.prototype, 'cookie', deny);"
        "for (const name of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, deny)"
    )
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    await page.evaluate("history.pushState({}, '', '/two')")
    second = await site.tracking.wait_for("page", 2)
    assert second["visit"] == site.tracking.hits[0]["visit"]
    assert page.errors == []


async def test_a_visitor_is_kept_thirteen_months(page: Page, site: Site) -> None:
    skew = "const real = Date.now; Date.now = () => real() + Number(localStorage.skew || 0)"
    await page.before_load(skew)
    await page.goto(site.url())
    first = await site.tracking.wait_for("page")
    await page.evaluate("localStorage.skew = 390 * 86400000")
    await page.goto(site.url())
    second = await site.tracking.wait_for("page", 2)
    await page.evaluate("localStorage.skew = 400 * 86400000")
    await page.goto(site.url())
    third = await site.tracking.wait_for("page", 3)
    assert second["visitor"] == first["visitor"]
    assert third["visitor"] != first["visitor"]


async def test_thirty_idle_minutes_begin_a_new_visit_of_the_same_visitor(
    page: Page, site: Site
) -> None:
    skew = "const real = Date.now; Date.now = () => real() + Number(localStorage.skew || 0)"
    await page.before_load(skew)
    await page.goto(site.url())
    first = await site.tracking.wait_for("page")
    await page.evaluate("localStorage.skew = 29 * 60000")
    await page.goto(site.url())
    second = await site.tracking.wait_for("page", 2)
    await page.evaluate("localStorage.skew = 60 * 60000")
    await page.goto(site.url())
    third = await site.tracking.wait_for("page", 3)
    assert second["visit"] == first["visit"]
    assert third["visit"] > first["visit"]
    assert third["visitor"] == first["visitor"]


async def test_another_campaign_begins_a_new_visit(page: Page, site: Site) -> None:
    paths = [
        "/?utm_source=google&gclid=a",
        "/prices",
        "/?utm_source=google&gclid=a",
        "/?utm_source=google&gclid=b",
        "/?page=2",
        "/?fbclid=c",
    ]
    for count, path in enumerate(paths, 1):
        await page.goto(site.url(path))
        await site.tracking.wait_for("page", count)
    pages = site.tracking.of("page")
    visits = [hit["visit"] for hit in pages]
    assert visits[0] == visits[1] == visits[2]
    assert visits[3] == visits[4]
    assert len(set(visits)) == 3
    assert len({hit["visitor"] for hit in pages}) == 1


async def test_a_visit_without_campaign_ends_when_one_brings_the_visitor_back(
    page: Page, site: Site
) -> None:
    for count, path in enumerate(["/", "/?utm_source=mail"], 1):
        await page.goto(site.url(path))
        await site.tracking.wait_for("page", count)
    first, second = site.tracking.of("page")
    assert first["visit"] != second["visit"]


FAST_BEATS = "const slow = setInterval; window.setInterval = (work, ms) => slow(work, ms / 100);"


async def test_a_visible_page_beats_and_a_hidden_one_leaves(
    browser: Browser, page: Page, site: Site
) -> None:
    await page.before_load(FAST_BEATS)
    await page.goto(site.url())
    await site.tracking.wait_for("beat", 2)
    other = await browser.page(page)
    await site.tracking.wait_for("leave")
    beats = len(site.tracking.of("beat"))
    await asyncio.sleep(1)  # three beats' time, in which none may come
    assert len(site.tracking.of("beat")) == beats
    await page.show()
    await site.tracking.wait_for("beat", beats + 1)
    await other.close()
    assert {hit["visit"] for hit in site.tracking.hits} == {site.tracking.hits[0]["visit"]}


async def test_coming_back_beats_at_once(browser: Browser, page: Page, site: Site) -> None:
    await page.goto(site.url())
    await site.tracking.wait_for("page")
    await browser.page(page)
    await site.tracking.wait_for("leave")
    assert site.tracking.of("beat") == []
    await page.show()
    await site.tracking.wait_for("beat")


async def test_coming_back_after_the_visit_has_expired_asks_for_a_number_again(
    browser: Browser, page: Page, site: Site
) -> None:
    await page.goto(site.url())
    first = await site.tracking.wait_for("page")
    await browser.page(page)
    await site.tracking.wait_for("leave")
    site.tracking.page = answer(OTHER)
    await page.evaluate("Date.now = (real => () => real() + 3600000)(Date.now)")
    await page.show()
    second = await site.tracking.wait_for("page", 2)
    assert second["visit"] > first["visit"]
    await page.wait_for(f"{SHOWN} === '(555) 010-0377'")


async def test_a_visit_begun_in_another_tab_is_taken_over_and_not_fought_over(
    browser: Browser, page: Page, site: Site
) -> None:
    await page.before_load(FAST_BEATS)
    await page.goto(site.url("/?utm_source=first"))
    await site.tracking.wait_for("page")
    other = await browser.page(page)
    await other.goto(site.url("/?utm_source=second"))
    newest = await site.tracking.wait_for("page", 2)
    await page.show()
    third = await site.tracking.wait_for("page", 3)
    assert third["visit"] == newest["visit"]
    beats = len(site.tracking.of("beat"))
    await site.tracking.wait_for("beat", beats + 2)
    assert len(site.tracking.of("page")) == 3


async def test_going_away_sends_one_leave(page: Page, site: Site) -> None:
    await page.goto(site.url())
    first = await site.tracking.wait_for("page")
    await page.goto("about:blank")
    leave = await site.tracking.wait_for("leave")
    assert leave["visit"] == first["visit"]
    await page.goto(site.url())
    await site.tracking.wait_for("page", 2)
    assert len(site.tracking.of("leave")) == 1


async def test_a_tap_on_a_phone_link_is_told(page: Page, site: Site) -> None:
    site.body = '<a id="plain" href="#x">no phone</a><br><a id="tel" href="tel:1"><b>call</b></a>'
    await page.goto(site.url())
    await site.tracking.wait_for("page")
    await page.wait_for("window.ringtrace")
    await page.click("#plain")
    await page.click("#tel b")
    await site.tracking.wait_for("tap")
    assert [hit["kind"] for hit in site.tracking.hits] == ["page", "tap"]


@pytest.mark.parametrize("path", ["/contact", "/de/kontakt.html", "/контакты", "/app#/contact-us"])
async def test_a_contact_page_is_told_once_after_its_page_hit(
    page: Page, site: Site, path: str
) -> None:
    site.body = PHONE + "<section data-ringtrace-contact>Come by</section>"
    await page.goto(site.url(path))
    await site.tracking.wait_for("contact")
    await page.click("#phone")
    await site.tracking.wait_for("tap")
    assert [hit["kind"] for hit in site.tracking.hits] == ["page", "contact", "tap"]


async def test_contact_lenses_are_no_contact_page(page: Page, site: Site) -> None:
    await page.goto(site.url("/contact-lenses"))
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    await page.click("#phone")
    await site.tracking.wait_for("tap")
    assert site.tracking.of("contact") == []


async def test_a_contact_section_counts_when_it_comes_into_view(page: Page, site: Site) -> None:
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    await page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<div style=\"height: 3000px\"></div>"
        "<section data-ringtrace-contact>Come by</section>')"
    )
    await page.click("#phone")
    await site.tracking.wait_for("tap")
    assert site.tracking.of("contact") == []
    await page.evaluate("document.querySelector('section').scrollIntoView()")
    await site.tracking.wait_for("contact")


async def test_navigation_inside_a_single_page_application_is_a_page(
    page: Page, site: Site
) -> None:
    await page.goto(site.url())
    await site.tracking.wait_for("page")
    await page.wait_for("window.ringtrace")
    steps = {
        "history.pushState({}, '', '/one')": "/one",
        "history.replaceState({}, '', '/two')": "/two",
        "location.hash = '#/three'": "/two#/three",
        "history.back()": "/two",
    }
    for count, (step, path) in enumerate(steps.items(), 2):
        before = await page.evaluate("location.href")
        await page.evaluate(step)
        hit = await site.tracking.wait_for("page", count)
        assert hit["url"] == site.url(path)
        assert hit["referrer"] == before
    assert len({hit["visit"] for hit in site.tracking.hits}) == 1


async def test_anchors_and_rewritten_queries_are_no_navigation(page: Page, site: Site) -> None:
    await page.goto(site.url("/?utm_source=mail"))
    await site.tracking.wait_for("page")
    await page.wait_for("window.ringtrace")
    await page.evaluate("location.hash = '#prices'")
    await page.evaluate("history.replaceState({}, '', '/')")
    await page.evaluate("history.pushState({}, '', '/next')")
    hit = await site.tracking.wait_for("page", 2)
    assert hit["url"] == site.url("/next")


async def test_the_public_interface_swaps_on_demand(page: Page, site: Site) -> None:
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    assert await page.evaluate("ringtrace.number()") == GIVEN
    shadow = """(() => {
      const root = document.body.attachShadow({mode: 'open'});
      root.innerHTML = '<p>555 010 0100</p>';
      ringtrace.swap(root);
      return root.innerHTML;
    })()"""
    assert await page.evaluate(shadow) == "<p>555 010 0201</p>"
    assert await page.evaluate("ringtrace.swap(null)") is None


async def test_a_tag_included_twice_counts_once(page: Page, site: Site) -> None:
    site.body += f'<script src="{site.tracking.origin}/t/tag.js" data-site="site-1"></script>'
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    await page.click("#phone")
    await site.tracking.wait_for("tap")
    assert [hit["kind"] for hit in site.tracking.hits] == ["page", "tap"]


async def test_the_demo_site_works_under_its_strict_content_policy(
    page: Page, serve: Serve, tracking: Tracking
) -> None:
    port = await serve(site_app(f"{tracking.origin}/t/tag.js", "site-1", OWN, "(555) 010-0100"))
    await page.goto(f"http://www.bluebird.test:{port}/contact.html")
    await page.wait_for("document.querySelector('header .phone').textContent === '(555) 010-0201'")
    header = "document.querySelector('header .phone')"
    assert await page.evaluate(f"{header}.getAttribute('href')") == "tel:+15550100201"
    assert await page.evaluate(f"{header}.ariaLabel") == "Call (555) 010-0201"
    assert "0100100" not in await page.evaluate("document.body.textContent")
    await tracking.wait_for("contact")
    assert page.errors == []
