"""Two telephones talk to each other, without anything between them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ringtrace.demo.behaviour import Answers, Behaviour, Calling, NeverAnswers, Refuses
from ringtrace.demo.phone import Phone
from ringtrace.demo.sipmessage import MessageError, parse, socket_address, user_of


@pytest.fixture
async def caller() -> AsyncIterator[Phone]:
    phone = await Phone.open("127.0.0.2")
    yield phone
    await phone.close()


@pytest.fixture
async def agent() -> AsyncIterator[Phone]:
    behaviours: dict[str, Behaviour] = {
        "talks": Answers(after=0.05, tone_hz=880),
        "hangs-up": Answers(after=0, hang_up_after=0.4),
        "busy": Refuses(486),
        "rejects": Refuses(603, after=0.1),
        "rings": NeverAnswers(),
    }
    phone = await Phone.open("127.0.0.3", 0, behaviours)
    yield phone
    await phone.close()


def uri(agent: Phone, user: str) -> str:
    return f"sip:{user}@127.0.0.3:{agent.address[1]}"


async def test_both_hear_each_other(caller: Phone, agent: Phone) -> None:
    result = await caller.call(uri(agent, "talks"), "+15550177001", Calling(440, 0.8))
    seen = await agent.agent_calls.get()
    assert (result.code, result.rang) == (200, True)
    assert result.heard.hz == pytest.approx(880, abs=5)
    assert seen.heard.hz == pytest.approx(440, abs=5)
    assert (seen.number, seen.caller, seen.code) == ("talks", "+15550177001", 200)
    assert result.talk_seconds == pytest.approx(0.8, abs=0.3)


async def test_agent_hangs_up(caller: Phone, agent: Phone) -> None:
    result = await caller.call(uri(agent, "hangs-up"), "1", Calling(talk_seconds=None))
    assert result.talk_seconds == pytest.approx(0.4, abs=0.3)


@pytest.mark.parametrize(("user", "code"), [("busy", 486), ("rejects", 603), ("nobody", 404)])
async def test_refusal(caller: Phone, agent: Phone, user: str, code: int) -> None:
    result = await caller.call(uri(agent, user), "1", Calling())
    assert (result.code, result.talk_seconds) == (code, 0)
    assert (await agent.agent_calls.get()).code == code


async def test_caller_gives_up(caller: Phone, agent: Phone) -> None:
    result = await caller.call(uri(agent, "rings"), "1", Calling(cancel_after=0.2))
    assert result.code == 487
    assert (await agent.agent_calls.get()).code == 487


async def test_lost_messages_are_sent_again(caller: Phone, agent: Phone) -> None:
    """Every message is lost the first time it is sent, on both sides."""
    for phone in (caller, agent):
        _lose_first_copies(phone)
    async with asyncio.timeout(8):
        result = await caller.call(uri(agent, "hangs-up"), "1", Calling(talk_seconds=None))
    assert result.code == 200
    assert result.heard.packets > 0


def _lose_first_copies(phone: Phone) -> None:
    send = phone._wire._send
    seen: set[bytes] = set()

    def lossy(data: bytes, to: tuple[str, int]) -> None:
        if data in seen:
            send(data, to)
        seen.add(data)

    phone._wire._send = lossy  # type: ignore[method-assign]


def test_noise_is_no_message() -> None:
    for noise in (b"", b"\x00\x01", b"HELLO", b"INVITE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n"):
        with pytest.raises(MessageError):
            parse(noise)


def test_compact_and_folded_headers_are_read() -> None:
    text = "OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP b\r\n ;branch=z9\r\nf: <sip:+1@b>\r\n"
    message = parse(f"{text}t: <sip:a@b>\r\ni: 1\r\nCSeq: 7 OPTIONS\r\nl: 0\r\n\r\n".encode())
    assert (message.branch, message.sequence, message.method) == ("z9", 7, "OPTIONS")
    assert user_of(message.header("from")) == "+1"


def test_only_numeric_hosts_are_called() -> None:
    assert socket_address("sip:a@127.0.0.1:5070") == ("127.0.0.1", 5070)
    with pytest.raises(MessageError, match="IPv4"):
        socket_address("sip:a@example.com")
