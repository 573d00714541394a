"""A backend that is away loses neither a caller nor, while it can be helped, a report."""

from typing import Any

import pytest

from ringtrace.gateways.voximplant.emulator import Answer, Case, Reply, Result, run
from tests.unit.gateways.voximplant.conftest import (
    AGENT,
    FALLBACK,
    NUMBER,
    REFUSED,
    SECOND,
    SECRETS,
    THIRD,
    FakeBackend,
    Phone,
    dial,
    json_reply,
    plan,
    said,
    steps,
)

ANSWERS = (Answer("*", answer=2, talk=10),)

MENU = {"do": "menu", "prompt": said("Press"), "keys": {"1": []}, "seconds": 5, "tries": 1}

USELESS = {
    "connection refused": REFUSED,
    "no such host": Reply(-3),
    "slower than two seconds": json_reply(200, plan(), delay=2.1),
    "never": json_reply(200, plan(), delay=1000),
    "server error": Reply(500),
    "token unknown": json_reply(401, {"error_id": "token_unknown"}),
    "field invalid": json_reply(422, {"error_id": "field_invalid", "field": "caller"}),
    "a proxy's 404": Reply(404, b"<h1>Not Found</h1>"),
    "not JSON": Reply(200, b"<html>"),
    "not an object": json_reply(200, None),
    "no steps": json_reply(200, {"steps": []}),
    "a step of the future": json_reply(200, plan(steps=[{"do": "conference"}])),
    "no target": json_reply(200, plan(steps=[{"do": "dial", "targets": []}])),
    "a target that is none": json_reply(200, plan("javascript:alert(1)")),
    "no prompt": steps({"do": "announce"}, dial()),
    "a prompt without a language": steps({"do": "announce", "prompt": {"text": "Hello"}}, dial()),
    "a whisper that is none": steps(dial(whisper="A call")),
    "a key that is none": steps(dial(accept="yes")),
    "no tries": steps({"do": "menu", "prompt": said("x"), "keys": {"1": []}, "seconds": 5}),
    "a menu's key that is none": steps(MENU | {"keys": {"11": [dial()]}}),
    "a bad step in a menu": steps(MENU | {"keys": {"1": [{"do": "conference"}]}}),
    "a bad step otherwise": steps(MENU | {"otherwise": [dial("nobody")]}),
    "a code that is none": steps({"do": "hang_up", "code": 200}),
}


@pytest.fixture(params=list(USELESS.values()), ids=list(USELESS))
def useless(request: pytest.FixtureRequest) -> Reply:
    reply: Reply = request.param
    return reply


def test_without_plan_and_cache_the_fallback_rings(phone: Phone, useless: Reply) -> None:
    phone.backend.arrival = useless
    result = phone.call(answers=ANSWERS)
    report = phone.backend.acknowledged()
    assert [leg.to for leg in result.legs] == [FALLBACK[1:]]
    assert (report["plan_source"], report["target"]) == ("fallback", FALLBACK)
    assert report["outcome"] == "answered"
    assert report["ring_seconds"] < 2 + 1 + 2.1, "the caller waited for us too long"


def test_without_plan_the_cached_one_of_the_number_rings(phone: Phone, useless: Reply) -> None:
    phone.call(answers=ANSWERS)
    phone.backend = FakeBackend(arrival=useless)
    result = phone.call(answers=ANSWERS)
    report = phone.backend.acknowledged()
    assert [leg.to for leg in result.legs] == [AGENT[1:]]
    assert (report["plan_source"], report["target"]) == ("cache", AGENT)
    assert report["recording"] is not None, "the cached plan keeps its recording"


def test_another_numbers_cached_plan_is_not_used(phone: Phone) -> None:
    phone.call(answers=ANSWERS)
    phone.backend = FakeBackend(arrival=REFUSED)
    result = phone.call(destination="15550100102", answers=ANSWERS)
    assert [leg.to for leg in result.legs] == [FALLBACK[1:]]


def test_a_plan_of_one_visitor_is_not_kept(phone: Phone) -> None:
    phone.backend.arrival = json_reply(200, plan(cacheable=False))
    phone.call(answers=ANSWERS)
    assert phone.storage.entries == {}


def test_a_flow_that_is_no_longer_cacheable_does_not_ring_its_former_targets(
    phone: Phone,
) -> None:
    phone.backend.arrival = json_reply(200, plan(revision="1"))
    phone.call(answers=ANSWERS)
    phone.backend.arrival = json_reply(200, plan(SECOND, cacheable=False, revision="2"))
    phone.call(answers=ANSWERS)
    assert phone.storage.entries == {}
    phone.backend = FakeBackend(arrival=REFUSED)
    assert [leg.to for leg in phone.call(answers=ANSWERS).legs] == [FALLBACK[1:]]


def test_a_callers_own_plan_of_the_same_flow_says_nothing_against_the_kept_one(
    phone: Phone,
) -> None:
    phone.backend.arrival = json_reply(200, plan(revision="1"))
    phone.call(answers=ANSWERS)
    phone.backend.arrival = json_reply(200, plan(SECOND, cacheable=False, revision="1"))
    phone.call(answers=ANSWERS)
    phone.backend = FakeBackend(arrival=REFUSED)
    assert [leg.to for leg in phone.call(answers=ANSWERS).legs] == [AGENT[1:]]


def test_a_plan_cut_down_for_the_storage_still_knows_its_flow(phone: Phone) -> None:
    many = [f"sip:desk{n}@{'branch' * 10}.example.com" for n in range(60)]
    phone.backend.arrival = json_reply(200, plan(*many, flow="office 1", revision="1"))
    phone.call(answers=ANSWERS)
    phone.backend.arrival = json_reply(200, plan(SECOND, cacheable=False, revision="1"))
    phone.call(answers=ANSWERS)
    (entry,) = phone.storage.entries.values()
    assert len(entry.value) <= 2000
    phone.backend = FakeBackend(arrival=REFUSED)
    assert phone.report(answers=ANSWERS)["flow"] == "office 1"


def test_a_spoilt_cached_plan_goes_with_the_next_answer(phone: Phone) -> None:
    phone.storage.put(f"ringtrace.plan.{NUMBER}", "{", None, 0)
    phone.backend.arrival = json_reply(200, plan(cacheable=False))
    phone.call(answers=ANSWERS)
    assert phone.storage.entries == {}


@pytest.mark.parametrize("trouble", ["away", "silent"])
def test_dropping_what_is_out_of_date_never_harms_a_call(phone: Phone, trouble: str) -> None:
    setattr(phone.storage, trouble, True)
    phone.backend.arrival = json_reply(200, plan(cacheable=False, revision="2"))
    assert phone.report(answers=ANSWERS)["outcome"] == "answered"


def test_the_report_names_the_flow_whose_plan_was_followed(phone: Phone) -> None:
    phone.backend.arrival = json_reply(200, plan(flow="office 3"))
    assert phone.report(answers=ANSWERS)["flow"] == "office 3"
    phone.backend = FakeBackend(arrival=REFUSED)
    assert phone.report(answers=ANSWERS)["flow"] == "office 3", "of the cached plan"
    phone.backend = FakeBackend(arrival=REFUSED)
    assert phone.report(destination="15550100102", answers=ANSWERS)["flow"] is None


def test_a_plan_too_long_for_the_storage_keeps_as_many_targets_as_fit(phone: Phone) -> None:
    many = [f"sip:desk{n}@{'branch' * 10}.example.com" for n in range(60)]
    phone.backend.arrival = json_reply(200, plan(*many))
    phone.call(answers=ANSWERS)
    (entry,) = phone.storage.entries.values()
    assert 1900 < len(entry.value) <= 2000
    phone.backend = FakeBackend(arrival=REFUSED)
    result = phone.call(answers=ANSWERS)
    assert result.legs[0].to == many[0]


def test_a_menu_too_long_for_the_storage_becomes_its_targets_in_turn(phone: Phone) -> None:
    keys = {"1": [dial(AGENT), dial(SECOND)], "2": [MENU | {"keys": {"3": [dial(THIRD)]}}]}
    menu = MENU | {"prompt": said("x" * 1400), "keys": keys, "otherwise": [dial("+15550199004")]}
    phone.backend.arrival = steps(
        menu | {"tries": 2}, {"do": "voicemail", "prompt": said("y" * 500)}
    )
    phone.call()
    phone.backend = FakeBackend(arrival=REFUSED)
    report = phone.report()
    dialled = [leg["target"] for leg in report["legs"]]
    assert dialled == [AGENT, SECOND, THIRD, "+15550199004"]
    assert report["plan_source"] == "cache"


def test_a_plan_without_targets_too_long_for_the_storage_is_not_kept(phone: Phone) -> None:
    phone.call(answers=ANSWERS)
    long = {"do": "announce", "prompt": said("x" * 1000)}
    phone.backend.arrival = steps(long, long, long)
    phone.call()
    assert phone.storage.entries == {}, "nor is the plan that it took the place of"


@pytest.mark.parametrize("trouble", ["away", "silent"])
def test_a_storage_in_trouble_does_not_harm_a_call(phone: Phone, trouble: str) -> None:
    setattr(phone.storage, trouble, True)
    assert phone.report(answers=ANSWERS)["plan_source"] == "backend"
    phone.backend = FakeBackend(arrival=REFUSED)
    report = phone.report(answers=ANSWERS)
    assert (report["plan_source"], report["outcome"]) == ("fallback", "answered")


def test_a_spoilt_cached_plan_is_passed_over(phone: Phone) -> None:
    phone.storage.put(f"ringtrace.plan.{NUMBER}", '{"steps": 7}', None, 0)
    phone.backend.arrival = REFUSED
    assert phone.report(answers=ANSWERS)["plan_source"] == "fallback"


@pytest.mark.parametrize("fallback", ["", "nonsense"])
def test_without_any_target_the_caller_is_refused_and_reported(phone: Phone, fallback: str) -> None:
    phone.backend.arrival = REFUSED
    report = phone.report(secrets=SECRETS | {"RINGTRACE_FALLBACK": fallback})
    outcome = (report["outcome"], report["reason"], report["code"], report["target"])
    assert outcome == ("failed", "internal_error", None, None)


def test_an_unconfigured_scenario_rings_the_fallback_and_ends(phone: Phone) -> None:
    result = phone.call(secrets={"RINGTRACE_FALLBACK": FALLBACK}, answers=ANSWERS)
    assert [(leg.to, leg.result) for leg in result.legs] == [(FALLBACK[1:], "answered")]
    assert (result.requests, result.finish_reason) == ((), "Normal termination")


BROKEN = {
    "the lookup throws": "Net.httpRequestAsync = () => { throw new Error('x'); };",
    "the first dialling throws": """
      const dialPstn = VoxEngine.callPSTN; let n = 0;
      VoxEngine.callPSTN = (...a) => {
        if (n++ === 0) throw new Error('x'); return dialPstn(...a);
      };""",
    "waiting for the first target throws": """
      const setTimer = setTimeout; let n = 0;
      setTimeout = (then, ms, ...a) => {
        if (ms === 25000 && n++ === 0) throw new Error('x'); return setTimer(then, ms, ...a);
      };""",
    "letting the two hear each other throws": """
      const between = VoxEngine.sendMediaBetween; let n = 0;
      VoxEngine.sendMediaBetween = (...a) => {
        if (n++ === 0) throw new Error('x'); return between(...a);
      };""",
    "JSON is broken": "JSON.parse = () => { throw new Error('x'); };",
}
DISPENSABLE = {
    "the storage throws": "ApplicationStorage.put = () => { throw new Error('x'); };",
    "recording throws": """
      const dialPstn = VoxEngine.callPSTN;
      VoxEngine.callPSTN = (...a) => {
        const c = dialPstn(...a); c.record = () => { throw new Error('x'); }; return c;
      };""",
    "early media throws": """
      const dialPstn = VoxEngine.callPSTN;
      VoxEngine.callPSTN = (...a) => {
        const c = dialPstn(...a); c.sendMediaTo = () => { throw new Error('x'); }; return c;
      };""",
    "ringing and its tone throw": """
      VoxEngine.addEventListener(AppEvents.CallAlerting, (e) => {
        e.call.ring = () => { throw new Error('x'); };
        e.call.startEarlyMedia = () => { throw new Error('x'); };
      });""",
}


def call_with(broken: str, phone: Phone) -> Result:
    phone.backend.arrival = json_reply(200, plan(AGENT, SECOND, max_seconds=8))
    case = Case(NUMBER, secrets=SECRETS, answers=(Answer("*", early_media=1, answer=2, talk=10),))
    return run([broken, phone.scenario], case, http=phone.backend)


@pytest.mark.parametrize("broken", list(BROKEN.values()), ids=list(BROKEN))
def test_an_error_in_the_scenario_does_not_lose_the_caller(phone: Phone, broken: str) -> None:
    result = call_with(broken, phone)
    assert [leg for leg in result.legs if leg.talk >= 8], result.log
    assert result.finish_reason == "Normal termination"


@pytest.mark.parametrize("broken", list(DISPENSABLE.values()), ids=list(DISPENSABLE))
def test_a_call_goes_on_as_planned_without_what_it_can_spare(phone: Phone, broken: str) -> None:
    result = call_with(broken, phone)
    assert [(leg.to, leg.talk) for leg in result.legs] == [(AGENT[1:], 8)]
    assert phone.backend.acknowledged()["talk_seconds"] == 8


def test_a_report_is_sent_again_until_acknowledged(phone: Phone) -> None:
    phone.backend.report = lambda n, _: Reply(200) if n == 2 else [Reply(503), REFUSED][n]
    result = phone.call(answers=ANSWERS)
    bodies = {request.body for _, request, _ in phone.backend.reports}
    assert len(phone.backend.reports) == 3
    assert len(bodies) == 1, "each attempt says the same"
    assert result.finish_reason == "Normal termination"


def test_a_contradicted_report_is_not_sent_again(phone: Phone) -> None:
    phone.backend.report = lambda _n, _moment: Reply(409)
    phone.call(answers=ANSWERS)
    assert len(phone.backend.reports) == 1


def test_a_backend_that_comes_back_while_the_session_lives_gets_the_report(phone: Phone) -> None:
    phone.backend.report = lambda _n, moment: Reply(200) if moment > 30 else REFUSED
    assert phone.report(answers=ANSWERS)["outcome"] == "answered"


@pytest.mark.parametrize("gone", [REFUSED, Reply(200, delay=1000)], ids=["refused", "silent"])
def test_a_backend_that_stays_away_is_asked_once_more_while_terminating(
    phone: Phone, gone: Reply
) -> None:
    phone.backend.report = lambda _n, _moment: gone
    result = phone.call(answers=ANSWERS)
    assert len(phone.backend.reports) == 4 + 1
    assert result.finish_reason == "Normal termination", "it ended before the platform ended it"
    assert after_terminating(result) == 1


def test_the_last_chance_can_be_the_one_that_counts(phone: Phone) -> None:
    phone.backend.report = lambda n, _: Reply(200) if n == 4 else REFUSED
    assert phone.report(answers=ANSWERS)["outcome"] == "answered"


def test_a_session_the_platform_breaks_off_still_reports(phone: Phone) -> None:
    bomb = "setTimeout(() => { throw new Error('administratively'); }, 8000);"
    case = Case(NUMBER, secrets=SECRETS, answers=(Answer("*", answer=3),))
    result = run([bomb, phone.scenario], case, http=phone.backend)
    report = phone.backend.acknowledged()
    assert (report["outcome"], report["code"]) == ("answered", 200)
    assert 4.9 < report["talk_seconds"] < 5
    assert result.finish_reason == "JS session error"


def after_terminating(result: Result) -> int:
    names = [(m.kind, m.name) for m in result.timeline]
    late = names[names.index(("event", "Application.Terminating")) :]
    return late.count(("command", "HttpRequest"))


def test_every_way_a_call_can_go_ends_in_exactly_one_acknowledged_report(scenario: str) -> None:
    ways: list[dict[str, Any]] = [
        {"answers": (Answer("*", answer=2, talk=5),)},
        {"answers": (Answer("*", fail=486),)},
        {"answers": (Answer("*"),)},
        {},
    ]
    for way in ways:
        phone = Phone(scenario, FakeBackend())
        report = phone.report(**way)
        assert report["session"] == "4000000001"
