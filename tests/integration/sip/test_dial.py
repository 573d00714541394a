"""Targets rung in turn and at once: who is connected, what becomes of the others."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers, Calling, NeverAnswers, Refuses
from ringtrace.demo.phone import Phone
from tests.integration.sip.conftest import (
    AGENT,
    CALLER,
    COLLECT,
    SECOND_AGENT,
    Backend,
    Json,
    Node,
    dial,
    plan_of,
    said,
    until,
)
from tests.sipsound import agent_call, channels, heard, level

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
AGENTS = [AGENT, SECOND_AGENT, "+15550199003"]
FORKS = int(os.environ.get("RINGTRACE_FORKS", "10"))


def all_of(*agents: str, record: bool = False) -> dict[str, Any]:
    return plan_of(dial(*((agent, 5) for agent in agents), at_once=True, record=record))


async def test_the_first_of_three_wins_and_the_others_stop_ringing(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    first, second, third = AGENTS
    agent = await agents(
        {first: NeverAnswers(), second: Answers(after=0.3, tone_hz=880), third: NeverAnswers()}
    )
    backend.plan = all_of(*AGENTS, record=True)
    result = await caller.call(node.uri(), CALLER, Calling(tone_hz=440, talk_seconds=1.2))
    seen = {call.number: call for call in [await agent_call(agent) for _ in AGENTS]}
    report = await backend.report()
    left, right = channels(await backend.recording())

    assert (result.code, result.rang) == (200, True)
    assert {number: call.code for number, call in seen.items()} == {
        first: 487,
        second: 200,
        third: 487,
    }
    assert result.heard.hz == pytest.approx(880, abs=5)
    assert seen[second].heard.hz == pytest.approx(440, abs=5)
    assert (report["outcome"], report["target"]) == ("answered", second)
    assert [(leg["target"], leg["code"], leg["reason"]) for leg in report["legs"]] == [
        (first, 487, "answered_elsewhere"),
        (second, 200, None),
        (third, 487, "answered_elsewhere"),
    ]
    assert heard(left, 440, 5000)
    assert heard(right, 880, 5000)
    assert not heard(right, 440)


async def test_of_simultaneous_answers_exactly_one_is_connected(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    """Ten times; RINGTRACE_FORKS says how often."""
    agent = await agents(dict.fromkeys(AGENTS, Answers(after=0.1, tone_hz=880)))
    backend.plan = all_of(*AGENTS)
    for _ in range(FORKS):
        backend.reports.clear()
        calling = Calling(tone_hz=440, talk_seconds=0.8)
        result = await caller.call(node.uri(), CALLER, calling)
        seen = [await agent_call(agent) for _ in AGENTS]
        report = await backend.report()
        winners = [call for call in seen if heard(call.heard.samples, 440)]
        joined = [leg for leg in report["legs"] if leg["talk_seconds"] > 0]
        losers = [leg for leg in report["legs"] if leg["talk_seconds"] == 0]
        assert result.code == 200
        assert result.heard.hz == pytest.approx(880, abs=5)
        assert [call.number for call in winners] == [report["target"]]
        assert [leg["target"] for leg in joined] == [report["target"]]
        assert {leg["reason"] for leg in losers} == {"answered_elsewhere"}
        assert all(call.talk_seconds < 0.5 for call in seen if call is not winners[0])


async def test_when_all_of_them_refuse_the_next_step_is_taken(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    first, second, third = AGENTS
    await agents({first: Refuses(486), second: Refuses(603), third: Answers(after=0)})
    backend.plan = plan_of(*all_of(first, second)["steps"], dial((third, 5)))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.4))
    report = await backend.report()
    assert result.code == 200
    assert [leg["code"] for leg in report["legs"]] == [486, 603, 200]


async def test_a_hunt_passes_over_every_kind_of_failure_until_one_answers(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    kinds: dict[str, Any] = {
        "+15550199011": Refuses(486),
        "+15550199012": Refuses(480),
        "+15550199013": Refuses(503),
        "+15550199014": NeverAnswers(),
        "+15550199015": Answers(after=0.2, tone_hz=880),
    }
    await agents(kinds)
    backend.plan = plan_of(dial(*((number, 1) for number in kinds)))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.8))
    report = await backend.report()
    assert result.code == 200
    assert result.heard.hz == pytest.approx(880, abs=5)
    assert [leg["code"] for leg in report["legs"]] == [486, 480, 503, 487, 200]
    assert [leg["reason"] for leg in report["legs"]] == [
        "operator_busy",
        "operator_not_responsive",
        "operator_channels_busy",
        "operator_not_responsive",
        None,
    ]


async def test_a_caller_who_gives_up_stops_all_telephones(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents(dict.fromkeys(AGENTS, NeverAnswers()))
    backend.plan = all_of(*AGENTS)
    result = await caller.call(node.uri(), CALLER, Calling(cancel_after=0.4))
    seen = [await agent_call(agent) for _ in AGENTS]
    report = await backend.report()
    assert (result.code, report["outcome"]) == (487, "abandoned")
    assert {call.code for call in seen} == {487}
    assert {leg["reason"] for leg in report["legs"]} == {"caller_disconnects"}


@pytest.mark.parametrize("collect", [None, COLLECT], ids=["unanswered", "answered"])
async def test_early_media_of_a_target_that_did_not_answer_disturbs_nobody(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents, collect: Json | None
) -> None:
    """Networks speak before the answer: they ring, or say that nobody is there."""
    agent = await agents(
        {AGENT: NeverAnswers(early_hz=1300), SECOND_AGENT: Answers(after=0.2, tone_hz=880)}
    )
    steps = [dial((AGENT, 1)), dial((SECOND_AGENT, 5))]
    backend.plan = plan_of(*([collect] if collect else []), *steps)
    calling = Calling(tone_hz=440, talk_seconds=4 if collect else 1, keys="#" if collect else "")
    result = await caller.call(node.uri(), CALLER, calling)
    seen = [await agent_call(agent) for _ in range(2)]
    await backend.report()
    assert not heard(result.heard.samples, 1300)
    assert level(result.heard.samples[-4000:], 880) > 5000
    assert level(seen[1].heard.samples[-4000:], 440) > 5000


async def test_a_message_is_asked_for_after_early_media(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: NeverAnswers(early_hz=1300)})
    voicemail = {"do": "voicemail", "prompt": said("Please leave a message."), "seconds": 30}
    backend.plan = plan_of(dial((AGENT, 1)), voicemail)
    result = await caller.call(node.uri(), CALLER, Calling(tone_hz=440, talk_seconds=2.5))
    report = await backend.report()
    left, right = channels(await backend.recording())
    assert report["outcome"] == "voicemail"
    assert heard(result.heard.samples, 1000), "the beep"
    assert heard(left, 440, 5000)
    assert max(map(abs, right)) < 50


async def test_hold_reaches_the_winner_and_the_sound_goes_on(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=0, tone_hz=880), SECOND_AGENT: NeverAnswers()})
    backend.plan = all_of(AGENT, SECOND_AGENT)
    calling = Calling(talk_seconds=1.6, hold_after=0.6)
    result = await caller.call(node.uri(), CALLER, calling)
    seen = [await agent_call(agent) for _ in range(2)]
    (winner,) = [call for call in seen if call.code == 200]
    assert (result.hold_code, winner.held) == (200, True)
    assert level(result.heard.samples[-4000:], 880) > 5000


async def test_a_talk_of_a_winner_survives_kill_of_the_node(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0), SECOND_AGENT: NeverAnswers()})
    backend.plan = all_of(AGENT, SECOND_AGENT, record=True)
    node = own_node()
    node.start()
    call = asyncio.create_task(caller.call(node.uri(), CALLER, Calling(talk_seconds=60)))
    await until(lambda: "call_answered" in node.log)
    await asyncio.sleep(2.2)  # the length of the talk
    node.kill()
    call.cancel()
    node.start()
    report = await backend.report()
    assert (report["outcome"], report["target"]) == ("answered", AGENT)
    assert 1.0 <= report["talk_seconds"] <= 2.5
    assert [leg["reason"] for leg in report["legs"]] == [None, "answered_elsewhere"]
    left, _ = channels(await backend.recording())
    assert 1.0 <= len(left) / 8000 <= 2.5
