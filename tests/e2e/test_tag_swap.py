"""The tag in a real browser: what it makes of a page's numbers, and when it leaves them alone."""

import pytest

from ringtrace.demo.website import site_app
from tests.browser import Page
from tests.tagsite import (
    GIVEN,
    LONDON,
    OWN,
    PHONE,
    SHOWN,
    Serve,
    Site,
    Tracking,
    answer,
    shifts_of_a_swap,
)

pytestmark = pytest.mark.browser


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


async def test_a_spread_number_that_does_not_fit_its_parts_stays_whole(
    page: Page, site: Site
) -> None:
    site.tracking.page = answer({**LONDON, "extension": "4217", "suffix": " x4217"})
    spread = "Call <b>(555)</b> <i>010-</i>0100<u> today</u>"
    site.body = PHONE + f"<p id=spread>{spread}</p>"
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '+44 20 7946 0999 x4217'")
    assert await page.evaluate("document.querySelector('#spread').innerHTML") == spread


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
    line = "<p>Call <b>555-010-0100</b> today</p>"

    assert await shifts_of_a_swap(page, site, line, "(555) 010-0201") == []


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
