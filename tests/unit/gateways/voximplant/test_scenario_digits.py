"""A caller who is asked for digits first: what he hears, what the backend gets, how it goes on."""

import json
from typing import Any

import pytest

from ringtrace.gateways.voximplant.emulator import Answer, CallerDoes, Case, Reply, run
from tests.unit.gateways.voximplant.conftest import (
    AGENT,
    NUMBER,
    REFUSED,
    SECOND,
    SECRETS,
    FakeBackend,
    Phone,
    commands,
    events,
    json_reply,
    moments,
    plan,
)

PROMPT = "Please key the four digits of your extension."  # 45 characters: 3 s
COLLECT = {
    "do": "collect",
    "digits": 4,
    "seconds": 8,
    "prompt": {"text": PROMPT, "language": "en-US", "file": None},
}
ANSWERS = (Answer(AGENT, answer=3, talk=10), Answer(SECOND, answer=2, talk=20))


def asking(*targets: str, **changes: Any) -> dict[str, Any]:
    whole = plan(*targets or (AGENT,))
    return whole | {"steps": [COLLECT | changes, *whole["steps"]]}


def keys(text: str, after: float = 1.0, every: float = 0.5) -> tuple[tuple[float, str], ...]:
    return tuple((after + number * every, key) for number, key in enumerate(text))


@pytest.fixture
def asked(phone: Phone) -> Phone:
    """The backend asks for an extension; 4217 is the second agent's."""
    phone.backend.arrival = json_reply(200, asking())
    phone.backend.keyed = json_reply(200, plan(SECOND))
    return phone


def digits_sent(phone: Phone) -> list[str]:
    return [json.loads(request.body or b"")["digits"] for request in phone.backend.digits]


def test_the_right_digits_reach_the_backend_and_its_plan_is_followed(asked: Phone) -> None:
    result = asked.call(answers=ANSWERS, caller_does=CallerDoes(keys=keys("4217")))
    report = asked.backend.acknowledged()
    (request,) = asked.backend.digits
    assert request.method == "POST"
    assert dict(request.headers)["Authorization"] == "Bearer gateway-token"
    assert json.loads(request.body or b"") == {"digits": "4217"}
    assert [leg.to for leg in result.legs] == [SECOND[1:]]
    assert (report["outcome"], report["target"]) == ("answered", SECOND)
    assert (report["digits"], report["plan_source"]) == ("4217", "backend")
    assert report["talk_seconds"] == 20
    assert len(commands(result, "AcceptCall")) == 1, "answered once, and never again"


def test_the_target_is_dialled_when_the_last_digit_is_keyed(asked: Phone) -> None:
    result = asked.call(answers=ANSWERS, caller_does=CallerDoes(keys=keys("42179")))
    last = moments(result, "Call.ToneReceived")[3]
    assert moments(result, "CallPSTN")[0] - last < 0.1
    assert digits_sent(asked) == ["4217"], "what comes after the last digit is none"


def test_the_prompt_is_spoken_in_its_language_and_a_key_interrupts_it(asked: Phone) -> None:
    result = asked.call(answers=ANSWERS, caller_does=CallerDoes(keys=keys("4217")))
    (said,) = commands(result, "Say")
    assert (said["text"], said["voice"]) == (PROMPT, "VoiceList.Amazon.en_US_Joanna")
    assert moments(result, "StopPlayback") == [moments(result, "Call.ToneReceived")[0]]
    assert events(result, "Call.PlaybackFinished") == []


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        ("de-DE", "VoiceList.Amazon.de_DE_Vicki"),
        ("de-AT", "VoiceList.Amazon.de_DE_Vicki"),
        ("ru-RU", "VoiceList.Amazon.ru_RU_Tatyana"),
        ("xx-XX", None),
    ],
)
def test_every_language_has_a_voice_or_the_platforms_own(
    asked: Phone, language: str, voice: str | None
) -> None:
    asked.backend.arrival = json_reply(
        200, asking(prompt={"text": PROMPT, "language": language, "file": None})
    )
    result = asked.call(answers=ANSWERS)
    assert commands(result, "Say")[0]["voice"] == voice
    tone = commands(result, "PlayProgressTone")[0]["country"]
    assert tone == ("RU" if language == "ru-RU" else "US")


def test_without_a_key_the_plan_goes_on_eight_seconds_after_the_prompt(asked: Phone) -> None:
    result = asked.call(answers=ANSWERS)
    report = asked.backend.acknowledged()
    (finished,) = moments(result, "Call.PlaybackFinished")
    assert moments(result, "CallPSTN")[0] - finished == pytest.approx(8, abs=0.01)
    assert asked.backend.digits == []
    assert (report["target"], report["digits"]) == (AGENT, None)


def test_a_pause_after_some_digits_sends_those(asked: Phone) -> None:
    result = asked.call(answers=ANSWERS, caller_does=CallerDoes(keys=keys("42", every=7.5)))
    last = moments(result, "Call.ToneReceived")[-1]
    assert digits_sent(asked) == ["42"]
    assert moments(result, "CallPSTN")[0] - last == pytest.approx(8, abs=0.1)


@pytest.mark.parametrize(
    ("pressed", "sent"),
    [("42#", ["42"]), ("#", []), ("4A2*1#", ["1"]), ("*42#", ["42"]), ("42*#", [])],
)
def test_the_hash_ends_the_entry_and_the_star_begins_it_anew(
    asked: Phone, pressed: str, sent: list[str]
) -> None:
    result = asked.call(answers=ANSWERS, caller_does=CallerDoes(keys=keys(pressed)))
    assert digits_sent(asked) == sent
    assert moments(result, "CallPSTN")[0] < 5


NOT_TAKEN = {
    "wrong digits": json_reply(404, {"error_id": "extension_unknown"}),
    "away": REFUSED,
    "slower than three seconds": json_reply(200, plan(SECOND), delay=3.1),
    "never": json_reply(200, plan(SECOND), delay=1000),
    "field invalid": json_reply(422, {"error_id": "field_invalid", "field": "digits"}),
    "server error": Reply(500),
    "not JSON": Reply(200, b"<html>"),
    "no steps": json_reply(200, {"steps": []}),
    "a step of the future": json_reply(200, plan(steps=[{"do": "conference"}])),
}


@pytest.mark.parametrize("answer", list(NOT_TAKEN.values()), ids=list(NOT_TAKEN))
def test_when_the_digits_are_not_taken_the_plan_at_hand_goes_on(
    asked: Phone, answer: Reply
) -> None:
    asked.backend.keyed = answer
    result = asked.call(answers=ANSWERS, caller_does=CallerDoes(keys=keys("9999")))
    report = asked.backend.acknowledged()
    assert len(asked.backend.digits) == 1, "asked once"
    assert [leg.to for leg in result.legs] == [AGENT[1:]]
    assert (report["outcome"], report["digits"]) == ("answered", "9999")
    assert moments(result, "CallPSTN")[0] - moments(result, "Call.ToneReceived")[3] < 3.6


def test_a_caller_who_leaves_at_the_prompt_has_abandoned_the_call(asked: Phone) -> None:
    does = CallerDoes(hang_up=2.4, keys=keys("42"))
    result = asked.call(answers=ANSWERS, caller_does=does)
    report = asked.backend.acknowledged()
    assert (report["outcome"], report["reason"], report["code"]) == (
        "abandoned",
        "caller_disconnects",
        487,
    )
    assert (report["target"], report["legs"], report["digits"]) == (None, [], "42")
    assert (result.legs, asked.backend.digits) == ((), [])
    assert result.duration < 3


def test_a_caller_who_leaves_while_the_digits_are_asked_about_abandoned_too(asked: Phone) -> None:
    asked.backend.keyed = json_reply(200, plan(SECOND), delay=2)
    does = CallerDoes(hang_up=3.5, keys=keys("4217"))
    result = asked.call(answers=ANSWERS, caller_does=does)
    assert asked.backend.acknowledged()["outcome"] == "abandoned"
    assert result.legs == ()


def test_ringback_is_heard_while_targets_ring_and_early_media_takes_its_place(
    asked: Phone,
) -> None:
    asked.backend.arrival = json_reply(200, asking(AGENT, SECOND))
    answers = (Answer(AGENT, early_media=1, fail=486, after=4), Answer(SECOND, answer=2, talk=5))
    result = asked.call(answers=answers, caller_does=CallerDoes(keys=keys("#")))
    order = [m.name for m in result.timeline if m.kind == "command"]
    heard = [n for n in order if n in {"PlayProgressTone", "SendMediaTo", "SendMediaBetween"}]
    tone, media = "PlayProgressTone", "SendMediaTo"
    assert heard == [tone, media, tone, media, "SendMediaBetween"]
    assert "StartEarlyMedia" not in order, "the caller is answered already"
    assert order.count("Ring") == 1, "before the answer: without it US calls are not let out"
    assert asked.backend.acknowledged()["target"] == SECOND


def test_when_nobody_answers_the_answered_caller_is_hung_up(asked: Phone) -> None:
    result = asked.call(answers=(Answer("*", fail=486),), caller_does=CallerDoes(keys=keys("4217")))
    report = asked.backend.acknowledged()
    assert commands(result, "RejectCall") == []
    assert len(commands(result, "Hangup")) == 1
    assert (report["outcome"], report["reason"], report["code"]) == ("busy", "operator_busy", 486)
    assert (report["talk_seconds"], report["digits"]) == (0, "4217")


def test_an_answered_caller_may_wait_longer_than_the_platform_lets_an_unanswered_one(
    asked: Phone,
) -> None:
    asked.backend.arrival = json_reply(200, asking(AGENT, SECOND))
    answers = (Answer(AGENT), Answer(SECOND, answer=20, talk=5))
    asked.backend.arrival = json_reply(
        200, asking() | {"steps": [COLLECT, *plan(AGENT, SECOND, ring=45)["steps"]]}
    )
    report = asked.report(answers=answers)
    assert (report["outcome"], report["target"]) == ("answered", SECOND)
    assert report["ring_seconds"] > 70


def test_a_cached_plan_asks_too_and_is_followed_without_the_backend(asked: Phone) -> None:
    asked.call(answers=ANSWERS, caller_does=CallerDoes(keys=keys("4217")))
    asked.backend = FakeBackend(arrival=REFUSED, keyed=REFUSED)
    result = asked.call(answers=ANSWERS, caller_does=CallerDoes(keys=keys("4217")))
    report = asked.backend.acknowledged()
    assert len(commands(result, "Say")) == 1
    assert len(asked.backend.digits) == 1
    assert (report["plan_source"], report["digits"]) == ("cache", "4217")
    assert (report["outcome"], report["target"]) == ("answered", AGENT)


def test_digits_of_a_cached_plan_may_reach_a_backend_that_is_back(asked: Phone) -> None:
    asked.call(answers=ANSWERS)
    asked.backend = FakeBackend(arrival=REFUSED, keyed=json_reply(200, plan(SECOND)))
    report = asked.report(answers=ANSWERS, caller_does=CallerDoes(keys=keys("4217")))
    assert (report["plan_source"], report["target"]) == ("backend", SECOND)


def test_the_plan_for_digits_is_not_kept(asked: Phone) -> None:
    asked.call(answers=ANSWERS, caller_does=CallerDoes(keys=keys("4217")))
    (entry,) = asked.storage.entries.values()
    assert SECOND not in entry.value


def test_a_plan_too_long_for_the_storage_still_asks(asked: Phone) -> None:
    many = [f"sip:desk{n}@{'branch' * 10}.example.com" for n in range(60)]
    asked.backend.arrival = json_reply(200, asking(*many))
    asked.call(answers=ANSWERS)
    asked.backend = FakeBackend(arrival=REFUSED)
    result = asked.call(answers=ANSWERS)
    assert len(commands(result, "Say")) == 1
    assert result.legs[0].to == many[0]


@pytest.mark.parametrize(
    "change",
    [
        {"digits": 0},
        {"digits": "four"},
        {"prompt": None},
        {"prompt": PROMPT, "language": "en-US"},
        {"prompt": {"text": PROMPT}},
    ],
)
def test_a_question_that_cannot_be_asked_makes_the_plan_useless(
    asked: Phone, change: dict[str, Any]
) -> None:
    asked.backend.arrival = json_reply(200, asking(**change))
    assert asked.report(answers=(Answer("*", answer=1, talk=1),))["plan_source"] == "fallback"


def test_a_prompt_too_long_to_be_spoken_is_over_at_once(asked: Phone) -> None:
    asked.backend.arrival = json_reply(
        200, asking(prompt={"text": "x" * 1501, "language": "en-US"})
    )
    result = asked.call(answers=ANSWERS)
    assert moments(result, "CallPSTN")[0] < 8.5
    assert asked.backend.acknowledged()["outcome"] == "answered"


BROKEN = {
    "speaking": "e.call.say = () => { throw new Error('x'); };",
    "listening": "e.call.handleTones = () => { throw new Error('x'); };",
    "answering": """
      const answer = e.call.answer; let n = 0;
      e.call.answer = (...a) => {
        if (n++ === 0) throw new Error('x'); return answer.apply(e.call, a);
      };""",
    "the progress tone": "e.call.playProgressTone = () => { throw new Error('x'); };",
    "stopping": "e.call.stopPlayback = () => { throw new Error('x'); };",
    "a prompt that never ends": "e.call.say = () => {};",
}


@pytest.mark.parametrize("broken", list(BROKEN.values()), ids=list(BROKEN))
@pytest.mark.parametrize("pressed", ["", "4217"])
def test_an_error_at_the_question_does_not_lose_the_caller(
    asked: Phone, broken: str, pressed: str
) -> None:
    bomb = f"VoxEngine.addEventListener(AppEvents.CallAlerting, (e) => {{ {broken} }});"
    case = Case(
        NUMBER,
        secrets=SECRETS,
        answers=(Answer("*", answer=2, talk=10),),
        caller_does=CallerDoes(keys=keys(pressed)),
    )
    result = run([bomb, asked.scenario], case, http=asked.backend)
    assert [leg.talk for leg in result.legs if leg.talk >= 8], result.log
    assert len(commands(result, "AcceptCall")) == 1
    assert result.finish_reason == "Normal termination"
    assert asked.backend.acknowledged()["outcome"] == "answered"


def test_the_log_does_not_say_what_was_keyed(asked: Phone) -> None:
    result = asked.call(answers=ANSWERS, caller_does=CallerDoes(keys=keys("4217")))
    assert not any("4217" in line for line in result.log)
    assert not any("tone = 4" in line for line in result.log)
