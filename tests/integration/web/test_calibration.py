"""The calibration report, in the API and in the console."""

import re
from typing import Any

import pytest

from ringtrace.domain.moment import HOUR_MS
from tests.console import signed_in, text
from tests.shop import POOL, Shop, bearer, rfc

AD = "https://shop.example/?utm_source=google&utm_medium=cpc&utm_term=implants"


async def call_from_page(shop: Shop, call: str, *, tapped: bool = False) -> str:
    """A visitor calls from the page, and has tapped the number if told so."""
    visit = shop.ids()
    shown = await shop.hit(visit=visit, visitor=visit, url=AD)
    shop.clock.now += 20_000
    if tapped:
        await shop.hit("tap", visit=visit, visitor=visit)
        shop.clock.now += 2_000
    number = shown.json()["number"]["e164"]
    caller = f"+1202555{shop.clock.now // 1_000 % 10_000:04d}"
    answer = await shop.report(call, number=number, caller=caller, started_at=rfc(shop.clock.now))
    assert answer.status_code == 200
    shop.clock.now += 60_000
    await shop.hit("leave", visit=visit, visitor=visit)
    shop.clock.now += HOUR_MS
    return visit


async def correct(shop: Shop, call: str, visit: str | None) -> None:
    answer = await shop.client.put(
        f"/api/v1/calls/sip/{call}/correction",
        json={"visit_id": visit},
        headers=bearer(shop.tokens["api"]),
    )
    assert answer.status_code == 200


async def report(shop: Shop, account: str = "own", **query: str) -> Any:
    token = (shop.tokens if account == "own" else shop.foreign)["api"]
    answer = await shop.client.get(
        "/api/v1/reports/calibration", params=query, headers=bearer(token)
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def known_calls(shop: Shop) -> None:
    """Three calls with a tap, one corrected to nobody, one of which nothing is known."""
    for n in range(3):
        await call_from_page(shop, f"tap-{n}", tapped=True)
    await call_from_page(shop, "wrong")
    await correct(shop, "wrong", None)
    await call_from_page(shop, "open")


async def test_the_api_sets_what_was_stated_beside_what_came_true(shop: Shop) -> None:
    await known_calls(shop)

    found = await report(shop)

    together = found["together"]
    by_kind = {one["kind"]: one["reliability"] for one in found["kinds"]}
    assert {kind: one["calls"] for kind, one in by_kind.items()} == {
        "correction": 1, "extension": 0, "tap": 3,
    }  # fmt: skip
    assert together["calls"] == 4
    assert together["whole"]["realised"] == 0.75
    assert by_kind["tap"]["whole"]["realised"] == 1.0
    assert by_kind["correction"]["whole"]["realised"] == 0.0
    assert by_kind["extension"]["whole"] is None
    assert by_kind["extension"]["bands"] == []
    assert sum(band["calls"] for band in together["bands"]) == 4
    for band in together["bands"]:
        assert band["low"] <= band["stated"] <= band["high"]
        assert band["realised_low"] <= band["realised"] <= band["realised_high"]
    off = sum(one["calls"] * abs(one["stated"] - one["realised"]) for one in together["bands"])
    assert together["error"] == pytest.approx(off / 4)
    assert 0 < together["chance"] < 1
    assert (found["site"], found["since"], found["until"]) == (None, None, None)


async def test_the_report_is_of_the_days_and_the_site_asked_for(shop: Shop) -> None:
    await known_calls(shop)
    now = rfc(shop.clock.now)

    later, earlier = await report(shop, since=now), await report(shop, until=now, site="shop")

    assert later["together"] == {
        "calls": 0, "error": 0.0, "chance": 0.0, "whole": None, "bands": [],
    }  # fmt: skip
    assert (earlier["together"]["calls"], earlier["site"]) == (4, "shop")
    assert (await report(shop, "foreign"))["together"]["calls"] == 0


async def test_another_accounts_site_is_not_there(shop: Shop) -> None:
    for site in ("foreign", "nowhere"):
        answer = await shop.client.get(
            f"/api/v1/reports/calibration?site={site}", headers=bearer(shop.tokens["api"])
        )
        assert (answer.status_code, answer.json()["field"]) == (404, "site")


async def test_the_page_shows_bands_kinds_and_a_chart(shop: Shop) -> None:
    await known_calls(shop)
    await signed_in(shop)

    page = await text(shop, "/calibration")
    raw = (await shop.client.get("/calibration")).text

    assert "Known calls 4" in page
    assert re.search(r"Came true 75 %", page)
    assert re.search(r"Error \d+\.\d points", page)
    assert re.search(r"Corrections .*? 1 \d+ % 0 %", page)
    assert re.search(r"Taps .*? 3 (> )?\d+ % 100 %", page)
    assert "Nothing to compare yet" not in page
    assert raw.count('class="chart-dot"') == len(
        re.findall(r'<th scope="row" class="nowrap">\d+–\d+ %</th>', raw)  # noqa: RUF001 - as shown
    )
    assert 'href="/calibration" aria-current="page"' in raw


async def test_the_pages_days_can_be_chosen(shop: Shop) -> None:
    await known_calls(shop)
    await signed_in(shop)

    assert "Nothing to compare yet" in await text(shop, "/calibration?to=2026-11-22")
    assert "Known calls 4" in await text(shop, "/calibration?from=2026-11-23")


async def test_without_known_calls_the_page_says_how_they_come_about(shop: Shop) -> None:
    await call_from_page(shop, "open")
    await signed_in(shop)

    page = await text(shop, "/calibration")

    assert "Nothing to compare yet" in page
    for name in ("Corrections", "Extensions", "Taps"):
        assert name in page
    assert "1 call came to numbers that only one visit had been shown" in page


async def test_with_several_sites_one_can_be_chosen(shop: Shop) -> None:
    second = {"key": "second", "name": "Second shop", "origins": ["https://second.example"]}
    await shop.client.put(
        "/api/v1/setup", json={"site": [second]}, headers=bearer(shop.tokens["api"])
    )
    await known_calls(shop)
    await signed_in(shop)

    assert "Nothing to compare yet" in await text(shop, "/calibration?site=second")
    assert "Known calls 4" in await text(shop, "/calibration?site=shop")
    assert "Known calls 4" in await text(shop, "/calibration?site=foreign")


async def test_canaries_are_shown_where_numbers_are_set_up(shop: Shop) -> None:
    pool = {"numbers": [POOL], "canaries": ["+12025550119"], "target": "+12025550191"}
    site = {"key": "shop", "name": "Shop", "origins": ["https://shop.example"], "pool": pool}

    answer = await shop.client.put(
        "/api/v1/setup", json={"site": [site]}, headers=bearer(shop.tokens["api"])
    )

    kinds = {one["number"]: (one["kind"], one["site"]) for one in answer.json()["numbers"]}
    assert kinds["+12025550119"] == ("canary", "shop")
    await signed_in(shop)
    page = await text(shop, "/setup")
    assert "Canaries 1 number shown to nobody: what calls it is wrong or a robot" in page
    assert "Best are numbers that were never published." in page
    assert "Pool 2 numbers" in page
