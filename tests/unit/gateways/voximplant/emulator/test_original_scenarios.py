"""The scenarios this product grew from behave as they do on the platform, flaws included."""

from pathlib import Path
from typing import Any

import pytest

from ringtrace.gateways.voximplant.emulator import Answer, CallerDoes, Case, Result, Stub, run

FIXTURES = Path(__file__).parents[4] / "fixtures" / "voximplant"
FORWARD = (FIXTURES / "forward_and_record.js").read_text("utf-8")
EXTENSION = (FIXTURES / "extension.js").read_text("utf-8")
AGENT = "15550199001"
API = Stub("http://backend.example/api?dialed_number=15550100101*", text=AGENT)
KEYS = tuple((0.5 + n / 4, key) for n, key in enumerate("4711"))


def put(script: str, **changes: Any) -> Result:
    given: dict[str, Any] = {"destination": "15550100101", "caller": "15550177001", "http": (API,)}
    return run([script], Case(**(given | changes)))


def last_words(result: Result) -> str:
    return next(line for line in result.log if "Dialed number" in line or "Call failed" in line)


def test_an_agent_who_hangs_up_leaves_length_and_record_url() -> None:
    result = put(FORWARD, answers=(Answer(AGENT, answer=3, talk=30),))
    assert "Agent number: 15550199001" in last_words(result)
    assert f"Length: 30 Record URL: {result.recordings[0].url}" in last_words(result)
    assert result.finish_reason == "Normal termination"


def test_a_caller_who_hangs_up_leaves_length_zero() -> None:
    result = put(FORWARD, answers=(Answer(AGENT, answer=3),), caller_does=CallerDoes(hang_up=18.05))
    assert "Length: 0 Record URL: https://" in last_words(result)
    assert result.legs[0].talk == 15


def test_an_abandoned_call_looks_like_an_error_without_a_code() -> None:
    result = put(FORWARD, answers=(Answer(AGENT),), caller_does=CallerDoes(hang_up=5))
    assert last_words(result).endswith("Call failed. Code: undefined Reason: undefined")


def test_a_busy_agent_leaves_code_486() -> None:
    result = put(FORWARD, answers=(Answer(AGENT, fail=486),))
    assert last_words(result).endswith("Call failed. Code: 486 Reason: Busy Here")


def test_a_backend_error_rejects_the_caller_and_then_waits_for_the_idle_limit() -> None:
    result = put(FORWARD, http=(Stub("*", status=500),))
    rejected = [m.data for m in result.timeline if m.name == "Call.Disconnected"]
    assert [data["internalCode"] for data in rejected] == [603]
    assert result.duration == pytest.approx(60, abs=0.2)
    assert result.finish_reason == "Timeout"


def test_a_slow_backend_outlives_the_unanswered_caller() -> None:
    result = put(FORWARD, http=(Stub("*", text=AGENT, delay=70),))
    (gone,) = (m for m in result.timeline if m.name == "Call.Disconnected")
    assert gone.t == pytest.approx(60, abs=0.1)
    assert gone.data["internalCode"] == 408


def test_the_extension_is_never_heard_without_handle_tones() -> None:
    result = put(EXTENSION, caller_does=CallerDoes(hang_up=40, keys=KEYS))
    assert result.requests == ()
    assert not [m for m in result.timeline if m.name == "Call.ToneReceived"]
    assert any(line.endswith("Prompt finished") for line in result.log)


def test_with_tones_the_extension_forwards_but_is_neither_recorded_nor_connected() -> None:
    result = put(
        "var HANDLE_TONES = true;\n" + EXTENSION,
        answers=(Answer(AGENT, answer=3, talk=20),),
        caller_does=CallerDoes(keys=(*KEYS, (4.5, "9"))),
    )
    assert result.requests[0].url.endswith("?dialed_number=15550100101&ext=4711")
    assert [(leg.result, leg.talk) for leg in result.legs] == [("answered", 20)]
    assert result.recordings == ()
    assert last_words(result).endswith("Call failed. Code: undefined")
    assert not any(line.endswith("Prompt finished") for line in result.log), "it was stopped"


def test_rejecting_an_answered_call_does_nothing() -> None:
    result = put(
        "var HANDLE_TONES = true;\n" + EXTENSION,
        http=(Stub("*", status=404),),
        caller_does=CallerDoes(hang_up=30, keys=KEYS),
    )
    (gone,) = (m for m in result.timeline if m.name == "Call.Disconnected")
    assert gone.t == pytest.approx(30, abs=0.01)
    assert result.finish_reason == "Timeout", "nobody handles the caller's end"
