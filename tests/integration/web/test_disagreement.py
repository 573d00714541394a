"""Reports that contradict a call are kept, and can be looked at."""

from typing import Any

from tests.console import signed_in, text
from tests.shop import POOL, RADIO, REPORT, TARGET, Shop, bearer, rfc

CALL = "0193c0de"
PAGE = f"/calls/sip/{CALL}"
LEG: dict[str, object] = {"target": TARGET, "started_at": "2026-11-23T06:30:00.2Z"}


async def _reports(shop: Shop) -> list[dict[str, Any]]:
    answer = await shop.client.get(f"/api/v1{PAGE}", headers=bearer(shop.tokens["api"]))
    reports: list[dict[str, Any]] = answer.json()["reports"]
    return reports


async def test_the_api_lists_every_report_as_it_came_in(shop: Shop) -> None:
    missed: dict[str, Any] = {
        "outcome": "missed",
        "reason": "operator_not_responsive",
        "code": 408,
        "talk_seconds": 0,
        "legs": [],
    }
    for changes in (missed, {}, {"talk_seconds": 99.5, "legs": []}):
        await shop.report(CALL, **changes)
        shop.clock.now += 1_000

    reports = await _reports(shop)

    assert [(one["accepted"], one["outcome"], one["talk_seconds"]) for one in reports] == [
        (True, "missed", 0.0),
        (True, "answered", 41.0),
        (False, "answered", 99.5),
    ]
    assert [one["received_at"][-9:] for one in reports] == ["07:30:00Z", "07:30:01Z", "07:30:02Z"]
    said = dict(REPORT) | {"recording": {"seconds": 41.0, "channels": 2}}
    said["legs"] = [{**LEG, "started_at": "2026-11-23T06:30:00.200000Z", "ring_seconds": 3.0,
                     "talk_seconds": 41.0, "code": 200, "reason": None}]  # fmt: skip
    assert {name: reports[1][name] for name in said} == said


async def test_a_platforms_address_of_the_audio_is_not_given_away(shop: Shop) -> None:
    await shop.report(CALL, recording={"url": "https://media.example/r.mp3", "seconds": 9})

    assert (await _reports(shop))[0]["recording"] == {"seconds": 9.0, "channels": None}


async def test_the_page_says_in_words_what_a_contradicting_report_says(shop: Shop) -> None:
    await shop.report(CALL)
    shop.clock.now += 60_000
    other: dict[str, Any] = {
        "caller": "+12025550178",
        "outcome": "busy",
        "reason": "operator_busy",
        "code": 486,
        "target": "sip:desk@pbx.example",
        "ring_seconds": 3.75,
        "talk_seconds": None,
        "legs": [LEG | {"ring_seconds": 61, "code": 486, "reason": "operator_busy"}],
        "session": "other",
        "recording": None,
    }
    await shop.report(CALL, **other)
    await signed_in(shop)

    page = await text(shop, PAGE)

    assert "1 report says otherwise and changed nothing." in page
    target = "+1 202-555-0191"
    assert (
        "Reports that say otherwise Came in 23 Nov 2026, 07:31:00"
        " Outcome Busy kept: Answered"
        " Reason The line was engaged kept: – "  # noqa: RUF001 - the dash of an empty cell
        "Caller +1 202-555-0178 kept: +1 202-555-0177"
        f" Target sip:desk@pbx.example kept: {target}"
        " Rang 0:03.75 kept: 0:03.5"
        " SIP code 486 kept: 200"
        f" Who was rung {target} after 0.2 s, rang 1:01, talked 0:00, The line was engaged, SIP 486"
        f" kept: {target} after 0.2 s, rang 0:03, talked 0:41, Answered, SIP 200"
    ) in page
    assert "other" not in page.partition("Reports that say otherwise")[2].split()


async def test_another_number_or_moment_is_told_apart(shop: Shop) -> None:
    await shop.report(CALL)
    await shop.report(CALL, number=POOL)
    await shop.report(CALL, started_at="2026-11-23T06:31:00.25Z", legs=[])
    await signed_in(shop)

    page = await text(shop, PAGE)

    assert "2 reports say otherwise and changed nothing." in page
    assert "Dialled +1 202-555-0111 kept: +1 202-555-0101" in page
    assert "Began 1:00.25 later" in page


async def test_a_ringing_call_can_be_contradicted_by_its_number(shop: Shop) -> None:
    await shop.arrive(call=CALL, started_at=rfc(shop.clock.now))
    await shop.count()
    await shop.report(CALL, number=POOL)
    await signed_in(shop)

    page = await text(shop, PAGE)

    difference = "Dialled +1 202-555-0111 kept: +1 202-555-0101 "
    assert difference in page.partition("Reports that say otherwise")[2]
    assert [(one["accepted"], one["number"]) for one in await _reports(shop)] == [(False, POOL)]


async def test_a_difference_too_small_to_show_is_called_that(shop: Shop) -> None:
    await shop.report(CALL)
    await shop.report(CALL, ring_seconds=3.5001)
    await signed_in(shop)

    assert "smaller than a thousandth of a second" in await text(shop, PAGE)


async def test_without_a_contradiction_there_is_no_such_section(shop: Shop) -> None:
    await shop.report(CALL, recording=None)
    await shop.report(CALL)
    await signed_in(shop)

    assert "otherwise" not in await text(shop, PAGE)
    assert [one["accepted"] for one in await _reports(shop)] == [True, True]
    assert (await _reports(shop))[0]["number"] == RADIO
