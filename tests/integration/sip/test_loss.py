"""Calls over wires that lose one packet in five, to and from the caller and the agent alike.

RINGTRACE_LOSSY_CALLS says how many calls.
"""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

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
from tests.lossy import lossy
from tests.sipp import (
    OFFER,
    answer,
    asked,
    invite,
    pause,
    received,
    request,
    scenario,
    sipp,
    sipp_server,
)

pytestmark = pytest.mark.phones
CALLS = int(os.environ.get("RINGTRACE_LOSSY_CALLS", "20"))
LOSS, SEED = 0.2, 20_261_123
TRUNK_IP, TARGET_IP = "127.0.0.4", "127.0.0.5"
PATIENCE = 75.0  # a transaction lives 32 s, and a call has several
STAYS = '<timewait milliseconds="8000"/>'  # and answers again what was answered in vain


async def test_every_call_is_set_up_torn_down_and_reported_once(
    own_node: Callable[..., Node], backend: Backend, tmp_path: Path
) -> None:
    """Both telephones are SIPp; all of their signalling passes a wire of its own."""
    caller, target = (free_port(ip, socket.SOCK_DGRAM) for ip in (CALLER_IP, AGENT_IP))
    wire_port = free_port(TARGET_IP, socket.SOCK_DGRAM)
    node = own_node(
        trusted_networks=[f"{TRUNK_IP}/32"],
        trunks=[{"host": f"{TARGET_IP}:{wire_port}"}],
        no_reply_seconds=32,
        max_calls=CALLS + 10,
    )
    node.start()
    ip, _, port = node.address.partition(":")
    there = (ip, int(port))
    backend.plan = plan((AGENT, 60))
    contact = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>"
    agent = (
        asked("INVITE"),
        '<label id="again"/>',
        answer("200 OK", body=OFFER),
        asked("INVITE", optional="true", next="again"),
        asked("ACK", optional="true"),
        asked("BYE"),
        answer("200 OK"),
        STAYS,
    )
    # The agent's Contact is the wire's, so that what follows the answer passes it as well.
    behind = [step.replace(contact, f"Contact: <sip:a@{TARGET_IP}:{wire_port}>") for step in agent]
    file = scenario(tmp_path, *behind, name="agent")
    talks = (
        invite(transaction="call"),
        received(100, optional="true", response_txn="call"),
        received(180, optional="true", response_txn="call"),
        received(200, rrs="true", response_txn="call"),
        request("ACK", transaction="call"),
        pause(1_000),
        request("BYE", 2, transaction="bye"),
        received(200, response_txn="bye"),
        STAYS,
    )
    # The node answers to the address a request came from, at the port its Via names.
    async with (
        lossy((TRUNK_IP, caller), (CALLER_IP, caller), there, loss=LOSS, seed=SEED) as first,
        lossy((TARGET_IP, wire_port), there, (AGENT_IP, target), loss=LOSS, seed=SEED + 1) as last,
        sipp_server(target, tmp_path, "-sf", file, ip=AGENT_IP, calls=CALLS, seconds=PATIENCE),
    ):
        options = (
            "-sf",
            scenario(tmp_path, *talks),
            "-p",
            str(caller),
        )
        wire = f"{TRUNK_IP}:{caller}"
        assert await sipp(wire, tmp_path, *options, calls=CALLS, seconds=PATIENCE) == 0
        await until(lambda: len(backend.reports) == CALLS and not node.waiting(), 40)
    reports = backend.reports.values()
    assert {(r["outcome"], r["code"]) for r in reports} == {("answered", 200)}
    assert len({report["session"] for report in reports}) == CALLS, "one call, one report"
    assert len(backend.arrivals) == CALLS
    for wire_ in (first, last):
        share = wire_.lost / (wire_.lost + wire_.passed)
        assert share == pytest.approx(LOSS, abs=0.08)
        assert wire_.passed > 4 * CALLS
    assert node.log.count("call_ended") == CALLS
