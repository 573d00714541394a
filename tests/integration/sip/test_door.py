"""What the node makes of single requests, sane and insane; written out byte by byte."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Callable
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers
from tests.integration.sip.conftest import AGENT, CALLER_IP, NUMBER, Backend, Node, plan, until

pytestmark = pytest.mark.phones
BURST = 60
STRANGER_IP, VICTIM_IP = "127.0.0.9", "127.0.0.77"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\n"
)
REQUEST = {
    "Max-Forwards": "70",
    "From": "<sip:+15550177001@127.0.0.2>;tag=a",
    "To": "<sip:15550100101@127.0.0.1>",
    "Contact": "<sip:c@127.0.0.2>",
    "Content-Type": "application/sdp",
}


async def ask(
    node: Node,
    method: str,
    sdp: str = SDP,
    headers: dict[str, str | None] | None = None,
    user: str = NUMBER,
) -> int:
    """Send one request from the trunk's address; the code of the final answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((CALLER_IP, 0))
        phone.setblocking(False)
        port = phone.getsockname()[1]
        return await _exchange(phone, _request(node, port, method, sdp, headers, user), node)


def _request(
    node: Node,
    port: int,
    method: str,
    sdp: str = SDP,
    headers: dict[str, str | None] | None = None,
    user: str = NUMBER,
) -> bytes:
    call_id = secrets.token_hex(8)
    lines = [
        f"{method} {node.uri(user)} SIP/2.0",
        f"Via: SIP/2.0/UDP {CALLER_IP}:{port};branch=z9hG4bK{call_id}",
        f"Call-ID: {call_id}",
        f"CSeq: 1 {method}",
    ]
    merged = {**REQUEST, **(headers or {})}
    lines += [f"{name}: {value}" for name, value in merged.items() if value is not None]
    return "\r\n".join([*lines, f"Content-Length: {len(sdp)}", "", sdp]).encode()


async def _exchange(phone: socket.socket, data: bytes, node: Node) -> int:
    loop = asyncio.get_running_loop()
    ip, _, port = node.address.partition(":")
    await loop.sock_sendto(phone, data, (ip, int(port)))
    async with asyncio.timeout(5):
        while True:
            answer = await loop.sock_recv(phone, 4096)
            code = int(answer.split(b" ")[1])
            if code >= 200:
                return code


async def test_options_is_answered(node: Node) -> None:
    assert await ask(node, "OPTIONS", "") == 200


async def test_other_methods_and_unknown_dialogues_are_refused(node: Node) -> None:
    assert await ask(node, "MESSAGE", "") == 405
    assert await ask(node, "BYE", "", {"To": "<sip:1@127.0.0.1>;tag=gone"}) == 481


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Contact": None}, 400),
        ({"Contact": "<http://127.0.0.2>"}, 400),
        ({"Contact": "<sip:c@127.0.0.2>\r\nCall-ID: another"}, 400),
        ({"Contact": "<sip:c@127.0.0.2>\r\nFrom: <sip:1@127.0.0.2>;tag=b"}, 400),
        ({"Max-Forwards": "0"}, 483),
        ({"Require": "100rel"}, 420),
        ({"Content-Type": "multipart/mixed;boundary=x"}, 415),
        ({"sdp": ""}, 488),
    ],
)
async def test_unusable_invite_is_refused_before_the_backend_is_asked(
    node: Node, backend: Backend, change: dict[str, str | None], code: int
) -> None:
    sdp = change.pop("sdp", SDP) or ""
    assert await ask(node, "INVITE", sdp, change) == code
    assert backend.arrivals == []


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ({}, "+15550177001"),
        ({"P-Asserted-Identity": "<tel:+15550177009>"}, "+15550177009"),
        ({"P-Asserted-Identity": '"A. Caller" <sip:1-555-017-7009@trunk>'}, "15550177009"),
        ({"P-Asserted-Identity": "<tel:+15550177009>", "Privacy": "id"}, None),
        ({"From": '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a'}, None),
        ({"From": "<sip:alice@example.com>;tag=a"}, None),
    ],
)
async def test_caller_is_taken_from_the_network(
    node: Node, backend: Backend, headers: dict[str, str | None], caller: str | None
) -> None:
    assert await ask(node, "INVITE", SDP, headers) == 404
    (arrival,) = backend.arrivals
    assert (arrival["caller"], arrival["number"]) == (caller, NUMBER)


async def test_noise_on_the_port_harms_nobody(node: Node) -> None:
    ip, _, port = node.address.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((CALLER_IP, 0))
        for noise in (bytes(100), b"\xff" * 100, b"INVITE" * 20, b"SIP/2.0 999 x" + b"\r\n" * 40):
            stranger.sendto(noise, (ip, int(port)))
    assert await ask(node, "OPTIONS", "") == 200
    await until(lambda: "sip_stack_error" in node.log)


async def test_an_answer_that_cannot_be_sent_does_not_silence_the_node(node: Node) -> None:
    ip, _, port = node.address.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((STRANGER_IP, 0))
        for via in (f"{STRANGER_IP}:99999", f"{STRANGER_IP}:0", f"{CALLER_IP}:99999"):
            stranger.sendto(_options(via), (ip, int(port)))

    assert await ask(node, "OPTIONS", "") == 200


async def test_a_stranger_cannot_have_somebody_else_answered(node: Node) -> None:
    ip, _, port = node.address.partition(":")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim,
    ):
        stranger.bind((STRANGER_IP, 0))
        victim.bind((VICTIM_IP, 0))
        stranger.settimeout(5)
        there = victim.getsockname()
        stranger.sendto(_options(f"{STRANGER_IP}:{there[1]};received={there[0]}"), (ip, int(port)))
        answer = stranger.recv(2_000)
        victim.setblocking(False)
        with pytest.raises(BlockingIOError):
            victim.recv(2_000)

    assert answer.startswith(b"SIP/2.0 403")


def _options(via: str) -> bytes:
    lines = (
        "OPTIONS sip:node@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP {via};branch=z9hG4bK{secrets.token_hex(8)}",
        "From: <sip:stranger@127.0.0.1>;tag=1",
        "To: <sip:node@127.0.0.1>",
        f"Call-ID: {secrets.token_hex(8)}",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


async def test_a_call_to_the_account_is_for_the_number_in_to(
    own_node: Callable[..., Node], backend: Backend
) -> None:
    """As registrars call their subscribers; to others a name is no number."""
    node = own_node(trunks=[{"host": "127.0.0.9", "username": "acme"}])
    node.start()
    assert await ask(node, "INVITE", user="somebody") == 404
    assert backend.arrivals == []
    assert await ask(node, "INVITE", user="acme") == 404
    assert [arrival["number"] for arrival in backend.arrivals] == [NUMBER]


async def test_ringing_never_overtakes_the_answer(
    own_node: Callable[..., Node], backend: Backend, agents: Callable[..., Any]
) -> None:
    """A burst of calls that are answered at once; several sending threads would mix them up."""
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    node = own_node(max_calls=200, max_calls_per_second=1_000, no_reply_seconds=20)
    node.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        phone.bind((CALLER_IP, 0))
        phone.setblocking(False)
        own = phone.getsockname()[1]
        told = await _told(phone, [_request(node, own, "INVITE") for _ in range(BURST)], node)
    assert [tuple(dict.fromkeys(codes)) for codes in told] == [(100, 180, 200)] * BURST


async def _told(phone: socket.socket, invites: list[bytes], node: Node) -> list[list[int]]:
    """The codes that each call got, in order, until all are answered; sent again every second."""
    ip, _, port = node.address.partition(":")
    loop = asyncio.get_running_loop()
    told: dict[bytes, list[int]] = {_call_id(one): [] for one in invites}
    for _ in range(20):
        for one in invites:
            if not told[_call_id(one)]:
                phone.sendto(one, (ip, int(port)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while not all(200 in codes for codes in told.values()):
                    answer = await loop.sock_recv(phone, 4096)
                    told[_call_id(answer)].append(int(answer.split(b" ")[1]))
                return list(told.values())
    raise AssertionError("not all calls were answered")


def _call_id(message: bytes) -> bytes:
    return message.split(b"Call-ID: ")[1].split(b"\r\n")[0]
