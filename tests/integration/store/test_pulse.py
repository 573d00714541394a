"""A database that hangs is noticed by one question, and everybody else is told."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

import pytest

from ringtrace.services.commands import Command
from ringtrace.services.errors import StoreAwayError
from ringtrace.store.postgres.pulse import ASK_SECONDS, SILENCE_SECONDS
from ringtrace.store.postgres.store import PostgresStore
from tests.postgres import Postgres, postgres_server
from tests.stores import NOW, POOL, setup, shown, view

BACK_SECONDS = 10.0
TOLD_SECONDS = ASK_SECONDS + SILENCE_SECONDS + 0.5


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A server of its own: it is stopped."""
    with postgres_server() as one:
        yield one


@pytest.fixture
async def store(own: Postgres) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(await own.database())
    await opened.submit(setup())
    yield opened
    await opened.close()


async def test_who_waits_for_a_database_that_hangs_is_told_and_nobody_waits_from_then_on(
    store: PostgresStore, own: Postgres
) -> None:
    first = await shown(store, view(1))
    own.freeze()
    try:
        began = time.monotonic()
        # More than there are connections, and some within a transaction.
        write: Command[Any] = setup()
        asked: list[Awaitable[object]] = [
            *(store.submit(view(n)) for n in range(2, 5)),
            store.submit(write),
            *(store.configuration() for _ in range(20)),
            *(store.history(1, "site1", 30) for _ in range(5)),
        ]
        told = await asyncio.gather(*asked, return_exceptions=True)
        waited = time.monotonic() - began
        began = time.monotonic()
        for ask in (store.submit(view(9)), store.configuration()):
            with pytest.raises(StoreAwayError):
                await ask
        then = time.monotonic() - began
        away = store.away
    finally:
        own.thaw()
    await back(store)

    assert all(isinstance(one, StoreAwayError) for one in told), told
    assert waited < TOLD_SECONDS
    assert then < ASK_SECONDS
    assert away
    assert await shown(store, view(1, NOW + 5)) == first
    assert len((await store.configuration()).numbers) == len(POOL)


async def test_a_server_that_stood_still_itself_does_not_take_its_database_for_away(
    store: PostgresStore,
) -> None:
    for _ in range(3):
        await asyncio.sleep(ASK_SECONDS / 2)
        time.sleep(SILENCE_SECONDS + ASK_SECONDS)  # noqa: ASYNC251 - the whole process
        await asyncio.sleep(ASK_SECONDS / 2)
        assert not store.away
        await shown(store, view(1))


async def back(store: PostgresStore) -> None:
    deadline = time.monotonic() + BACK_SECONDS
    while store.away:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
