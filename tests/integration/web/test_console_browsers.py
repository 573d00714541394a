"""What the console tells browsers: no code but its own, and nothing of its inside."""

import re

import pytest

from tests.console import signed_in
from tests.shop import POOL, RADIO, Shop, bearer

CALL = "0193c0de"


async def test_what_others_wrote_is_never_markup(shop: Shop) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    number = {"number": RADIO, "channel": evil, "name": evil, "campaign": evil, "target": POOL}
    await shop.client.put(
        "/api/v1/setup", json={"number": [number]}, headers=bearer(shop.tokens["api"])
    )
    await shop.report(CALL, caller=evil[:60], session=evil, target="sip:<b>@x", legs=[])
    await signed_in(shop)

    for path in ("/", "/calls", f"/calls/sip/{CALL}", "/channels", "/setup", "/calls?channel=<b>"):
        page = (await shop.client.get(path)).text
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "<b>" not in page
    assert "&lt;script&gt;alert(1)" in (await shop.client.get("/calls")).text


async def test_no_page_brings_inline_code_or_fetches_from_elsewhere(shop: Shop) -> None:
    await shop.report(CALL)
    await signed_in(shop)

    for path in ("/", "/calls", f"/calls/sip/{CALL}", "/channels", "/setup", "/nothing"):
        answer = await shop.client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", answer.text)
        assert not re.search(r"<script(?![^>]*\ssrc=\"/static/)", answer.text)
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", answer.text)


async def test_assets_are_kept_for_good_and_named_by_content(shop: Shop) -> None:
    page = (await shop.client.get("/login")).text
    url = re.search(r'href="(/static/[0-9a-f]+/console\.css)"', page)
    assert url is not None

    asset = await shop.client.get(url[1])
    again = await shop.client.get(url[1], headers={"If-None-Match": asset.headers["etag"]})
    other = await shop.client.get(url[1].replace("/static/", "/static/0"))

    assert asset.headers["content-type"].startswith("text/css")
    assert "immutable" in asset.headers["cache-control"]
    assert "set-cookie" not in asset.headers
    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 404


async def test_a_fault_of_ours_is_a_page_without_its_inside(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    await signed_in(shop)
    monkeypatch.setattr(type(shop.house.use_cases.store), "calls", broken)

    answer = await shop.client.get("/calls")

    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "secret" not in answer.text
