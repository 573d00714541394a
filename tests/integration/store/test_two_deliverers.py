"""Two servers over one database empty one outbox: each notice is told by one of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from ringtrace.domain.notice import (
    Delivery,
    DeliveryState,
    Event,
    Recipient,
    RecipientKind,
    Standing,
    Try,
    tried,
)
from ringtrace.domain.sending import Failure
from ringtrace.services.commands import AddDelivery, BeginTry, KeepTry, SetStanding
from ringtrace.services.deliver_notices import (
    MOST_AT_ONCE,
    MOST_EACH,
    TAKEN_MS,
    DeliverNotices,
)
from ringtrace.services.directory import Directory
from ringtrace.services.notice_records import DeliveryFilter, Notice, Sent
from ringtrace.store.postgres.store import PostgresStore
from tests.postgres import Postgres
from tests.stores import NOW, setup

HOOKS = [Recipient(1, f"https://crm.example.com/{n}", (Event.MISSED,)) for n in range(12)]
COUNT = 48
SERVERS = 2


class Sender:
    """Of one server; it answers once the gate is open."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.gate = asyncio.Event()

    async def __call__(self, notice: Notice) -> Sent:
        self.sent.append(notice.delivery.delivery_id)
        await self.gate.wait()
        return Sent(200)


class Server:
    def __init__(self, store: PostgresStore, directory: Directory, began: int) -> None:
        self.store, self.directory, self.now = store, directory, began
        self.sender = Sender()
        senders: Any = {RecipientKind.WEBHOOK: self.sender}
        self.deliver = DeliverNotices(store, directory, lambda: self.now, lambda: 0.5, senders, 30)

    async def look(self) -> None:
        """Until all that it could take waits at the gate, and what it could not is left alone."""
        await self.deliver.look()
        async with asyncio.timeout(10):
            # What is not begun tells nobody.
            while len(self.deliver._running) > len(self.sender.sent):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)


def notice(number: int) -> Delivery:
    to = HOOKS[number % len(HOOKS)]
    return Delivery(
        1, f"n{number:02}", to.recipient_id, Event.TEST, NOW, DeliveryState.PENDING, NOW
    )


@pytest.fixture(params=["postgres", "partitioned"])
async def servers(
    postgres: Postgres, request: pytest.FixtureRequest
) -> AsyncIterator[list[Server]]:
    url = await postgres.database(partitioned=request.param == "partitioned")
    stores = [await PostgresStore.open(url) for _ in range(SERVERS)]
    await stores[0].submit(replace(setup(), recipients=tuple(HOOKS)))
    some = [Server(store, Directory(store), NOW) for store in stores]
    for one in some:
        await one.directory.refresh()
    yield some
    for one in some:
        await one.deliver.close()
        await one.store.close()


async def fill(server: Server, count: int = COUNT) -> list[Delivery]:
    some = [notice(n) for n in range(count)]
    await asyncio.gather(*(server.store.submit(AddDelivery(1, one)) for one in some))
    return some


async def test_of_two_that_take_the_same_one_gets_it(servers: list[Server]) -> None:
    wanted = [BeginTry(1, one.delivery_id, NOW, NOW + 1) for one in await fill(servers[0])]

    told = await asyncio.gather(
        *(servers[0].store.submit(one) for one in wanted),
        *(servers[1].store.submit(one) for one in reversed(wanted)),
    )

    taken = Counter(one.delivery_id for one in told if one is not None)
    assert taken == Counter({one.delivery_id: 1 for one in wanted})


async def test_each_notice_is_told_by_one_and_all_are_told(servers: list[Server]) -> None:
    await fill(servers[0])
    for one in servers:
        one.sender.gate.set()

    async with asyncio.timeout(30):
        while await left(servers[0]):
            await asyncio.gather(*(one.deliver.look() for one in servers))
            await asyncio.gather(*(one.deliver.settle() for one in servers))

    told = Counter(name for one in servers for name in one.sender.sent)
    assert told == Counter({f"n{n:02}": 1 for n in range(COUNT)})


async def left(server: Server) -> int:
    where = DeliveryFilter(state=DeliveryState.PENDING)
    return (await server.store.deliveries(1, where, 1, 0)).total


async def test_together_they_keep_to_the_limits(servers: list[Server]) -> None:
    await fill(servers[0])
    more = [replace(notice(0), delivery_id=f"more{n}") for n in range(9)]
    await asyncio.gather(*(servers[0].store.submit(AddDelivery(1, one)) for one in more))

    await asyncio.gather(*(one.look() for one in servers))
    await asyncio.gather(*(one.look() for one in servers))

    told = [name for one in servers for name in one.sender.sent]
    to = Counter(one.recipient_id for one in [*map(notice, range(COUNT)), *more]
                 if one.delivery_id in told)  # fmt: skip
    assert len(told) == len(set(told)) == MOST_AT_ONCE
    assert max(to.values()) <= MOST_EACH


async def test_what_a_server_was_trying_when_it_died_another_tries(servers: list[Server]) -> None:
    died, other = servers
    await fill(died, 3)
    await died.look()
    await died.deliver.close()
    other.sender.gate.set()

    other.now = NOW + TAKEN_MS - 1
    await other.look()
    before = list(other.sender.sent)
    other.now = NOW + TAKEN_MS
    await other.deliver.look()
    await other.deliver.settle()

    assert before == []
    assert sorted(other.sender.sent) == sorted(died.sender.sent) == ["n00", "n01", "n02"]
    assert await left(other) == 0


async def test_one_whom_one_server_stopped_the_other_hears_of(servers: list[Server]) -> None:
    first, second = servers
    (known, *_) = await fill(first, 1)
    heard = asyncio.Event()
    watching = asyncio.create_task(second.store.watch(heard.set, lambda *_: None))
    async with asyncio.timeout(10):
        await heard.wait()  # it listens from now on
        heard.clear()
        one = Try(NOW, 0.1, 410, Failure.GONE)
        assert await first.store.submit(KeepTry(1, tried(known, one, 0.5), one))
        await heard.wait()
        await second.directory.refresh()
        stopped = second.directory.recipient(1, known.recipient_id)
        heard.clear()
        await first.store.submit(SetStanding(1, known.recipient_id, Standing.ACTIVE, NOW))
        await heard.wait()
    watching.cancel()

    assert stopped is not None
    assert stopped.standing is Standing.STOPPED
