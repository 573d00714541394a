"""The life of a session: order of events, limits, errors, the end."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ringtrace.gateways.voximplant.emulator import (
    Answer,
    CallerDoes,
    Case,
    Result,
    Script,
    Storage,
    Stub,
    run,
)

START = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def play(*scripts: str, **changes: Any) -> Result:
    storage = changes.pop("storage", None)
    given: dict[str, Any] = {"destination": "+15550100101", "caller": "+15550177001"}
    return run(list(scripts), Case(**(given | changes)), start=START, storage=storage)


def said(result: Result) -> list[str]:
    """Return what the scenario wrote: it marks its lines with `> `."""
    return [line.partition("> ")[2] for line in result.log if " > " in line]


ON_CALL = "VoxEngine.addEventListener(AppEvents.CallAlerting, (e) => { const call = e.call; %s });"
SAY = "const say = (text) => Logger.write('> ' + text);"


def on_call(body: str, **changes: Any) -> Result:
    return play(SAY, ON_CALL % body, **changes)


def test_top_level_code_runs_first_then_started_then_the_call() -> None:
    script = (
        "for (const name of ['Started', 'CallAlerting', 'Terminating', 'Terminated'])"
        " VoxEngine.addEventListener(AppEvents[name], (e) => say(e.name));"
        "setTimeout(() => VoxEngine.terminate(), 1000); say('top');"
    )
    assert said(play(SAY, script)) == [
        "top",
        "Application.Started",
        "Application.CallAlerting",
        "Application.Terminating",
        "Application.Terminated",
    ]


def test_scripts_share_one_scope_and_functions_of_later_ones() -> None:
    first = "let counter = 1; bump();"
    second = "function bump() { counter += 1; } say(counter); VoxEngine.terminate();"
    assert said(play(SAY, first, second)) == ["2"]


def test_numbers_arrive_as_digits_without_plus() -> None:
    result = on_call("say([e.destination, e.callerid, call.number(), call.callerid()].join())")
    assert said(result) == ["15550100101,15550177001,15550100101,15550177001"]


def test_an_event_can_be_turned_into_json() -> None:
    result = on_call("say(JSON.stringify(e).includes('CallAlerting'))")
    assert said(result) == ["true"]


def test_effects_of_a_command_come_later_never_within_it() -> None:
    body = (
        "call.addEventListener(CallEvents.Connected, () => say('connected ' + call.state()));"
        "call.answer(); say('after answer ' + call.state());"
    )
    result = on_call(body, caller_does=CallerDoes(hang_up=3))
    assert said(result) == ["after answer ALERTING", "connected CONNECTED"]


def test_listeners_are_called_in_order_on_a_snapshot() -> None:
    body = (
        "const second = () => say('second');"
        "call.addEventListener(CallEvents.Connected, () => { say('first');"
        " call.removeEventListener(CallEvents.Connected, second);"
        " call.addEventListener(CallEvents.Connected, () => say('too late')); });"
        "call.addEventListener(CallEvents.Connected, second); call.answer();"
    )
    result = on_call(body, caller_does=CallerDoes(hang_up=3))
    assert said(result) == ["first", "second"]


def test_removing_without_a_listener_removes_all_of_that_event() -> None:
    body = (
        "call.addEventListener(CallEvents.Connected, () => say('a'));"
        "call.addEventListener(CallEvents.Disconnected, () => say('gone'));"
        "call.removeEventListener(CallEvents.Connected); call.answer();"
    )
    assert said(on_call(body, caller_does=CallerDoes(hang_up=3))) == ["gone"]


def test_terminate_does_not_stop_the_function_but_everything_after_it() -> None:
    body = (
        "call.addEventListener(CallEvents.Disconnected, () => say('never'));"
        "setTimeout(() => say('never'), 10); VoxEngine.terminate(); say('still here');"
        "VoxEngine.callPSTN('1555', '1');"
    )
    result = on_call(body)
    assert said(result) == ["still here"]
    assert (result.legs, result.finish_reason) == ((), "Normal termination")


def test_a_session_without_calls_is_ended_after_60_seconds() -> None:
    result = on_call(
        "call.reject(603);"
        "VoxEngine.addEventListener(AppEvents.Terminating, (t) => say(t.systemError));"
    )
    assert said(result) == ["true"]
    assert result.finish_reason == "Timeout"
    assert result.duration == pytest.approx(60, abs=0.1)


def test_a_new_call_in_time_keeps_the_session() -> None:
    result = on_call(
        "call.reject(603);"
        "setTimeout(() => VoxEngine.callPSTN('1555', '1')"
        ".addEventListener(CallEvents.Disconnected, () => VoxEngine.terminate()), 50000);",
        answers=(Answer("1555", answer=20, talk=30),),
    )
    assert result.duration == pytest.approx(100, abs=0.1)
    assert result.finish_reason == "Normal termination"


def test_an_unanswered_caller_is_dropped_after_60_seconds_with_408() -> None:
    body = "call.addEventListener(CallEvents.Disconnected, (d) => say(d.internalCode));"
    result = on_call(body)
    assert said(result) == ["408"]


def test_what_nothing_ends_is_stopped_and_said_so() -> None:
    result = on_call("call.answer(); setInterval(() => {}, 60000)")
    assert result.finish_reason == "Emulator: nothing ends this session"


def test_a_loop_of_timers_without_time_is_stopped() -> None:
    result = on_call("call.answer(); const again = () => setTimeout(again, 0); again();")
    assert result.finish_reason == "Emulator: nothing ends this session"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("null.x", "TypeError"),
        ("throw 'text'", "uncaught text"),
        ("call.noSuchMethod()", "not a function"),
        ("call.stopRecord()", "not a function"),
        ("VoxEngine.createPlayer()", "not a function"),
        ("for (;;) {}", "longer than 1 s"),
        ("const f = () => { Promise.resolve().then(f); }; f();", "longer than 1 s"),
        ("const a = []; for (;;) a.push('x'.repeat(1000) + a.length)", "memory"),
        ("setTimeout(7, 10)", "not a function"),
        ("call.reject(200)", "reject: 200"),
        ("VoxEngine.customData('ü'.repeat(101))", "200 bytes"),
        ("for (let i = 0; i < 101; i++) setTimeout(() => {}, 1)", "timer count limit"),
    ],
)
def test_an_error_ends_the_session_and_says_where(body: str, message: str) -> None:
    script = ON_CALL % body + (
        "VoxEngine.addEventListener(AppEvents.Terminating, (t) => say(t.systemError));"
    )
    result = play(SAY, script)
    assert result.finish_reason == "JS session error"
    assert any("JS error" in line and message in line for line in result.log), result.log
    if "memory" not in message:
        assert said(result) == ["true"]


def test_an_error_names_the_script_and_its_line() -> None:
    result = run(
        [Script("first", "let a;"), Script("second", "\n\nfunction f() { a.b; }\nf();")],
        Case("1"),
    )
    assert any("@/second:3:" in line for line in result.log)


def test_a_syntax_error_is_a_session_error() -> None:
    result = play("let a b")
    assert result.finish_reason == "JS session error"
    assert any("SyntaxError" in line for line in result.log)


def test_a_name_that_two_scripts_declare_is_a_syntax_error() -> None:
    for first, second in (("const x = 1;", "function x() {}"), ("let x;", "const x = 1;")):
        result = play(first, second)
        assert result.finish_reason == "JS session error"
        assert any("SyntaxError" in line for line in result.log)


def test_a_rejected_promise_is_noted_and_the_session_lives_on() -> None:
    script = "VoxEngine.addEventListener(AppEvents.CallAlerting, async () => { null.x; });"
    result = play(script, caller_does=CallerDoes(hang_up=3))
    assert any("Unhandled promise rejection: TypeError" in line for line in result.log)
    assert result.finish_reason == "Timeout"


@pytest.mark.parametrize(
    "body",
    [
        "VoxEngine.createConference()",
        "call.sendDigits('1')",
        "Crypto.md5('x')",
        "new VoximplantAPI.Client()",
        "new Date().toLocaleString('en')",
        "try { VoxEngine.createRecorder() } catch (e) {}",
    ],
)
def test_what_is_not_emulated_ends_the_session_with_its_name(body: str) -> None:
    result = on_call(body)
    assert result.finish_reason.startswith("Emulator: ")
    assert result.finish_reason.endswith(" is missing")


def test_the_clock_is_virtual_and_utc() -> None:
    body = (
        "say(new Date().toISOString() + ' ' + new Date().getHours());"
        "const done = (a, b) => { say(Date.now() - t + a + b); VoxEngine.terminate(); };"
        "setTimeout(done, 61500, 1, 2);"
        "const t = Date.now(); call.answer();"
    )
    assert said(on_call(body)) == ["2026-11-23T06:30:00.001Z 6", "61503"]


def test_secrets_and_custom_data_are_there() -> None:
    body = (
        "say(VoxEngine.getSecretValue('KEY') + VoxEngine.getSecretValue('toString'));"
        "say(VoxEngine.customData()); VoxEngine.customData('new'); say(VoxEngine.customData());"
    )
    result = on_call(body, secrets={"KEY": "value"}, custom_data="old")
    assert said(result) == ["valueundefined", "old", "new"]


def test_the_application_storage_outlives_the_session() -> None:
    storage = Storage()
    on_call("ApplicationStorage.put('key', 'value', 100);", storage=storage)
    body = "ApplicationStorage.get('key').then((entry) => say(entry.value));"
    assert said(on_call(body, storage=storage)) == ["value"]


def test_a_storage_request_beyond_the_limits_is_refused() -> None:
    body = (
        "ApplicationStorage.put('k', 'x'.repeat(2001), 1).catch((e) => say(e.message));"
        "ApplicationStorage.put('k', 'x', 7776001).catch((e) => say(e.message));"
        "ApplicationStorage.get('k').then((entry) => say(entry));"
    )
    assert said(on_call(body)) == [
        "value: longer than 2000 characters",
        "ttl: must be between 1 and 7776000 seconds",
        "null",
    ]


def test_require_and_voices_of_old_scenarios_do_not_throw() -> None:
    script = (
        "require(Modules.ASR); require(Modules.NoSuch);"
        "say(Language.RU_RUSSIAN_FEMALE + ' ' + VoiceList.Amazon.en_US_Joanna);"
    )
    assert said(play(SAY, script)) == ["Language.RU_RUSSIAN_FEMALE VoiceList.Amazon.en_US_Joanna"]


def test_the_log_has_the_platforms_lines_in_order() -> None:
    result = on_call("call.answer(); setTimeout(() => VoxEngine.terminate(), 1000);")
    wanted = [
        "Loading scenario scenario1",
        "Sent event to JS onPhoneEvent with params [{name = Application.Started ; ",
        "Sent event to JS onPhoneEvent with params [{name = Application.CallAlerting ; ",
        "Executing JS command: AcceptCall with params [{id = ",
        "Sent event to JS onPhoneEvent with params [{name = Call.Connected ; ",
        "Terminating request...",
        "Executing JS command: terminating with params []",
        "Terminating (onClose)",
        "Normal termination",
        "Session terminated",
    ]
    rest = iter(result.log)
    assert all(any(text in line for line in rest) for text in wanted)
    assert result.log[0].startswith("2026-11-23 06:30:00.000 ")


def test_the_result_is_plain_data_of_the_contracts_shape() -> None:
    result = on_call("Net.httpRequest('http://a/', () => VoxEngine.terminate())", http=(Stub("*"),))
    data = result.as_json()
    assert list(data) == [
        "finish_reason",
        "duration",
        "log",
        "timeline",
        "requests",
        "legs",
        "recordings",
    ]
    assert set(data["timeline"][0]) == {"t", "kind", "name", "data"}
    assert data["requests"][0] == {
        "t": 0.001,
        "method": "GET",
        "url": "http://a/",
        "body": None,
        "code": 200,
    }


def test_something_can_be_done_at_a_virtual_time() -> None:
    seen: list[str] = []
    run(["VoxEngine;"], Case("1"), at=[(5, lambda: seen.append("five"))])
    assert seen == ["five"]
