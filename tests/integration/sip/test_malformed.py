"""Messages that nobody should send: the node lives, stays small and quiet, and takes calls.

RINGTRACE_MUTATIONS says how many mutated INVITEs are sent.
"""

import asyncio
import os
import random
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers, Calling
from ringtrace.demo.phone import Phone
from tests.integration.sip.conftest import (
    AGENT,
    CALLER,
    CALLER_IP,
    NUMBER,
    Backend,
    Node,
    plan,
    until,
)

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
MUTATIONS = int(os.environ.get("RINGTRACE_MUTATIONS", "300"))
SEED = 20_261_123
MEGABYTE = 1 << 20
LOG_BYTES_A_CALL = 400
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


def invite(port: int, call_id: str, sdp: str = SDP) -> list[str]:
    """A valid one, in lines; the last one is the description."""
    return [
        f"INVITE sip:{NUMBER}@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP {CALLER_IP}:{port};branch=z9hG4bK{call_id}",
        "Max-Forwards: 70",
        f"From: <sip:15550177001@{CALLER_IP}>;tag={call_id}",
        f"To: <sip:{NUMBER}@127.0.0.1>",
        f"Call-ID: {call_id}",
        "CSeq: 1 INVITE",
        f"Contact: <sip:c@{CALLER_IP}:{port}>",
        "Content-Type: application/sdp",
        f"Content-Length: {len(sdp)}",
        "",
        sdp,
    ]


def data(lines: list[str]) -> bytes:
    return "\r\n".join(lines).encode()


def mutated(message: bytes, dice: random.Random) -> bytes:
    """Up to eight bytes changed, left out, repeated, or put in; now and then cut short."""
    made = bytearray(message)
    for _ in range(dice.randint(1, 8)):
        place = dice.randrange(len(made))
        match dice.randrange(4):
            case 0:
                made[place] = dice.randrange(256)
            case 1:
                del made[place : place + dice.randint(1, 4)]
            case 2:
                made[place:place] = dice.randbytes(dice.randint(1, 4))
            case _:
                made[place:place] = made[place : place + dice.randint(1, 40)]
    return bytes(made[: dice.randrange(len(made))] if dice.random() < 0.05 else made)


def without(lines: list[str], name: str) -> list[str]:
    return [line for line in lines if not line.startswith(f"{name}:")]


def changed(lines: list[str], name: str, value: str) -> list[str]:
    return [f"{name}: {value}" if line.startswith(f"{name}:") else line for line in lines]


def malformed(port: int) -> Iterator[tuple[str, bytes]]:
    """Made by hand, each with its name."""

    def fresh(sdp: str = SDP) -> list[str]:
        return invite(port, secrets.token_hex(8), sdp)

    yield "nothing", b""
    yield "line ends", b"\r\n" * 40
    yield "NULs", bytes(200)
    yield "not UTF-8", data(fresh()).replace(b"sip:c@", b"sip:\xff\xfe\x80@")
    yield "random bytes", random.Random(1).randbytes(1_400)  # noqa: S311 - not for secrecy
    yield "half a request line", b"INVITE sip:"
    yield "no version", data(["INVITE sip:x", *fresh()[1:]])
    yield "an odd version", data([f"INVITE sip:{NUMBER}@127.0.0.1 SIP/9.0", *fresh()[1:]])
    yield "an odd URI", data(["INVITE http://a:b:c/@@ SIP/2.0", *fresh()[1:]])
    yield "a method of its own", data([f"GRÜẞE sip:{NUMBER}@127.0.0.1 SIP/2.0", *fresh()[1:]])
    for name in ("Via", "From", "To", "Call-ID", "CSeq", "Contact"):
        yield f"no {name}", data(without(fresh(), name))
    yield "CSeq without number", data(changed(fresh(), "CSeq", "INVITE"))
    yield "CSeq out of range", data(changed(fresh(), "CSeq", f"{10**40} INVITE"))
    yield "CSeq of another method", data(changed(fresh(), "CSeq", "1 BYE"))
    yield "Via without branch", data(changed(fresh(), "Via", f"SIP/2.0/UDP {CALLER_IP}:{port}"))
    yield "Via to nowhere", data(changed(fresh(), "Via", "SIP/2.0/UDP no.such.host.invalid:x"))
    yield (
        "Via with a negative port",
        data(changed(fresh(), "Via", f"SIP/2.0/UDP {CALLER_IP}:-1;branch=z9hG4bKx")),
    )
    yield "an open bracket in From", data(changed(fresh(), "From", '"<sip:x;tag=1'))
    yield "an empty Contact", data(changed(fresh(), "Contact", ""))
    yield (
        "Contact with a port too large",
        data(changed(fresh(), "Contact", f"<sip:c@{CALLER_IP}:99999>")),
    )
    yield "a negative Max-Forwards", data(changed(fresh(), "Max-Forwards", "-1"))
    yield "a negative Content-Length", data(changed(fresh(), "Content-Length", "-5"))
    yield "Content-Length beyond the end", data(changed(fresh(), "Content-Length", "9999"))
    yield "a description that is none", data(fresh("m=audio\r\nc=IN\r\nv\r\n"))
    yield "a negative media port", data(fresh(SDP.replace("audio 4000", "audio -1")))
    yield "a media port too large", data(fresh(SDP.replace("audio 4000", "audio 99999")))
    yield "an address of another kind", data(fresh(SDP.replace("IP4 127.0.0.2", "IP6 ::1")))
    yield "60 kB in one header", data([*fresh()[:2], "Subject: " + "x" * 60_000, *fresh()[2:]])
    yield "4,000 headers", data([*fresh()[:2], *("X: 1" for _ in range(4_000)), *fresh()[2:]])
    yield (
        "500 Vias",
        data([*fresh()[:2], *("Via: SIP/2.0/UDP h" for _ in range(500)), *fresh()[2:]]),
    )
    yield "a stray response", data(["SIP/2.0 200 OK", *fresh()[1:]])
    yield "a response without code", data(["SIP/2.0 okay", *fresh()[1:]])
    yield "a stray ACK", data([f"ACK sip:{NUMBER}@127.0.0.1 SIP/2.0", *fresh()[1:]])
    yield "a stray CANCEL", data([f"CANCEL sip:{NUMBER}@127.0.0.1 SIP/2.0", *fresh()[1:]])
    yield (
        "a BYE of no call",
        data(
            changed(
                [f"BYE sip:{NUMBER}@127.0.0.1 SIP/2.0", *fresh()[1:]], "To", "<sip:a@b>;tag=gone"
            )
        ),
    )


def resident(node: Node) -> int:
    """Memory of the process in bytes."""
    assert node.process is not None
    pages = int(Path(f"/proc/{node.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def options(node: Node) -> float:
    """Seconds until an OPTIONS is answered with 200."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((CALLER_IP, 0))
        phone.settimeout(2)
        lines = without(invite(phone.getsockname()[1], secrets.token_hex(8), ""), "Content-Type")
        lines[0] = f"OPTIONS sip:{NUMBER}@127.0.0.1 SIP/2.0"
        begun = time.monotonic()
        phone.sendto(data(changed(lines, "CSeq", "1 OPTIONS")), _address(node))
        assert phone.recv(2_000).startswith(b"SIP/2.0 200")
        return time.monotonic() - begun


def _address(node: Node) -> tuple[str, int]:
    ip, _, port = node.address.partition(":")
    return ip, int(port)


@pytest.fixture
def node(own_node: Callable[..., Node], backend: Backend) -> Node:
    made = own_node(max_calls=200, max_calls_per_second=10_000)
    made.start()
    backend.plan = None  # a call that could be read ends with 404
    return made


async def _still_works(node: Node, backend: Backend, caller: Phone, agents: OpenAgents) -> None:
    """And nothing is left of what was sent before: each of it would take a call's place."""
    await until(lambda: node.log.count("call_started") == node.log.count("number_unknown"))
    backend.forget()
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.3))
    assert result.code == 200
    assert (await backend.report())["outcome"] == "answered"
    await until(lambda: not node.waiting())
    node.signal(signal.SIGTERM)
    assert await asyncio.to_thread(node.wait) == 0
    assert "sip_node_draining signal=15 live=0" in node.log


async def test_mutated_invites_harm_nobody(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    dice = random.Random(SEED)  # noqa: S311 - to be repeated
    assert options(node) < 1
    before = resident(node)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((CALLER_IP, 0))
        port = phone.getsockname()[1]
        for number in range(MUTATIONS):
            message = mutated(data(invite(port, f"mutation-{number}")), dice)
            phone.sendto(message, _address(node))
            if number % 20 == 0:
                # Loopback has room for a few hundred packets; the node is to see them all.
                await asyncio.to_thread(options, node)
        assert await asyncio.to_thread(options, node) < 1
    assert resident(node) - before < 32 * MEGABYTE
    assert node.process is not None
    assert node.process.poll() is None
    lines = node.log.count("\n")
    accepted = node.log.count("call_started")
    assert accepted > 0, "some can still be read"
    assert "sip_stack_error" in node.log, "some cannot"
    assert len(node.log) < LOG_BYTES_A_CALL * accepted + 20_000, lines
    await _still_works(node, backend, caller, agents)


async def test_malformed_messages_harm_nobody(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    before = resident(node)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((CALLER_IP, 0))
        sent = dict(malformed(phone.getsockname()[1]))
        for name, message in sent.items():
            phone.sendto(message, _address(node))
            assert await asyncio.to_thread(options, node) < 1, name
    assert len(sent) >= 30
    assert resident(node) - before < 32 * MEGABYTE
    assert "Traceback" not in node.log
    assert len(node.log) < 20_000
    await _still_works(node, backend, caller, agents)
