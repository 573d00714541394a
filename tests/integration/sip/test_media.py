"""The relay gives everybody a port of his own, also when it had another owner a moment ago."""

import itertools
import queue
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringtrace.gateways.sip.loop import Timer
from ringtrace.gateways.sip.media import MediaRelay
from ringtrace.gateways.sip.rtp import RtpWriter

PORTS = 1_000
STILL_SENDING = 100
"""Callers of the last calls who have not noticed that theirs are over."""


class Direct:
    """A loop that runs what is posted at once, in the relay's thread."""

    def post(self, action: Callable[[], None]) -> None:
        action()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        raise NotImplementedError  # a relay sets no timers


class Exchange:
    """Opens and closes sessions of the relay, one step after another."""

    def __init__(self, folder: Path, port_min: int) -> None:
        self.relay = MediaRelay(
            Direct(),
            bind_ip="127.0.0.1",
            port_min=port_min,
            port_max=port_min + PORTS - 1,
            media_timeout=60,
            folder=folder,
        )
        self._names = itertools.count()

    def ask(self, line: str) -> str:
        replies: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.relay.command(line, replies.put)
        return replies.get(timeout=5)

    def open(self, caller: socket.socket, agent: socket.socket) -> tuple[str, int]:
        """The session's name and the port to which the caller is to send."""
        name = f"call{next(self._names)}"
        notify = f"{self.relay.notify_address} {name}"
        (_, to), (_, back) = caller.getsockname(), agent.getsockname()
        self.ask(f"U {name} 127.0.0.1 {to} caller {notify}")
        port = self.ask(f"U {name} 127.0.0.1 {back} agent caller {notify}")
        return name, int(port.split()[0])

    def close(self, name: str) -> None:
        assert self.ask(f"D {name} caller agent") == "0"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    exchange = Exchange(tmp_path_factory.mktemp("media"), 27_000)
    yield exchange
    exchange.relay.close()


@pytest.fixture
def telephone() -> Iterator[Callable[[], socket.socket]]:
    opened: list[socket.socket] = []

    def open_one() -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", 0))
        one.settimeout(1)
        opened.append(one)
        return one

    yield open_one
    for one in opened:
        one.close()


def test_who_still_sends_in_a_call_that_is_over_silences_nobody(
    exchange: Exchange, telephone: Callable[[], socket.socket]
) -> None:
    late: deque[tuple[socket.socket, int, RtpWriter]] = deque(maxlen=STILL_SENDING)
    agent = telephone()
    for number in range(PORTS // 4 - STILL_SENDING):
        caller, voice = telephone(), RtpWriter()
        name, port = exchange.open(caller, agent)
        for before, its_port, its_voice in late:
            before.sendto(its_voice.packet(0, bytes(160)), ("127.0.0.1", its_port))
        said = number.to_bytes(2) * 80
        deadline = time.monotonic() + 2
        caller.sendto(voice.packet(0, said), ("127.0.0.1", port))
        while (heard := agent.recv(2_000)[12:]) != said:
            assert time.monotonic() < deadline, f"call {number} is without sound"
            assert heard == bytes(160)
            caller.sendto(voice.packet(0, said), ("127.0.0.1", port))
        exchange.close(name)
        late.append((caller, port, voice))


def test_a_freed_port_comes_back_after_all_others(
    exchange: Exchange, telephone: Callable[[], socket.socket]
) -> None:
    caller, agent = telephone(), telephone()
    given: list[int] = []
    for _ in range(PORTS // 4):
        name, port = exchange.open(caller, agent)
        exchange.close(name)
        given.append(port)

    assert len(set(given)) == PORTS // 4
