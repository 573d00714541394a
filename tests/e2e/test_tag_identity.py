"""The tag in a real browser: who a visitor is, which visit this is, and which number is his."""

import pytest

from tests.browser import Browser, Page
from tests.tagsite import FAST_BEATS, GIVEN, OTHER, SHOWN, Site, answer

pytestmark = pytest.mark.browser


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
