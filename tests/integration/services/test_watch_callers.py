"""By their calls some callers become suspects, and by a key they are trusted."""

from typing import Any

import pytest

from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.screening import Passage, Rule, SpamRules
from ringtrace.services.setup_form import read_setup
from ringtrace.services.watch_callers import CallerWatch
from tests.callers import (
    CALLER,
    NO_KEY,
    OTHER,
    all_rules_on,
    api,
    does,
    ends,
    is_silent,
    listed,
    rings,
)
from tests.shop import RADIO, Shop, on_every_store

pytestmark = on_every_store


@pytest.fixture(autouse=True)
async def rules(shop: Shop) -> None:
    await all_rules_on(shop)


async def test_silent_calls_make_a_suspect_and_a_key_makes_him_trusted(shop: Shop) -> None:
    await is_silent(shop)

    assert does(await rings(shop, "asked")) == ["menu", "dial"]
    await ends(shop, "asked")
    again = await rings(shop, "again")

    call = await shop.call("asked")
    assert call.screening is not None
    assert (call.screening.rule, call.screening.passage) == (Rule.SILENT, Passage.PASSED)
    assert call.screening.evidence == "3 answered calls within 7 days, all shorter than 5 seconds"
    assert not call.spam
    assert does(again) == ["dial"], "he is known as human from then on"
    (kept,) = (await api(shop, "GET", "/blocklist")).json()["callers"]
    assert (kept["caller"], kept["treatment"], kept["by_gate"]) == (CALLER, "trust", True)
    assert kept["note"] == "pressed a key when asked"


async def test_who_is_no_longer_trusted_is_judged_by_his_calls_again(shop: Shop) -> None:
    await is_silent(shop)
    await rings(shop, "asked")
    await ends(shop, "asked", talk_seconds=1.0)

    removed = await api(shop, "DELETE", f"/blocklist/{CALLER}")

    assert removed.status_code == 200
    await ends(shop, "asked", talk_seconds=1.0, session="told again")
    assert does(await rings(shop, "again")) == ["menu", "dial"]


async def test_pressing_no_key_is_spam_and_held_against_the_caller(shop: Shop) -> None:
    await is_silent(shop)
    await rings(shop, "asked")
    await ends(shop, "asked", **NO_KEY)
    shop.clock.now += 10 * DAY_MS

    again = await rings(shop, "again")

    call, next_one = await shop.call("asked"), await shop.call("again")
    assert call.screening is not None
    assert (call.screening.passage, call.spam) == (Passage.FAILED, True)
    assert does(again) == ["menu", "dial"]
    assert next_one.screening is not None
    assert next_one.screening.rule is Rule.KNOWN_ROBOT
    assert next_one.screening.evidence == "pressed no key when asked before"


async def test_hanging_up_at_the_gate_is_spam_too(shop: Shop) -> None:
    await listed(shop, treatment="ask")
    await rings(shop, "asked")
    await ends(shop, "asked", **NO_KEY | {"outcome": "abandoned", "reason": "caller_disconnects"})

    call = await shop.call("asked")

    assert call.screening is not None
    assert (call.screening.passage, call.spam) == (Passage.LEFT, True)


async def test_a_listed_robot_that_presses_a_key_is_trusted_but_a_blocked_one_stays(
    shop: Shop,
) -> None:
    await listed(shop, treatment="ask")
    await rings(shop, "asked")
    await ends(shop, "asked")
    assert does(await rings(shop, "trusted")) == ["dial"]

    await listed(shop, treatment="ask")
    await rings(shop, "asked-again")
    await listed(shop)
    await ends(shop, "asked-again")

    assert does(await rings(shop, "blocked")) == ["hang_up"]


async def test_who_is_trusted_for_a_key_alone_is_asked_again_once_a_call_of_his_is_spam(
    shop: Shop,
) -> None:
    await listed(shop, treatment="ask")
    await rings(shop, "asked")
    await ends(shop, "asked")

    marked = await api(shop, "PUT", "/calls/sip/asked/spam", json={"spam": True})

    assert marked.status_code == 200
    assert does(await rings(shop, "again")) == ["menu", "dial"]
    await ends(shop, "again")
    assert does(await rings(shop, "pressed-it")) == ["dial"]


async def test_nobody_is_suspected_for_his_calls_alone_until_such_a_rule_is_switched_on(
    shop: Shop,
) -> None:
    off = {"silent": False, "too_many": False, "many_numbers": False}
    assert SpamRules() == SpamRules(blocked=True, known_robots=True, **off)
    await api(shop, "PUT", "/setup", json={"spam": off})
    await is_silent(shop)

    for i in range(20):
        assert does(await rings(shop, f"often-{i}")) == ["dial"]


async def test_many_calls_in_a_few_minutes_are_asked_from_the_eighth_on(shop: Shop) -> None:
    plans = [await rings(shop, f"call-{turn}") for turn in range(8)]

    assert [does(plan) for plan in plans] == [["dial"]] * 7 + [["menu", "dial"]]
    refusal = plans[-1]["steps"][0]["otherwise"][0]
    assert refusal["reason"] == "too_many_identical_incoming_calls"


async def test_a_call_that_arrives_twice_counts_once(shop: Shop) -> None:
    plans = [await rings(shop, "the-same") for _ in range(12)]

    assert {tuple(does(plan)) for plan in plans} == {("dial",)}


async def test_walking_through_the_numbers_is_asked_at_the_fourth(shop: Shop) -> None:
    more = [{"number": f"+1202555014{n}", "channel": "TV", "target": OTHER} for n in range(3)]
    await shop.house.use_cases.apply_setup(1, read_setup({"number": more}))

    numbers = [RADIO, *(str(one["number"]) for one in more)]
    plans = [await rings(shop, one[1:], number=one) for one in numbers]

    assert [does(plan) for plan in plans] == [["dial"]] * 3 + [["menu", "dial"]]


async def test_a_rule_that_is_switched_off_asks_nobody(shop: Shop) -> None:
    answer = await api(shop, "PUT", "/setup", json={"spam": {"silent": False}})
    await is_silent(shop)

    assert answer.json()["spam"]["silent"] is False
    assert answer.json()["spam"]["too_many"] is True
    assert does(await rings(shop, "asked")) == ["dial"]
    await api(shop, "PUT", "/setup", json={"spam": {"silent": True, "silent_calls": 2}})
    assert does(await rings(shop, "again")) == ["menu", "dial"]
    kept = (await api(shop, "GET", "/setup")).json()["spam"]
    assert (kept["silent_calls"], kept["silent_days"]) == (2, 7)


@pytest.mark.parametrize(
    ("spam", "field"),
    [
        ({"silent_calls": 1}, "spam.silent_calls"),
        ({"silent_calls": "many"}, "spam.silent_calls"),
        ({"too_many_minutes": 0}, "spam.too_many_minutes"),
        ({"nonsense": 1}, "spam"),
    ],
)
async def test_wrong_rules_are_refused_with_their_field(
    shop: Shop, spam: dict[str, Any], field: str
) -> None:
    answer = await api(shop, "PUT", "/setup", json={"spam": spam})

    assert answer.status_code in {400, 422}
    assert answer.json()["field"].startswith(field)


async def test_what_was_known_of_callers_survives_a_restart(shop: Shop) -> None:
    await is_silent(shop)
    await rings(shop, "asked")
    await ends(shop, "asked", **NO_KEY)
    await rings(shop, "last")

    store, key = shop.house.use_cases.store, (1, (await shop.call("last")).gateway, "last")
    watch = CallerWatch(store)
    await watch.load([1, 2], shop.clock.now)

    before = shop.house.use_cases.route_call._watch.calls_of(key, CALLER)
    after = watch.calls_of(key, CALLER)
    assert sorted(after, key=lambda one: one.at) == sorted(before, key=lambda one: one.at)
    assert [one.kept_silent for one in sorted(after, key=lambda one: one.at)] == [
        *(False, False, False),
        True,
    ]
