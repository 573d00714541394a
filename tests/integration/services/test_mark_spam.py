"""What is said of calls counts in every report, and can be undone."""

from typing import Any

import pytest

from ringtrace.services.call_records import CallFilter
from ringtrace.services.spam_records import Spam
from tests.callers import NO_KEY, OTHER, all_rules_on, api, does, ends, is_silent, listed, rings
from tests.shop import Shop, on_every_store

pytestmark = on_every_store


@pytest.fixture(autouse=True)
async def rules(shop: Shop) -> None:
    await all_rules_on(shop)


async def test_whom_a_person_trusts_a_mark_does_not_distrust(shop: Shop) -> None:
    await listed(shop, treatment="trust")
    await ends(shop, "one")

    await api(shop, "PUT", "/calls/sip/one/spam", json={"spam": True})

    assert does(await rings(shop, "again")) == ["dial"]


async def test_reports_leave_spam_out_and_say_how_much(shop: Shop) -> None:
    await is_silent(shop, 1)
    await listed(shop)
    await rings(shop, "blocked")
    await ends(shop, "blocked", **NO_KEY | {"reason": "blacklisted"})

    async def report(**query: str) -> tuple[float, int]:
        answer = (await api(shop, "GET", "/reports/channels", params=query)).json()
        return sum(row["calls"] for row in answer["channels"]), answer["spam_calls"]

    assert await report() == (1, 1)
    assert await report(spam="with") == (2, 1)
    assert await report(spam="only") == (1, 1)
    assert await report(since="2030-01-01T00:00:00Z") == (0, 0)
    marked = await api(shop, "PUT", "/calls/sip/blocked/spam", json={"spam": False})
    assert marked.json()["spam"] is False
    assert marked.json()["screening"]["rule"] == "blocked"
    assert await report() == (2, 0)
    taken = await api(shop, "DELETE", "/calls/sip/blocked/spam")
    assert (taken.json()["spam"], taken.json()["spam_mark"]) == (True, None)
    assert await report() == (1, 1)


async def test_the_log_shows_everything_unless_told_otherwise(shop: Shop) -> None:
    await is_silent(shop, 2)
    await api(shop, "PUT", "/calls/sip/silent-0/spam", json={"spam": True})

    async def log(**query: str) -> list[str]:
        found = (await api(shop, "GET", "/calls", params=query)).json()
        assert found["total"] == len(found["calls"])
        return [call["call"] for call in found["calls"]]

    assert await log() == ["silent-1", "silent-0"]
    assert await log(spam="with") == ["silent-1", "silent-0"]
    assert await log(spam="without") == ["silent-1"]
    assert await log(spam="only") == ["silent-0"]
    assert (await api(shop, "GET", "/calls", params={"spam": "some"})).status_code == 422


async def test_a_marked_call_makes_its_caller_a_suspect_until_it_is_taken_back(shop: Shop) -> None:
    await is_silent(shop, 1)
    await api(shop, "PUT", "/calls/sip/silent-0/spam", json={"spam": True})

    assert does(await rings(shop, "asked")) == ["menu", "dial"]
    again = await api(shop, "DELETE", "/calls/sip/silent-0/spam")
    assert again.json()["spam"] is False
    assert does(await rings(shop, "free")) == ["dial"]
    assert (await api(shop, "DELETE", "/calls/sip/silent-0/spam")).status_code == 404


async def test_every_call_of_a_caller_can_be_marked_and_the_caller_blocked(shop: Shop) -> None:
    await is_silent(shop)
    await rings(shop, "somebody", caller=OTHER)
    await ends(shop, "somebody", caller=OTHER)

    body = {"spam": True, "every": True, "caller": "block"}
    answer = (await api(shop, "PUT", "/calls/sip/silent-0/spam", json=body)).json()

    store = shop.house.use_cases.store
    assert answer["spam_mark"]["marked_by"] is None
    assert await store.count_calls(1, CallFilter(spam=Spam.ONLY)) == 3
    assert await store.count_calls(1, CallFilter(spam=Spam.WITHOUT)) == 1
    assert does(await rings(shop, "blocked")) == ["hang_up"]

    await api(shop, "DELETE", "/calls/sip/silent-1/spam", params={"every": "true"})
    spam = await store.calls(1, CallFilter(spam=Spam.ONLY), 10, 0)
    assert [call.call for call in spam.calls] == ["blocked"]


async def test_not_spam_can_trust_the_caller_as_well(shop: Shop) -> None:
    await listed(shop, treatment="ask")
    await rings(shop, "asked")
    await ends(shop, "asked", **NO_KEY)

    body = {"spam": False, "caller": "trust"}
    await api(shop, "PUT", "/calls/sip/asked/spam", json=body)

    assert not (await shop.call("asked")).spam
    assert does(await rings(shop, "again")) == ["dial"]


async def test_a_mark_outlives_later_reports(shop: Shop) -> None:
    await rings(shop, "one")
    await api(shop, "PUT", "/calls/sip/one/spam", json={"spam": True})
    await ends(shop, "one", recording=None)
    await ends(shop, "one", recording={"url": None, "seconds": 41.0, "channels": 2})

    assert (await shop.call("one")).spam
    assert does(await rings(shop, "two")) == ["menu", "dial"]


@pytest.mark.parametrize("body", [{"every": True}, {"caller": "block"}])
async def test_a_withheld_number_cannot_be_listed(shop: Shop, body: dict[str, Any]) -> None:
    await rings(shop, "one", caller=None)

    answer = await api(shop, "PUT", "/calls/sip/one/spam", json={"spam": True} | body)

    assert (answer.status_code, answer.json()["field"]) == (422, next(iter(body)))
    assert not (await shop.call("one")).spam, "nothing was done by halves"


async def test_the_call_itself_can_still_be_marked(shop: Shop) -> None:
    await rings(shop, "one", caller=None)

    answer = await api(shop, "PUT", "/calls/sip/one/spam", json={"spam": True})

    assert answer.json()["spam"] is True


async def test_a_call_that_is_not_there_cannot_be_marked(shop: Shop) -> None:
    for method, body in (("PUT", {"spam": True}), ("DELETE", None)):
        answer = await api(shop, method, "/calls/sip/none/spam", json=body)
        assert (answer.status_code, answer.json()["message"]) == (404, "no such call")
