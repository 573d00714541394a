"""What a node says of itself over HTTP."""

import asyncio
import json
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers, Calling, NeverAnswers
from ringtrace.demo.phone import Phone
from tests.integration.sip.conftest import AGENT, CALLER, Backend, Node, plan, until

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
MakeNode = Callable[..., Node]


async def test_calls_are_counted_while_they_live_and_by_outcome(
    own_node: MakeNode, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0.1)})
    backend.plan = plan((AGENT, 5), record=True)
    node = own_node()
    node.start()
    call = asyncio.create_task(caller.call(node.uri(), CALLER, Calling(talk_seconds=1)))
    await until(lambda: "call_answered" in node.log)
    assert node.metric("ringtrace_sip_calls_live") == 1
    assert node.metric("ringtrace_sip_media_sessions") == 1
    assert (await call).code == 200
    await backend.report()
    await until(lambda: not node.waiting())

    assert node.metric('ringtrace_sip_calls_total{outcome="answered"}') == 1
    assert node.metric("ringtrace_sip_calls_live") == 0
    assert node.metric("ringtrace_sip_setup_seconds_count") == 1
    assert 0 < node.metric("ringtrace_sip_setup_seconds_sum") < 2
    assert node.metric('ringtrace_sip_plan_seconds_count{source="backend"}') == 1
    assert node.metric('ringtrace_sip_backend_requests_total{request="report",result="ok"}') == 1
    assert node.metric("ringtrace_sip_backend_up") == 1
    assert node.metric("process_resident_memory_bytes") > 10_000_000
    await until(lambda: node.metric("ringtrace_sip_media_sessions") == 0)


async def test_nothing_is_said_of_who_called_whom(
    own_node: MakeNode, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    node = own_node()
    node.start()
    await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.1))
    await caller.call(node.uri("somebody"), CALLER, Calling())
    await backend.report()

    said = "".join(node.health(path)[1] for path in ("/healthz", "/readyz", "/metrics"))
    assert node.metric('ringtrace_sip_refused_total{reason="not_a_number"}') == 1
    assert not re.search(r"1555\d{7}", said)


async def test_reports_wait_while_the_backend_is_away_and_that_is_said(
    own_node: MakeNode, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    node = own_node(fallback_target=AGENT)
    node.start()
    await until(lambda: node.metric("ringtrace_sip_backend_up") == 1)
    backend.stop()
    assert (await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.1))).code == 200
    await until(lambda: node.metric("ringtrace_sip_outbox_reports") == 1)
    await until(lambda: node.metric("ringtrace_sip_outbox_oldest_seconds") > 0.5)
    assert node.metric("ringtrace_sip_backend_up") == 0
    assert node.metric('ringtrace_sip_plan_seconds_count{source="fallback"}') == 1
    status, said = node.health("/readyz")
    assert status == 200, "calls are taken, whatever the backend does"
    assert (json.loads(said)["backend"], json.loads(said)["reports_waiting"]) == ("away", 1)
    backend.start()
    await backend.report()
    await until(lambda: node.metric("ringtrace_sip_outbox_reports") == 0)


async def test_a_node_that_drains_is_alive_but_not_ready(
    own_node: MakeNode, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: NeverAnswers()})
    backend.plan = plan((AGENT, 20))
    node = own_node(drain_seconds=20)
    node.start()
    assert (node.health("/healthz")[0], node.health("/readyz")[0]) == (200, 200)
    call = asyncio.create_task(caller.call(node.uri(), CALLER, Calling(cancel_after=1.5)))
    await until(lambda: "call_started" in node.log)
    node.signal(signal.SIGTERM)
    await until(lambda: node.health("/readyz")[0] == 503)
    assert (await caller.call(node.uri(), CALLER, Calling())).code == 503
    assert node.health("/healthz")[0] == 200
    assert node.metric("ringtrace_sip_draining") == 1
    assert node.metric('ringtrace_sip_refused_total{reason="draining"}') == 1
    assert (await call).code == 487
    assert node.wait() == 0
    assert (await backend.report())["outcome"] == "abandoned"


async def test_a_port_that_is_taken_costs_no_call(
    own_node: MakeNode, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    node = own_node(health_listen=f"127.0.0.1:{backend.port}")
    node.start()
    assert "health_not_served" in node.log
    assert (await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.1))).code == 200
    await backend.report()


async def test_anything_else_is_not_found(own_node: MakeNode, backend: Backend) -> None:
    node = own_node()
    node.start()
    assert node.health("/")[0] == 404
    assert backend.reports == {}
