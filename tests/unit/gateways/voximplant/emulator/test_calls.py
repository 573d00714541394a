"""Legs: who rings, answers, fails, speaks, presses keys, is recorded."""

from typing import Any

import pytest

from ringtrace.gateways.voximplant.emulator import Answer, CallerDoes, Case, Result, run

TO = "15550199001"
SCRIPT = """
const say = (text) => Logger.write('> ' + text);
VoxEngine.addEventListener(AppEvents.CallAlerting, (e) => {
  const call = e.call;
  const watch = (leg, name) => {
    for (const event of Object.values(CallEvents)) {
      leg.addEventListener(event, (x) => {
        const detail = x.code || x.internalCode || x.tone || x.error || '';
        const length = x.duration === undefined ? '' : x.duration;
        say(`${name} ${x.name.slice(5)} ${detail} ${length}`.trim());
      });
    }
    return leg;
  };
  watch(call, 'in');
  %s
});
"""


def play(body: str, **changes: Any) -> Result:
    given: dict[str, Any] = {"destination": "15550100101", "caller": "15550177001"}
    return run([SCRIPT % body], Case(**(given | changes)))


def said(result: Result) -> list[str]:
    return [line.partition("> ")[2] for line in result.log if " > " in line]


DIAL = f"const out = watch(VoxEngine.callPSTN('+{TO}', e.destination), 'out');"


def test_a_dialled_party_rings_answers_and_leaves() -> None:
    result = play(DIAL, answers=(Answer(TO, ring=1, answer=4, talk=10.9),))
    assert [line for line in said(result) if line.startswith("out")] == [
        "out Ringing",
        "out AudioStarted 200",
        "out Connected",
        "out Disconnected 16 10",
    ]
    (leg,) = result.legs
    assert (leg.to, leg.result, leg.code, leg.ring, leg.talk) == (TO, "answered", 200, 4, 10.9)


def test_early_media_comes_as_audio_started_183_and_only_once() -> None:
    result = play(DIAL, answers=(Answer(TO, early_media=2, answer=4, talk=1),))
    audio = [line for line in said(result) if "AudioStarted" in line]
    assert audio == ["out AudioStarted 183"]


@pytest.mark.parametrize(
    ("code", "result"),
    [(486, "busy"), (480, "no_answer"), (603, "rejected"), (404, "failed"), (503, "failed")],
)
def test_a_party_can_fail_with_a_code(code: int, result: str) -> None:
    outcome = play(DIAL, answers=(Answer(TO, fail=code, after=2),))
    assert f"out Failed {code}" in said(outcome)
    (leg,) = outcome.legs
    assert (leg.result, leg.code, leg.ring) == (result, code, 2)


def test_a_party_nobody_described_fails_404() -> None:
    assert "out Failed 404" in said(play(DIAL))


def test_the_first_description_that_fits_counts() -> None:
    answers = (Answer("+15550199001", fail=486), Answer("*", fail=503))
    assert "out Failed 486" in said(play(DIAL, answers=answers))


def test_a_party_who_never_answers_fails_408_after_60_seconds() -> None:
    result = play("call.answer();" + DIAL, answers=(Answer("*"),))
    assert "out Failed 408" in said(result)
    assert result.legs[0].ring == 60


def test_hanging_up_a_ringing_leg_fails_it_with_487() -> None:
    result = play(DIAL + "setTimeout(() => out.hangup(), 5000);", answers=(Answer("*"),))
    assert "out Failed 487" in said(result)
    assert result.legs[0].result == "cancelled"


def test_hanging_up_a_connected_leg_disconnects_it() -> None:
    result = play(DIAL + "setTimeout(() => out.hangup(), 5000);", answers=(Answer("*", answer=2),))
    assert "out Disconnected 16 3" in said(result)


@pytest.mark.parametrize(
    ("body", "does", "line"),
    [
        ("call.reject(486);", CallerDoes(), "in Disconnected 486 0"),
        ("", CallerDoes(hang_up=5), "in Disconnected 487 0"),
        ("call.answer();", CallerDoes(hang_up=5.1), "in Disconnected 16 5"),
    ],
)
def test_a_callers_leg_disconnects_and_never_fails(body: str, does: CallerDoes, line: str) -> None:
    lines = said(play(body, caller_does=does))
    assert line in lines
    assert not any("Failed" in said_line for said_line in lines)


def test_commands_on_a_dead_leg_do_nothing_but_a_line_in_the_log() -> None:
    body = "call.reject(486); setTimeout(() => { call.answer(); call.hangup(); }, 1000);"
    result = play(body)
    assert [line for line in said(result) if "Connected" in line] == []
    assert any("AcceptCall: the call" in line for line in result.log)


def test_the_51st_call_and_the_11th_at_once_fail_403() -> None:
    body = "for (let i = 0; i < 11; i++) watch(VoxEngine.callPSTN('1', '2'), 'n' + i);"
    lines = said(play(body, answers=(Answer("*"),)))
    assert [line for line in lines if "403" in line] == ["n10 Failed 403"]


def test_recording_starts_after_record_and_stops_after_the_end() -> None:
    body = DIAL + "out.addEventListener(CallEvents.Connected, () => out.record({stereo: true}));"
    result = play(body, answers=(Answer("*", answer=2, talk=30),))
    order = [line.split()[1] for line in said(result) if line.startswith("out")]
    assert order[-3:] == ["RecordStarted", "Disconnected", "RecordStopped"]
    (recording,) = result.recordings
    assert (recording.leg, recording.seconds) == (TO, 29.98)


def test_a_call_too_short_to_record_has_no_recording() -> None:
    body = DIAL + "out.addEventListener(CallEvents.Connected, () => out.record());"
    result = play(body, answers=(Answer("*", answer=2, talk=0.01),))
    assert result.recordings == ()


def test_tones_are_received_only_while_they_are_handled() -> None:
    keys = ((1, "1"), (3, "2"), (5, "#"))
    body = (
        "call.answer(); setTimeout(() => call.handleTones(true), 2000);"
        "setTimeout(() => call.handleTones(false), 4000);"
    )
    result = play(body, caller_does=CallerDoes(hang_up=8, keys=keys))
    assert [line for line in said(result) if "Tone" in line] == ["in ToneReceived 2"]
    assert any("'ALL' is used" in line for line in result.log)


def test_a_dialled_party_presses_keys_after_it_answered() -> None:
    body = DIAL + "out.handleTones(true, DTMFType.ALL);"
    answers = (Answer(TO, answer=4, talk=10, keys=((2, "1"), (12, "2"))),)
    result = play("call.answer();" + body, answers=answers)
    assert [line for line in said(result) if "Tone" in line] == ["out ToneReceived 1"]
    assert [m.t for m in result.timeline if m.name == "Call.ToneReceived"] == [6.001]


@pytest.mark.parametrize(
    ("handled", "heard"),
    [
        ("", True),
        ("true", True),
        ("true, DTMFType.ALL", True),
        ("true, DTMFType.TELEPHONE_EVENT", True),
        ("true, DTMFType.IN_BAND", False),
        ("true, 'EVERYTHING'", False),
        ("false, DTMFType.ALL", False),
    ],
)
def test_tones_are_of_the_kinds_that_are_handled(handled: str, heard: bool) -> None:
    body = f"call.answer(); call.handleTones({handled});"
    result = play(body, caller_does=CallerDoes(hang_up=8, keys=((1, "1"),)))
    assert any("Tone" in line for line in said(result)) is heard
    assert any("no tones of kind EVERYTHING" in line for line in result.log) is (
        "EVERYTHING" in handled
    )


def test_hidden_tones_are_not_in_the_log_but_reach_the_scenario() -> None:
    body = "Logger.hideTones(true); call.answer(); call.handleTones(true, DTMFType.ALL);"
    result = play(body, caller_does=CallerDoes(hang_up=8, keys=((1, "7"),)))
    assert "in ToneReceived 7" in said(result)
    assert not any("tone = 7" in line for line in result.log)
    assert any("tone = *" in line for line in result.log)


@pytest.mark.parametrize(
    ("before", "heard"), [("", False), ("call.startEarlyMedia();", True), ("call.answer();", True)]
)
@pytest.mark.parametrize("play_it", ["call.say('one')", "call.playProgressTone('US')"])
def test_an_unanswered_caller_hears_nothing_without_early_media(
    before: str, heard: bool, play_it: str
) -> None:
    result = play(f"{before} {play_it};", caller_does=CallerDoes(hang_up=5))
    assert any("nothing is heard" in line for line in result.log) is not heard
    finished = any("PlaybackFinished" in line for line in said(result))
    assert finished is (heard and "say" in play_it)


def test_there_are_progress_tones_of_two_countries() -> None:
    result = play("call.answer(); call.playProgressTone('DE');", caller_does=CallerDoes(hang_up=5))
    assert any("playProgressTone: no tone for DE" in line for line in result.log)


@pytest.mark.parametrize(
    "stream",
    [
        "call.playProgressTone('RU')",
        "out.sendMediaTo(call)",
        "VoxEngine.sendMediaBetween(call, out)",
        "call.stopPlayback()",
    ],
)
def test_another_stream_takes_the_place_of_speech_which_then_never_finishes(stream: str) -> None:
    body = DIAL + f"call.answer(); call.say('x'.repeat(60)); setTimeout(() => {stream}, 2000);"
    result = play(body, answers=(Answer(TO, answer=1),), caller_does=CallerDoes(hang_up=9))
    assert "in PlaybackFinished" not in said(result)
    assert any("PlaybackStarted" in line for line in said(result))


@pytest.mark.parametrize(
    ("parameters", "voice"),
    [
        ("", None),
        (", {}", None),
        (", {voice: VoiceList.Amazon.en_GB_Amy}", "VoiceList.Amazon.en_GB_Amy"),
        (", {language: VoiceList.Amazon.en_GB_Amy}", "VoiceList.Amazon.en_GB_Amy"),
        (", VoiceList.Amazon.en_GB_Amy", "VoiceList.Amazon.en_GB_Amy"),
        (", Language.RU_RUSSIAN_FEMALE", "Language.RU_RUSSIAN_FEMALE"),
    ],
)
def test_the_voice_is_given_in_any_of_its_ways(parameters: str, voice: str | None) -> None:
    result = play(f"call.answer(); call.say('one'{parameters});", caller_does=CallerDoes(hang_up=4))
    (command,) = [m for m in result.timeline if m.name == "Say"]
    assert command.data["voice"] == voice


def test_speech_ends_after_its_length_unless_it_is_stopped() -> None:
    body = "call.answer(); call.say('x'.repeat(45), VoiceList.Amazon.en_US_Joanna);"
    spoken = play(body, caller_does=CallerDoes(hang_up=10))
    started, finished = (m for m in spoken.timeline if "Playback" in m.name and m.kind == "event")
    assert (started.data["duration"], round(finished.t - started.t)) == (3000, 3)
    stopped = play(
        body + "setTimeout(() => call.stopPlayback(), 1000);", caller_does=CallerDoes(hang_up=10)
    )
    assert not any("PlaybackFinished" in line for line in said(stopped))


def test_of_two_speeches_only_the_last_is_heard() -> None:
    body = "call.answer(); call.say('one'); call.say('two', {voice: VoiceList.X.y});"
    result = play(body, caller_does=CallerDoes(hang_up=10))
    assert [line for line in said(result) if "Finished" in line] == ["in PlaybackFinished"]


def test_a_text_too_long_to_speak_finishes_with_an_error() -> None:
    result = play("call.answer(); call.say('x'.repeat(1501));", caller_does=CallerDoes(hang_up=3))
    assert any("PlaybackFinished The text is longer" in line for line in said(result))


def test_forward_call_to_pstn_bridges_and_ends_with_either_side() -> None:
    script = (
        "VoxEngine.forwardCallToPSTN((n) => '1555' + n.slice(-7), (a, b) => b.record(),"
        " {callerid: '15550100101'});"
    )
    case = Case("15550100102", "15550177001", answers=(Answer("15550100102", answer=2, talk=9),))
    result = run([script], case)
    assert [(leg.to, leg.talk) for leg in result.legs] == [("15550100102", 9)]
    assert len(result.recordings) == 1
    assert result.finish_reason == "Normal termination"


@pytest.mark.parametrize(
    ("dial", "to"),
    [
        ("VoxEngine.callSIP('sip:a@b.example', {callerid: '1'})", "sip:a@b.example"),
        ("VoxEngine.callSIP('sip:a@b.example', '1', 'name', 'pw')", "sip:a@b.example"),
        ("VoxEngine.callUser({username: 'desk', callerid: '1'})", "user:desk"),
        ("VoxEngine.callUser('desk', '1', 'name')", "user:desk"),
    ],
)
def test_sip_and_user_calls_take_both_their_signatures(dial: str, to: str) -> None:
    result = play(f"watch({dial}, 'out');", answers=(Answer(to, answer=1, talk=2),))
    assert [(leg.to, leg.result) for leg in result.legs] == [(to, "answered")]
    assert not any("pw" in line for line in result.log)
