"""Blocked callers are rejected and suspects press a key; nobody else notices."""

import pytest

from ringtrace.domain.plan import HangUp
from ringtrace.domain.screening import Rule
from ringtrace.services.call_records import CallFilter
from ringtrace.services.setup_form import read_setup
from ringtrace.services.spam_records import Spam
from tests.callers import CALLER, NO_KEY, OTHER, all_rules_on, api, does, ends, listed, rings
from tests.shop import POOL, RADIO, Shop, bearer, on_every_store

pytestmark = on_every_store


@pytest.fixture(autouse=True)
async def rules(shop: Shop) -> None:
    await all_rules_on(shop)


async def test_a_blocked_caller_is_rejected_and_nobody_else(shop: Shop) -> None:
    await listed(shop)

    blocked, other = await rings(shop, "one"), await rings(shop, "two", caller=OTHER)

    assert blocked["steps"] == [{"do": "hang_up", "code": 603, "reason": "blacklisted"}]
    assert (does(other), other["cacheable"]) == (["dial"], True)
    assert not blocked["cacheable"], "it is no plan for other callers"


async def test_a_beginning_blocks_all_its_numbers_but_those_that_are_trusted(shop: Shop) -> None:
    await listed(shop, "+1202555*")
    await listed(shop, OTHER, "trust")

    plans = [await rings(shop, one[1:], caller=one) for one in (CALLER, OTHER, "+12125550100")]

    assert [does(plan) for plan in plans] == [["hang_up"], ["dial"], ["dial"]]


@pytest.mark.parametrize("caller", [None, "anonymous", "Restricted", "+266696687", "Reception"])
async def test_whose_number_is_not_known_is_never_suspected(shop: Shop, caller: str | None) -> None:
    """Many may be called so: together they are not one busy caller."""
    plans = [await rings(shop, f"call-{turn}", caller=caller) for turn in range(12)]

    assert {tuple(does(plan)) for plan in plans} == {("dial",)}


async def test_a_call_from_nobody_is_reported_as_withheld(shop: Shop) -> None:
    await rings(shop, "one", caller="anonymous")
    await ends(shop, "one", caller="anonymous")

    assert (await shop.call("one")).caller is None


async def test_the_block_of_another_account_is_none_of_ours(shop: Shop) -> None:
    body = {"callers": [{"caller": CALLER}]}
    headers = bearer(shop.foreign["api"])
    await shop.client.post("/api/v1/blocklist", json=body, headers=headers)

    assert does(await rings(shop, "one")) == ["dial"]
    assert (await api(shop, "GET", "/blocklist")).json()["total"] == 0


async def test_a_listed_robot_has_to_press_a_key(shop: Shop) -> None:
    await listed(shop, treatment="ask")

    plan = await rings(shop, "one")

    assert does(plan) == ["menu", "dial"]
    gate = plan["steps"][0]
    assert set(gate["keys"]) == set("0123456789*#")
    assert "press any key" in gate["prompt"]["text"]
    assert gate["otherwise"] == [{"do": "hang_up", "code": 603, "reason": "spam_list"}]
    assert not plan["cacheable"]


async def test_the_gate_speaks_the_language_of_the_flow_or_of_the_country(shop: Shop) -> None:
    await listed(shop, treatment="ask")
    flow = {
        "name": "fr",
        "language": "fr-CA",
        "step": [{"do": "dial", "targets": ["+12025550191"]}],
    }
    number = {"number": "+12025550102", "channel": "TV", "flow": "fr"}
    account = {"name": "Shop", "region": "DE"}
    form = read_setup({"flow": [flow], "number": [number], "account": account})
    await shop.house.use_cases.apply_setup(1, form)

    own, country = await rings(shop, "one", number="+12025550102"), await rings(shop, "two")

    languages = [plan["steps"][0]["prompt"]["language"] for plan in (own, country)]
    assert languages == ["fr-CA", "de-DE"]


async def test_a_plan_from_the_gateways_memory_asked_nobody(shop: Shop) -> None:
    await listed(shop, treatment="ask")
    await rings(shop, "asked")
    await ends(shop, "asked", plan_source="cache")

    call = await shop.call("asked")

    assert call.screening is not None
    assert (call.screening.passage, call.spam) == (None, False)
    assert does(await rings(shop, "again")) == ["menu", "dial"], "he has not pressed anything yet"


async def test_the_finding_is_kept_when_the_arrival_was_not_noted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listed(shop, treatment="ask")
    notes: list[object] = []
    monkeypatch.setattr(shop.house.use_cases.route_call._notes, "add", notes.append)
    await rings(shop, "asked")
    await ends(shop, "asked", **NO_KEY)

    call = await shop.call("asked")

    assert len(notes) == 1
    assert call.screening is not None
    assert (call.screening.rule, call.spam) == (Rule.KNOWN_ROBOT, True)


async def test_an_extension_is_still_asked_for_behind_the_gate(shop: Shop) -> None:
    code = {"code": "6179", "channel": "Poster", "target": OTHER}
    number = {"number": RADIO, "channel": "Radio", "target": "+12025550191", "extension": [code]}
    await shop.house.use_cases.apply_setup(1, read_setup({"number": [number]}))
    await listed(shop, treatment="ask")

    plan = await rings(shop, "asked")
    keyed = await shop.client.post(
        "/gateway/v1/calls/asked/digits",
        json={"digits": "6179"},
        headers=bearer(shop.tokens["sip"]),
    )

    assert does(plan) == ["menu", "collect", "dial"]
    assert does(keyed.json()) == ["dial"], "who keys digits has passed already"


async def test_a_blocked_call_of_a_pool_number_is_attributed_but_not_counted(shop: Shop) -> None:
    await shop.hit()
    await listed(shop)
    await rings(shop, "one", number=POOL)

    rows = await shop.house.use_cases.store.channels(1, CallFilter(spam=Spam.WITHOUT))

    assert sum(row.calls for row in rows) == 0
    assert (await shop.call("one")).spam


async def test_a_rule_that_breaks_keeps_nobody_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> HangUp:
        raise ZeroDivisionError

    monkeypatch.setattr("ringtrace.services.screen_caller.screen", broken)

    assert does(await rings(shop, "one")) == ["dial"]
    assert "caller_not_screened account=1" in caplog.text
