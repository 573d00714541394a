"""A response leaves in one write, is not held back, and is not lost to an unread request."""

import asyncio
from typing import Any

import httptools
import pytest
import uvicorn

from ringtrace.web import onewrite
from ringtrace.web.onewrite import OneWriteProtocol

REQUEST = b"%s / HTTP/1.1\r\nHost: x\r\n\r\n"


class Wire:
    """A transport that keeps what is written, and when it was closed."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed_after: int | None = None
        self.is_half_closed = False
        self.is_read = True
        self.protocol: asyncio.Protocol | None = None

    def write(self, data: bytes) -> None:
        assert self.closed_after is None, "written to after it was closed"
        self.writes.append(data)

    def close(self) -> None:
        self.closed_after = len(self.writes)

    def is_closing(self) -> bool:
        return self.closed_after is not None

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_half_closed = True

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol

    def get_extra_info(self, _name: str) -> Any:
        return None


async def asked(app: Any, *requests: bytes) -> Wire:
    """The client goes away when it was answered."""
    wire, protocol = await spoken(app, *requests)
    protocol.connection_lost(None)
    return wire


async def spoken(app: Any, *requests: bytes) -> tuple[Wire, OneWriteProtocol]:
    config = uvicorn.Config(app, http=OneWriteProtocol, lifespan="off", log_config=None)
    config.load()
    state = uvicorn.server.ServerState()
    protocol = OneWriteProtocol(config, state, {})
    wire = Wire()
    protocol.connection_made(wire)  # type: ignore[arg-type]  # as much of one as is needed
    for request in requests:
        protocol.data_received(request)
        while state.tasks:
            await asyncio.gather(*state.tasks)
        await asyncio.sleep(0)
    return wire, protocol


async def whole(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"4")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"body"})


async def test_head_and_body_leave_together() -> None:
    wire = await asked(whole, REQUEST % b"GET", REQUEST % b"GET")

    assert len(wire.writes) == 2
    assert all(one.startswith(b"HTTP/1.1 200 OK\r\n") for one in wire.writes)
    assert all(one.endswith(b"\r\n\r\nbody") for one in wire.writes)


async def test_answers_of_one_turn_leave_when_it_is_over() -> None:
    """Then a client who sleeps is woken once."""
    wires = [Wire(), Wire()]
    sent: list[list[int]] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        await whole(scope, receive, send)
        sent.append([len(one.writes) for one in wires])

    config = uvicorn.Config(noting, http=OneWriteProtocol, lifespan="off", log_config=None)
    config.load()
    state = uvicorn.server.ServerState()
    for wire in wires:
        protocol = OneWriteProtocol(config, state, {})
        protocol.connection_made(wire)  # type: ignore[arg-type]  # as much of one as is needed
        protocol.data_received(REQUEST % b"GET")
    await asyncio.gather(*state.tasks)
    await asyncio.sleep(0)

    assert sent == [[0, 0], [0, 0]]
    assert [len(one.writes) for one in wires] == [1, 1]


async def test_a_head_without_a_body_leaves_too() -> None:
    wire = await asked(whole, REQUEST % b"HEAD")

    assert len(wire.writes) == 1
    assert wire.writes[0].endswith(b"content-length: 4\r\n\r\n")


async def test_a_stream_begins_before_its_first_event() -> None:
    go_on = asyncio.Event()
    begun: list[int] = []

    async def stream(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        asyncio.get_running_loop().call_later(0.01, go_on.set)
        await go_on.wait()
        begun.append(1)
        await send({"type": "http.response.body", "body": b"event", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    wire = await asked(stream, REQUEST % b"GET")

    assert begun
    assert wire.writes[0].endswith(b"transfer-encoding: chunked\r\n\r\n")
    assert b"".join(wire.writes[1:]) == b"5\r\nevent\r\n0\r\n\r\n"


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
async def test_what_was_said_is_sent_before_a_connection_is_closed(method: bytes) -> None:
    request = (REQUEST % method).replace(b"Host", b"Connection: close\r\nHost")

    wire = await asked(whole, request)

    assert wire.closed_after == len(wire.writes) == 1
    parser = httptools.HttpResponseParser(type("Answer", (), {})())
    parser.feed_data(wire.writes[0])
    assert parser.get_status_code() == 200


async def test_much_is_not_copied_and_keeps_its_place() -> None:
    async def much(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"40001")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(40_000), "more_body": True})
        await send({"type": "http.response.body", "body": b"!"})

    wire = await asked(much, REQUEST % b"GET")

    assert [len(one) for one in wire.writes[1:]] == [40_000, 1]
    assert wire.writes[0].endswith(b"\r\n\r\n")


async def test_a_client_that_is_still_sending_gets_to_read_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onewrite, "_LINGER_SECONDS", 0.01)
    head = b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 900000\r\n\r\n"

    wire, _ = await spoken(whole, head + bytes(100_000))

    assert wire.is_half_closed
    assert wire.is_read
    assert not wire.is_closing(), "what comes is read"
    assert wire.protocol is not None
    wire.protocol.data_received(bytes(100_000))
    deadline = asyncio.get_running_loop().time() + 10
    while not wire.is_closing():
        assert asyncio.get_running_loop().time() < deadline, "not for ever"
        await asyncio.sleep(0.005)
    wire.protocol.connection_lost(None)
    assert len(wire.writes) == 1
