"""Webhooks: told once of what happened, again and again until they know, and never anybody else."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from ringtrace.domain.moment import DAY_MS, HOUR_MS
from ringtrace.domain.notice import AUDIO_WAIT_MS, MOST_TRIES
from tests.receiver import Receiver, Reply, receiver
from tests.shop import FOREIGN, RADIO, Shop, bearer

MISSED: dict[str, Any] = {
    "outcome": "missed",
    "reason": "operator_not_responsive",
    "code": 480,
    "talk_seconds": 0.0,
    "legs": [],
    "recording": None,
}
MESSAGE = MISSED | {"outcome": "voicemail", "reason": None, "code": 200}
AUDIO = {"url": None, "seconds": 9.0, "channels": 2}
WAV = b"RIFFaudio"


async def ask(shop: Shop, method: str, path: str, body: object = None) -> Any:
    answer = await shop.client.request(
        method, f"/api/v1{path}", json=body, headers=bearer(shop.tokens["api"])
    )
    assert answer.is_success, answer.text
    return answer.json()


async def subscribe(shop: Shop, url: str, *events: str, token: str | None = None) -> str:
    """Answers the id of the recipient."""
    document = {"recipient": [{"to": url, "events": list(events)}]}
    answer = await shop.client.put(
        "/api/v1/setup", json=document, headers=bearer(token or shop.tokens["api"])
    )
    assert answer.status_code == 200, answer.text
    known: list[dict[str, str]] = answer.json()["recipients"]
    return next(one["recipient"] for one in known if one["to"] == url)


async def deliver(shop: Shop) -> None:
    """Try all that is due, and wait until it is noted."""
    await shop.house.deliver.look()
    await shop.house.deliver.settle()


async def log(shop: Shop, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(shop, "GET", f"/deliveries{query}"))["deliveries"]
    return found


def url_of(one: Receiver) -> str:
    return f"http://127.0.0.1:{one.port}/hook"


def verified(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """As docs/notices.md shows it; nothing of it is ours."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = headers["webhook-signature"].split()
    return any(hmac.compare_digest(f"v1,{expected}", one) for one in given)


async def test_a_webhook_is_told_of_the_events_that_it_subscribed_to(shop: Shop) -> None:
    async with receiver() as one:
        await subscribe(shop, url_of(one), "call.missed", "call.busy")
        await shop.report("answered")
        await shop.report("missed", **MISSED)
        await deliver(shop)

    (came,) = one.received
    told = json.loads(came.body)
    assert (told["type"], told["id"]) == ("call.missed", came.headers["webhook-id"])
    assert told["data"]["call"]["call"] == "missed"
    assert told["data"]["call"]["caller"] == "+12025550177"
    assert told["data"]["call"] == await _short(shop, "missed")
    assert told["data"]["console_url"].endswith("/calls/sip/missed")
    (entry,) = await log(shop)
    assert (entry["state"], entry["event"], entry["call"]) == ("delivered", "call.missed", "missed")
    assert [(t["code"], t["failure"]) for t in entry["tries"]] == [(200, None)]


async def _short(shop: Shop, call: str) -> object:
    """The call as the list of the API has it."""
    calls = (await ask(shop, "GET", "/calls"))["calls"]
    return next(one for one in calls if one["call"] == call)


async def test_the_same_report_twice_is_one_notice_and_so_is_one_with_more(shop: Shop) -> None:
    async with receiver() as one:
        await subscribe(shop, url_of(one), "call.missed")
        for more in ({}, {}, {"session": "told later"}):
            await shop.report("c", **(MISSED | {"session": None} | more))
        await deliver(shop)

    assert len(one.received) == 1
    assert len(await log(shop)) == 1


async def test_a_call_believed_missed_that_was_answered_is_told_of_twice(shop: Shop) -> None:
    async with receiver() as one:
        await subscribe(shop, url_of(one), "call.missed", "call.answered")
        await shop.report("c", **MISSED)
        await deliver(shop)
        await shop.report("c")
        await deliver(shop)

    assert [json.loads(x.body)["type"] for x in one.received] == ["call.missed", "call.answered"]


async def test_a_report_that_contradicts_tells_nobody(shop: Shop) -> None:
    async with receiver() as one:
        await subscribe(shop, url_of(one), "call.missed", "call.answered")
        await shop.report("c")
        await shop.report("c", **MISSED)
        await deliver(shop)

    assert [json.loads(x.body)["type"] for x in one.received] == ["call.answered"]


async def test_signatures_are_verified_by_code_that_is_not_ours(shop: Shop) -> None:
    async with receiver() as one:
        recipient = await subscribe(shop, url_of(one), "call.missed")
        await shop.report("unsigned", **MISSED)
        await deliver(shop)
        assert "webhook-signature" not in one.received.pop().headers
        first = (await ask(shop, "POST", f"/recipients/{recipient}/secret"))["secret"]
        await shop.report("a", **MISSED)
        await deliver(shop)
        second = (await ask(shop, "POST", f"/recipients/{recipient}/secret"))["secret"]
        await shop.report("b", **MISSED)
        await deliver(shop)
        shop.clock.now += DAY_MS
        await shop.report("c", **MISSED)
        await deliver(shop)

    a, b, c = one.received
    assert verified(a.headers, a.body, first)
    assert not verified(a.headers, a.body, second)
    assert verified(b.headers, b.body, first), "the old secret still signs for a day"
    assert verified(b.headers, b.body, second)
    assert not verified(c.headers, c.body, first)
    assert verified(c.headers, c.body, second)
    assert not verified(a.headers, a.body + b" ", first)
    assert not verified(a.headers | {"webhook-timestamp": "1"}, a.body, first)
    assert int(c.headers["webhook-timestamp"]) == shop.clock.now // 1_000


async def test_no_secret_is_ever_answered_again(shop: Shop) -> None:
    recipient = await subscribe(shop, "https://nobody.invalid/hook", "call.missed")
    secret = (await ask(shop, "POST", f"/recipients/{recipient}/secret"))["secret"]

    for path in ("/recipients", "/setup", "/deliveries"):
        assert secret.removeprefix("whsec_") not in json.dumps(await ask(shop, "GET", path))


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


async def _give_up(shop: Shop) -> None:
    for _ in range(MOST_TRIES):
        await deliver(shop)
        shop.clock.now += 15 * HOUR_MS


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


async def test_set_up_that_is_sent_again_starts_nobody_who_was_stopped(shop: Shop) -> None:
    async with receiver() as one:
        await subscribe(shop, url_of(one), "call.missed")
        one.answer = lambda _: Reply(410)
        await shop.report("a", **MISSED)
        await deliver(shop)
        await subscribe(shop, url_of(one), "call.missed", "call.busy", "call.missed")

    (state,) = (await ask(shop, "GET", "/recipients"))["recipients"]
    assert (state["standing"], state["events"]) == ("stopped", ["call.missed", "call.busy"])
    assert len(one.received) == 1, "who says that he is gone is not asked again"


async def test_what_was_delivered_can_be_sent_again(shop: Shop) -> None:
    async with receiver() as one:
        await subscribe(shop, url_of(one), "call.missed")
        await shop.report("c", **MISSED)
        await deliver(shop)
        (entry,) = await log(shop)
        await ask(shop, "POST", f"/deliveries/{entry['delivery']}/replay")
        await deliver(shop)

    first, second = one.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert len((await log(shop))[0]["tries"]) == 2


async def test_a_test_is_sent_of_no_call(shop: Shop) -> None:
    async with receiver() as one:
        recipient = await subscribe(shop, url_of(one))
        await ask(shop, "POST", f"/recipients/{recipient}/test")
        await deliver(shop)

    told = json.loads(one.received[0].body)
    assert (told["type"], told["data"]) == ("test", {"call": None, "console_url": None})


async def test_who_is_switched_off_is_told_nothing_and_held_things_follow(shop: Shop) -> None:
    async with receiver() as one:
        recipient = await subscribe(shop, url_of(one), "call.missed")
        await shop.report("a", **MISSED)
        await ask(shop, "POST", f"/recipients/{recipient}/stop")
        await shop.report("b", **MISSED)
        await deliver(shop)
        assert one.received == []
        assert [entry["state"] for entry in await log(shop)] == ["held"]
        await ask(shop, "POST", f"/recipients/{recipient}/start")
        await deliver(shop)

    assert [json.loads(x.body)["data"]["call"]["call"] for x in one.received] == ["a"]


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


async def test_an_inner_address_is_never_asked(shop: Shop) -> None:
    async with receiver("127.0.0.2") as inner, receiver() as one:
        await subscribe(shop, url_of(one), "call.missed")
        one.answer = lambda _: Reply(307, {"location": f"http://127.0.0.2:{inner.port}/"})
        await shop.report("c", **MISSED)
        await deliver(shop)

    assert inner.connections == 0
    assert [entry["tries"][0]["failure"] for entry in await log(shop)] == ["address_refused"]


@pytest.mark.parametrize(
    "host", ["127.0.0.2", "10.0.0.1", "[::1]", "169.254.169.254", "2130706434", "0x7f.2"]
)
async def test_an_inner_address_is_refused_where_it_is_set_up(shop: Shop, host: str) -> None:
    """127.0.0.1 is the one that the operator of this server allows."""
    voicemail = {"do": "voicemail", "say": "Speak.", "notify": [f"https://{host}/"]}
    by_flow = {"flow": [{"name": "night", "step": [voicemail]}]}
    by_hand = {"recipient": [{"to": f"http://{host}:81/hook"}]}

    for document, field in ((by_hand, "recipient[0].to"), (by_flow, "flow[0]")):
        answer = await shop.client.put(
            "/api/v1/setup", json=document, headers=bearer(shop.tokens["api"])
        )
        assert answer.status_code == 422
        assert answer.json()["field"] == field
        assert f"{host}" in answer.json()["message"]
        assert "--outbound-allow" in answer.json()["message"]
    assert await ask(shop, "GET", "/recipients") == {"recipients": []}


async def test_two_accounts_are_told_of_their_own_calls_alone(shop: Shop) -> None:
    async with receiver() as ours, receiver() as theirs:
        await subscribe(shop, url_of(ours), "call.missed")
        await subscribe(shop, url_of(theirs), "call.missed", token=shop.foreign["api"])
        await shop.report("c", **MISSED)
        await shop.report("c", **MISSED, number=FOREIGN, token=shop.foreign["sip"])
        await deliver(shop)

    for one, account, number in ((ours, 1, RADIO), (theirs, 2, FOREIGN)):
        (came,) = one.received
        told = json.loads(came.body)
        assert (told["account_id"], told["data"]["call"]["number"]["e164"]) == (account, number)


async def test_the_log_forgets_what_was_finished_long_ago(shop: Shop) -> None:
    async with receiver() as one:
        await subscribe(shop, url_of(one), "call.missed")
        await shop.report("old", **MISSED)
        await deliver(shop)
        shop.clock.now += 31 * DAY_MS
        await shop.report("new", **MISSED, started_at="2026-12-24T00:00:00Z")
        await deliver(shop)
        await shop.house.deliver.tidy()

    assert [entry["call"] for entry in await log(shop)] == ["new"]


async def test_the_outbox_holds_nothing_of_who_called(shop: Shop) -> None:
    """Whoever forgets a number forgets its calls; the outbox need not be looked at."""
    async with receiver() as one:
        one.answer = lambda _: Reply(500, {}, b"+12025550177 is not welcome")
        await subscribe(shop, url_of(one), "call.missed")
        await shop.report("c", **MISSED)
        await deliver(shop)

    with contextlib.closing(sqlite3.connect(shop.house.settings.database)) as connection:
        kept = str(connection.execute("SELECT * FROM deliveries").fetchall())
    assert "call.missed" in kept
    assert "2025550177" not in kept


@pytest.mark.parametrize(
    ("recipient", "field"),
    [
        ({"to": "mail:nobody"}, "recipient[0].to"),
        ({"to": "https://a:b@example.com/"}, "recipient[0].to"),
        (
            {"to": "https://example.com/", "events": ["call.missed", "call.ended"]},
            "recipient[0].events[1]",
        ),
        ({"to": "https://example.com/", "events": ["test"]}, "recipient[0].events[0]"),
    ],
)
async def test_what_is_wrong_with_a_recipient_is_refused_by_its_path(
    shop: Shop, recipient: dict[str, object], field: str
) -> None:
    answer = await _put(shop, recipient)

    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_what_may_keep_a_notice_from_arriving_is_warned_of(shop: Shop) -> None:
    answer = await _put(shop, {"to": "http://example.com/"}, {"to": "mail:a@example.com"})

    said = " ".join(one["message"] for one in answer.json()["warnings"])
    for part in ("--smtp-host", "--public-url", "http://"):
        assert part in said


async def _put(shop: Shop, *recipients: dict[str, object]) -> httpx.Response:
    document = {"recipient": list(recipients)}
    return await shop.client.put("/api/v1/setup", json=document, headers=bearer(shop.tokens["api"]))


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


async def test_a_recipient_of_messages_that_is_none_is_refused_by_its_path(shop: Shop) -> None:
    step = {"do": "voicemail", "say": "Speak.", "notify": ["mail:a@b.c", "desk"]}
    document = {"flow": [{"name": "mailroom", "step": [step]}]}

    answer = await shop.client.put(
        "/api/v1/setup", json=document, headers=bearer(shop.tokens["api"])
    )

    assert (answer.status_code, answer.json()["field"]) == (422, "flow[0].step[0].notify[1]")
