"""Blocked callers are rejected, suspects press a key, and what is said of calls can be undone."""

from typing import Any

import httpx
import pytest

from ringtrace.domain.moment import DAY_MS, HOUR_MS
from ringtrace.domain.plan import HangUp
from ringtrace.domain.screening import Passage, Rule, SpamRules
from ringtrace.services.call_records import CallFilter
from ringtrace.services.setup_form import read_setup
from ringtrace.services.spam_records import ListingFilter, Spam
from ringtrace.services.watch_callers import CallerWatch
from tests.shop import POOL, RADIO, Shop, bearer, on_every_store, rfc

pytestmark = on_every_store

CALLER, OTHER = "+12025550177", "+12025550178"


async def api(shop: Shop, method: str, path: str, **request: Any) -> httpx.Response:
    headers = bearer(shop.tokens["api"])
    return await shop.client.request(method, f"/api/v1{path}", headers=headers, **request)


@pytest.fixture(autouse=True)
async def rules(shop: Shop) -> None:
    """All are on."""
    on = {"silent": True, "too_many": True, "many_numbers": True}
    assert (await api(shop, "PUT", "/setup", json={"spam": on})).status_code == 200


async def listed(shop: Shop, caller: str = CALLER, treatment: str = "block") -> None:
    body = {"callers": [{"caller": caller, "treatment": treatment}]}
    answer = await api(shop, "POST", "/blocklist", json=body)
    assert answer.status_code == 201, answer.text


async def rings(shop: Shop, call: str, **changes: Any) -> dict[str, Any]:
    """The plan of a call that comes now, a minute after whatever was before."""
    shop.clock.now += 60_000
    said = {"caller": CALLER, "started_at": rfc(shop.clock.now)} | changes
    plan: dict[str, Any] = (await shop.arrive(call=call, **said)).json()
    await shop.house.use_cases.route_call.settle()
    return plan


async def ends(shop: Shop, call: str, **changes: Any) -> None:
    said = {"caller": CALLER, "started_at": rfc(shop.clock.now)} | changes
    answer = await shop.report(call, **said)
    assert answer.status_code == 200, answer.text


async def is_silent(shop: Shop, times: int = 3) -> None:
    """Answered calls in which nobody says anything."""
    for turn in range(times):
        shop.clock.now += HOUR_MS
        await rings(shop, f"silent-{turn}")
        await ends(shop, f"silent-{turn}", talk_seconds=2.0)


NO_KEY: dict[str, Any] = {
    "outcome": "rejected",
    "reason": "spam_list",
    "code": 603,
    "target": None,
    "talk_seconds": 0.0,
    "legs": [],
    "recording": None,
}


def does(plan: dict[str, Any]) -> list[str]:
    return [step["do"] for step in plan["steps"]]


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


async def test_whom_a_person_trusts_a_mark_does_not_distrust(shop: Shop) -> None:
    await listed(shop, treatment="trust")
    await ends(shop, "one")

    await api(shop, "PUT", "/calls/sip/one/spam", json={"spam": True})

    assert does(await rings(shop, "again")) == ["dial"]


async def test_a_plan_from_the_gateways_memory_asked_nobody(shop: Shop) -> None:
    await listed(shop, treatment="ask")
    await rings(shop, "asked")
    await ends(shop, "asked", plan_source="cache")

    call = await shop.call("asked")

    assert call.screening is not None
    assert (call.screening.passage, call.spam) == (None, False)
    assert does(await rings(shop, "again")) == ["menu", "dial"], "he has not pressed anything yet"


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


async def test_the_list_tells_who_when_why_and_how_many_calls(shop: Shop) -> None:
    body = {"callers": [{"caller": "(202) 555-0177", "note": " sells  windows "}]}
    answer = await api(shop, "POST", "/blocklist", json=body)
    for turn in range(2):
        await rings(shop, f"call-{turn}")
    await rings(shop, "free", caller=OTHER)

    (kept,) = (await api(shop, "GET", "/blocklist")).json()["callers"]

    assert answer.json() == {"callers": [CALLER]}
    assert (kept["caller"], kept["treatment"], kept["calls"]) == (CALLER, "block", 2)
    assert (kept["note"], kept["added_by"], kept["by_gate"]) == ("sells windows", None, False)
    assert kept["removed_at"] is None
    call = (await api(shop, "GET", "/calls/sip/call-0")).json()["screening"]
    assert (call["pattern"], call["listed_at"]) == (CALLER, kept["added_at"])


async def test_what_was_taken_off_the_list_stays_as_a_fact(shop: Shop) -> None:
    await listed(shop)
    await rings(shop, "one")
    shop.clock.now += 1_000
    assert (await api(shop, "DELETE", f"/blocklist/{CALLER}")).status_code == 200

    assert does(await rings(shop, "two")) == ["dial"]
    (was,) = (await api(shop, "GET", "/blocklist", params={"removed": "true"})).json()["callers"]
    assert (was["caller"], was["calls"]) == (CALLER, 1)
    assert was["removed_at"] > was["added_at"]
    again = await api(shop, "DELETE", f"/blocklist/{CALLER}")
    assert (again.status_code, again.json()["field"]) == (404, "caller")
    await listed(shop)
    assert (await api(shop, "GET", "/blocklist")).json()["callers"][0]["calls"] == 0


async def test_the_same_said_again_changes_nothing(shop: Shop) -> None:
    await listed(shop)
    (first,) = (await api(shop, "GET", "/blocklist")).json()["callers"]
    shop.clock.now += 60_000
    await listed(shop)

    assert (await api(shop, "GET", "/blocklist")).json()["callers"] == [first]


async def test_the_list_can_be_searched(shop: Shop) -> None:
    await listed(shop, "+1900*", "ask")
    await listed(shop, CALLER)

    async def found(**query: str) -> list[str]:
        answer = (await api(shop, "GET", "/blocklist", params=query)).json()
        return [one["caller"] for one in answer["callers"]]

    assert set(await found()) == {CALLER, "+1900*"}
    assert await found(treatment="ask") == ["+1900*"]
    assert await found(caller="2025") == [CALLER]
    assert await found(limit="1", offset="5") == []


async def test_robots_are_imported_from_csv(shop: Shop) -> None:
    csv = "Number;Note\n+12025550177;windows\n\n+1900*;\n"

    answer = await api(
        shop, "POST", "/blocklist/import", params={"treatment": "ask"}, content=csv.encode()
    )

    assert (answer.status_code, answer.json()) == (201, {"callers": [CALLER, "+1900*"]})
    page = await shop.house.use_cases.store.listings(1, ListingFilter(), 10, 0)
    assert {one.listing.note for one in page.listings} == {"windows", ""}
    assert does(await rings(shop, "one", caller="+19005550100")) == ["menu", "dial"]


async def test_lines_may_end_as_old_spreadsheets_end_them(shop: Shop) -> None:
    content = b"+12025550177,windows\r+1900*\r"

    answer = await api(
        shop, "POST", "/blocklist/import", params={"treatment": "ask"}, content=content
    )

    assert (answer.status_code, answer.json()) == (201, {"callers": [CALLER, "+1900*"]})


@pytest.mark.parametrize(
    ("content", "error", "field"),
    [
        (b"+12025550177\nnonsense\n", "field_invalid", "callers[1].caller"),
        (b"", "field_invalid", "callers"),
        (b"\xff\xfe", "body_invalid", "body"),
        (b'"' + b"1" * 140_000, "field_invalid", "callers"),
        (b"+12025550177," + b"x" * 201, "field_invalid", "callers[0].note"),
    ],
)
async def test_an_import_is_all_or_nothing(
    shop: Shop, content: bytes, error: str, field: str
) -> None:
    answer = await api(
        shop, "POST", "/blocklist/import", params={"treatment": "ask"}, content=content
    )

    assert (answer.json()["error_id"], answer.json()["field"]) == (error, field)
    assert (await api(shop, "GET", "/blocklist")).json()["total"] == 0


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


async def test_a_country_is_blocked_only_when_it_is_meant(shop: Shop) -> None:
    """The answer says whose numbers that are, and how many calls it would have been."""
    for call, caller in (("a", CALLER), ("b", CALLER), ("c", OTHER), ("d", "+4930555017")):
        await rings(shop, call, caller=caller)
    wide = {"caller": "+1*", "treatment": "block"}
    callers: list[dict[str, Any]] = [{"caller": "+1900*"}, wide]

    refused = await api(shop, "POST", "/blocklist", json={"callers": callers})

    assert refused.status_code == 422
    said = refused.json()
    assert (said["error_id"], said["field"]) == ("confirmation_needed", "callers[1].confirm")
    assert "+1* means every number of United States (your own country)" in said["message"]
    assert "3 calls of 2 callers began so in the last 90 days" in said["message"]
    assert (await api(shop, "GET", "/blocklist")).json()["total"] == 0

    callers[1] = wide | {"confirm": True}
    answer = await api(shop, "POST", "/blocklist", json={"callers": callers})
    assert (answer.status_code, answer.json()["callers"]) == (201, ["+1900*", "+1*"])


@pytest.mark.parametrize("treatment", ["ask", "trust"])
async def test_nobody_is_turned_away_by_asking_or_trusting_a_country(
    shop: Shop, treatment: str
) -> None:
    await listed(shop, "+1*", treatment)


async def test_a_file_that_blocks_countries_is_meant_as_a_whole(shop: Shop) -> None:
    lines = ("+1900*", "+7*", "+79*", "+41*", "+43*", "+44*", "+45*", "+46*")
    request: dict[str, Any] = {
        "params": {"treatment": "block"},
        "content": "\n".join(lines).encode(),
    }

    refused = await api(shop, "POST", "/blocklist/import", **request)

    assert refused.status_code == 422
    said = refused.json()
    assert (said["error_id"], said["field"]) == ("confirmation_needed", "confirm")
    assert (
        "+7* means every number of Russia and Kazakhstan; 0 calls of 0 callers" in said["message"]
    )
    assert "+79* means a large part of the numbers of Russia and Kazakhstan" in said["message"]
    assert said["message"].endswith(". 2 more are as wide")

    request["params"] |= {"confirm": "true"}
    assert (await api(shop, "POST", "/blocklist/import", **request)).status_code == 201
