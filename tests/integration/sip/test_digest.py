"""Callers who have to prove who they are, with SIPp's digest, and trunks that want it of us."""

import asyncio
import re
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
    NUMBER,
    Backend,
    Node,
    free_port,
    plan,
    until,
)
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

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
MakeNode = Callable[..., Node]
USER, PASSWORD = "branch", "s3cret word"
ACCOUNT = {"username": USER, "password": PASSWORD, "algorithms": ["MD5"]}
CHALLENGED = (invite(), received(401, auth="true"), refused_ack())
SIGNED_IN = (*CHALLENGED, invite(2, headers="[authentication]"))
CALLS = (
    *SIGNED_IN,
    ANSWERED,
    request("ACK", 2),
    pause(300),
    request("BYE", 3),
    received(200),
)
IS_TURNED_AWAY = (*SIGNED_IN, received(401), refused_ack(2))


def challenging(own_node: MakeNode, **account: Any) -> Node:
    """A node that knows nobody by address."""
    node = own_node(trusted_networks=["192.0.2.0/24"], accounts=[{**ACCOUNT, **account}])
    node.start()
    return node


async def call(node: Node, folder: Path, *steps: str, password: str = PASSWORD) -> int:
    options = ("-sf", scenario(folder, *steps), "-au", USER, "-ap", password)
    return await sipp(node.address, folder, *options)


async def test_a_caller_with_the_password_gets_through(
    own_node: MakeNode, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    await agents({AGENT: Answers(after=0.1)})
    backend.plan = plan((AGENT, 5))
    node = challenging(own_node, networks=[f"{CALLER_IP}/32"])
    assert await call(node, tmp_path, *CALLS) == 0
    report = await backend.report()
    assert (report["outcome"], len(backend.arrivals)) == ("answered", 1)
    assert report["talk_seconds"] == pytest.approx(0.3, abs=0.3)


async def test_a_caller_with_a_wrong_password_is_turned_away_and_logged_without_secrets(
    own_node: MakeNode, backend: Backend, tmp_path: Path
) -> None:
    backend.plan = plan((AGENT, 5))
    node = challenging(own_node)
    assert await call(node, tmp_path, *IS_TURNED_AWAY, password="wr0ng") == 0
    assert backend.arrivals == []
    assert f"digest_failed source={CALLER_IP}" in node.log
    for secret in (PASSWORD, "wr0ng", USER, NUMBER):
        assert secret not in node.log


async def test_guessing_ends_in_silence_about_passwords(
    own_node: MakeNode, backend: Backend, tmp_path: Path
) -> None:
    """After ten failures the same source gets 403, whatever it knows."""
    backend.plan = plan((AGENT, 5))
    node = challenging(own_node)
    options = ("-sf", scenario(tmp_path, *IS_TURNED_AWAY), "-au", USER, "-ap", "wr0ng")
    assert await sipp(node.address, tmp_path, *options, calls=10, rate=50) == 0
    assert await call(node, tmp_path, *SIGNED_IN, received(403), refused_ack(2)) == 0
    assert backend.arrivals == []


async def test_a_recorded_call_cannot_be_placed_again(
    own_node: MakeNode, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    """An eavesdropper sends the caller's own packet, as another transaction of another call."""
    await agents({AGENT: Answers(after=0.1)})
    backend.plan = plan((AGENT, 5))
    node = challenging(own_node)
    trace = tmp_path / "trace"
    steps = ("-sf", scenario(tmp_path, *CALLS), "-au", USER, "-ap", PASSWORD)
    log = ("-trace_msg", "-message_file", str(trace))
    assert await sipp(node.address, tmp_path, *steps, *log) == 0
    await backend.report()
    (packet,) = re.findall(
        r"(INVITE sip:(?:(?!\n-----).)*?Authorization: Digest.*?fmtp:101 0-15)",
        trace.read_text().split("CSeq: 1 ACK")[1],
        re.DOTALL,
    )
    again = re.sub(r"branch=\S+", "branch=z9hG4bKagain", packet)
    again = re.sub(r"Call-ID: \S+", "Call-ID: again", again)
    data = "\r\n".join(again.splitlines()).encode() + b"\r\n"
    assert b"Authorization: Digest" in data
    answered = await asyncio.to_thread(_sent, data, node)
    assert answered.startswith("SIP/2.0 401")
    assert "stale=true" in answered
    assert len(backend.arrivals) == 1
    assert "digest_replayed" in node.log


def _sent(data: bytes, node: Node) -> str:
    ip, _, port = node.address.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((CALLER_IP, 0))
        phone.settimeout(5)
        phone.sendto(data, (ip, int(port)))
        return phone.recv(4096).decode()


def challenge(name: str) -> str:
    return f'{name}-Authenticate: Digest realm="carrier.example", nonce="n0nce", qop="auth"'


def proof(method: str) -> str:
    """A request that has to prove who sent it, else it is refused."""
    return f"""<recv request="{method}"><action>
    <verifyauth assign_to="ok" username="{USER}" password="{PASSWORD}"/>
    </action></recv>
    <nop test="ok" next="proven"/><nop next="refused"/><label id="proven"/>"""


REFUSED = (
    '<nop next="end"/><label id="refused"/>',
    answer("403 Forbidden"),
    '<label id="end"/>',
    pause(1),
)


# SIPp checks what answers a 401 alone.
PROVEN = {
    ("401 Unauthorized", "WWW"): proof("INVITE"),
    ("407 Proxy Authentication Required", "Proxy"): """<recv request="INVITE"><action>
    <ereg regexp='username="branch".*nonce="n0nce".*response="[0-9a-f]{32}"' search_in="hdr"
      header="Proxy-Authorization:" check_it="true" assign_to="ok"/>
    </action></recv><nop test="ok" next="proven"/><label id="proven"/>""",
}


@pytest.mark.parametrize("refusal", PROVEN)
async def test_a_trunk_of_sipps_challenges_an_invite_and_gets_its_ack_first(
    own_node: MakeNode, backend: Backend, tmp_path: Path, refusal: tuple[str, str]
) -> None:
    """The ACK has the INVITE's address: a Contact in a refusal is not where it belongs."""
    port = free_port(AGENT_IP, socket.SOCK_DGRAM)
    trunk = {"host": f"{AGENT_IP}:{port}", "username": USER, "password": PASSWORD}
    node = own_node(trunks=[trunk])
    node.start()
    backend.plan = plan((AGENT, 5))
    code, header = refusal
    steps = (
        asked("INVITE"),
        answer(code, headers=challenge(header)),
        f"""<recv request="ACK"><action><ereg regexp="ACK sip:[+]{AGENT[1:]}@" search_in="msg"
        check_it="true" assign_to="same"/></action></recv><Reference variables="same"/>""",
        PROVEN[refusal],
        answer("200 OK", body=OFFER),
        asked("ACK"),
        asked("BYE"),
        answer("200 OK"),
        *REFUSED,
    )
    file = scenario(tmp_path, *steps, name="trunk")
    async with sipp_server(port, tmp_path, "-sf", file, ip=AGENT_IP):
        options = ("-sn", "uac", "-d", "300")
        assert await sipp(node.address, tmp_path, *options) == 0
    report = await backend.report()
    assert (report["outcome"], [leg["code"] for leg in report["legs"]]) == ("answered", [200])


async def test_a_trunk_of_sipps_challenges_a_registration(
    own_node: MakeNode, tmp_path: Path
) -> None:
    port = free_port(AGENT_IP, socket.SOCK_DGRAM)
    account = {"username": USER, "password": PASSWORD, "register": True}
    node = own_node(trunks=[{"host": f"{AGENT_IP}:{port}", **account}])
    steps = (
        asked("REGISTER"),
        answer("401 Unauthorized", headers=challenge("WWW")),
        proof("REGISTER"),
        answer("200 OK", headers="Expires: 300"),
        *REFUSED,
    )
    file = scenario(tmp_path, *steps, name="registrar")
    async with sipp_server(port, tmp_path, "-sf", file, ip=AGENT_IP):
        node.start()
    await until(lambda: "trunk_registered" in node.log)
    assert PASSWORD not in node.log
