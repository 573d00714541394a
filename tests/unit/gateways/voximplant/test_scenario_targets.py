"""Targets that ring at once, are whispered to, have to accept; whom they see, who is recorded."""

from typing import Any

import pytest

from ringtrace.gateways.voximplant.emulator import Answer, CallerDoes, Case, Result, run
from tests.unit.gateways.voximplant.conftest import (
    AGENT,
    CALLER,
    NUMBER,
    SECOND,
    SECRETS,
    THIRD,
    Phone,
    commands,
    dial,
    moments,
    order,
    said,
    steps,
)

WHISPER = said("A call from search, keyword umbrella repair.")  # 44 characters: 2.9 s
ANNOUNCE = {"do": "announce", "prompt": said("This call is recorded.".ljust(45))}


def legs(report: dict[str, Any]) -> list[tuple[str, int | None, str | None]]:
    return [(leg["target"], leg["code"], leg["reason"]) for leg in report["legs"]]


def outcome(report: dict[str, Any]) -> tuple[str, str | None, int | None]:
    return report["outcome"], report["reason"], report["code"]


def said_to(result: Result, leg: int) -> list[str]:
    return [data["text"] for data in commands(result, "Say") if data["id"].endswith(f".{leg}")]


def test_the_first_of_all_to_answer_talks_and_the_others_are_hung_up(phone: Phone) -> None:
    phone.backend.arrival = steps(dial(AGENT, SECOND, THIRD, at_once=True))
    answers = (Answer(AGENT), Answer(SECOND, answer=4, talk=20), Answer(THIRD, fail=486, after=2))
    result = phone.call(answers=answers)
    report = phone.backend.acknowledged()
    assert len(set(moments(result, "CallPSTN"))) == 1, "at once"
    assert outcome(report) == ("answered", None, 200)
    assert (report["target"], report["talk_seconds"]) == (SECOND, 20)
    assert legs(report) == [
        (AGENT, 487, "answered_elsewhere"),
        (SECOND, 200, None),
        (THIRD, 486, "operator_busy"),
    ]
    assert [leg.result for leg in result.legs] == ["cancelled", "answered", "busy"]


def test_none_of_those_who_ring_at_once_is_heard_before_the_answer(phone: Phone) -> None:
    phone.backend.arrival = steps(dial(AGENT, SECOND, at_once=True))
    answers = (Answer(AGENT, early_media=1), Answer(SECOND, early_media=2, answer=4, talk=9))
    result = phone.call(answers=answers)
    assert order(result, "StartEarlyMedia", "SendMediaTo") == []


def test_two_who_answer_at_the_same_moment_do_not_both_talk(phone: Phone) -> None:
    phone.backend.arrival = steps(dial(AGENT, SECOND, at_once=True))
    result = phone.call(answers=(Answer(AGENT, answer=4, talk=20), Answer(SECOND, answer=4.02)))
    report = phone.backend.acknowledged()
    assert legs(report) == [(AGENT, 200, None), (SECOND, 487, "answered_elsewhere")]
    assert result.legs[1].talk < 0.1
    assert len(commands(result, "SendMediaBetween")) == 1


def test_when_none_of_all_answers_the_last_one_listed_decides(phone: Phone) -> None:
    phone.backend.arrival = steps(dial(AGENT, SECOND, at_once=True))
    report = phone.report(answers=(Answer(AGENT, fail=486, after=5), Answer(SECOND, fail=603)))
    assert outcome(report) == ("rejected", "operator_disconnects", 603)
    assert report["target"] == SECOND


def test_more_targets_than_the_platform_rings_at_once_fail_and_the_others_ring(
    phone: Phone,
) -> None:
    many = [f"+1555019900{n:02}" for n in range(12)]
    phone.backend.arrival = steps(dial(*many, at_once=True))
    report = phone.report(answers=(Answer(many[3], answer=4, talk=5), Answer("*")))
    assert report["target"] == many[3]
    assert [leg["code"] for leg in report["legs"]].count(403) == 2


def test_a_whisper_is_heard_by_the_target_alone_before_the_two_are_connected(
    phone: Phone,
) -> None:
    phone.backend.arrival = steps(dial(whisper=WHISPER))
    result = phone.call(answers=(Answer(AGENT, early_media=1, answer=4, talk=20),))
    report = phone.backend.acknowledged()
    assert said_to(result, 1) == [WHISPER["text"]]
    assert said_to(result, 0) == []
    done = ("StartEarlyMedia", "SendMediaTo", "Say", "AcceptCall", "SendMediaBetween")
    assert order(result, *done) == ["Say", "AcceptCall", "SendMediaBetween"]
    assert moments(result, "SendMediaBetween") == moments(result, "Call.PlaybackFinished")
    (leg,) = report["legs"]
    assert leg["ring_seconds"] == 4
    assert leg["talk_seconds"] == report["talk_seconds"] == pytest.approx(20 - 44 / 15, abs=0.1)
    assert report["ring_seconds"] == pytest.approx(4 + 44 / 15, abs=0.1)


def test_who_hangs_up_on_the_whisper_has_not_confirmed(phone: Phone) -> None:
    phone.backend.arrival = steps(dial(AGENT, SECOND, whisper=WHISPER))
    answers = (Answer(AGENT, answer=3, talk=1), Answer(SECOND, answer=3, talk=20))
    report = phone.report(answers=answers)
    assert legs(report) == [(AGENT, 200, "no_operator_confirmation"), (SECOND, 200, None)]
    assert report["legs"][0]["talk_seconds"] == 0


def test_the_key_that_accepts_connects_at_once_and_no_other_does(phone: Phone) -> None:
    phone.backend.arrival = steps(dial(whisper=WHISPER, accept="1"))
    answers = (Answer(AGENT, answer=3, talk=30, keys=((0.5, "2"), (1, "1"))),)
    result = phone.call(answers=answers)
    joined = moments(result, "SendMediaBetween")
    assert joined == [moments(result, "Call.ToneReceived")[1]]
    assert moments(result, "StopPlayback") == joined, "the whisper is over"
    assert [data["handle"] for data in commands(result, "HandleTones")] == [True, False]
    assert phone.backend.acknowledged()["outcome"] == "answered"


def test_an_answer_that_is_told_twice_is_one(phone: Phone) -> None:
    """As it is where a network sends its answer again."""
    twice = """
      const dialPstn = VoxEngine.callPSTN;
      VoxEngine.callPSTN = (...a) => {
        const leg = dialPstn(...a), add = leg.addEventListener.bind(leg);
        leg.addEventListener = (name, then) => add(name, name !== CallEvents.Connected ? then
          : (event) => { then(event); setTimeout(() => then(event), 5000); });
        return leg;
      };"""
    phone.backend.arrival = steps(dial(whisper=WHISPER, accept="1"))
    answers = (Answer(AGENT, answer=3, talk=30, keys=((9, "1"),)),)
    result = run(
        [twice, phone.scenario], Case(NUMBER, secrets=SECRETS, answers=answers), http=phone.backend
    )
    assert said_to(result, 1) == [WHISPER["text"]]
    assert phone.backend.acknowledged()["ring_seconds"] == pytest.approx(12.03)


def test_who_does_not_accept_in_time_is_hung_up(phone: Phone) -> None:
    phone.backend.arrival = steps(dial(whisper=WHISPER, accept="1"))
    result = phone.call(answers=(Answer(AGENT, answer=3),))
    report = phone.backend.acknowledged()
    (whispered,) = moments(result, "Call.PlaybackFinished")
    assert moments(result, "Hangup") == [pytest.approx(whispered + 15)]
    assert outcome(report) == ("missed", "no_operator_confirmation", 480)
    assert legs(report) == [(AGENT, 200, "no_operator_confirmation")]
    assert [data["code"] for data in commands(result, "RejectCall")] == [480]


def test_the_others_ring_on_until_one_accepts(phone: Phone) -> None:
    step = dial(AGENT, SECOND, THIRD, at_once=True, whisper=WHISPER, accept="1")
    phone.backend.arrival = steps(step)
    answers = (
        Answer(AGENT, answer=2),
        Answer(SECOND, answer=6, talk=20, keys=((4, "1"),)),
        Answer(THIRD),
    )
    result = phone.call(answers=answers)
    assert said_to(result, 1) == said_to(result, 2) == [WHISPER["text"]]
    assert legs(phone.backend.acknowledged()) == [
        (AGENT, 200, "answered_elsewhere"),
        (SECOND, 200, None),
        (THIRD, 487, "answered_elsewhere"),
    ]


def test_a_caller_who_leaves_while_a_target_considers_has_abandoned_the_call(phone: Phone) -> None:
    phone.backend.arrival = steps(dial(whisper=WHISPER, accept="1"))
    result = phone.call(answers=(Answer(AGENT, answer=3),), caller_does=CallerDoes(hang_up=8))
    report = phone.backend.acknowledged()
    assert outcome(report) == ("abandoned", "caller_disconnects", 487)
    assert legs(report) == [(AGENT, 200, "caller_disconnects")]
    assert result.legs[0].talk == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (((12, "1"),), ("answered", None, 200)),
        ((), ("missed", "no_operator_confirmation", 480)),
    ],
)
def test_the_platform_does_not_drop_a_caller_whose_target_considers(
    phone: Phone, keys: tuple[tuple[float, str], ...], told: tuple[str, str | None, int]
) -> None:
    phone.backend.arrival = steps(dial(AGENT, SECOND, ring=28, whisper=WHISPER, accept="1"))
    answers = (Answer(AGENT), Answer(SECOND, answer=24, talk=40, keys=keys))
    result = phone.call(answers=answers)
    assert moments(result, "AcceptCall") == [pytest.approx(57, abs=0.1)]
    assert order(result, "AcceptCall", "PlayProgressTone")[:2] == ["AcceptCall", "PlayProgressTone"]
    assert outcome(phone.backend.acknowledged()) == told


def test_a_caller_for_whom_it_only_rings_is_not_answered_for_that(phone: Phone) -> None:
    phone.backend.arrival = steps(dial(AGENT, SECOND, THIRD, whisper=WHISPER))
    result = phone.call(answers=(Answer("*"),))
    assert commands(result, "AcceptCall") == []
    assert result.duration < 60


def test_a_message_is_taken_where_there_is_no_time_left_to_ring(phone: Phone) -> None:
    voicemail = {"do": "voicemail", "prompt": said("Please speak."), "seconds": 30}
    phone.backend.arrival = steps(dial(AGENT, SECOND, THIRD), dial(AGENT), voicemail)
    report = phone.report(answers=(Answer("*"),))
    assert [leg["target"] for leg in report["legs"]] == [AGENT, SECOND, THIRD]
    assert report["outcome"] == "voicemail"


def test_ringback_goes_on_for_an_answered_caller_while_a_target_is_whispered_to(
    phone: Phone,
) -> None:
    phone.backend.arrival = steps(ANNOUNCE, dial(AGENT, SECOND, whisper=WHISPER))
    answers = (
        Answer(AGENT, early_media=1, answer=3, talk=1),
        Answer(SECOND, answer=3, talk=20),
    )
    result = phone.call(answers=answers)
    done = ("PlayProgressTone", "SendMediaTo", "SendMediaBetween")
    assert order(result, *done) == ["PlayProgressTone", "SendMediaBetween"]


UNHEARD = {
    "a whisper that throws": "leg.say = () => { throw new Error('x'); };",
    "a whisper that never ends": "leg.say = () => {};",
    "keys that cannot be heard": "leg.handleTones = () => { throw new Error('x'); };",
}


@pytest.mark.parametrize("broken", list(UNHEARD.values()), ids=list(UNHEARD))
def test_without_its_whisper_a_target_is_connected_all_the_same(phone: Phone, broken: str) -> None:
    phone.backend.arrival = steps(dial(whisper=WHISPER))
    bomb = f"""
      const dialPstn = VoxEngine.callPSTN;
      VoxEngine.callPSTN = (...a) => {{ const leg = dialPstn(...a); {broken} return leg; }};"""
    case = Case(NUMBER, secrets=SECRETS, answers=(Answer("*", answer=3, talk=60),))
    run([bomb, phone.scenario], case, http=phone.backend)
    report = phone.backend.acknowledged()
    assert outcome(report) == ("answered", None, 200)
    assert report["talk_seconds"] > 30


def test_a_target_may_be_left_out_of_the_recording(phone: Phone) -> None:
    step = dial()
    step["targets"] = [
        {"to": AGENT, "ring_seconds": 10, "record": False},
        {"to": SECOND, "ring_seconds": 10},
    ]
    phone.backend.arrival = steps(step)
    result = phone.call(answers=(Answer(AGENT, answer=2, talk=9),))
    assert commands(result, "Record") == []
    assert phone.backend.acknowledged()["recording"] is None
    phone.backend.reports.clear()
    phone.call(answers=(Answer(AGENT, fail=486), Answer(SECOND, answer=2, talk=9)))
    assert phone.backend.acknowledged()["recording"]["seconds"] == 8


@pytest.mark.parametrize(
    ("shown", "follows"), [(f"+{NUMBER}", False), (f"+{CALLER}", True), ("+15550123456", False)]
)
def test_a_target_sees_whom_the_plan_says_the_caller_himself_by_way_of_a_diversion(
    phone: Phone, shown: str, follows: bool
) -> None:
    phone.backend.arrival = steps(dial(caller_id=shown))
    (dialled,) = commands(phone.call(answers=(Answer("*", answer=2, talk=9),)), "CallPSTN")
    assert (dialled["callerid"], dialled["followDiversion"]) == (shown[1:], follows)
