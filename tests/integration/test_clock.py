"""The clock jumps by an hour: visitors get numbers, callers get through, nothing is lost."""

import logging

import pytest

from ringtrace.domain.moment import HOUR_MS
from tests.shop import RADIO, TARGET, Shop, on_every_store, rfc

pytestmark = on_every_store

SILENT = 46_000


async def shown(shop: Shop, visit: str) -> str:
    answer = (await shop.hit(visit=visit, visitor=visit)).json()
    return str(answer["number"]["e164"])


async def test_a_visit_keeps_its_number_and_new_ones_get_theirs(shop: Shop) -> None:
    early = shop.ids()
    number = await shown(shop, early)

    shop.clock.now -= HOUR_MS

    assert await shown(shop, early) == number
    assert await shown(shop, shop.ids())


@pytest.mark.parametrize("reader", [0, 1])
async def test_silence_frees_numbers_as_before(
    shop: Shop, reader: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Of two visitors one goes on reading: the next one gets the other's number."""
    visits = [shop.ids(), shop.ids()]
    numbers = [await shown(shop, visit) for visit in visits]
    shop.clock.now -= HOUR_MS
    with caplog.at_level(logging.WARNING):
        await shown(shop, visits[reader])
    assert "clock_went_back" in caplog.text

    shop.clock.now += SILENT
    await shop.hit("beat", visit=visits[reader], visitor=visits[reader])

    assert await shown(shop, shop.ids()) == numbers[1 - reader]


async def test_a_flood_before_the_jump_does_not_shut_an_address_out_for_an_hour(
    shop: Shop,
) -> None:
    limits = shop.house.use_cases.track_hit._limits
    while limits.allow("shop", "127.0.0.1", shop.clock.now):
        pass

    shop.clock.now -= HOUR_MS
    refused = (await shop.hit()).json()
    shop.clock.now += 60_000
    answer = (await shop.hit()).json()

    assert (refused["reason"], refused["number"]) == ("rate_limited", None)
    assert answer["number"] is not None


async def test_a_call_is_answered_reported_once_and_attributed_to_what_was_known(
    shop: Shop,
) -> None:
    visit = shop.ids()
    number = await shown(shop, visit)
    shop.clock.now -= HOUR_MS
    late = shop.ids()
    assert await shown(shop, late)
    shop.clock.now += 1_000

    plan = await shop.arrive(call="back", number=number, started_at=rfc(shop.clock.now))
    assert plan.status_code == 200
    assert plan.json()["steps"][0]["targets"][0]["to"] == TARGET
    report = {"number": number, "started_at": rfc(shop.clock.now), "legs": []}
    for _ in range(2):
        assert (await shop.report("back", **report)).status_code == 200

    call = await shop.call("back")
    named = [one.visit_id for one in call.attribution.credits]
    assert visit not in named, "nobody called before he was shown the number"
    assert await shop.count() == 1


async def test_a_clock_that_was_ahead_for_a_while_leaves_no_trace(shop: Shop) -> None:
    """Ahead by an hour, everybody has fallen silent; back again, numbers fall free as ever."""
    early = [shop.ids(), shop.ids()]
    numbers = [await shown(shop, visit) for visit in early]

    shop.clock.now += HOUR_MS
    ahead = [shop.ids(), shop.ids()]
    again = [await shown(shop, visit) for visit in ahead]
    plan = await shop.arrive(call="ahead", number=again[0], started_at=rfc(shop.clock.now))
    report = {"number": again[0], "started_at": rfc(shop.clock.now), "legs": []}
    assert (await shop.report("ahead", **report)).status_code == 200
    shop.clock.now -= HOUR_MS
    kept = [await shown(shop, visit) for visit in (*early, *ahead)]
    shop.clock.now += SILENT
    for visit in (early[0], ahead[0]):
        await shop.hit("beat", visit=visit, visitor=visit)
    new = await shown(shop, shop.ids())

    assert plan.json()["steps"][0]["targets"][0]["to"] == TARGET
    assert kept == numbers + again
    assert set(again) == set(numbers), "who was silent for an hour holds nothing"
    assert new not in {kept[0], kept[2]} or kept[0] != kept[2]
    for _ in range(2):
        assert (await shop.report("ahead", **report)).status_code == 200
    assert await shop.count() == 1


async def test_people_and_gateways_stay_signed_in(shop: Shop) -> None:
    for moved in (0, -HOUR_MS, 2 * HOUR_MS):
        shop.clock.now += moved
        answer = await shop.arrive(number=RADIO, started_at=rfc(shop.clock.now))
        assert answer.status_code == 200
        listed = await shop.client.get(
            "/api/v1/calls", headers={"Authorization": f"Bearer {shop.tokens['api']}"}
        )
        assert listed.status_code == 200
