"""Sound files: played from the backend, said or stood for by a tone when that fails."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from ringtrace.gateways.voximplant.emulator import (
    Answer,
    CallerDoes,
    Case,
    Reply,
    Request,
    Result,
    run,
)
from tests.sounds import wav
from tests.unit.gateways.voximplant.conftest import (
    AGENT,
    NUMBER,
    SECRETS,
    FakeBackend,
    Phone,
    commands,
    dial,
    events,
    moments,
    order,
    said,
    steps,
)

LINK = f"/sounds/1/{'a' * 64}.wav?expires=1&signature=b"
HELLO = said("", file="hello.wav") | {"link": LINK}
SPOKEN = HELLO | {"text": "Hello."}
ANSWERS = (Answer("*", answer=2, talk=10),)
STAND_IN = "500@-16;.4(*/0/1)"


@dataclass
class Serving(FakeBackend):
    """Serves `sound` under LINK."""

    sound: Reply = field(default_factory=lambda: Reply(200, wav(4.0), delay=0.2))
    fetched: list[Request] = field(default_factory=list)

    def __call__(self, request: Request, moment: float) -> Reply:
        if "/sounds/" not in request.url:
            return super().__call__(request, moment)
        self.fetched.append(request)
        return self.sound


@pytest.fixture
def serving(phone: Phone) -> Serving:
    backend = phone.backend = Serving()
    backend.arrival = announcing(HELLO)
    return backend


def announcing(prompt: dict[str, Any]) -> Reply:
    return steps({"do": "announce", "prompt": prompt}, dial())


def test_a_sound_is_played_from_the_backend_before_it_goes_on(
    phone: Phone, serving: Serving
) -> None:
    result = phone.call(answers=ANSWERS)
    (request,) = serving.fetched
    assert (request.method, request.url) == ("GET", f"https://backend.example{LINK}")
    (answered,) = moments(result, "AcceptCall")
    assert moments(result, "CallPSTN")[0] - answered == pytest.approx(4.2, abs=0.1)
    assert order(result, "Say", "CreateToneScriptPlayer") == []
    assert serving.acknowledged()["outcome"] == "answered"


FAILING = {
    "not there": Reply(404),
    "slow to begin": Reply(200, wav(4.0), delay=5),
    "never": Reply(200, wav(4.0), delay=1000),
    "larger than the platform takes": Reply(200, bytes(10 * 1024 * 1024 + 1)),
    "of no known kind": Reply(200, b"<html>"),
    "no connection": Reply(-4),
}


@pytest.mark.parametrize("failing", list(FAILING.values()), ids=list(FAILING))
def test_a_sound_that_fails_is_said(phone: Phone, serving: Serving, failing: Reply) -> None:
    serving.sound, serving.arrival = failing, announcing(SPOKEN)
    result = phone.call(answers=ANSWERS)
    assert [data["text"] for data in commands(result, "Say")] == ["Hello."]
    assert moments(result, "Say")[0] < 3.2
    assert len(moments(result, "Call.PlaybackFinished")) == 1
    assert serving.acknowledged()["outcome"] == "answered"


@pytest.mark.parametrize("failing", list(FAILING.values()), ids=list(FAILING))
def test_without_words_a_tone_stands_for_it(phone: Phone, serving: Serving, failing: Reply) -> None:
    serving.sound = failing
    result = phone.call(answers=ANSWERS)
    scripts = [data["script"] for data in commands(result, "CreateToneScriptPlayer")]
    assert scripts == [STAND_IN]
    assert serving.acknowledged()["outcome"] == "answered"


def test_a_slow_sound_is_not_heard_beside_what_is_said(phone: Phone, serving: Serving) -> None:
    serving.sound, serving.arrival = FAILING["slow to begin"], announcing(SPOKEN)
    result = phone.call(answers=(Answer("*", answer=9, talk=10),))
    assert len(moments(result, "StopPlayer")) == 1
    assert events(result, "Player.Started") == []


def test_a_key_ends_a_sound(phone: Phone, serving: Serving) -> None:
    menu = {
        "do": "menu",
        "prompt": HELLO,
        "keys": {"1": [dial()]},
        "seconds": 5,
        "tries": 1,
    }
    serving.arrival = steps(menu)
    result = phone.call(answers=ANSWERS, caller_does=CallerDoes(keys=((1.0, "1"),)))
    assert len(moments(result, "StopPlayer")) == 1
    assert moments(result, "CallPSTN")[0] < 1.5
    assert order(result, "StopPlayback") == []


def test_a_message_follows_a_sound_and_its_beep(phone: Phone, serving: Serving) -> None:
    serving.arrival = steps({"do": "voicemail", "prompt": HELLO, "seconds": 10})
    result = phone.call(caller_does=CallerDoes(hang_up=12))
    report = serving.acknowledged()
    assert report["outcome"] == "voicemail"
    assert order(result, "CreateURLPlayer", "CreateToneScriptPlayer", "Record") == [
        "CreateURLPlayer",
        "CreateToneScriptPlayer",
        "Record",
    ]


def test_who_leaves_while_it_plays_is_lost(phone: Phone, serving: Serving) -> None:
    report = phone.report(answers=ANSWERS, caller_does=CallerDoes(hang_up=2))
    assert (report["outcome"], report["legs"]) == ("abandoned", [])
    assert serving.fetched


def test_a_player_that_cannot_be_made_is_no_reason_to_lose_a_caller(
    phone: Phone, serving: Serving
) -> None:
    broken = "VoxEngine.createURLPlayer = () => { throw new Error('x'); };"
    serving.arrival = announcing(SPOKEN)
    case = Case(NUMBER, secrets=SECRETS, answers=ANSWERS)
    result: Result = run([broken, phone.scenario], case, http=serving)
    assert [data["text"] for data in commands(result, "Say")] == ["Hello."]
    assert serving.acknowledged()["target"] == AGENT


@pytest.mark.parametrize("link", ["https://evil.example/x.wav", "x.wav", "", None, 7])
def test_only_the_backends_own_files_are_played(
    phone: Phone, serving: Serving, link: object
) -> None:
    serving.arrival = announcing(SPOKEN | {"link": link})
    result = phone.call(answers=ANSWERS)
    assert serving.fetched == []
    assert [data["text"] for data in commands(result, "Say")] == ["Hello."]
