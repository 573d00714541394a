import re
from html.parser import HTMLParser

import httpx
import pytest

from ringtrace.demo.website import site_app

TAG = "https://calls.example.com/t/tag.js"
E164 = "+15550100100"
NATIONAL = "(555) 010-0100"
PAGES = ("/index.html", "/prices.html", "/contact.html")


class Page(HTMLParser):
    """What a page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "script":
            self.scripts.append(values)
        self.links += [value for name in ("href", "src") if (value := values.get(name))]


async def request(path: str, method: str = "GET", key: str = "site-1") -> httpx.Response:
    transport = httpx.ASGITransport(site_app(TAG, key, E164, NATIONAL))
    async with httpx.AsyncClient(transport=transport, base_url="http://bluebird.test") as client:
        return await client.request(method, path)


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_carries_the_tag_and_the_number(path: str) -> None:
    answer = await request(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answer.text)
    assert page.scripts == [{"async": None, "src": TAG, "data-site": "site-1"}]
    assert f"tel:{E164}" in page.links
    header = answer.text.partition("</header>")[0]
    assert f">{NATIONAL}</a>" in header


@pytest.mark.parametrize("path", PAGES)
async def test_no_placeholder_is_left(path: str) -> None:
    assert not re.search(r"\{\{|\}\}", (await request(path)).text)


@pytest.mark.parametrize("path", PAGES)
async def test_every_reference_stays_on_the_site_and_works(path: str) -> None:
    for link in Page((await request(path)).text).links:
        if link == TAG or link.startswith(("tel:", "data:")):
            continue
        assert "//" not in link
        assert (await request(f"/{link}")).status_code == 200


async def test_the_root_is_the_home_page() -> None:
    assert (await request("/")).content == (await request("/index.html")).content


async def test_a_site_key_cannot_break_out_of_its_attribute() -> None:
    text = (await request("/", key='"><b>')).text
    assert 'data-site="&quot;&gt;&lt;b&gt;"' in text


async def test_head_answers_without_a_body() -> None:
    answer = await request("/prices.html", "HEAD")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) > 0
    assert answer.content == b""


async def test_an_unknown_page_and_a_form_are_refused() -> None:
    assert (await request("/admin")).status_code == 404
    assert (await request("/", "POST")).status_code == 405


def test_a_relative_tag_address_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="tag_url"):
        site_app("/t/tag.js", "site-1", E164, NATIONAL)
