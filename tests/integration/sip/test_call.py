"""Calls through a real node: what the caller, the agent and the backend get of them."""

import array
import asyncio
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers, Calling, NeverAnswers, Refuses
from ringtrace.demo.phone import Phone
from tests.integration.sip.conftest import (
    AGENT,
    CALLER,
    NUMBER,
    OUR_NUMBER,
    SECOND_AGENT,
    Backend,
    Node,
    plan,
    until,
)
from tests.sipsound import RATE, agent_call, channels, level

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]


def onset(samples: "array.array[int]") -> float:
    """When the tone begins, in seconds."""
    return next(i for i, s in enumerate(samples) if abs(s) > 2000) / RATE


async def test_answered_call_is_bridged_recorded_and_reported(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=0.3, tone_hz=880)})
    backend.plan = plan((AGENT, 5), record=True)
    result = await caller.call(node.uri(), CALLER, Calling(tone_hz=440, talk_seconds=1.5))
    seen = await agent_call(agent)

    assert (result.code, result.rang) == (200, True)
    assert result.heard.hz == pytest.approx(880, abs=5)
    assert seen.heard.hz == pytest.approx(440, abs=5)
    assert (seen.number, seen.caller) == (AGENT, OUR_NUMBER)
    (arrival,) = backend.arrivals
    assert (arrival["number"], arrival["caller"]) == (NUMBER, CALLER)
    report = await backend.report()
    (leg,) = report["legs"]
    assert report["started_at"] == arrival["started_at"]
    assert (report["outcome"], report["reason"], report["code"]) == ("answered", None, 200)
    assert (report["number"], report["caller"]) == (OUR_NUMBER, CALLER)
    assert (report["target"], leg["target"]) == (AGENT, AGENT)
    assert (leg["code"], leg["reason"]) == (200, None)
    assert leg["ring_seconds"] == pytest.approx(0.3, abs=0.4)
    assert report["talk_seconds"] == leg["talk_seconds"] == pytest.approx(1.5, abs=0.4)
    assert report["plan_source"] == "backend"
    assert report["session"]
    assert report["node"] == socket.gethostname()
    assert report["recording"]["channels"] == 2
    left, right = channels(await backend.recording())
    assert report["recording"]["seconds"] == pytest.approx(len(left) / RATE, abs=0.001)
    assert len(left) / RATE == pytest.approx(1.5, abs=0.4)
    middle = slice(len(left) // 2, len(left) // 2 + RATE // 2)
    assert level(left[middle], 440) > 5000
    assert level(left[middle], 880) < 100
    assert level(right[middle], 880) > 5000
    assert level(right[middle], 440) < 100
    assert result.tone_at is not None
    assert seen.tone_at is not None
    assert onset(right) - onset(left) == pytest.approx(seen.tone_at - result.tone_at, abs=0.04)


@pytest.mark.parametrize(
    ("refusal", "answer", "outcome", "reason"),
    [
        (486, 486, "busy", "operator_busy"),
        (600, 486, "busy", "operator_busy"),
        (603, 603, "rejected", "operator_disconnects"),
        (480, 480, "missed", "operator_not_responsive"),
        (404, 404, "failed", "operator_number_problems"),
        (503, 503, "failed", "operator_channels_busy"),
        (407, 500, "failed", "internal_error"),
    ],
)
async def test_refusal_reaches_caller_and_report(
    node: Node,
    backend: Backend,
    caller: Phone,
    agents: OpenAgents,
    refusal: int,
    answer: int,
    outcome: str,
    reason: str,
) -> None:
    await agents({AGENT: Refuses(refusal)})
    backend.plan = plan((AGENT, 5))
    result = await caller.call(node.uri(), CALLER, Calling())
    report = await backend.report()
    assert result.code == answer
    assert (report["outcome"], report["reason"]) == (outcome, reason)
    assert (report["code"], report["legs"][0]["code"]) == (refusal, refusal)
    assert (report["talk_seconds"], report["recording"]) == (0, None)


async def test_unanswered_target_is_cancelled_and_the_next_one_answers(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: NeverAnswers(), SECOND_AGENT: Answers(after=0.1)})
    backend.plan = plan((AGENT, 1), (SECOND_AGENT, 5))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.5))
    first, second = await agent_call(agent), await agent_call(agent)
    report = await backend.report()
    assert result.code == 200
    assert (first.number, first.code) == (AGENT, 487)
    assert (second.number, second.code) == (SECOND_AGENT, 200)
    assert [leg["code"] for leg in report["legs"]] == [487, 200]
    assert report["legs"][0]["ring_seconds"] == pytest.approx(1, abs=0.4)
    assert report["legs"][0]["reason"] == "operator_not_responsive"
    assert report["ring_seconds"] == pytest.approx(1.1, abs=0.4)
    assert (report["outcome"], report["target"]) == ("answered", SECOND_AGENT)


async def test_last_leg_decides_when_all_fail(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Refuses(486), SECOND_AGENT: NeverAnswers()})
    backend.plan = plan((AGENT, 5), (SECOND_AGENT, 1))
    result = await caller.call(node.uri(), CALLER, Calling())
    report = await backend.report()
    assert result.code == 480
    assert (report["outcome"], report["code"]) == ("missed", 487)
    assert report["target"] == SECOND_AGENT


async def test_silent_host_is_given_up_early(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan(("sip:desk@127.0.0.8:5999", 20), (AGENT, 5))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.2))
    report = await backend.report()
    assert result.code == 200
    assert [leg["code"] for leg in report["legs"]] == [408, 200]
    assert report["legs"][0]["ring_seconds"] == pytest.approx(0.5, abs=0.4)


async def test_sip_target_is_dialled_at_its_host(
    node: Node, backend: Backend, caller: Phone
) -> None:
    desk = await Phone.open("127.0.0.5", 0, {"desk": Answers(after=0)})
    backend.plan = plan((f"sip:desk@127.0.0.5:{desk.address[1]}", 5))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.3))
    seen = await agent_call(desk)
    await desk.close()
    assert (result.code, seen.number) == (200, "desk")


async def test_caller_who_gives_up_is_reported_and_the_target_stops_ringing(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: NeverAnswers()})
    backend.plan = plan((AGENT, 20))
    result = await caller.call(node.uri(), CALLER, Calling(cancel_after=0.5))
    seen = await agent_call(agent)
    report = await backend.report()
    assert (result.code, seen.code) == (487, 487)
    assert (report["outcome"], report["reason"]) == ("abandoned", "caller_disconnects")
    assert (report["code"], report["legs"][0]["code"]) == (487, 487)
    assert report["ring_seconds"] == pytest.approx(0.5, abs=0.4)


async def test_agent_may_hang_up_first(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0, hang_up_after=0.6)})
    backend.plan = plan((AGENT, 5))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=None))
    report = await backend.report()
    assert result.talk_seconds == pytest.approx(0.6, abs=0.4)
    assert report["talk_seconds"] == pytest.approx(0.6, abs=0.4)
    assert report["recording"] is None


async def test_talk_time_is_limited_by_the_plan(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5), max_seconds=0.5)
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=None))
    seen = await agent_call(agent)
    report = await backend.report()
    assert result.talk_seconds == pytest.approx(0.5, abs=0.4)
    assert seen.talk_seconds == pytest.approx(0.5, abs=0.4)
    assert report["outcome"] == "answered"


async def test_hold_reaches_the_agent(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.8, hold_after=0.3))
    seen = await agent_call(agent)
    assert (result.code, result.hold_code) == (200, 200)
    assert seen.held


async def test_withheld_caller_is_null(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Refuses(486)})
    backend.plan = plan((AGENT, 5))
    await caller.call(node.uri(), "", Calling())
    report = await backend.report()
    assert backend.arrivals[0]["caller"] is None
    assert report["caller"] is None


async def test_unknown_number_is_not_found_and_leaves_nothing(
    node: Node, backend: Backend, caller: Phone
) -> None:
    backend.plan = None
    result = await caller.call(node.uri("15550999999"), CALLER, Calling())
    assert result.code == 404
    assert len(backend.arrivals) == 1
    assert node.waiting() == []


async def test_untrusted_source_is_forbidden_and_the_backend_hears_nothing(
    node: Node, backend: Backend
) -> None:
    backend.plan = plan((AGENT, 5))
    stranger = await Phone.open("127.0.0.9")
    result = await stranger.call(node.uri(), CALLER, Calling())
    await stranger.close()
    assert result.code == 403
    assert backend.arrivals == []


async def test_log_holds_no_phone_number(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Refuses(486)})
    backend.plan = plan((AGENT, 5))
    await caller.call(node.uri(), CALLER, Calling())
    await backend.report()
    assert "call_ended" in node.log
    for number in (NUMBER, CALLER[1:], AGENT[1:]):
        assert number not in node.log


async def test_drain_finishes_live_calls_and_takes_no_new_ones(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    node = own_node(drain_seconds=30)
    node.start()
    live = asyncio.create_task(caller.call(node.uri(), CALLER, Calling(talk_seconds=1.2)))
    await until(lambda: "call_answered" in node.log)
    node.signal(signal.SIGTERM)
    await until(lambda: "sip_node_draining" in node.log)
    refused = await caller.call(node.uri(), CALLER, Calling())
    result = await live
    seen = await agent_call(agent)
    assert refused.code == 503
    assert result.talk_seconds == pytest.approx(1.2, abs=0.4)
    assert seen.talk_seconds == pytest.approx(1.2, abs=0.4)
    assert await asyncio.to_thread(node.wait) == 0
    assert len(backend.reports) == 1


async def test_calls_beyond_the_cap_are_refused(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: NeverAnswers()})
    backend.plan = plan((AGENT, 5))
    node = own_node(max_calls=1)
    node.start()
    first = asyncio.create_task(caller.call(node.uri(), CALLER, Calling(cancel_after=0.6)))
    await until(lambda: bool(backend.arrivals))
    second = await caller.call(node.uri(), CALLER, Calling())
    assert second.code == 503
    assert (await first).code == 487
    assert len(backend.arrivals) == 1


async def test_calls_still_live_after_the_drain_are_ended_and_reported(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    node = own_node(drain_seconds=0.3, listen_ip="0.0.0.0", advertised_ip="127.0.0.1")  # noqa: S104 - on trial
    node.start()
    node.address = node.address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - as above
    live = asyncio.create_task(caller.call(node.uri(), CALLER, Calling(talk_seconds=None)))
    await until(lambda: "call_answered" in node.log)
    node.signal(signal.SIGTERM)
    result = await live
    assert result.heard.packets > 0
    assert await asyncio.to_thread(node.wait) == 0
    assert (await backend.report())["outcome"] == "answered"
