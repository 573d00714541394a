"""What is said on a line arrives whole and in order, and nobody waits for who does not listen."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from ringtrace.workers import line as module
from ringtrace.workers.line import Line, Reply


@dataclass
class End:
    told: list[bytes] = field(default_factory=list)
    asked: list[tuple[bytes, Reply | None]] = field(default_factory=list)
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.line = Line(self.told.append, lambda *said: self.asked.append(said), self.lost.set)

    async def hears(self, count: int) -> None:
        deadline = time.monotonic() + 10
        while len(self.told) + len(self.asked) < count:
            assert time.monotonic() < deadline
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def two_ends() -> AsyncIterator[tuple[End, End]]:
    ends = End(), End()
    for end, sock in zip(ends, socket.socketpair(), strict=True):
        await end.line.open(sock)
    yield ends
    for end in ends:
        end.line.close()
        await end.lost.wait()


async def test_news_of_any_size_arrives_in_order() -> None:
    said = [b"", b"x", b"y" * 300_000, b"z" * 70_000, b"end"]
    async with two_ends() as (here, there):
        for one in said:
            here.line.tell(one)
        await there.hears(len(said))
    assert there.told == said


async def test_answers_find_who_asked_in_whatever_order_they_come() -> None:
    async with two_ends() as (here, there):
        asking = [asyncio.create_task(here.line.ask(b"q%d" % n, 10)) for n in range(3)]
        here.line.post(b"no answer wanted")
        await there.hears(4)
        for question, reply in reversed(there.asked):
            if reply is None:
                assert question == b"no answer wanted"
            else:
                reply(b"answer to " + question)
        assert await asyncio.gather(*asking) == [b"answer to q%d" % n for n in range(3)]


async def test_who_is_not_answered_in_time_or_loses_the_line_goes_on_without() -> None:
    async with two_ends() as (here, there):
        assert await here.line.ask(b"slow", 0.01) is None
        (_, reply) = there.asked[0]
        assert reply is not None
        reply(b"too late")
        asking = asyncio.create_task(here.line.ask(b"never", 10))
        await there.hears(2)
        there.line.close()
        assert await asking is None
        assert await here.line.ask(b"nobody is there", 10) is None
        here.line.tell(b"nobody is there")


async def test_a_process_that_does_not_read_loses_news_and_blocks_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_MOST_UNREAD", 1_000)
    ours, theirs = socket.socketpair()
    here = End()
    await here.line.open(ours)
    for _ in range(200):
        here.line.tell(b"x" * 100_000)

    assert caplog.text.count("neighbour_does_not_listen") == 1
    here.line.close()
    theirs.close()
    await here.lost.wait()
