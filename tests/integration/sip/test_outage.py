"""Nothing is lost while the backend is away, or when the node is killed."""

import asyncio
import io
import os
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers, Calling, NeverAnswers
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
    private,
    until,
)
from tests.sipp import sipp

pytestmark = pytest.mark.phones
AWAY_SECONDS = float(os.environ.get("RINGTRACE_AWAY", "3"))
OpenAgents = Callable[[dict[str, Any]], Any]


async def test_fallback_rings_while_backend_is_down_and_report_arrives_when_it_is_back(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({SECOND_AGENT: Answers(after=0)})
    node = own_node(fallback_target=SECOND_AGENT)
    node.start()
    backend.stop()
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.3))
    seen = await asyncio.wait_for(agent.agent_calls.get(), 5)
    assert (result.code, seen.number) == (200, SECOND_AGENT)
    await until(lambda: "backend_away waiting=1" in node.log)
    assert all(private(path) for path in node.spool.rglob("*"))
    backend.start()
    report = await backend.report()
    assert (report["outcome"], report["target"]) == ("answered", SECOND_AGENT)
    assert (report["plan_source"], report["number"]) == ("fallback", NUMBER)
    await until(lambda: not node.waiting())


async def test_every_caller_of_an_outage_reaches_the_fallback_and_is_reported_once(
    own_node: Callable[..., Node], backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    """Ten calls a second; `RINGTRACE_AWAY` is the length of the outage."""
    agent = await agents({SECOND_AGENT: Answers(after=0)})
    node = own_node(fallback_target=SECOND_AGENT, max_calls=60)
    node.start()
    backend.stop()
    calls = round(10 * AWAY_SECONDS)
    how: dict[str, Any] = {"number": NUMBER, "calls": calls, "seconds": AWAY_SECONDS + 10}
    code = await sipp(node.address, tmp_path, "-sn", "uac", "-d", "300", **how)
    assert code == 0, "every caller was answered and hung up himself"
    await until(lambda: agent.agent_calls.qsize() == calls)
    await until(lambda: node.metric("ringtrace_sip_outbox_reports") == calls)
    backend.start()
    await until(lambda: not node.waiting(), 60)
    assert len(backend.reports) == len(backend.reported) == calls
    facts = {(one["outcome"], one["plan_source"]) for one in backend.reports.values()}
    assert facts == {("answered", "fallback")}


async def test_slow_backend_is_replaced_by_the_cached_plan_in_time(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=0)})
    node = own_node(fallback_target=SECOND_AGENT)
    node.start()
    backend.plan = plan((AGENT, 5))
    await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.1))
    await backend.report()
    backend.reports.clear()
    backend.delay = 3.0
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.1))
    assert result.code == 200
    assert result.ring_seconds == pytest.approx(0.5, abs=0.4)
    assert [(await agent.agent_calls.get()).number for _ in range(2)] == [AGENT, AGENT]
    assert (await backend.report())["plan_source"] == "cache"


async def test_answer_that_is_no_plan_is_replaced_by_the_cached_plan(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    node = own_node()
    node.start()
    backend.plan = plan((AGENT, 5))
    await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.1))
    await backend.report()
    backend.reports.clear()
    backend.plan = plan(("not a target", 5))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.1))
    assert result.code == 200
    assert (await backend.report())["plan_source"] == "cache"


async def test_without_backend_cache_and_fallback_the_call_fails_and_is_reported(
    own_node: Callable[..., Node], backend: Backend, caller: Phone
) -> None:
    node = own_node()
    node.start()
    backend.stop()
    result = await caller.call(node.uri(), CALLER, Calling())
    backend.start()
    report = await backend.report()
    assert result.code == 500
    assert (report["outcome"], report["reason"]) == ("failed", "internal_error")
    assert (report["target"], report["plan_source"]) == (None, None)


async def test_answered_call_survives_kill_of_the_node(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5), record=True)
    node = own_node()
    node.start()
    call = asyncio.create_task(caller.call(node.uri(), CALLER, Calling(talk_seconds=60)))
    await until(lambda: "call_answered" in node.log)
    await asyncio.sleep(2.2)  # the length of the talk
    node.kill()
    call.cancel()
    assert backend.reports == {}
    node.start()
    report = await backend.report()
    assert (report["outcome"], report["code"]) == ("answered", 200)
    assert report["reason"] == "gateway_failure"
    assert report["target"] == AGENT
    assert 1.0 <= report["talk_seconds"] <= 2.5
    with wave.open(io.BytesIO(await backend.recording())) as wav:
        assert 1.0 <= wav.getnframes() / wav.getframerate() <= 2.5
    await until(lambda: not node.waiting())


async def test_ringing_call_is_reported_failed_after_kill_of_the_node(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: NeverAnswers()})
    backend.plan = plan((AGENT, 20))
    node = own_node()
    node.start()
    call = asyncio.create_task(caller.call(node.uri(), CALLER, Calling()))
    await until(lambda: bool(backend.arrivals) and "RINGING" in _states(node))
    node.kill()
    call.cancel()
    node.start()
    report = await backend.report()
    assert (report["outcome"], report["reason"]) == ("failed", "gateway_failure")
    assert (report["code"], report["number"]) == (None, OUR_NUMBER)
    assert [(leg["target"], leg["code"]) for leg in report["legs"]] == [(AGENT, None)]


def _states(node: Node) -> list[str]:
    """A journaled call with a leg is ringing."""
    journals = [path.read_text() for path in (node.spool / "live").glob("*.json")]
    return ["RINGING" for text in journals if AGENT in text]


async def test_recording_goes_after_its_report_and_both_are_kept_while_refused(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5), record=True)
    backend.report_status = 503
    node = own_node()
    node.start()
    await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.5))
    await until(lambda: "delivery_refused" in node.log)
    assert sorted(name.rpartition(".")[2] for name in node.waiting()) == ["json", "wav"]
    backend.report_status = 200
    report = await backend.report()
    await backend.recording()
    assert report["recording"]["seconds"] == pytest.approx(0.5, abs=0.4)
    await until(lambda: not node.waiting())


async def test_second_node_on_the_same_spool_does_not_start(
    own_node: Callable[..., Node], backend: Backend
) -> None:
    first = own_node()
    first.start()
    second = Node(first.folder / "second", {**first.settings, "spool_dir": str(first.spool)})
    second.folder.mkdir()
    with pytest.raises(AssertionError, match="in use by another node"):
        second.start()
    second.process = None
    assert backend.reports == {}
