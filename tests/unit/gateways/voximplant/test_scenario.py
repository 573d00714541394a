"""What a caller and the backend see of a call, with the backend in reach."""

import json
from typing import Any

import pytest

from ringtrace.domain.call import Outcome, failure
from ringtrace.gateways.voximplant.emulator import Answer, CallerDoes
from tests.unit.gateways.voximplant.conftest import (
    AGENT,
    CALLER,
    FALLBACK,
    NUMBER,
    SECOND,
    FakeBackend,
    Phone,
    commands,
    events,
    json_reply,
    moments,
    plan,
)


def rejected_with(result: Any) -> list[int]:
    return [data["internalCode"] for data in events(result, "Call.Disconnected") if is_caller(data)]


def is_caller(data: dict[str, Any]) -> bool:
    return bool(data["direction"]) and data["duration"] == 0


def test_the_scenario_is_small_and_readable_enough_for_the_platform(scenario: str) -> None:
    assert len(scenario.encode()) < 128 * 1000
    assert max(map(len, scenario.splitlines())) <= 110


def test_an_arrival_says_who_calls_which_number_and_authenticates(phone: Phone) -> None:
    phone.call(answers=(Answer("*", answer=2, talk=5),))
    (request,) = phone.backend.arrivals
    assert request.method == "POST"
    assert dict(request.headers)["Authorization"] == "Bearer gateway-token"
    assert json.loads(request.body or b"") == {
        "call": "4000000001",
        "number": NUMBER,
        "caller": CALLER,
        "started_at": "2026-11-23T06:30:00.001Z",
    }


def test_an_answered_call_is_bridged_recorded_in_stereo_and_reported_once(phone: Phone) -> None:
    result = phone.call(answers=(Answer(AGENT, answer=3, talk=41),))
    report = phone.backend.acknowledged()
    (leg,) = report.pop("legs")
    assert report == {
        "number": NUMBER,
        "caller": CALLER,
        "started_at": "2026-11-23T06:30:00.001Z",
        "outcome": "answered",
        "reason": None,
        "code": 200,
        "target": AGENT,
        "ring_seconds": 3.03,
        "talk_seconds": 41,
        "recording": {"url": result.recordings[0].url, "seconds": 40, "channels": 2},
        "session": "4000000001",
        "plan_source": "backend",
        "digits": None,
        "box": None,
        "flow": None,
    }
    assert leg == {
        "target": AGENT,
        "started_at": "2026-11-23T06:30:00.031Z",
        "ring_seconds": 3,
        "talk_seconds": 41,
        "code": 200,
        "reason": None,
    }
    assert commands(result, "Record")[0]["stereo"] is True
    assert result.finish_reason == "Normal termination"


def test_when_the_agent_hangs_up_the_caller_is_let_go_and_the_session_ends(phone: Phone) -> None:
    result = phone.call(answers=(Answer("*", answer=3, talk=41),))
    ended = [m.t for m in result.timeline if m.name == "Call.Disconnected"]
    assert ended == [44.031, 44.031]
    assert result.duration < 44.2, "the report waits no longer than the last event"


def test_the_target_sees_the_tracking_number(phone: Phone) -> None:
    result = phone.call(answers=(Answer("*", answer=2, talk=5),))
    (dialled,) = commands(result, "CallPSTN")
    assert (dialled["to"], dialled["callerid"]) == (AGENT[1:], NUMBER)


def test_a_sip_target_is_dialled_as_its_uri(phone: Phone) -> None:
    uri = "sip:desk@pbx.example.com"
    phone.backend.arrival = json_reply(200, plan(uri))
    result = phone.call(answers=(Answer(uri, answer=2, talk=5),))
    assert commands(result, "CallSIP")[0]["to"] == uri
    assert phone.backend.acknowledged()["target"] == uri


def test_a_plan_without_recording_records_nothing(phone: Phone) -> None:
    phone.backend.arrival = json_reply(200, plan(record=False))
    result = phone.call(answers=(Answer("*", answer=2, talk=5),))
    assert commands(result, "Record") == []
    assert phone.backend.acknowledged()["recording"] is None


def test_a_caller_who_hangs_up_after_the_answer_had_an_answered_call(phone: Phone) -> None:
    report = phone.report(answers=(Answer("*", answer=3),), caller_does=CallerDoes(hang_up=18.03))
    assert (report["outcome"], report["reason"], report["code"]) == ("answered", None, 200)
    assert report["talk_seconds"] == 15
    assert report["recording"]["seconds"] == 14


def test_a_caller_who_leaves_while_it_rings_abandoned_and_the_ringing_ends(phone: Phone) -> None:
    result = phone.call(answers=(Answer("*", answer=20),), caller_does=CallerDoes(hang_up=7))
    report = phone.backend.acknowledged()
    outcome = (report["outcome"], report["reason"], report["code"], report["target"])
    assert outcome == ("abandoned", "caller_disconnects", 487, AGENT)
    assert report["ring_seconds"] == 7
    assert report["legs"][0]["reason"] == "caller_disconnects"
    assert result.legs[0].result == "cancelled"
    assert result.legs[0].ring < 7.1
    (sent_at, _, _), (gone,) = phone.backend.reports[0], moments(result, "Call.Failed")
    assert sent_at == gone, "nothing happens to the call after its report"


def test_a_caller_who_leaves_during_the_lookup_is_reported_without_a_target(phone: Phone) -> None:
    phone.backend.arrival = json_reply(200, plan(), delay=1.5)
    result = phone.call(caller_does=CallerDoes(hang_up=0.5))
    report = phone.backend.acknowledged()
    assert (report["outcome"], report["target"], report["legs"]) == ("abandoned", None, [])
    assert result.legs == ()


def test_when_the_first_target_does_not_answer_the_second_rings(phone: Phone) -> None:
    phone.backend.arrival = json_reply(200, plan(AGENT, SECOND, ring=10))
    report = phone.report(answers=(Answer(AGENT), Answer(SECOND, answer=4, talk=9)))
    assert (report["outcome"], report["target"]) == ("answered", SECOND)
    assert [(leg["target"], leg["code"], leg["reason"]) for leg in report["legs"]] == [
        (AGENT, 487, "operator_not_responsive"),
        (SECOND, 200, None),
    ]


def test_an_answer_that_crosses_our_hanging_up_is_hung_up(phone: Phone) -> None:
    phone.backend.arrival = json_reply(200, plan(AGENT, SECOND, ring=10))
    answers = (Answer(AGENT, answer=10.02), Answer(SECOND, answer=4, talk=9))
    result = phone.call(answers=answers)
    assert phone.backend.acknowledged()["target"] == SECOND
    assert result.legs[0].talk < 0.1


def test_when_nobody_answers_the_caller_is_let_go_before_the_platform_would(phone: Phone) -> None:
    phone.backend.arrival = json_reply(200, plan(AGENT, SECOND, FALLBACK, ring=25))
    result = phone.call(answers=(Answer("*"),))
    report = phone.backend.acknowledged()
    assert (report["outcome"], report["reason"]) == ("missed", "operator_not_responsive")
    assert [leg.to for leg in result.legs] == [AGENT[1:], SECOND[1:], FALLBACK[1:]]
    assert rejected_with(result) == [480]
    assert report["ring_seconds"] < 60


@pytest.mark.parametrize(
    ("code", "to_caller"), [(486, 486), (480, 480), (603, 603), (404, 503), (503, 503), (402, 503)]
)
def test_a_failure_reaches_the_caller_as_its_kind(phone: Phone, code: int, to_caller: int) -> None:
    result = phone.call(answers=(Answer("*", fail=code),))
    assert rejected_with(result) == [to_caller]


def test_every_sip_code_is_reported_as_the_domain_maps_it(scenario: str) -> None:
    for code in range(300, 700):
        phone = Phone(scenario, FakeBackend())
        report = phone.report(answers=(Answer("*", fail=code),))
        outcome, reason = failure(code)
        assert (report["code"], report["outcome"], report["reason"]) == (code, outcome, reason)


def test_the_last_target_decides(phone: Phone) -> None:
    phone.backend.arrival = json_reply(200, plan(AGENT, SECOND))
    report = phone.report(answers=(Answer(AGENT, fail=486), Answer(SECOND, fail=404)))
    assert (report["outcome"], report["code"], report["target"]) == (Outcome.FAILED, 404, SECOND)
    assert [leg["reason"] for leg in report["legs"]] == [
        "operator_busy",
        "operator_number_problems",
    ]


def test_a_number_the_backend_does_not_know_is_rejected_and_not_reported(phone: Phone) -> None:
    phone.call(answers=(Answer("*", answer=1, talk=1),))
    assert phone.storage.entries
    phone.backend = FakeBackend(arrival=json_reply(404, {"error_id": "number_unknown"}))
    result = phone.call()
    assert rejected_with(result) == [404]
    assert result.legs == ()
    assert phone.backend.reports == []
    assert phone.storage.entries == {}, "a number that is not ours keeps no plan"
    assert result.duration < 2


def test_a_conversation_ends_at_the_plans_limit(phone: Phone) -> None:
    phone.backend.arrival = json_reply(200, plan(max_seconds=90))
    result = phone.call(answers=(Answer("*", answer=3),))
    report = phone.backend.acknowledged()
    assert (report["outcome"], report["talk_seconds"]) == ("answered", 90)
    assert result.finish_reason == "Normal termination"


@pytest.mark.parametrize("caller", ["", "anonymous", "Anonymous", "unknown"])
def test_a_withheld_caller_is_null(phone: Phone, caller: str) -> None:
    report = phone.report(caller=caller, answers=(Answer("*", answer=1, talk=1),))
    assert report["caller"] is None


def test_the_caller_hears_ringing_and_early_media_before_the_answer(phone: Phone) -> None:
    answers = (Answer("*", ring=1, early_media=2, answer=5, talk=3),)
    result = phone.call(answers=answers)
    order = [m.name for m in result.timeline if m.kind == "command"]
    assert order.index("Ring") < order.index("StartEarlyMedia") < order.index("AcceptCall")


def test_the_log_says_neither_numbers_nor_the_token(phone: Phone) -> None:
    result = phone.call(answers=(Answer("*", answer=3, talk=4),))
    written = [line for line in result.log if "ringtrace:" in line]
    assert written
    for secret in (CALLER, AGENT[1:], NUMBER):
        assert not any(secret in line for line in written)
    assert not any("gateway-token" in line or "HttpRequest" in line for line in result.log)
