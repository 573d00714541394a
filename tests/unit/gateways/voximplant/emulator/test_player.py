"""Players of ToneScripts and files as the platform documents them."""

import pytest

from ringtrace.gateways.voximplant.emulator import (
    CallerDoes,
    Case,
    Reply,
    Request,
    Result,
    run,
)
from ringtrace.gateways.voximplant.emulator.player import ToneScriptError, tone_seconds
from tests.sounds import wav

SCRIPT = """
const say = (text) => Logger.write('> ' + text);
const watch = (player) => {
  for (const event of ['Created', 'PlaybackReady', 'Started', 'Stopped', 'PlaybackFinished']) {
    player.addEventListener(PlayerEvents[event], (e) => {
      say([event, e.duration || '', e.error ? 'error' : '', e.player === player].join(' '));
    });
  }
  return player;
};
VoxEngine.addEventListener(AppEvents.CallAlerting, ({ call }) => { %s });
"""
BEEP = "watch(VoxEngine.createToneScriptPlayer('1000@-16;.5(*/0/1)'))"


def play(body: str) -> Result:
    case = Case("15550100101", "15550177001", caller_does=CallerDoes(hang_up=20))
    return run([SCRIPT % body], case)


def told(result: Result) -> list[str]:
    return [line.partition("> ")[2] for line in result.log if " > " in line]


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        ("1000@-16;.5(*/0/1)", 0.5),
        ("480@-19,620@-19;3(.5/.5/1+2)", 3),
        ("350@-19,440@-19;2(.1/.1/1+2);1.5(*/0/2)", 3.5),
        ("425@-19;*(1/4/1)", None),
        ("425@-19;2(.1/.1/1,.2/.1/0)", 2),
    ],
)
def test_a_tone_script_says_how_long_it_sounds(script: str, seconds: float | None) -> None:
    assert tone_seconds(script) == seconds


@pytest.mark.parametrize(
    "script",
    [
        "",
        "beep",
        "1000@-16",
        "1000;.5(*/0/1)",
        "1000@-16;.5",
        "1000@-16;.5(*/0)",
        "1000@-16;.5(*/0/2)",
        "1000@-16;x(*/0/1)",
        "1000@-16;.5(*/0/1))",
        "1000@-16;.5(-1/0/1)",
    ],
)
def test_what_is_no_tone_script_is_refused(script: str) -> None:
    with pytest.raises(ToneScriptError):
        tone_seconds(script)


def test_a_player_plays_from_its_making_and_tells_its_end() -> None:
    result = play(f"call.answer(); {BEEP}.sendMediaTo(call);")
    assert told(result) == [
        "Created   true",
        "PlaybackReady   true",
        "Started 500  true",
        "PlaybackFinished   true",
    ]
    (made, *_), (ended,) = (
        at(result, "CreateToneScriptPlayer"),
        at(result, "Player.PlaybackFinished"),
    )
    assert ended - made == pytest.approx(0.52)


def at(result: Result, name: str) -> list[float]:
    return [moment.t for moment in result.timeline if moment.name == name]


def test_a_player_of_nonsense_ends_with_an_error() -> None:
    result = play("watch(VoxEngine.createToneScriptPlayer('beep'));")
    assert told(result) == ["PlaybackFinished  error true"]


@pytest.mark.parametrize("options", ["{ loop: true }", "true"])
def test_a_player_in_a_loop_has_no_end(options: str) -> None:
    result = play(f"watch(VoxEngine.createToneScriptPlayer('1000@-16;.5(*/0/1)', {options}));")
    assert told(result)[-1] == "Started   true"


def test_a_stopped_player_is_not_finished_and_no_longer_of_use() -> None:
    body = f"const p = {BEEP}; setTimeout(() => {{ p.stop(); p.sendMediaTo(call); }}, 100);"
    result = play(body)
    assert told(result)[-1] == "Stopped   true"
    assert any("PlayerSendMediaTo: the player" in line for line in result.log)


@pytest.mark.parametrize(("answer", "heard"), [("call.answer();", True), ("", False)])
def test_a_caller_who_is_not_answered_hears_no_player(answer: str, heard: bool) -> None:
    result = play(f"{answer} {BEEP}.sendMediaTo(call);")
    assert any("nothing is heard" in line for line in result.log) is not heard


def test_a_player_takes_the_place_of_what_is_said() -> None:
    beep = f"setTimeout(() => {BEEP}.sendMediaTo(call), 1000);"
    result = play(f"call.answer(); call.say('x'.repeat(90)); {beep}")
    assert at(result, "Call.PlaybackFinished") == []


def test_there_are_ten_players_at_a_time() -> None:
    many = f"for (let n = 0; n < 11; n += 1) {BEEP};"
    assert play(many).finish_reason == "JS session error"
    ten = f"const make = () => {{ for (let n = 0; n < 10; n += 1) {BEEP}; }};"
    assert play(f"{ten} make(); setTimeout(make, 1000);").finish_reason == "Timeout"


@pytest.mark.parametrize("method", ["pause", "resume", "addMarker"])
def test_what_a_player_could_do_besides_fails_loudly(method: str) -> None:
    assert "Emulator:" in play(f"{BEEP}.{method}();").finish_reason


def test_sound_for_anything_but_a_call_fails_loudly() -> None:
    result = play(f"call.sendMediaTo({BEEP});")
    assert result.finish_reason.startswith("Emulator: sending media to")


def test_no_event_of_a_call_comes_from_a_player() -> None:
    result = play(f"{BEEP}.addEventListener(CallEvents.PlaybackFinished, () => say('never'));")
    assert "never" not in told(result)
    assert any("never sends Call.PlaybackFinished to a player" in line for line in result.log)


URL = "https://files.example/hello.wav"
HELLO = f"watch(VoxEngine.createURLPlayer('{URL}'))"


def fetched(body: str, reply: Reply) -> tuple[list[str], list[Request]]:
    asked: list[Request] = []

    def answer(request: Request, _moment: float) -> Reply:
        asked.append(request)
        return reply

    case = Case("15550100101", "15550177001", caller_does=CallerDoes(hang_up=30))
    return told(run([SCRIPT % body], case, http=answer)), asked


def test_a_file_is_fetched_and_played_for_as_long_as_it_is() -> None:
    said, (request,) = fetched(HELLO, Reply(200, wav(2.5)))
    assert (request.method, request.url, request.timeout) == ("GET", URL, 12)
    assert dict(request.headers)["User-Agent"] == "VoxEngine/1.0"
    assert said == [
        "Created   true",
        "PlaybackReady   true",
        "Started 2500  true",
        "PlaybackFinished   true",
    ]


@pytest.mark.parametrize("begins", [b"ID3", b"OggS", b"fLaC", b"\xff\xfb"])
def test_other_kinds_are_taken_to_last_five_seconds(begins: bytes) -> None:
    said, _ = fetched(HELLO, Reply(200, begins + bytes(100)))
    assert "Started 5000  true" in said


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404),
        Reply(-3),
        Reply(200, b"<html>"),
        Reply(200, b"RIFF" + bytes(10 * 1024 * 1024)),
        Reply(200, wav(1.0), delay=13),
    ],
    ids=["missing", "no host", "no audio", "larger than 10 MB", "slower than 12 s"],
)
def test_what_the_platform_does_not_play_ends_with_an_error(reply: Reply) -> None:
    said, _ = fetched(HELLO, reply)
    assert said == ["Created   true", "PlaybackFinished  error true"]


def test_a_loop_does_not_end() -> None:
    said, _ = fetched(
        f"watch(VoxEngine.createURLPlayer({{ url: '{URL}' }}, {{ loop: true }}))",
        Reply(200, wav(1.0)),
    )
    assert said == ["Created   true", "PlaybackReady   true", "Started   true"]


@pytest.mark.parametrize(
    "options", ["'u', { onPause: true }", "{ url: 'u', method: 'POST' }", "{ url: 'u', body: 'x' }"]
)
def test_what_is_not_emulated_of_a_player_says_so(options: str) -> None:
    case = Case("15550100101", "15550177001")
    result = run([SCRIPT % f"VoxEngine.createURLPlayer({options})"], case)
    assert result.finish_reason.startswith("Emulator: VoxEngine.createURLPlayer")
