"""SIP transactions over one UDP socket (RFC 3261 section 17): retransmission both ways."""

import asyncio
from collections.abc import Callable
from typing import cast

from ringtrace.demo.sipmessage import Message, MessageError, parse

Address = tuple[str, int]
_T1 = 0.5
_T2 = 4.0
_GIVE_UP = 64 * _T1


class Attempt:
    """A request of ours on its way; `next` gives its responses one after another."""

    def __init__(self, request: Message, to: Address) -> None:
        self.request = request
        self.to = to
        self.responses: asyncio.Queue[Message] = asyncio.Queue()
        self.repeating: asyncio.Task[None] | None = None

    async def next(self) -> Message:
        """Raises `TimeoutError` after half a minute without any."""
        async with asyncio.timeout(_GIVE_UP):
            return await self.responses.get()

    async def final(self) -> Message:
        while (answer := await self.next()).code in range(100, 200):
            pass
        return answer


class Wire(asyncio.DatagramProtocol):
    """Repeats what was lost; hands new requests, each once, to `on_request`."""

    def __init__(self, on_request: Callable[[Message, Address], None]) -> None:
        self._on_request = on_request
        self._transport: asyncio.DatagramTransport | None = None
        self._attempts: dict[tuple[str, str], Attempt] = {}
        self._acks: dict[tuple[str, int], tuple[bytes, Address]] = {}
        self._answers: dict[tuple[str, str], tuple[bytes, Address]] = {}
        self._unacknowledged: dict[tuple[str, int], asyncio.Task[None]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    @property
    def address(self) -> Address:
        if self._transport is None:
            raise RuntimeError("the socket is not open")
        ip, port = self._transport.get_extra_info("sockname")[:2]
        return str(ip), int(port)

    def close(self) -> None:
        for attempt in self._attempts.values():
            if attempt.repeating is not None:
                attempt.repeating.cancel()
        for task in self._unacknowledged.values():
            task.cancel()
        if self._transport is not None:
            self._transport.close()

    def request(self, message: Message, to: Address) -> Attempt:
        attempt = Attempt(message, to)
        self._attempts[message.branch, message.method] = attempt
        attempt.repeating = asyncio.create_task(self._repeat(message.encode(), to))
        return attempt

    def acknowledge(self, ack: Message, to: Address) -> None:
        """Send the ACK of a final answer, and again whenever that answer is repeated."""
        self._acks[ack.header("call-id"), ack.sequence] = (ack.encode(), to)
        self._send(ack.encode(), to)

    def respond(self, request: Message, answer: Message, to: Address) -> None:
        data = answer.encode()
        self._answers[request.branch, request.method] = (data, to)
        if request.method != "INVITE" or answer.code in range(100, 200):
            self._send(data, to)
            return
        key = (request.header("call-id"), request.sequence)
        self._unacknowledged[key] = asyncio.create_task(self._repeat(data, to))

    def datagram_received(self, data: bytes, addr: Address) -> None:
        try:
            message = parse(data)
            if message.code is None:
                self._on_incoming(message, addr)
            else:
                self._on_response(message)
        except (MessageError, ValueError, IndexError):
            return  # as a telephone does with noise on its port

    def _on_incoming(self, message: Message, addr: Address) -> None:
        if message.method == "ACK":
            repeating = self._unacknowledged.pop(
                (message.header("call-id"), message.sequence), None
            )
            if repeating is not None:
                repeating.cancel()
            return
        known = self._answers.get((message.branch, message.method))
        if known is not None:
            self._send(*known)
            return
        self._on_request(message, addr)

    def _on_response(self, message: Message) -> None:
        code = message.code or 0
        attempt = self._attempts.get((message.branch, message.method))
        ack = self._acks.get((message.header("call-id"), message.sequence))
        if message.method == "INVITE" and code >= 200 and ack is not None:  # noqa: PLR2004 - final answers
            self._send(*ack)
            return
        if attempt is None:
            return
        if attempt.repeating is not None:
            attempt.repeating.cancel()
        attempt.responses.put_nowait(message)

    async def _repeat(self, data: bytes, to: Address) -> None:
        pause, waited = _T1, 0.0
        while waited < _GIVE_UP:
            self._send(data, to)
            await asyncio.sleep(pause)
            waited += pause
            pause = min(2 * pause, _T2)

    def _send(self, data: bytes, to: Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, to)
