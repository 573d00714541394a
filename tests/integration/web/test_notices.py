"""Webhooks: told once of what happened, each of what it asked for, and never anybody else."""

import base64
import contextlib
import hashlib
import hmac
import json
import sqlite3
from collections.abc import Mapping

from ringtrace.domain.moment import DAY_MS
from tests.notices import MISSED, ask, deliver, log, subscribe, url_of
from tests.receiver import Reply, receiver
from tests.shop import FOREIGN, RADIO, Shop


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


async def test_an_inner_address_is_never_asked(shop: Shop) -> None:
    async with receiver("127.0.0.2") as inner, receiver() as one:
        await subscribe(shop, url_of(one), "call.missed")
        one.answer = lambda _: Reply(307, {"location": f"http://127.0.0.2:{inner.port}/"})
        await shop.report("c", **MISSED)
        await deliver(shop)

    assert inner.connections == 0
    assert [entry["tries"][0]["failure"] for entry in await log(shop)] == ["address_refused"]


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
