"""Targets with a cap: the backend is asked, told, and never waited for in vain."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from ringtrace.gateways.voximplant.emulator import Answer, CallerDoes, Reply, Request
from tests.unit.gateways.voximplant.conftest import (
    AGENT,
    REFUSED,
    SECOND,
    FakeBackend,
    Phone,
    dial,
    json_reply,
    plan,
    said,
    steps,
)

ANSWERS = (Answer(AGENT, answer=2, talk=10), Answer(SECOND, answer=2, talk=10))


@dataclass
class Counting(FakeBackend):
    """Says `room` of every leg."""

    room: Reply = field(default_factory=lambda: json_reply(200, {"free": True}))
    legs: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, request: Request, moment: float) -> Reply:
        if not request.url.endswith("/calls/4000000001/legs"):
            return super().__call__(request, moment)
        assert ("Authorization", "Bearer gateway-token") in request.headers
        self.legs.append((moment, json.loads(request.body or b"")))
        return self.room


@pytest.fixture
def counting(phone: Phone) -> Counting:
    backend = phone.backend = Counting()
    backend.arrival = steps(capped(AGENT), dial(SECOND))
    return backend


def capped(*targets: str, most: int = 1, ring: float = 20, **more: Any) -> dict[str, Any]:
    rung = [{"to": to, "ring_seconds": ring, "most_calls": most} for to in targets]
    return dial(**more) | {"targets": rung}


def dialled(report: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(leg["target"], leg["reason"]) for leg in report["legs"]]


def test_the_backend_is_asked_before_a_target_with_a_cap_is_rung(
    phone: Phone, counting: Counting
) -> None:
    report = phone.report(answers=ANSWERS)
    assert [note for _, note in counting.legs] == [{"leg": 1, "target": AGENT, "most_calls": 1}]
    assert report["target"] == AGENT, "the report says that the leg is over"


def test_nobody_is_asked_about_targets_without_one(phone: Phone, counting: Counting) -> None:
    counting.arrival = steps(dial(AGENT))
    phone.call(answers=ANSWERS)
    assert counting.legs == []


def test_a_full_target_is_not_dialled(phone: Phone, counting: Counting) -> None:
    counting.room = json_reply(200, {"free": False})
    result = phone.call(answers=ANSWERS)
    report = counting.acknowledged()
    assert dialled(report) == [(AGENT, "operator_busy"), (SECOND, None)]
    assert [leg.to for leg in result.legs] == [SECOND[1:]]


MUTE = {
    "refused": REFUSED,
    "an error": Reply(500),
    "a backend that does not know": Reply(404, b"{}"),
    "not JSON": Reply(200, b"<html>"),
    "silent": json_reply(200, {"free": False}, delay=1000),
    "late": json_reply(200, {"free": False}, delay=1.2),
}


@pytest.mark.parametrize("mute", list(MUTE.values()), ids=list(MUTE))
def test_a_backend_that_does_not_say_is_no_reason_not_to_ring(
    phone: Phone, counting: Counting, mute: Reply
) -> None:
    counting.room = mute
    counting.arrival = steps(capped(AGENT, SECOND))
    report = phone.report(answers=(Answer(AGENT, fail=486), Answer(SECOND, answer=2, talk=10)))
    assert dialled(report) == [(AGENT, "operator_busy"), (SECOND, None)]
    assert report["ring_seconds"] < 1.5 + 1 + 2 + 0.2, "asked once, not for each target"
    asked = [note for _, note in counting.legs if "most_calls" in note]
    assert len(asked) == 1


def test_with_a_cached_plan_nobody_is_asked(phone: Phone, counting: Counting) -> None:
    counting.arrival = json_reply(200, plan(steps=[capped(AGENT)]))
    phone.call(answers=ANSWERS)
    away = phone.backend = Counting(arrival=REFUSED, room=REFUSED)
    assert phone.report(answers=ANSWERS)["target"] == AGENT
    assert away.legs == []


@pytest.mark.parametrize(
    "answer",
    [Answer(AGENT, fail=486), Answer(AGENT), Answer(AGENT, answer=1, talk=1)],
    ids=["busy", "silent", "does not accept"],
)
def test_a_leg_that_came_to_nothing_makes_room_while_the_call_goes_on(
    phone: Phone, counting: Counting, answer: Answer
) -> None:
    counting.arrival = steps(capped(AGENT, ring=6, accept="1"), dial(SECOND))
    phone.report(answers=(answer, Answer(SECOND, answer=2, talk=600)))
    assert [note for _, note in counting.legs] == [
        {"leg": 1, "target": AGENT, "most_calls": 1},
        {"leg": 1},
    ]
    assert counting.legs[1][0] < 60, "not when the call was over"


def test_those_who_were_slower_make_room(phone: Phone, counting: Counting) -> None:
    counting.arrival = steps(capped(AGENT, SECOND, at_once=True))
    phone.report(answers=(Answer(AGENT, answer=2, talk=10), Answer(SECOND)))
    assert [note for _, note in counting.legs][2:] == [{"leg": 2}]


def test_a_long_talk_is_told_of_every_two_minutes(phone: Phone, counting: Counting) -> None:
    phone.report(answers=(Answer(AGENT, answer=2, talk=500),))
    told = [(moment, note) for moment, note in counting.legs if "most_calls" not in note]
    assert [note for _, note in told] == [{"leg": 1, "target": AGENT}] * 4
    assert [round(moment / 120) for moment, _ in told] == [1, 2, 3, 4]


def test_a_caller_who_leaves_while_the_backend_is_asked_rings_nobody(
    phone: Phone, counting: Counting
) -> None:
    counting.room = json_reply(200, {"free": True}, delay=0.8)
    result = phone.call(answers=ANSWERS, caller_does=CallerDoes(hang_up=0.3))
    report = counting.acknowledged()
    assert result.legs == ()
    assert (report["outcome"], dialled(report)) == (
        "abandoned",
        [(AGENT, "caller_disconnects")],
    )
    assert result.finish_reason == "Normal termination"


def test_a_caller_who_was_answered_goes_on_from_a_full_target_to_the_next_step(
    phone: Phone, counting: Counting
) -> None:
    counting.room = json_reply(200, {"free": False})
    greeting = {"do": "announce", "prompt": said("Hello.")}
    message = {"do": "voicemail", "prompt": said("Leave a message."), "seconds": 10}
    counting.arrival = steps(greeting, capped(AGENT), message)
    report = phone.report(answers=ANSWERS)
    assert (report["outcome"], dialled(report)) == ("voicemail", [(AGENT, "operator_busy")])


def test_a_target_that_cannot_be_dialled_gives_its_place_back(
    phone: Phone, counting: Counting
) -> None:
    broken = Phone(
        "const dials = VoxEngine.callPSTN;"
        " VoxEngine.callPSTN = (to, ...more) => {"
        f"   if (to === '{AGENT[1:]}') throw new Error('no such route');"
        "    return dials(to, ...more);"
        " };\n" + phone.scenario,
        backend=counting,
    )
    result = broken.call(answers=ANSWERS)
    report = counting.acknowledged()
    assert [note for _, note in counting.legs] == [
        {"leg": 1, "target": AGENT, "most_calls": 1},
        {"leg": 1},
    ]
    assert counting.legs[1][0] < 1, "at once: nobody else need wait for it"
    assert [leg["target"] for leg in report["legs"]] == [AGENT, SECOND]
    assert [leg.to for leg in result.legs] == [SECOND[1:]]


def test_a_plan_cut_down_for_the_storage_keeps_its_caps(phone: Phone, counting: Counting) -> None:
    many = [f"sip:desk{n}@{'branch' * 10}.example.com" for n in range(60)]
    counting.arrival = json_reply(200, plan(steps=[capped(*many, most=3)]))
    phone.call()
    (entry,) = phone.storage.entries.values()
    kept = json.loads(entry.value)["steps"][0]["targets"]
    assert kept[0] == {"to": many[0], "most_calls": 3}
