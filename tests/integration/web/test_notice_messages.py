"""Messages are told of with their recording, to those whom the voicemail names."""

import json
from typing import Any

import pytest

from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.notice import AUDIO_WAIT_MS
from tests.notices import MESSAGE, MISSED, deliver, log, subscribe, url_of
from tests.receiver import Receiver, receiver
from tests.shop import RADIO, Shop, bearer

AUDIO = {"url": None, "seconds": 9.0, "channels": 2}
WAV = b"RIFFaudio"


async def test_a_message_is_told_of_with_its_recording_as_soon_as_that_is_there(shop: Shop) -> None:
    async with receiver() as one:
        await subscribe(shop, url_of(one), "call.voicemail")
        await shop.report("c", **(MESSAGE | {"recording": AUDIO}))
        await deliver(shop)
        (entry,) = await log(shop)
        assert (entry["state"], one.received) == ("waiting", [])

        shop.clock.now += 3_000
        put = await shop.client.put(
            "/gateway/v1/calls/c/recording", content=WAV, headers=bearer(shop.tokens["sip"])
        )
        assert put.status_code == 204
        await deliver(shop)

    link: str = json.loads(one.received[0].body)["data"]["call"]["recording"]["link"]
    path = link[link.index("/recordings/") :]
    assert (await shop.client.get(path)).content == WAV
    shop.clock.now += 7 * DAY_MS - 1
    assert (await shop.client.get(path)).status_code == 200
    shop.clock.now += 2
    assert (await shop.client.get(path)).status_code == 404


async def test_a_message_whose_recording_never_comes_is_told_of_without_it(shop: Shop) -> None:
    async with receiver() as one:
        await subscribe(shop, url_of(one), "call.voicemail")
        await shop.report("c", **(MESSAGE | {"recording": AUDIO}))
        shop.clock.now += AUDIO_WAIT_MS - 1
        await deliver(shop)
        assert one.received == []
        shop.clock.now += 1
        await deliver(shop)

    recording = json.loads(one.received[0].body)["data"]["call"]["recording"]
    assert (recording["link"], recording["seconds"]) == (None, 9.0)


@pytest.mark.parametrize("recording", [None, {"url": "https://media.example/1.mp3"}])
async def test_a_message_that_waits_for_nothing_is_told_of_at_once(
    shop: Shop, recording: dict[str, str] | None
) -> None:
    async with receiver() as one:
        await subscribe(shop, url_of(one), "call.voicemail")
        await shop.report("c", **(MESSAGE | {"recording": recording}))
        await deliver(shop)

    told = json.loads(one.received[0].body)["data"]["call"]["recording"]
    assert (told is None) is (recording is None)
    assert told is None or "/recordings/1/sip/c?" in told["link"]


def mailroom(*boxes: Receiver) -> dict[str, Any]:
    """A flow with a voicemail on each key, each with a webhook of its own."""
    keys = {
        str(i): [{"do": "voicemail", "say": "Speak.", "notify": [url_of(one)]}]
        for i, one in enumerate(boxes)
    }
    return {"name": "mailroom", "step": [{"do": "menu", "say": "Press.", "keys": keys}]}


async def apply(shop: Shop, **parts: Any) -> dict[str, Any]:
    answer = await shop.client.put("/api/v1/setup", json=parts, headers=bearer(shop.tokens["api"]))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


RADIO_FOLLOWS = {"number": RADIO, "channel": "Radio", "flow": "mailroom"}


async def test_a_message_is_told_to_those_whom_its_voicemail_names(shop: Shop) -> None:
    async with receiver() as sales, receiver() as service:
        await apply(shop, flow=[mailroom(sales, service)], number=[RADIO_FOLLOWS])
        await shop.report("for-service", **MESSAGE, box=1)
        await shop.report("missed", **MISSED)
        await deliver(shop)
        assert (len(sales.received), len(service.received)) == (0, 1)
        await shop.report("from-a-gateway-that-does-not-say", **MESSAGE)
        await deliver(shop)

    assert (len(sales.received), len(service.received)) == (1, 2)


async def test_a_message_is_told_by_the_version_of_the_flow_that_took_it(shop: Shop) -> None:
    async with receiver() as old, receiver() as new:
        await apply(shop, flow=[mailroom(old)], number=[RADIO_FOLLOWS])
        await shop.arrive(call="c")
        await shop.house.use_cases.route_call.settle()
        await apply(shop, flow=[mailroom(new)])
        await shop.report("c", **MESSAGE, box=0)
        await deliver(shop)

    assert (len(old.received), len(new.received)) == (1, 0)


async def test_a_message_that_a_cached_plan_took_is_told_by_the_version_that_it_was_made_of(
    shop: Shop,
) -> None:
    """The gateway followed its own copy: no arrival says which version, but the report does."""
    async with receiver() as old, receiver() as new:
        await apply(shop, flow=[mailroom(old)], number=[RADIO_FOLLOWS])
        await apply(shop, flow=[mailroom(new)])
        await shop.report("c", **MESSAGE, box=0, plan_source="cache", flow="mailroom 1")
        await deliver(shop)

    assert (len(old.received), len(new.received)) == (1, 0)


async def test_whom_the_voicemail_and_the_account_name_is_told_once(shop: Shop) -> None:
    async with receiver() as one:
        await apply(shop, flow=[mailroom(one)], number=[RADIO_FOLLOWS])
        await subscribe(shop, url_of(one), "call.voicemail")
        await shop.report("c", **MESSAGE, box=0)
        await deliver(shop)

    assert len(one.received) == 1
