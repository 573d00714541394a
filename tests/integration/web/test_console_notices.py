"""Notices in the console: who is told, what became of it, sending it again."""

import re

import httpx

from tests.console import csrf, plain, signed_in
from tests.receiver import Reply, receiver
from tests.shop import Shop

MISSED = {"outcome": "missed", "reason": "operator_not_responsive", "code": 480, "legs": []}


async def send(client: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    token = await csrf(client, "/notices")
    return await client.post(f"/notices{path}", data=form | {"_csrf_token": token})


async def page(shop: Shop, query: str = "") -> str:
    answer = await shop.client.get(f"/notices{query}")
    assert answer.status_code == 200, answer.text
    return plain(answer.text)


async def deliver(shop: Shop) -> None:
    await shop.house.deliver.look()
    await shop.house.deliver.settle()


def recipient_of(shop: Shop, account: int = 1) -> str:
    (one,) = shop.house.use_cases.directory.recipients_of(account)
    return one.recipient_id


async def test_before_anything_happened_the_page_says_what_to_do(shop: Shop) -> None:
    await signed_in(shop)

    shown = await page(shop)

    assert "Nobody yet." in shown
    assert "Nothing yet: what is sent is listed here" in shown


async def test_a_recipient_is_added_and_changed_by_a_form(shop: Shop) -> None:
    client = await signed_in(shop)

    form = {"to": " Desk@Example.com ", "call.missed": "1", "call.voicemail": "1"}
    added = await send(client, "/recipients", **form)
    first = await page(shop)
    await send(client, "/recipients", **{"to": "Desk@example.com", "call.busy": "1"})

    assert added.status_code == 303
    assert "Desk@example.com Active Missed call, Voicemail" in first
    assert "Desk@example.com Active Busy" in await page(shop)


async def test_what_is_no_recipient_is_said_beside_the_form_and_stays_in_it(shop: Shop) -> None:
    client = await signed_in(shop)

    answer = await send(client, "/recipients", **{"to": "desk", "call.busy": "1"})

    assert answer.status_code == 422
    assert 'value="desk"' in answer.text
    assert "mail:NAME@HOST or a URL is needed" in answer.text
    assert re.findall(r'name="(call\.\w+)" value="1" checked', answer.text) == ["call.busy"]


async def test_a_secret_is_shown_once(shop: Shop) -> None:
    client = await signed_in(shop)
    await send(client, "/recipients", to="https://nobody.invalid/hook")

    assert "Not signed yet" in await page(shop)
    issued = await send(client, f"/recipients/{recipient_of(shop)}", action="secret")

    secret = re.search(r'id="issued-secret">(whsec_[^<]+)<', issued.text)
    assert secret is not None
    assert secret[1] not in (await client.get("/notices")).text
    assert "Signed with the secret of 23 Nov 2026" in await page(shop)


async def test_the_log_says_what_became_of_a_notice_and_sends_it_again(shop: Shop) -> None:
    client = await signed_in(shop)
    async with receiver() as one:
        one.answer = lambda _: Reply(500)
        await send(
            client, "/recipients", **{"to": f"http://127.0.0.1:{one.port}/", "call.missed": "1"}
        )
        await shop.report("c", **MISSED)
        await deliver(shop)
        failed = await page(shop)
        assert "/notices/deliveries/" not in (await client.get("/notices")).text, "it is on its way"
        one.answer = lambda _: Reply(204)
        shop.clock.now += 20_000
        await deliver(shop)
        delivered = await page(shop)
        found = re.search(r"/notices/deliveries/([0-9a-f-]+)", (await client.get("/notices")).text)
        assert found is not None
        again = await send(client, f"/deliveries/{found[1]}")
        await deliver(shop)

    assert f"127.0.0.1:{one.port}/ Failing Missed call Nothing has got through since" in failed
    assert "On its way It answered that it did not work · 500" in failed
    assert "Next try 23 Nov 2026" in failed
    assert re.search(r"Delivered 2 tries .* It has arrived · 204 .* 500", delivered)
    assert 'href="/calls/sip/c"' in (await client.get("/notices")).text
    assert again.status_code == 303
    assert len(one.received) == 3
    assert "Nothing matches." in await page(shop, "?state=dead")
    assert "Missed call 23 Nov" in await page(shop, "?state=delivered")


async def test_who_was_stopped_is_shown_as_such_and_started_again(shop: Shop) -> None:
    client = await signed_in(shop)
    async with receiver() as one:
        one.answer = lambda _: Reply(410)
        await send(
            client, "/recipients", **{"to": f"http://127.0.0.1:{one.port}/", "call.missed": "1"}
        )
        await shop.report("c", **MISSED)
        await deliver(shop)
        stopped = await page(shop)
        started = await send(client, f"/recipients/{recipient_of(shop)}", action="start")

    assert "Stopped: nothing got through" in stopped
    assert "It answered that it is gone for good · 410" in stopped
    assert "Send a test" not in stopped
    assert started.status_code == 303
    assert "Send a test" in await page(shop)


async def test_the_flow_that_names_a_recipient_is_named_with_him(shop: Shop) -> None:
    await signed_in(shop)
    step = {"do": "voicemail", "say": "Speak.", "notify": ["mail:night@example.com"]}
    flow = {"name": "night", "step": [step]}
    headers = {"Authorization": f"Bearer {shop.tokens['api']}"}
    answer = await shop.client.put("/api/v1/setup", json={"flow": [flow]}, headers=headers)
    assert answer.status_code == 200, answer.text

    shown = await page(shop)

    assert (
        "night@example.com Active Told of nothing by itself · messages of the flow night" in shown
    )
    setup = plain((await shop.client.get("/setup")).text)
    assert "Voicemail, 120 s: “Speak.”; tells night@example.com" in setup
