"""Several nodes behind one address: a real Kamailio with the configuration that we ship."""

import asyncio
import contextlib
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers
from tests.integration.sip.conftest import (
    AGENT,
    CALLER_IP,
    Backend,
    Node,
    plan,
    until,
)
from tests.kamailio import SHIPPED, Edge, running
from tests.sipp import IS_LEFT, TALKS, pause, play
from tests.sipsound import RATE, agent_call, channels, level

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
TALKS_LONG = (*TALKS[:3], pause(8_000), *TALKS[4:])
TALKS_A_SECOND = (*TALKS[:3], pause(1_000), *TALKS[4:])


MakePair = Callable[..., tuple[Node, Node]]


@pytest.fixture
def nodes(pair: MakePair) -> tuple[Node, Node]:
    return pair()


@pytest.fixture
async def edge(made: Edge, nodes: tuple[Node, Node]) -> AsyncIterator[Edge]:
    addresses = [node.address for node in nodes]
    async with running(made, addresses, [f"{CALLER_IP}/32"]):
        yield made


async def test_the_files_we_ship_are_a_whole_configuration() -> None:
    checked = await asyncio.create_subprocess_exec(
        "kamailio", "-c", "-f", str(SHIPPED), stderr=asyncio.subprocess.PIPE
    )
    _, said = await checked.communicate()
    assert checked.returncode == 0, said.decode()


def handled_by(backend: Backend) -> set[str]:
    return {report["node"] for report in backend.reports.values()}


async def test_calls_are_split_and_each_report_names_its_node(
    edge: Edge, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    await agents({AGENT: Answers(after=0.1)})
    backend.plan = plan((AGENT, 5))
    assert await play(edge.udp, tmp_path, *TALKS, calls=20, rate=20) == 0
    await until(lambda: len(backend.reports) == 20)
    assert handled_by(backend) == {"sip-1", "sip-2"}
    assert {report["outcome"] for report in backend.reports.values()} == {"answered"}


@contextlib.asynccontextmanager
async def talking(
    edge: Edge, folder: Path, nodes: tuple[Node, Node]
) -> AsyncIterator[list[asyncio.Task[int]]]:
    """Six long calls, or as many more as it takes for each node to have one."""
    calls: list[asyncio.Task[int]] = []
    try:
        while len(calls) < 6 or not all(map(answered_by, nodes)):
            assert len(calls) < 30
            call = play(edge.udp, folder, *TALKS_LONG, seconds=25)
            calls.append(asyncio.create_task(call))
            await until(lambda: sum(map(answered_by, nodes)) == len(calls))
        yield calls
    finally:
        for one in calls:
            one.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


def answered_by(node: Node) -> int:
    return node.log.count("call_answered")


async def test_when_a_node_dies_the_other_takes_all_calls_and_keeps_its_own(
    edge: Edge,
    nodes: tuple[Node, Node],
    backend: Backend,
    agents: OpenAgents,
    tmp_path: Path,
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    async with talking(edge, tmp_path, nodes) as calls:
        lost, kept = map(answered_by, nodes)
        nodes[0].kill()
        # At once, before anything was probed; and again when the edge knows.
        for _ in range(2):
            assert await play(edge.udp, tmp_path, *TALKS, calls=10, rate=20) == 0
        assert "node_down" in edge.log
        await until(lambda: sum(one.done() for one in calls) >= kept, 12)
        assert [one.result() for one in calls if one.done()] == [0] * kept
    await until(lambda: len(backend.reports) == kept + 20)
    assert handled_by(backend) == {"sip-2"}
    talks = [report["talk_seconds"] for report in backend.reports.values()]
    assert sum(talk > 7 for talk in talks) == kept, "the live calls went on"

    nodes[0].start()
    await until(lambda: "node_up" in edge.log)
    await until(lambda: len(backend.reports) == kept + 20 + lost)
    assert handled_by(backend) == {"sip-1", "sip-2"}, "what the dead node left is reported by it"


async def test_a_node_that_drains_gets_no_new_calls_and_keeps_its_own(
    edge: Edge,
    nodes: tuple[Node, Node],
    backend: Backend,
    agents: OpenAgents,
    tmp_path: Path,
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    async with talking(edge, tmp_path, nodes) as calls:
        nodes[0].signal(signal.SIGTERM)
        await until(lambda: "sip_node_draining" in nodes[0].log)
        assert await play(edge.udp, tmp_path, *TALKS, calls=10, rate=20) == 0
        assert set(await asyncio.gather(*calls)) == {0}
    await until(lambda: len(backend.reports) == 10 + len(calls))
    by_first = sum(report["node"] == "sip-1" for report in backend.reports.values())
    assert by_first == answered_by(nodes[0])
    assert await asyncio.to_thread(nodes[0].wait) == 0


@contextlib.asynccontextmanager
async def encrypted(edge: Edge) -> AsyncIterator[str]:
    """A TLS connection to the edge for a SIPp without TLS; it checks the edge's certificate."""
    context = ssl.create_default_context(cafile=str(edge.certificate))
    host, _, port = edge.tls.partition(":")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(
            host, int(port), ssl=context, local_addr=(CALLER_IP, 0)
        )
        await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))

    server = await asyncio.start_server(connected, CALLER_IP, 0)
    async with server:
        yield f"{CALLER_IP}:{server.sockets[0].getsockname()[1]}"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("agent_leaves", [False, True])
async def test_callers_of_every_transport_talk_and_either_side_hangs_up(
    edge: Edge,
    backend: Backend,
    agents: OpenAgents,
    tmp_path: Path,
    transport: str,
    agent_leaves: bool,
) -> None:
    """SIPp sends back what it hears: the agent's tone is on both channels."""
    hang_up_after = 1.0 if agent_leaves else None
    agent = await agents({AGENT: Answers(after=0.1, tone_hz=880, hang_up_after=hang_up_after)})
    backend.plan = plan((AGENT, 5), record=True)
    steps: tuple[str, ...] = IS_LEFT if agent_leaves else TALKS_A_SECOND
    options = ["-rtp_echo", "-t", "u1" if transport == "udp" else "t1"]
    async with contextlib.AsyncExitStack() as stack:
        target = edge.udp if transport == "udp" else edge.tcp
        if transport == "tls":
            target = await stack.enter_async_context(encrypted(edge))
            steps = tuple(step.replace("SIP/2.0/[transport]", "SIP/2.0/TLS") for step in steps)
        assert await play(target, tmp_path, *steps, options=options) == 0
    seen = await agent_call(agent)
    assert seen.heard.hz == pytest.approx(880, abs=5)
    report = await backend.report()
    assert (report["outcome"], report["caller"]) == ("answered", "15550177001")
    assert report["talk_seconds"] == pytest.approx(1.0, abs=0.4)
    left, right = channels(await backend.recording())
    middle = slice(len(left) // 2, len(left) // 2 + RATE // 4)
    assert level(left[middle], 880) > 5000
    assert level(right[middle], 880) > 5000
