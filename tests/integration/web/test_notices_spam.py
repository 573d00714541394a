"""Who was turned away at the door is news only for those who want to hear of it."""

import json
from typing import Any

import pytest

from ringtrace.domain.notice import CALL_EVENTS, Event
from ringtrace.services.watch_callers import CallerWatch
from tests.console import plain, signed_in
from tests.receiver import receiver
from tests.shop import REPORT, Shop, bearer, on_every_store

CALLER = "+12025550177"
ALL_BUT_SPAM = [str(event) for event in CALL_EVENTS if event is not Event.SPAM]
TURNED_AWAY: dict[str, Any] = {
    "outcome": "rejected",
    "code": 603,
    "target": None,
    "talk_seconds": 0.0,
    "legs": [],
    "recording": None,
}
BLOCKED = TURNED_AWAY | {"reason": "blacklisted"}
NO_KEY = TURNED_AWAY | {"reason": "spam_list"}
LEFT = TURNED_AWAY | {"outcome": "abandoned", "reason": "caller_disconnects", "code": 487}
PUT_THROUGH = {"outcome": "answered", "legs": REPORT["legs"]}


async def api(shop: Shop, method: str, path: str, body: object) -> None:
    answer = await shop.client.request(
        method, f"/api/v1{path}", json=body, headers=bearer(shop.tokens["api"])
    )
    assert answer.is_success, answer.text


async def told(shop: Shop, events: list[str], treatment: str, report: dict[str, Any]) -> list[str]:
    """Of which events a recipient of `events` is told when such a caller's call goes so."""
    async with receiver() as one:
        to = f"http://127.0.0.1:{one.port}/"
        await api(shop, "PUT", "/setup", {"recipient": [{"to": to, "events": events}]})
        caller = {"caller": CALLER, "treatment": treatment}
        await api(shop, "POST", "/blocklist", {"callers": [caller]})
        await shop.arrive(call="c")
        await shop.house.use_cases.route_call.settle()
        assert (await shop.report("c", **report)).status_code == 200
        await shop.house.deliver.look()
        await shop.house.deliver.settle()
        return [str(json.loads(came.body)["type"]) for came in one.received]


SPAM = pytest.mark.parametrize(
    ("treatment", "report"),
    [("block", BLOCKED), ("ask", NO_KEY), ("ask", LEFT)],
    ids=["blocked", "pressed no key", "left at the gate"],
)


@SPAM
async def test_nobody_hears_of_spam_by_subscribing_to_its_outcome(
    shop: Shop, treatment: str, report: dict[str, Any]
) -> None:
    assert await told(shop, ALL_BUT_SPAM, treatment, report) == []


@SPAM
async def test_who_wants_to_hear_of_spam_does(
    shop: Shop, treatment: str, report: dict[str, Any]
) -> None:
    assert await told(shop, ["call.spam"], treatment, report) == ["call.spam"]


@pytest.mark.parametrize(
    ("report", "event"),
    [
        (PUT_THROUGH, "call.answered"),
        (LEFT | {"legs": REPORT["legs"]}, "call.abandoned"),
        (TURNED_AWAY | {"reason": "blacklisted", "legs": REPORT["legs"]}, "call.rejected"),
    ],
)
async def test_whoever_rang_somebody_is_told_of_as_usual(
    shop: Shop, report: dict[str, Any], event: str
) -> None:
    events = [*ALL_BUT_SPAM, "call.spam"]

    assert await told(shop, events, "ask", report) == [event]


@on_every_store
async def test_a_server_that_did_not_route_the_call_knows_it_as_spam(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart in mid-call, or beside another server, the arrival has kept what acted."""
    monkeypatch.setattr(CallerWatch, "finding", lambda *_: None)

    assert await told(shop, ["call.rejected", "call.spam"], "block", BLOCKED) == ["call.spam"]


async def test_the_console_offers_spam_and_ticks_it_for_nobody(shop: Shop) -> None:
    await signed_in(shop)

    page = (await shop.client.get("/notices")).text

    assert "Spam that was turned away" in plain(page)
    assert 'name="call.spam" value="1">' in page
