"""Webhooks that fail, are away or slow are told later, and nobody waits for them."""

import asyncio
import json
import time

from ringtrace.domain.moment import HOUR_MS
from ringtrace.domain.notice import MOST_TRIES
from tests.notices import MISSED, ask, deliver, log, subscribe, url_of
from tests.receiver import Reply, receiver
from tests.shop import Shop, bearer


async def _give_up(shop: Shop) -> None:
    for _ in range(MOST_TRIES):
        await deliver(shop)
        shop.clock.now += 15 * HOUR_MS


async def test_a_failure_is_tried_again_with_the_same_id_until_it_succeeds(shop: Shop) -> None:
    async with receiver() as one:
        await subscribe(shop, url_of(one), "call.missed")
        replies = iter([Reply(500), Reply(503, {"retry-after": "120"}), Reply(204)])
        one.answer = lambda _: next(replies)
        await shop.report("c", **MISSED)
        await deliver(shop)
        await deliver(shop)
        assert len(one.received) == 1, "not before its time"
        shop.clock.now += 12_000
        await deliver(shop)
        shop.clock.now += 60_000
        await deliver(shop)
        assert len(one.received) == 2, "it asked for two minutes"
        shop.clock.now += 60_000
        await deliver(shop)

    assert len({came.headers["webhook-id"] for came in one.received}) == 1
    assert len({json.loads(came.body)["id"] for came in one.received}) == 1
    (entry,) = await log(shop)
    assert (entry["state"], [t["code"] for t in entry["tries"]]) == ("delivered", [500, 503, 204])
    assert entry["tries"][0]["failure"] == "status"
    assert entry["next_try_at"] is None


async def test_who_was_away_and_is_back_is_told(shop: Shop) -> None:
    async with receiver() as one:
        url, port = url_of(one), one.port
    await subscribe(shop, url, "call.missed")
    await shop.report("c", **MISSED)
    await deliver(shop)
    (entry,) = await log(shop)
    assert (entry["state"], entry["tries"][0]["failure"]) == ("pending", "not_connected")
    assert entry["next_try_at"] is not None

    shop.clock.now += 20_000
    async with receiver(port=port) as back:
        await deliver(shop)

    assert len(back.received) == 1


async def test_a_webhook_that_failed_for_days_is_stopped_and_started_again(shop: Shop) -> None:
    async with receiver() as one:
        recipient = await subscribe(shop, url_of(one), "call.missed")
        one.answer = lambda _: Reply(500)
        await shop.report("a", **MISSED)
        await _give_up(shop)
        assert len(one.received) == MOST_TRIES
        (state,) = (await ask(shop, "GET", "/recipients"))["recipients"]
        assert state["standing"] == "stopped"
        assert state["failing_since"] is not None

        await shop.report("b", **MISSED)
        await deliver(shop)
        assert [entry["state"] for entry in await log(shop)] == ["held", "dead"]
        refused = await shop.client.post(
            f"/api/v1/recipients/{recipient}/test", headers=bearer(shop.tokens["api"])
        )
        assert (refused.status_code, refused.json()["field"]) == (422, "recipient")

        one.answer = lambda _: Reply(200)
        await ask(shop, "POST", f"/recipients/{recipient}/start")
        await deliver(shop)
        assert [entry["state"] for entry in await log(shop)] == ["delivered", "dead"]
        sent = await ask(
            shop, "POST", f"/recipients/{recipient}/replay", {"since": "2026-11-01T00:00:00Z"}
        )
        await deliver(shop)

    assert sent == {"sent": 1}
    assert [entry["state"] for entry in await log(shop)] == ["delivered", "delivered"]
    (state,) = (await ask(shop, "GET", "/recipients"))["recipients"]
    assert (state["standing"], state["failing_since"]) == ("active", None)


async def test_a_slow_receiver_delays_neither_reports_nor_plans_nor_other_receivers(
    shop: Shop,
) -> None:
    release = asyncio.Event()

    async def slowly(_: object) -> Reply:
        await release.wait()
        return Reply()

    async with receiver() as slow, receiver() as fast:
        slow.answer = slowly
        await subscribe(shop, url_of(slow), "call.missed")
        for i in range(40):
            await shop.report(f"slow-{i}", **MISSED)
        await shop.house.deliver.look()
        await slow.wait(4)

        began = time.monotonic()
        await subscribe(shop, url_of(fast), "call.missed")
        assert (await shop.report("now", **MISSED)).status_code == 200
        assert (await shop.arrive()).status_code == 200
        await shop.house.deliver.look()
        await fast.wait(1)
        took = time.monotonic() - began
        assert slow.connections == 4, "a slow one gets few at once"
        release.set()
        await shop.house.deliver.settle()

    assert took < 5, "the slow ones hang until they are released"


async def test_when_many_are_slow_the_next_place_is_for_who_waits_for_his_first(
    shop: Shop,
) -> None:
    """Eight that hang take all places, and what waits for them is older than anything new."""
    releases = asyncio.Semaphore(0)

    async def slowly(_: object) -> Reply:
        await releases.acquire()
        return Reply()

    async with receiver() as slow, receiver() as fast:
        slow.answer = slowly
        for i in range(8):
            await subscribe(shop, f"{url_of(slow)}/{i}", "call.missed")
        for i in range(8):
            await shop.report(f"slow-{i}", **MISSED)
        await shop.house.deliver.look()
        await slow.wait(32)
        await subscribe(shop, url_of(fast), "call.busy")
        await shop.report("now", **MISSED | {"outcome": "busy", "reason": "operator_busy"})

        releases.release()
        async with asyncio.timeout(10):
            while not fast.received:
                await shop.house.deliver.look()
                await asyncio.sleep(0.02)

        for _ in range(64):
            releases.release()
        await shop.house.deliver.settle()
