"""The console over the real store: what each page shows to whom."""

import contextlib
import re
from html import unescape
from typing import Any

import pytest

from ringtrace.store.sqlite.connection import connect
from tests.console import signed_in, text
from tests.shop import ORIGIN, POOL, RADIO, Shop, bearer, rfc

CALL = "0193c0de"


# Whose pages


async def test_another_accounts_call_is_the_same_as_none(shop: Shop) -> None:
    await shop.report(CALL)
    await signed_in(shop, 2)

    theirs = await shop.client.get(f"/calls/sip/{CALL}")
    unknown = await shop.client.get("/calls/sip/none")
    pigeon = await shop.client.get("/calls/pigeon/none")

    assert theirs.status_code == unknown.status_code == pigeon.status_code == 404
    assert theirs.text == unknown.text == pigeon.text
    assert "Nothing here" in theirs.text


async def test_another_accounts_names_and_numbers_are_on_no_page(shop: Shop) -> None:
    await shop.hit()
    await shop.report(CALL)
    await signed_in(shop, 2)

    for path in ("/", "/calls", "/channels", "/setup"):
        page = (await shop.client.get(path)).text
        assert "555-0101" not in page
        assert "555-0111" not in page
        assert 'data-site="shop"' not in page
    assert "No calls yet" in await text(shop, "/calls")


# What pages show


async def test_before_the_first_call_the_pages_say_what_to_do(shop: Shop) -> None:
    await signed_in(shop)

    for path in ("/", "/calls"):
        page = await text(shop, path)
        assert "No calls yet" in page
        assert "Done: Name your numbers and sites" in page
        assert "Open Set-up" in page


async def test_the_overview_adds_up(shop: Shop) -> None:
    at = shop.clock.now
    missed: dict[str, Any] = {
        "outcome": "missed",
        "reason": "operator_not_responsive",
        "talk_seconds": 0,
    }
    for i in range(3):
        await shop.report(f"a{i}", started_at=rfc(at - 60_000 * i), talk_seconds=60)
    await shop.report("m", started_at=rfc(at), code=408, **missed)
    await shop.report("u", number=POOL, started_at=rfc(at), talk_seconds=30)
    await shop.report("old", started_at=rfc(at - 40 * 86_400_000))
    await signed_in(shop)

    page = await text(shop, "/")

    assert "Calls 5 400 % more than the period before" in page
    assert "Answered 80.0 % 4 of 5 calls" in page
    assert "Average talk 0:52 4 min in all" in page
    assert "Attributed 80.0 % 1 of 5 calls stay unknown" in page
    assert "Radio 80.0 % 4 3 75.0 % 3 min" in page
    assert "Unknown 20.0 % 1 1 100.0 % 30 s" in page
    assert "All 6" in await text(shop, "/channels?from=2020-01-01&to=2100-01-01")


async def test_a_count_in_doubt_says_between_what(shop: Shop) -> None:
    for source in ("utm_source=google&utm_medium=cpc", "utm_medium=email"):
        shown = None
        while shown != POOL:
            visit = shop.ids()
            answer = await shop.hit(visit=visit, visitor=visit, url=f"{ORIGIN}/?{source}")
            shown = answer.json()["number"]["e164"]
            await shop.hit("leave", visit=visit, visitor=visit)
            shop.clock.now += 1_000
    await shop.report("doubtful", number=POOL, started_at=rfc(shop.clock.now))
    await signed_in(shop)

    page = await text(shop, "/")

    (search,) = re.findall(r"Paid Search [\d.]+ % (0\.\d 0–1) ", page)  # noqa: RUF001 - from, to
    (mail,) = re.findall(r"Email [\d.]+ % (0\.\d 0–1) ", page)  # noqa: RUF001 - from, to
    assert float(search.split()[0]) + float(mail.split()[0]) == pytest.approx(1, abs=0.11)
    assert re.search(r"All 1 ", page)


async def test_the_log_shows_a_call_in_human_words(shop: Shop) -> None:
    failed: dict[str, Any] = {
        "outcome": "failed",
        "reason": "not_enough_money",
        "code": 402,
        "talk_seconds": 0,
    }
    await shop.report(CALL, caller=None, recording=None, **failed)
    await signed_in(shop)

    page = await text(shop, "/calls")

    assert "Withheld number 23 Nov 2026, 06:30 +1 202-555-0101 Radio" in page
    assert "Failed rang 0:04" in page
    assert "The telephony account is out of credit" in page
    assert "Radio Morning show by its number" in page
    assert "<audio" not in (await shop.client.get("/calls")).text


async def test_a_recording_plays_in_the_page_through_a_signed_link(shop: Shop) -> None:
    await shop.report(CALL)
    await shop.client.put(
        f"/gateway/v1/calls/{CALL}/recording",
        content=b"RIFFaudio",
        headers=bearer(shop.tokens["sip"]),
    )
    elsewhere = {"url": "https://media.example/r.mp3", "seconds": 9, "channels": 1}
    await shop.report("outside", recording=elsewhere)
    await signed_in(shop)

    page = (await shop.client.get("/calls")).text

    links = re.findall(r'<audio controls preload="none" src="([^"]+)">', page)
    assert len(links) == 2
    assert all(link.startswith("/recordings/1/sip/") for link in links)
    answers = {(await shop.client.get(unescape(link))).status_code for link in links}
    assert answers == {200, 302}
    assert "media.example" not in page


async def test_the_log_is_filtered_and_paged(shop: Shop) -> None:
    for i in range(60):
        await shop.report(f"c{i}", started_at=f"2026-11-{1 + i // 10:02}T06:{i % 10:02}:00Z")
    missed: dict[str, Any] = {
        "outcome": "missed",
        "reason": "operator_not_responsive",
        "talk_seconds": 0,
    }
    await shop.report("m", number=POOL, started_at="2026-11-09T23:30:00Z", code=408, **missed)
    await signed_in(shop)

    first, second = await text(shop, "/calls"), await text(shop, "/calls?page=2")
    assert "1–50 of 61" in first  # noqa: RUF001 - a range is written with a dash
    assert "51–61 of 61" in second  # noqa: RUF001 - as above
    assert 'href="/calls?page=2"' in (await shop.client.get("/calls")).text
    assert "1–1 of 1" in await text(shop, "/calls?outcome=missed")  # noqa: RUF001 - as above
    assert "1–50 of 60" in await text(shop, "/calls?channel=Radio")  # noqa: RUF001 - as above
    one_day = await text(shop, "/calls?from=2026-11-02&to=2026-11-02")
    assert "1–10 of 10" in one_day  # noqa: RUF001 - as above
    assert "No call matches" in await text(shop, "/calls?channel=Email")
    for nonsense in ("page=x", "page=-1", "page=9999999999", "from=soon", "outcome=lost"):
        assert "of 61" in await text(shop, f"/calls?{nonsense}")
    assert "No more calls" in await text(shop, "/calls?page=99")


async def test_the_channel_filter_has_a_choice_of_what_is_mostly_unknown(shop: Shop) -> None:
    for call, number in (("known", RADIO), ("half", POOL), ("unknown", POOL)):
        await shop.report(call, number=number)
    with contextlib.closing(connect(shop.house.settings.database)) as file:
        file.execute("UPDATE calls SET unknown = 0.5 WHERE call_id = 'half'")
    await signed_in(shop)

    page = (await shop.client.get("/calls?channel=+unknown")).text

    assert re.findall(r'href="/calls/sip/(\w+)"', page) == ["unknown"]
    assert '<option value=" unknown" selected>Mostly unknown</option>' in page
    assert "No call matches" in await text(shop, "/calls?channel=+unknown&to=2020-01-01")
    # A channel may bear that name; it is not the choice.
    assert "No call matches" in await text(shop, "/calls?channel=unknown")


async def test_days_and_times_are_those_of_the_viewer(shop: Shop) -> None:
    await shop.report(CALL, started_at="2026-11-23T23:30:00Z")
    await signed_in(shop)
    shop.client.cookies.set("ringtrace_zone", "Europe/Berlin", domain="ringtrace.test")

    page = await text(shop, "/calls?from=2026-11-24&to=2026-11-24")

    assert "24 Nov 2026, 00:30" in page
    assert "Times in Europe/Berlin" in page
    raw = (await shop.client.get("/calls")).text
    assert 'datetime="2026-11-24T00:30:00+01:00"' in raw


async def test_where_a_visitor_was_is_told_as_of_the_call(shop: Shop) -> None:
    """He left 5 s before it, came back after it, and stayed."""
    visit = shop.ids()
    shown = (await shop.hit(visit=visit, visitor=visit)).json()["number"]["e164"]
    shop.clock.now += 20_000
    await shop.hit("leave", visit=visit, visitor=visit)
    shop.clock.now += 5_000
    called_at = shop.clock.now
    shop.clock.now += 60_000
    await shop.hit(visit=visit, visitor=visit)
    await shop.report(CALL, number=shown, started_at=rfc(called_at))
    await signed_in(shop)

    page = await text(shop, f"/calls/sip/{CALL}")

    assert "last seen 5 seconds before the call" in page


async def test_a_call_explains_its_attribution(shop: Shop) -> None:
    visit = shop.ids()
    shown = (await shop.hit(visit=visit, visitor=visit)).json()["number"]["e164"]
    shop.clock.now += 20_000
    await shop.hit("tap", visit=visit, visitor=visit)
    shop.clock.now += 4_000
    await shop.report(CALL, number=shown, started_at=rfc(shop.clock.now), node="sip-2")
    await signed_in(shop)

    page = await text(shop, f"/calls/sip/{CALL}")

    assert "These visits were shown the number before the call." in page
    assert re.search(r"Paid Search > 99 % c · k · last seen 4 seconds before the call", page)
    assert "Landing page shop.example/" in page
    assert "Device Computer" in page
    assert "Opened a page shop.example/" in page
    assert "Tapped the number" in page
    assert "Unknown < 1 %" in page
    assert "SIP code 200" in page
    assert "Node sip-2" in page
