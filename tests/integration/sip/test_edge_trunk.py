"""What passes an edge besides calls in: calls out, registrations, addresses, and strangers not."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers
from tests.integration.sip.conftest import (
    AGENT,
    AGENT_IP,
    CALLER_IP,
    Backend,
    Node,
    free_port,
    plan,
    until,
)
from tests.kamailio import Edge, running
from tests.sipp import (
    ANSWERED,
    IS_LEFT,
    OFFER,
    TALKS,
    answer,
    invite,
    pause,
    play,
    received,
    refused_ack,
    request,
    scenario,
    sipp_server,
)

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
MakeNode = Callable[..., Node]
MakePair = Callable[..., tuple[Node, Node]]
STRANGER_IP, BRANCH_IP = "127.0.0.9", "127.0.0.6"
IS_REFUSED = (invite(), received(100, optional="true"), received(403), refused_ack())


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
    made: Edge, pair: MakePair, backend: Backend, tmp_path: Path, trunk_leaves: bool
) -> None:
    """The trunk hears of the edge alone, whoever of both hangs up."""
    port = free_port(AGENT_IP, socket.SOCK_DGRAM)
    nodes = pair(trunks=[trunk_behind(made, port)])
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
        running(made, [node.address for node in nodes], trunks),
        sipp_server(port, tmp_path, "-sf", file, ip=AGENT_IP),
    ):
        assert await play(made.udp, tmp_path, *(IS_LEFT if trunk_leaves else TALKS)) == 0
    assert (await backend.report())["outcome"] == "answered"


async def test_a_trunk_that_says_nothing_is_given_up_though_the_edge_is_there(
    made: Edge,
    pair: MakePair,
    backend: Backend,
    agents: OpenAgents,
    tmp_path: Path,
    agent_port: int,
) -> None:
    """The edge must not say 100 in its place; the next trunk gets the call."""
    silent = free_port(AGENT_IP, socket.SOCK_DGRAM)
    await agents({AGENT: Answers(after=0)})
    trunks = [trunk_behind(made, silent), {"host": f"{AGENT_IP}:{agent_port}"}]
    nodes = pair(trunks=trunks)
    backend.plan = plan((AGENT, 5))
    async with running(made, [node.address for node in nodes], [f"{CALLER_IP}/32"]):
        assert await play(made.udp, tmp_path, *TALKS) == 0
    assert [leg["code"] for leg in (await backend.report())["legs"]] == [200]


async def test_a_registration_goes_through_the_edge_and_asks_for_calls_there(
    made: Edge, own_node: MakeNode, tmp_path: Path
) -> None:
    port = free_port(AGENT_IP, socket.SOCK_DGRAM)
    account = {"username": "acme", "password": "p", "register": True, "domain": "acme.invalid"}
    node = own_node(trunks=[trunk_behind(made, port, **account)],
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
    made: Edge, pair: MakePair, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    """One whom the edge lets pass for its address and the nodes do not; one with a password."""
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    nodes = pair(accounts=[{**ACCOUNT, "algorithms": ["MD5"]}])
    trunks = [f"{ip}/32" for ip in (CALLER_IP, BRANCH_IP, STRANGER_IP)]
    async with running(made, [node.address for node in nodes], trunks):
        for claim in ("", f"Ringtrace-Source: {CALLER_IP}", f"ringtrace-source : {CALLER_IP}"):
            steps = (invite(headers=claim), *IS_REFUSED[1:])
            assert await play(made.udp, tmp_path, *steps, ip=STRANGER_IP) == 0
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
        sent = play(made.udp, tmp_path, *signs_in, ip=BRANCH_IP, options=options, calls=6)
        assert await sent == 0, "each comes back to the node that challenged it"
    await until(lambda: len(backend.reports) == 6)


async def test_strangers_get_403_from_the_edge_and_after_a_flood_nothing(
    made: Edge,
    pair: MakePair,
    backend: Backend,
    agents: OpenAgents,
    tmp_path: Path,
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    nodes = pair()
    addresses = [node.address for node in nodes]
    async with running(made, addresses, [f"{CALLER_IP}/32"], flood=50):
        assert await play(made.udp, tmp_path, *IS_REFUSED, ip=STRANGER_IP) == 0
        host, _, port = made.udp.partition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((STRANGER_IP, 0))
            own = stranger.getsockname()[1]
            for number in range(600):
                stranger.sendto(_options(own, number), (host, int(port)))
                await asyncio.sleep(0.001)
            assert await play(made.udp, tmp_path, *TALKS) == 0
            stranger.setblocking(False)
            answers = 0
            with contextlib.suppress(BlockingIOError):
                while stranger.recv(4096):
                    answers += 1
        assert 0 < answers < 300
    assert all("untrusted" not in node.log for node in nodes)
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
