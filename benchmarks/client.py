"""A closed-loop HTTP client on raw sockets: slower than wrk, but it knows each answer's request."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.request import Figures, Template

ANSWER_SECONDS = 10.0
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"


@dataclass(slots=True)
class Run:
    """A load under way: hands out request numbers, collects what was acknowledged."""

    template: Template
    host: str
    prefix: str
    counter: int
    until: float
    last: int | None
    sent: int = 0
    failed: int = 0
    acknowledged: list[int] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def next(self) -> tuple[int, bytes] | None:
        """The next request, None when time or number is used up."""
        if self.last is not None and self.sent >= self.last:
            return None
        if time.perf_counter() >= self.until:
            return None
        offset = self.sent % self.template.cycle if self.template.cycle else self.sent
        self.sent += 1
        counter = self.counter + offset
        return counter, self.template.request(self.host, self.prefix, counter)

    def answered(self, counter: int, status: int, seconds: float) -> None:
        self.latencies.append(seconds)
        if 200 <= status < 300:
            self.acknowledged.append(counter)
        else:
            self.failed += 1


class _Connection(asyncio.Protocol):
    def __init__(self, run: Run) -> None:
        self._run = run
        self._buffer = b""
        self._counter = 0
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(_HEAD_END)
        length = _LENGTH.search(head + b"\r\n")
        if not separator or len(rest) < (int(length[1]) if length else 0):
            return
        self._buffer = b""
        status = int(head.split(b" ", 2)[1])
        self._run.answered(self._counter, status, time.perf_counter() - self._asked_at)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionError("the server hung up"))

    def _ask(self) -> None:
        assert self._transport is not None
        request = self._run.next()
        if request is None:
            self.ended.set_result(None)
            self._transport.close()
            return
        self._counter, body = request
        self._asked_at = time.perf_counter()
        self._transport.write(body)


def load(
    url: str,
    template: Template,
    prefix: str,
    counter: int,
    connections: int,
    seconds: float,
    count: int | None = None,
) -> tuple[Figures, list[int]]:
    """Ask for `seconds`, at most `count` times; every request sent is answered in the end.

    Answers the figures and the counters of the acknowledged requests.
    Raises TimeoutError when an answer stays away for ANSWER_SECONDS, ConnectionError.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80

    async def drive() -> Run:
        started = time.perf_counter()
        run = Run(template, parts.netloc, prefix, counter, started + seconds, count)
        open_connection: Callable[[], _Connection] = lambda: _Connection(run)  # noqa: E731
        loop = asyncio.get_running_loop()
        made = [await loop.create_connection(open_connection, host, port)
                for _ in range(connections)]  # fmt: skip
        async with asyncio.timeout(seconds + ANSWER_SECONDS):
            await asyncio.gather(*(protocol.ended for _, protocol in made))
        return run

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        began = time.perf_counter()
        run = runner.run(drive())
        took = time.perf_counter() - began
    return _figures(run, took), run.acknowledged


def _figures(run: Run, seconds: float) -> Figures:
    ordered = sorted(run.latencies)
    return Figures(
        sent=run.sent,
        answered=len(ordered),
        failed=run.failed,
        seconds=seconds,
        p50_us=1e6 * ordered[len(ordered) // 2],
        p99_us=1e6 * ordered[len(ordered) * 99 // 100],
    )
