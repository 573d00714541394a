"""The tag in a real browser: what it tells of a visit after its first page."""

import asyncio

import pytest

from tests.browser import Browser, Page
from tests.tagsite import FAST_BEATS, OTHER, PHONE, SHOWN, Site, answer

pytestmark = pytest.mark.browser


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


async def test_a_tag_included_twice_counts_once(page: Page, site: Site) -> None:
    site.body += f'<script src="{site.tracking.origin}/t/tag.js" data-site="site-1"></script>'
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    await page.click("#phone")
    await site.tracking.wait_for("tap")
    assert [hit["kind"] for hit in site.tracking.hits] == ["page", "tap"]
