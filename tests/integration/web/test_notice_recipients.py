"""Who is to be told: what is refused, warned of, and kept to ourselves."""

import json

import httpx
import pytest

from tests.notices import MISSED, ask, deliver, subscribe, url_of
from tests.receiver import Reply, receiver
from tests.shop import Shop, bearer


async def test_no_secret_is_ever_answered_again(shop: Shop) -> None:
    recipient = await subscribe(shop, "https://nobody.invalid/hook", "call.missed")
    secret = (await ask(shop, "POST", f"/recipients/{recipient}/secret"))["secret"]

    for path in ("/recipients", "/setup", "/deliveries"):
        assert secret.removeprefix("whsec_") not in json.dumps(await ask(shop, "GET", path))


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


async def test_a_recipient_of_messages_that_is_none_is_refused_by_its_path(shop: Shop) -> None:
    step = {"do": "voicemail", "say": "Speak.", "notify": ["mail:a@b.c", "desk"]}
    document = {"flow": [{"name": "mailroom", "step": [step]}]}

    answer = await shop.client.put(
        "/api/v1/setup", json=document, headers=bearer(shop.tokens["api"])
    )

    assert (answer.status_code, answer.json()["field"]) == (422, "flow[0].step[0].notify[1]")
