"""What is said to the caller, what he keys and leaves, and how he is let go."""

from typing import Any

import pytest

from ringtrace.gateways.voximplant.emulator import Answer, CallerDoes, Case, Result, run
from tests.unit.gateways.voximplant.conftest import (
    AGENT,
    NUMBER,
    SECOND,
    SECRETS,
    Phone,
    commands,
    dial,
    events,
    moments,
    order,
    said,
    steps,
)

HELLO = "This call is recorded, as you may want to know."  # 47 characters: 3.1 s
ANNOUNCE = {"do": "announce", "prompt": said(HELLO)}
MENU = {
    "do": "menu",
    "prompt": said("For sales press one, for all else two, or wait."),
    "keys": {"1": [dial()], "2": [dial(SECOND)]},
    "seconds": 5,
    "tries": 2,
    "otherwise": [{"do": "hang_up", "code": 480}],
}
VOICEMAIL = {
    "do": "voicemail",
    "prompt": said("Please speak after the tone. ".ljust(45)),
    "seconds": 30,
}
HANG_UP = {"do": "hang_up", "code": 603, "reason": "blacklisted"}
ANSWERS = (Answer(AGENT, answer=3, talk=10), Answer(SECOND, answer=2, talk=20))


def rejected_with(result: Result) -> list[int]:
    return [data["code"] for data in commands(result, "RejectCall")]


def texts(result: Result) -> list[str]:
    return [data["text"] for data in commands(result, "Say")]


def outcome(report: dict[str, Any]) -> tuple[str, str | None, int | None]:
    return report["outcome"], report["reason"], report["code"]


def test_an_announcement_is_heard_to_its_end_before_a_target_rings(phone: Phone) -> None:
    phone.backend.arrival = steps(ANNOUNCE, dial())
    result = phone.call(answers=ANSWERS)
    done = ("Ring", "AcceptCall", "Say", "PlayProgressTone", "CallPSTN", "SendMediaBetween")
    assert order(result, *done)[:5] == list(done[:5])
    (connected, *_), (said_at,) = moments(result, "Call.Connected"), moments(result, "Say")
    assert connected == said_at, "what is said before would be lost"
    assert moments(result, "CallPSTN") == moments(result, "Call.PlaybackFinished")
    assert phone.backend.acknowledged()["outcome"] == "answered"


def test_a_caller_who_is_only_told_something_is_answered_only_once(phone: Phone) -> None:
    phone.backend.arrival = steps(ANNOUNCE, ANNOUNCE, MENU, dial())
    result = phone.call(answers=ANSWERS)
    assert len(commands(result, "AcceptCall")) == 1
    assert texts(result)[:2] == [HELLO, HELLO]


def test_a_tone_stands_for_a_file_that_was_not_uploaded(phone: Phone) -> None:
    file = said("", file="notice.wav")
    phone.backend.arrival = steps(ANNOUNCE | {"prompt": file}, dial())
    result = phone.call(answers=ANSWERS)
    assert texts(result) == []
    scripts = [data["script"] for data in commands(result, "CreateToneScriptPlayer")]
    assert scripts == ["500@-16;.4(*/0/1)"]
    assert moments(result, "CallPSTN")[0] < 0.6
    assert phone.backend.acknowledged()["outcome"] == "answered"


def test_the_keys_of_a_menu_are_waited_for_though_its_file_is_not_played(phone: Phone) -> None:
    phone.backend.arrival = steps(MENU | {"prompt": said("", file="menu.wav")})
    result = phone.call(answers=ANSWERS, caller_does=CallerDoes(keys=((4, "2"),)))
    assert [leg.to for leg in result.legs] == [SECOND[1:]]


def test_a_text_beside_a_file_is_said(phone: Phone) -> None:
    phone.backend.arrival = steps(ANNOUNCE | {"prompt": said(HELLO, file="notice.wav")})
    assert texts(phone.call()) == [HELLO]


def test_a_menus_key_stops_the_prompt_and_what_is_keyed_is_not_logged(phone: Phone) -> None:
    phone.backend.arrival = steps(MENU)
    result = phone.call(answers=ANSWERS, caller_does=CallerDoes(keys=((1, "2"),)))
    assert moments(result, "StopPlayback") == moments(result, "Call.ToneReceived")
    assert [leg.to for leg in result.legs] == [SECOND[1:]]
    assert not any("tone = 2" in line for line in result.log)


def test_letters_are_no_keys(phone: Phone) -> None:
    phone.backend.arrival = steps(MENU)
    result = phone.call(answers=ANSWERS, caller_does=CallerDoes(keys=((1, "A"), (1.5, "1"))))
    assert len(texts(result)) == 1
    assert phone.backend.acknowledged()["target"] == AGENT


def test_a_key_that_arrives_in_two_ways_is_one(scenario: str, phone: Phone) -> None:
    """As the emulator sends it in one way, the scenario hears it in a second one too."""
    twice = """
      VoxEngine.addEventListener(AppEvents.CallAlerting, (e) => {
        const add = e.call.addEventListener.bind(e.call);
        e.call.addEventListener = (name, then) => add(name, name !== CallEvents.ToneReceived ? then
          : (event) => { then(event); then({ ...event, type: '2' }); });
      });"""
    inner = {**MENU, "keys": {"1": [dial(SECOND)]}, "tries": 1}
    phone.backend.arrival = steps(MENU | {"keys": {"1": [inner]}})
    case = Case(
        NUMBER, secrets=SECRETS, answers=ANSWERS, caller_does=CallerDoes(keys=((1, "1"), (6, "1")))
    )
    result = run([twice, scenario], case, http=phone.backend)
    assert moments(result, "CallPSTN")[0] > 6


def test_a_wrong_key_or_none_is_a_failed_try(phone: Phone) -> None:
    phone.backend.arrival = steps(MENU)
    result = phone.call(answers=ANSWERS, caller_does=CallerDoes(keys=((1, "9"),)))
    first, second = moments(result, "Say")
    assert second == moments(result, "Call.ToneReceived")[0] > first
    (finished,) = moments(result, "Call.PlaybackFinished")
    assert moments(result, "Hangup")[0] == pytest.approx(finished + 5, abs=0.01)
    assert outcome(phone.backend.acknowledged()) == ("rejected", "operator_not_responsive", 480)


def test_the_end_of_a_prompt_that_is_told_twice_gives_no_more_time(phone: Phone) -> None:
    twice = """
      VoxEngine.addEventListener(AppEvents.CallAlerting, (e) => {
        const add = e.call.addEventListener.bind(e.call);
        e.call.addEventListener = (name, then) => add(name, name !== CallEvents.PlaybackFinished
          ? then : (event) => { then(event); setTimeout(() => then(event), 4000); });
      });"""
    phone.backend.arrival = steps(MENU | {"tries": 1})
    result = run([twice, phone.scenario], Case(NUMBER, secrets=SECRETS), http=phone.backend)
    (finished,) = moments(result, "Call.PlaybackFinished")
    assert moments(result, "Hangup") == [pytest.approx(finished + 5)]


def test_a_message_follows_prompt_and_beep_and_is_reported_with_its_recording(
    phone: Phone,
) -> None:
    phone.backend.arrival = steps(VOICEMAIL)
    result = phone.call()
    report = phone.backend.acknowledged()
    assert order(result, "Say", "CreateToneScriptPlayer", "Record", "Hangup") == [
        "Say",
        "CreateToneScriptPlayer",
        "Record",
        "Hangup",
    ]
    beeped, recorded = moments(result, "Player.PlaybackFinished")[0], moments(result, "Record")[0]
    assert beeped == recorded, "the beep is not part of the message"
    assert commands(result, "Record")[0]["stereo"] is False
    assert moments(result, "Hangup") == [pytest.approx(recorded + 30)]
    assert outcome(report) == ("voicemail", None, 200)
    (recording,) = result.recordings
    assert recording.leg == "caller"
    assert report["recording"] == {"url": recording.url, "seconds": 29, "channels": 1}
    assert (report["talk_seconds"], report["target"], report["legs"]) == (0, None, [])
    assert report["ring_seconds"] == pytest.approx(recorded, abs=0.01)


def test_the_hash_key_ends_a_message(phone: Phone) -> None:
    phone.backend.arrival = steps(VOICEMAIL)
    result = phone.call(caller_does=CallerDoes(keys=((8, "1"), (9, "#"))))
    assert moments(result, "Hangup") == [moments(result, "Call.ToneReceived")[1]]


def test_a_caller_who_hangs_up_has_left_his_message(phone: Phone) -> None:
    phone.backend.arrival = steps(dial(), VOICEMAIL)
    report = phone.report(answers=(Answer("*", fail=486),), caller_does=CallerDoes(hang_up=20))
    assert (report["outcome"], report["target"]) == ("voicemail", AGENT)
    assert report["legs"][0]["reason"] == "operator_busy"
    assert report["recording"]["seconds"] > 10


NO_BEEP = {
    "throws": "VoxEngine.createToneScriptPlayer = () => { throw new Error('x'); };",
    "never ends": """
      VoxEngine.createToneScriptPlayer = () => (
        { addEventListener: () => {}, sendMediaTo: () => {} });""",
}


@pytest.mark.parametrize("broken", list(NO_BEEP.values()), ids=list(NO_BEEP))
def test_a_message_can_be_left_without_a_beep(phone: Phone, broken: str) -> None:
    phone.backend.arrival = steps(VOICEMAIL)
    result = run([broken, phone.scenario], Case(NUMBER, secrets=SECRETS), http=phone.backend)
    assert moments(result, "Record")[0] - moments(result, "Call.PlaybackFinished")[0] < 2.1
    assert phone.backend.acknowledged()["recording"]["seconds"] == 29


def test_a_message_that_cannot_be_recorded_is_reported_without_a_recording(phone: Phone) -> None:
    phone.backend.arrival = steps(VOICEMAIL)
    broken = """
      VoxEngine.addEventListener(AppEvents.CallAlerting, (e) => {
        e.call.record = () => { throw new Error('x'); };
      });"""
    run([broken, phone.scenario], Case(NUMBER, secrets=SECRETS), http=phone.backend)
    report = phone.backend.acknowledged()
    assert (report["outcome"], report["recording"]) == ("voicemail", None)


def test_a_session_that_is_broken_off_reports_the_message(phone: Phone) -> None:
    phone.backend.arrival = steps(VOICEMAIL)
    bomb = "setTimeout(() => { throw new Error('administratively'); }, 8000);"
    result = run([bomb, phone.scenario], Case(NUMBER, secrets=SECRETS), http=phone.backend)
    assert result.finish_reason == "JS session error"
    assert outcome(phone.backend.acknowledged()) == ("voicemail", None, 200)


@pytest.mark.parametrize("code", [404, 480, 486, 603, 699])
def test_a_call_that_is_hung_up_at_once_is_rejected_without_ringing(
    phone: Phone, code: int
) -> None:
    phone.backend.arrival = steps(HANG_UP | {"code": code})
    result = phone.call()
    report = phone.backend.acknowledged()
    assert rejected_with(result) == [code]
    assert order(result, "Ring", "AcceptCall") == []
    assert outcome(report) == ("rejected", "blacklisted", code)
    assert (report["target"], report["legs"], report["ring_seconds"]) == (None, [], 0.03)


def test_a_flow_that_is_closed_has_missed_the_call(phone: Phone) -> None:
    phone.backend.arrival = steps({"do": "hang_up", "code": 480, "reason": "no_active_flow"})
    assert outcome(phone.report()) == ("missed", "no_active_flow", 480)


def test_an_answered_caller_is_hung_up_without_a_busy_tone(phone: Phone) -> None:
    phone.backend.arrival = steps(ANNOUNCE, HANG_UP)
    result = phone.call()
    assert order(result, "RejectCall", "Hangup", "CreateToneScriptPlayer") == ["Hangup"]
    assert outcome(phone.backend.acknowledged()) == ("rejected", "blacklisted", 603)


@pytest.mark.parametrize(
    ("number", "tones"), [(NUMBER, "480@-19,620@-19"), ("4930901820", "425@-19")]
)
def test_an_answered_caller_hears_a_busy_tone_when_nobody_is_left(
    phone: Phone, number: str, tones: str
) -> None:
    phone.backend.arrival = steps(ANNOUNCE, dial())
    result = phone.call(destination=number, answers=(Answer("*", fail=486),))
    report = phone.backend.acknowledged()
    (busy,) = commands(result, "CreateToneScriptPlayer")
    assert busy["script"].partition(";")[0] == tones
    failed = moments(result, "Call.Failed")[0]
    assert moments(result, "Hangup") == [pytest.approx(failed + 3)]
    assert outcome(report) == ("busy", "operator_busy", 486)
    assert report["ring_seconds"] == pytest.approx(failed, abs=0.01), "the tone is not waiting"


def test_who_leaves_the_busy_tone_has_not_abandoned_the_call(phone: Phone) -> None:
    phone.backend.arrival = steps(ANNOUNCE, dial())
    does = CallerDoes(hang_up=5)
    report = phone.report(answers=(Answer("*", fail=486),), caller_does=does)
    assert outcome(report) == ("busy", "operator_busy", 486)
    assert report["ring_seconds"] < 4.3


def test_without_the_busy_tone_the_call_ends_all_the_same(phone: Phone) -> None:
    phone.backend.arrival = steps(ANNOUNCE, dial())
    case = Case(NUMBER, secrets=SECRETS, answers=(Answer("*", fail=486),))
    result = run([NO_BEEP["throws"], phone.scenario], case, http=phone.backend)
    assert result.finish_reason == "Normal termination"
    assert phone.backend.acknowledged()["outcome"] == "busy"


BROKEN = {
    "speaking": "e.call.say = () => { throw new Error('x'); };",
    "a prompt that never ends": "e.call.say = () => {};",
    "listening": "e.call.handleTones = () => { throw new Error('x'); };",
    "hiding": "Logger.hideTones = () => { throw new Error('x'); };",
    "answering": """
      const answer = e.call.answer; let n = 0;
      e.call.answer = (...a) => {
        if (n++ === 0) throw new Error('x'); return answer.apply(e.call, a);
      };""",
    "an answer that is never told": """
      const add = e.call.addEventListener.bind(e.call);
      e.call.addEventListener = (name, then) => {
        if (name !== CallEvents.Connected) add(name, then);
      };""",
    "the voices": "VoiceList = undefined;",
}


@pytest.mark.parametrize("broken", list(BROKEN.values()), ids=list(BROKEN))
@pytest.mark.parametrize(
    "first",
    [
        [ANNOUNCE, dial()],
        [MENU | {"otherwise": [dial()]}],
        [MENU | {"keys": {"1": []}, "otherwise": []}, dial()],
    ],
    ids=["announcement", "menu", "next step"],
)
def test_an_error_before_the_talk_does_not_lose_the_caller(
    phone: Phone, broken: str, first: list[dict[str, Any]]
) -> None:
    phone.backend.arrival = steps(*first, dial())
    bomb = f"VoxEngine.addEventListener(AppEvents.CallAlerting, (e) => {{ {broken} }});"
    case = Case(
        NUMBER,
        secrets=SECRETS,
        answers=(Answer("*", answer=2, talk=10),),
        caller_does=CallerDoes(keys=((1, "1"),)),
    )
    result = run([bomb, phone.scenario], case, http=phone.backend)
    assert [leg.talk for leg in result.legs if leg.talk >= 8], result.log
    assert len(commands(result, "AcceptCall")) == 1
    assert result.finish_reason == "Normal termination"
    assert phone.backend.acknowledged()["outcome"] == "answered"


def test_what_was_said_is_not_heard_when_nobody_is_left_to_hear_it(phone: Phone) -> None:
    phone.backend.arrival = steps(ANNOUNCE, dial())
    result = phone.call(caller_does=CallerDoes(hang_up=1))
    assert events(result, "Call.PlaybackFinished") == []
    assert result.legs == ()
    assert outcome(phone.backend.acknowledged()) == ("abandoned", "caller_disconnects", 487)
