"""Several nodes behind one address: a real Kamailio with the configuration that we ship."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers
from tests.integration.sip.conftest import (
    AGENT,
    AGENT_IP,
    CALLER_IP,
    NUMBER,
    Backend,
    Node,
    free_port,
    plan,
    until,
)
from tests.kamailio import SHIPPED, Edge, planned, running
from tests.sipp import (
    ANSWERED,
    OFFER,
    answer,
    asked,
    invite,
    pause,
    received,
    refused_ack,
    request,
    scenario,
    sipp,
    sipp_server,
)
from tests.sipsound import RATE, agent_call, channels, level

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
MakeNode = Callable[..., Node]
STRANGER_IP, BRANCH_IP = "127.0.0.9", "127.0.0.6"
TALKS = (invite(), ANSWERED, request("ACK"), pause(300), request("BYE", 2), received(200))
TALKS_LONG = (*TALKS[:3], pause(5_000), *TALKS[4:])
TALKS_A_SECOND = (*TALKS[:3], pause(1_000), *TALKS[4:])
IS_LEFT = (invite(), ANSWERED, request("ACK"), asked("BYE", timeout="6000"), answer("200 OK"))
IS_REFUSED = (invite(), received(100, optional="true"), received(403), refused_ack())


@pytest.fixture
def made(tmp_path: Path) -> Edge:
    return planned(tmp_path)


def nodes(own_node: MakeNode, **changes: Any) -> tuple[Node, Node]:
    """Two of them, started."""
    common = {"edges": ["127.0.0.1/32"], "max_calls": 40, "drain_seconds": 30, **changes}
    first, second = (
        own_node(node=name, listen_port=free_port("127.0.0.1", socket.SOCK_DGRAM), **common)
        for name in ("sip-1", "sip-2")
    )
    first.start()
    second.start()
    return first, second


@pytest.fixture
def pair(own_node: MakeNode) -> tuple[Node, Node]:
    return nodes(own_node)


@pytest.fixture
async def edge(made: Edge, pair: tuple[Node, Node]) -> AsyncIterator[Edge]:
    async with running(made, [node.address for node in pair], [f"{CALLER_IP}/32"]):
        yield made


async def test_the_files_we_ship_are_a_whole_configuration() -> None:
    checked = await asyncio.create_subprocess_exec(
        "kamailio", "-c", "-f", str(SHIPPED), stderr=asyncio.subprocess.PIPE
    )
    _, said = await checked.communicate()
    assert checked.returncode == 0, said.decode()


async def call(target: str, folder: Path, *steps: str, **more: Any) -> int:
    options = more.pop("options", ())
    file = scenario(folder, *steps, name=f"calls-{len(list(folder.iterdir()))}")
    return await sipp(target, folder, "-sf", file, *options, number=NUMBER, **more)


def handled_by(backend: Backend) -> set[str]:
    return {report["node"] for report in backend.reports.values()}


async def test_calls_are_split_and_each_report_names_its_node(
    edge: Edge, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    await agents({AGENT: Answers(after=0.1)})
    backend.plan = plan((AGENT, 5))
    assert await call(edge.udp, tmp_path, *TALKS, calls=20, rate=20) == 0
    await until(lambda: len(backend.reports) == 20)
    assert handled_by(backend) == {"sip-1", "sip-2"}
    assert {report["outcome"] for report in backend.reports.values()} == {"answered"}


async def talking(edge: Edge, folder: Path, pair: tuple[Node, Node]) -> list[asyncio.Task[int]]:
    """Eight long calls, some on each node."""
    calls = [asyncio.create_task(call(edge.udp, folder, *TALKS_LONG, seconds=12)) for _ in range(8)]
    await until(lambda: sum(node.log.count("call_answered") for node in pair) == 8)
    assert all("call_answered" in node.log for node in pair)
    return calls


async def test_when_a_node_dies_the_other_takes_all_calls_and_keeps_its_own(
    edge: Edge,
    pair: tuple[Node, Node],
    backend: Backend,
    agents: OpenAgents,
    tmp_path: Path,
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    calls = await talking(edge, tmp_path, pair)
    kept = pair[1].log.count("call_answered")
    pair[0].kill()
    # At once, before anything was probed; and again when the edge knows.
    for _ in range(2):
        assert await call(edge.udp, tmp_path, *TALKS, calls=10, rate=20) == 0
    assert "node_down" in edge.log
    await until(lambda: sum(one.done() for one in calls) >= kept)
    assert [one.result() for one in calls if one.done()] == [0] * kept
    for one in calls:
        one.cancel()
    await until(lambda: len(backend.reports) == kept + 20)
    assert handled_by(backend) == {"sip-2"}
    talks = [report["talk_seconds"] for report in backend.reports.values()]
    assert sum(talk > 4.5 for talk in talks) == kept, "the live calls went on"

    pair[0].start()
    await until(lambda: "node_up" in edge.log)
    await until(lambda: len(backend.reports) == 28)
    assert handled_by(backend) == {"sip-1", "sip-2"}, "what the dead node left is reported by it"


async def test_a_node_that_drains_gets_no_new_calls_and_keeps_its_own(
    edge: Edge,
    pair: tuple[Node, Node],
    backend: Backend,
    agents: OpenAgents,
    tmp_path: Path,
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    calls = await talking(edge, tmp_path, pair)
    pair[0].signal(signal.SIGTERM)
    await until(lambda: "sip_node_draining" in pair[0].log)
    assert await call(edge.udp, tmp_path, *TALKS, calls=10, rate=20) == 0
    assert await asyncio.gather(*calls) == [0] * 8
    await until(lambda: len(backend.reports) == 18)
    by_first = sum(report["node"] == "sip-1" for report in backend.reports.values())
    assert by_first == pair[0].log.count("call_answered")
    assert await asyncio.to_thread(pair[0].wait) == 0


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
        assert await call(target, tmp_path, *steps, options=options) == 0
    seen = await agent_call(agent)
    assert seen.heard.hz == pytest.approx(880, abs=5)
    report = await backend.report()
    assert (report["outcome"], report["caller"]) == ("answered", "15550177001")
    assert report["talk_seconds"] == pytest.approx(1.0, abs=0.4)
    left, right = channels(await backend.recording())
    middle = slice(len(left) // 2, len(left) // 2 + RATE // 4)
    assert level(left[middle], 880) > 5000
    assert level(right[middle], 880) > 5000


def from_edge(method: str, edge: Edge) -> str:
    """A request that no node has sent directly; who sent it is kept as `caller`."""
    via = edge.udp.replace(".", "[.]")
    return f"""<recv request="{method}" rrs="true"><action>
    <ereg regexp="{via}" search_in="hdr" header="Via:" check_it="true" assign_to="via"/>
    <ereg regexp="sip.*" search_in="hdr" header="From:" assign_to="caller"/>
    </action></recv><Reference variables="via"/>"""


BYE_OF_TRUNK = """<send retrans="500"><![CDATA[
    BYE [next_url] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:agent@[local_ip]:[local_port]>;tag=[call_number]
    To: <[$caller]
    [routes]
    Call-ID: [call_id]
    CSeq: 7 BYE
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>"""


def trunk_behind(edge: Edge, port: int, **more: Any) -> dict[str, Any]:
    return {"host": f"{AGENT_IP}:{port}", "edge": edge.udp, **more}


@pytest.mark.parametrize("trunk_leaves", [False, True])
async def test_calls_out_go_through_the_edge_and_stay_on_it(
    made: Edge, own_node: MakeNode, backend: Backend, tmp_path: Path, trunk_leaves: bool
) -> None:
    """The trunk hears of the edge alone, whoever of both hangs up."""
    port = free_port(AGENT_IP, socket.SOCK_DGRAM)
    pair = nodes(own_node, outbound_proxy=None, trunks=[trunk_behind(made, port)])
    backend.plan = plan((AGENT, 5))
    stays = (from_edge("BYE", made), answer("200 OK"))
    leaves = (pause(300), BYE_OF_TRUNK, received(200))
    steps = (
        from_edge("INVITE", made),
        answer("180 Ringing"),
        answer("200 OK", body=OFFER),
        from_edge("ACK", made),
        *(leaves if trunk_leaves else stays),
    )
    file = scenario(tmp_path, *steps, name="trunk")
    trunks = [f"{CALLER_IP}/32", f"{AGENT_IP}/32"]
    async with (
        running(made, [node.address for node in pair], trunks),
        sipp_server(port, tmp_path, "-sf", file, ip=AGENT_IP),
    ):
        assert await call(made.udp, tmp_path, *(IS_LEFT if trunk_leaves else TALKS)) == 0
    assert (await backend.report())["outcome"] == "answered"


async def test_a_trunk_that_says_nothing_is_given_up_though_the_edge_is_there(
    made: Edge,
    own_node: MakeNode,
    backend: Backend,
    agents: OpenAgents,
    tmp_path: Path,
    agent_port: int,
) -> None:
    """The edge must not say 100 in its place; the next trunk gets the call."""
    silent = free_port(AGENT_IP, socket.SOCK_DGRAM)
    await agents({AGENT: Answers(after=0)})
    trunks = [trunk_behind(made, silent), {"host": f"{AGENT_IP}:{agent_port}"}]
    pair = nodes(own_node, outbound_proxy=None, trunks=trunks)
    backend.plan = plan((AGENT, 5))
    async with running(made, [node.address for node in pair], [f"{CALLER_IP}/32"]):
        assert await call(made.udp, tmp_path, *TALKS) == 0
    assert [leg["code"] for leg in (await backend.report())["legs"]] == [200]


async def test_a_registration_goes_through_the_edge_and_asks_for_calls_there(
    made: Edge, own_node: MakeNode, tmp_path: Path
) -> None:
    port = free_port(AGENT_IP, socket.SOCK_DGRAM)
    account = {"username": "acme", "password": "p", "register": True, "domain": "acme.invalid"}
    node = own_node(outbound_proxy=None, trunks=[trunk_behind(made, port, **account)],
                    listen_port=free_port("127.0.0.1", socket.SOCK_DGRAM))  # fmt: skip
    contact = f"""<recv request="REGISTER"><action>
    <ereg regexp="sip:acme@{made.udp}" search_in="hdr" header="Contact:" check_it="true"
      assign_to="ours"/></action></recv><Reference variables="ours"/>"""
    file = scenario(tmp_path, contact, answer("200 OK", headers="Expires: 300"), name="registrar")
    address = f"127.0.0.1:{node.settings['listen_port']}"
    async with (
        running(made, [address], [f"{AGENT_IP}/32"]),
        sipp_server(port, tmp_path, "-sf", file, ip=AGENT_IP),
    ):
        node.start()
    await until(lambda: "trunk_registered" in node.log)


ACCOUNT = {"username": "branch", "password": "p", "networks": [f"{BRANCH_IP}/32"]}


async def test_the_nodes_know_callers_by_the_address_that_the_edge_tells(
    made: Edge, own_node: MakeNode, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    """One whom the edge lets pass for its address and the nodes do not; one with a password."""
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    pair = nodes(own_node, accounts=[{**ACCOUNT, "algorithms": ["MD5"]}])
    trunks = [f"{ip}/32" for ip in (CALLER_IP, BRANCH_IP, STRANGER_IP)]
    async with running(made, [node.address for node in pair], trunks):
        for claim in ("", f"Ringtrace-Source: {CALLER_IP}", f"ringtrace-source : {CALLER_IP}"):
            steps = (invite(headers=claim), *IS_REFUSED[1:])
            assert await call(made.udp, tmp_path, *steps, ip=STRANGER_IP) == 0
        assert backend.arrivals == []
        signs_in = (
            invite(),
            received(100, optional="true"),
            received(401, auth="true"),
            refused_ack(),
            invite(2, headers="[authentication]"),
            ANSWERED,
            request("ACK", 2),
            request("BYE", 3),
            received(200),
        )
        options = ("-au", "branch", "-ap", "p")
        sent = call(made.udp, tmp_path, *signs_in, ip=BRANCH_IP, options=options, calls=6)
        assert await sent == 0, "each comes back to the node that challenged it"
    await until(lambda: len(backend.reports) == 6)


async def test_strangers_get_403_from_the_edge_and_after_a_flood_nothing(
    made: Edge, pair: tuple[Node, Node], backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    addresses = [node.address for node in pair]
    async with running(made, addresses, [f"{CALLER_IP}/32"], flood=50):
        assert await call(made.udp, tmp_path, *IS_REFUSED, ip=STRANGER_IP) == 0
        host, _, port = made.udp.partition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((STRANGER_IP, 0))
            own = stranger.getsockname()[1]
            for number in range(600):
                stranger.sendto(_options(own, number), (host, int(port)))
                await asyncio.sleep(0.001)
            assert await call(made.udp, tmp_path, *TALKS) == 0
            stranger.setblocking(False)
            answers = 0
            with contextlib.suppress(BlockingIOError):
                while stranger.recv(4096):
                    answers += 1
        assert 0 < answers < 300
    assert all("untrusted" not in node.log for node in pair)
    assert len(backend.arrivals) == 1


def _options(port: int, number: int) -> bytes:
    lines = (
        "OPTIONS sip:edge SIP/2.0",
        f"Via: SIP/2.0/UDP {STRANGER_IP}:{port};branch=z9hG4bK{number}",
        "From: <sip:stranger@example.com>;tag=1",
        "To: <sip:edge@example.com>",
        f"Call-ID: flood-{number}",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()
