"""The tag in a real browser: a number with an extension, shown once and dialled by itself."""

import json
from dataclasses import asdict

import pytest

from ringtrace.demo.website import site_app
from ringtrace.domain.number import with_extension, written
from tests.browser import Page
from tests.tagsite import (
    GIVEN,
    LONDON,
    OTHER,
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

ENGLISH = ", ext. "
RUSSIAN = ", доб. "
HREF = "document.querySelector('#phone').getAttribute('href')"
TITLE = "document.querySelector('#phone').title"
TITLED = PHONE.replace("href=", 'title="Call (555) 010-0100 now" href=')
SPREAD_PHONE = "<p id=spread><b>(555)</b> <i>010-</i><u>0100</u> today</p>"
SPREAD = "document.querySelector('#spread').innerHTML"


def at(number: dict[str, str], extension: str, prefix: str = ENGLISH) -> dict[str, str]:
    return {**number, "extension": extension, "suffix": prefix + extension}


async def shows(page: Page, text: str, href: str) -> None:
    await page.wait_for(f"{SHOWN} === {text!r} && {HREF} === {href!r}")


async def answers_next(page: Page, site: Site, given: bytes) -> None:
    """The page asks again, as single-page applications make it do, and applies the answer."""
    site.tracking.page = given
    await page.evaluate(
        "sessionStorage.ringtrace = '';"
        "history.pushState({}, '', '/step-' + Math.random().toString().slice(2))"
    )
    await page.wait_for("sessionStorage.ringtrace")


async def test_the_extension_follows_the_number_however_the_page_writes_it(
    page: Page, site: Site
) -> None:
    texts = {
        "(555) 010-0100": "(555) 010-0201, ext. 4217",
        "+1 555.010.0100": "+1 555.010.0201, ext. 4217",
        "5550100100": "5550100201, ext. 4217",
        "Call 555-010-0100.": "Call 555-010-0201, ext. 4217.",
        "(call 555-010-0100)": "(call 555-010-0201, ext. 4217)",
        "555-010-0100, 555-010-0101": "555-010-0201, ext. 4217, 555-010-0101",
        "5550100100 or 5550100100": "5550100201, ext. 4217 or 5550100201, ext. 4217",
        "+44 555 010 0100": "+44 555 010 0100",
    }
    site.tracking.page = answer(at(GIVEN, "4217"))
    site.body = "".join(f"<p class=case>{text}</p>" for text in texts)
    await page.goto(site.url())
    await page.wait_for("window.ringtrace && ringtrace.number()")
    cases = "[...document.querySelectorAll('.case')].map(p => p.textContent)"
    assert await page.evaluate(cases) == list(texts.values())
    for _ in range(2):
        await answers_next(page, site, answer(at(GIVEN, "4217")))
        assert await page.evaluate(cases) == list(texts.values())


async def test_a_number_of_another_length_or_country_carries_its_extension(
    page: Page, site: Site
) -> None:
    site.tracking.page = answer(at(LONDON, "4217", " x"))
    await page.goto(site.url())
    await shows(page, "+44 20 7946 0999 x4217", "tel:+44 20 7946 0999,,4217")
    await answers_next(page, site, answer(GIVEN))
    await shows(page, "+1 555-010-0201", "tel:+1 555-010-0201")


async def test_a_link_dials_the_extension_and_spoken_texts_say_it(page: Page, site: Site) -> None:
    links = {
        "tel:+15550100100": "tel:+15550100201,,4217",
        "tel:555-010-0100": "tel:555-010-0201,,4217",
        "TEL:+1%20(555)%20010%200100": "TEL:+1%20(555)%20010%200201,,4217",
        "tel:5550100100;phone-context=+1": "tel:5550100201,,4217;phone-context=+1",
        "tel:+15550100999": "tel:+15550100999",
        "https://chat.example/15550100100": "https://chat.example/15550100100",
    }
    site.tracking.page = answer(at(GIVEN, "4217", RUSSIAN))
    site.body = (
        "".join(f'<a href="{link}">x</a>' for link in links)
        + '<img alt="Call 555-010-0100"><b title="555-010-0100" aria-label="555 010 0100"'
        ' data-tel="5550100100"></b><p data-ringtrace-noswap>5550100100</p>'
    )
    await page.goto(site.url())
    await page.wait_for("window.ringtrace && ringtrace.number()")
    for _ in range(2):
        shown = "[...document.links].map(link => link.getAttribute('href'))"
        assert await page.evaluate(shown) == list(links.values())
        assert await page.evaluate("document.images[0].alt") == "Call 555-010-0201, доб. 4217"
        assert await page.evaluate("document.querySelector('b').outerHTML") == (
            '<b title="555-010-0201, доб. 4217" aria-label="555 010 0201, доб. 4217"'
            ' data-tel="5550100100"></b>'
        )
        assert await page.evaluate("document.querySelector('p').textContent") == "5550100100"
        await answers_next(page, site, answer(at(GIVEN, "4217", RUSSIAN)))


async def test_each_answer_leaves_nothing_of_the_one_before(page: Page, site: Site) -> None:
    site.body = TITLED + SPREAD_PHONE
    steps = [
        (at(GIVEN, "4217"), "(555) 010-0201, ext. 4217", "+15550100201,,4217"),
        (at(GIVEN, "4217"), "(555) 010-0201, ext. 4217", "+15550100201,,4217"),
        (at(GIVEN, "9"), "(555) 010-0201, ext. 9", "+15550100201,,9"),
        (at(OTHER, "90210"), "(555) 010-0377, ext. 90210", "+15550100377,,90210"),
        (OTHER, "(555) 010-0377", "+15550100377"),
        (at(OTHER, "4217"), "(555) 010-0377, ext. 4217", "+15550100377,,4217"),
        (GIVEN, "(555) 010-0201", "+15550100201"),
        (at(GIVEN, "0000"), "(555) 010-0201, ext. 0000", "+15550100201,,0000"),
    ]
    await page.goto(site.url())
    await page.wait_for("window.ringtrace && ringtrace.number()")
    for number, text, dialled in steps:
        await answers_next(page, site, answer(number))
        await shows(page, text, f"tel:{dialled}")
        assert await page.evaluate(TITLE) == f"Call {text} now"
        end = text.removeprefix("(555) 010-")
        assert await page.evaluate(SPREAD) == f"<b>(555)</b> <i>010-</i><u>{end}</u> today"
        assert await page.evaluate("ringtrace.number()") == number


async def test_customs_of_all_countries_give_way_to_each_other(page: Page, site: Site) -> None:
    numbers = (
        "+12025550111",
        "+442079460999",
        "+74951234567",
        "+5111234567",
        "+40211234567",
        "+886221234567",
        "+59821231234",
    )
    given = [asdict(with_extension(written(number), "4217")) for number in numbers]
    assert len({one["suffix"] for one in given}) == len(numbers)
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    for one in (*given, *given):
        await answers_next(page, site, answer(one))
        text = await page.evaluate(SHOWN)
        assert text in {one["national"] + one["suffix"], one["international"] + one["suffix"]}
        href = await page.evaluate(HREF)
        assert href.startswith("tel:")
        assert href.endswith(",,4217")
        assert href.count(",") == 2
    await answers_next(page, site, answer(GIVEN))
    await shows(page, "+1 555-010-0201", "tel:+1 555-010-0201")


@pytest.mark.parametrize(
    ("spread", "swapped"),
    [
        ("Call (555) <b>010-0100</b>", "Call (555) <b>010-0201{}</b>"),
        (
            "<span>555</span><span> 010 </span><span>0100</span>",
            "<span>555</span><span> 010 </span><span>0201{}</span>",
        ),
        (
            "<i>+1</i> <span>555</span>-<b>0<u>10</u></b>-01<i>00</i> today",
            "<i>+1</i> <span>555</span>-<b>0<u>10</u></b>-02<i>01{}</i> today",
        ),
        ("<b>555-010</b>-010<i>0</i>", "<b>555-010</b>-020<i>1{}</i>"),
    ],
)
async def test_the_extension_ends_the_last_part_of_a_spread_number(
    page: Page, site: Site, spread: str, swapped: str
) -> None:
    site.body = PHONE + f"<p id=spread>{spread}</p>"
    await page.goto(site.url())
    await page.wait_for("window.ringtrace && ringtrace.number()")
    assert await page.evaluate(SPREAD) == swapped.format("")
    for prefix in (ENGLISH, RUSSIAN, " x", "#"):
        for extension in ("4217", "4217", "33"):
            await answers_next(page, site, answer(at(GIVEN, extension, prefix)))
            assert await page.evaluate(SPREAD) == swapped.format(prefix + extension)
    await answers_next(page, site, answer(GIVEN))
    assert await page.evaluate(SPREAD) == swapped.format("")


async def test_the_remembered_extension_is_neither_doubled_nor_kept(page: Page, site: Site) -> None:
    site.tracking.page = answer(at(GIVEN, "4217"))
    await page.goto(site.url())
    await shows(page, "(555) 010-0201, ext. 4217", "tel:+15550100201,,4217")
    site.tracking.open.clear()
    await page.goto(site.url("/prices"))
    await shows(page, "(555) 010-0201, ext. 4217", "tel:+15550100201,,4217")
    site.tracking.open.set()
    await page.wait_for("performance.getEntriesByType('resource').some(e => /hit/.test(e.name))")
    await shows(page, "(555) 010-0201, ext. 4217", "tel:+15550100201,,4217")
    site.tracking.page = answer(at(GIVEN, "90"))
    await page.goto(site.url("/about"))
    await shows(page, "(555) 010-0201, ext. 90", "tel:+15550100201,,90")
    site.tracking.page = answer(GIVEN)
    await page.goto(site.url("/end"))
    await shows(page, "(555) 010-0201", "tel:+15550100201")


async def test_a_new_visit_on_the_same_page_shows_its_own_extension(page: Page, site: Site) -> None:
    site.tracking.page = answer(at(GIVEN, "4217"))
    await page.goto(site.url())
    await shows(page, "(555) 010-0201, ext. 4217", "tel:+15550100201,,4217")
    site.tracking.page = answer(at(OTHER, "33"))
    await page.evaluate("history.pushState({}, '', '/?utm_source=mail')")
    await shows(page, "(555) 010-0377, ext. 33", "tel:+15550100377,,33")
    first, second = site.tracking.of("page")
    assert first["visit"] != second["visit"]


async def test_a_shared_number_is_the_pages_own_with_an_extension(page: Page, site: Site) -> None:
    own = {"e164": OWN, "national": "(555) 010-0100", "international": "+1 555-010-0100"}
    site.tracking.page = answer(at(own, "4217"))
    await page.goto(site.url())
    await shows(page, "(555) 010-0100, ext. 4217", "tel:+15550100100,,4217")
    await page.evaluate("ringtrace.swap(document)")
    await answers_next(page, site, answer(at(own, "33")))
    await shows(page, "(555) 010-0100, ext. 33", "tel:+15550100100,,33")
    await answers_next(page, site, answer(own))
    await shows(page, "(555) 010-0100", "tel:+15550100100")


async def test_what_a_framework_renders_again_has_one_extension(page: Page, site: Site) -> None:
    site.tracking.page = answer(at(GIVEN, "4217"))
    site.body = PHONE + SPREAD_PHONE
    await page.goto(site.url())
    await shows(page, "(555) 010-0201, ext. 4217", "tel:+15550100201,,4217")
    html = await page.evaluate("document.body.innerHTML")
    again = """(async () => {
      window.changes = 0;
      new MutationObserver(records => changes += records.length).observe(
        document, {subtree: true, childList: true, characterData: true, attributes: true});
      const frame = () => new Promise(requestAnimationFrame);
      const phone = document.querySelector('#phone');
      const spread = document.querySelector('#spread');
      phone.firstChild.data = '(555) 010-0100';
      phone.href = 'tel:+15550100100';
      spread.querySelector('u').firstChild.data = '0100';
      await frame();
      phone.firstChild.data += '';
      document.body.innerHTML += '';
      spread.replaceWith(spread.cloneNode(true));
      await frame(); await frame();
      return [document.body.innerHTML, changes];
    })()"""
    rendered, changes = await page.evaluate(again)
    assert rendered == html
    await page.evaluate("new Promise(requestAnimationFrame)")
    assert await page.evaluate("changes") == changes  # it has come to rest


async def test_the_pages_own_extension_gives_way_only_to_another(page: Page, site: Site) -> None:
    site.body = (
        PHONE + "<p id=own>555-010-0100 ext. 5</p>"
        '<a href="tel:+15550100100;ext=5">a</a><a href="tel:+15550100100,,5">b</a>'
    )
    own = "document.querySelector('#own').textContent"
    links = "[...document.links].slice(1).map(link => link.getAttribute('href'))"
    await page.goto(site.url())
    await page.wait_for(f"{SHOWN} === '(555) 010-0201'")
    assert await page.evaluate(own) == "555-010-0201 ext. 5"
    assert await page.evaluate(links) == ["tel:+15550100201;ext=5", "tel:+15550100201,,5"]
    await answers_next(page, site, answer(at(GIVEN, "4217")))
    assert await page.evaluate(own) == "555-010-0201, ext. 4217"
    assert await page.evaluate(links) == ["tel:+15550100201,,4217"] * 2


@pytest.mark.parametrize("suffix", [5, "(", ["x"], {"a": 1}])
async def test_a_strange_suffix_leaves_the_page_alone_and_the_next_answer_counts(
    page: Page, site: Site, suffix: object
) -> None:
    strange = json.loads(answer(GIVEN))
    strange["number"]["suffix"] = suffix
    site.tracking.page = json.dumps(strange).encode()
    await page.goto(site.url())
    await site.tracking.wait_for("page")
    await page.wait_for("window.ringtrace")
    assert await page.evaluate(SHOWN) == "(555) 010-0100"
    site.tracking.page = answer(at(GIVEN, "7"))
    await page.evaluate("history.pushState({}, '', '/again')")
    await shows(page, "(555) 010-0201, ext. 7", "tel:+15550100201,,7")
    assert page.errors == []


async def test_an_extension_at_the_end_of_a_line_shifts_nothing(page: Page, site: Site) -> None:
    site.tracking.page = answer(at(GIVEN, "4217"))
    line = "<p>Call <b>555-010-0100</b></p>"

    assert await shifts_of_a_swap(page, site, line, "(555) 010-0201, ext. 4217") == []


async def test_the_extension_needs_no_more_of_a_strict_content_policy(
    page: Page, serve: Serve, tracking: Tracking
) -> None:
    tracking.page = answer(at(GIVEN, "4217"))
    port = await serve(site_app(f"{tracking.origin}/t/tag.js", "site-1", OWN, "(555) 010-0100"))
    await page.goto(f"http://www.bluebird.test:{port}/contact.html")
    header = "document.querySelector('header .phone')"
    await page.wait_for(f"{header}.textContent === '(555) 010-0201, ext. 4217'")
    assert await page.evaluate(f"{header}.getAttribute('href')") == "tel:+15550100201,,4217"
    assert await page.evaluate(f"{header}.ariaLabel") == "Call (555) 010-0201, ext. 4217"
    assert page.errors == []
