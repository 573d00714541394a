"""Of several servers over a database one seals at a time, and another goes on when it is gone."""

import asyncio

import pytest

from ringtrace.domain.moment import DAY_MS
from ringtrace.services import seal_days
from ringtrace.store.postgres.store import PostgresStore
from tests.postgres import Postgres
from tests.stores import NOW


async def test_one_server_seals_at_a_time(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal_days, "LOOK_SECONDS", 0.001)
    url = await postgres.database()
    servers = [await PostgresStore.open(url) for _ in range(2)]
    sealing: list[int] = []
    began: asyncio.Queue[int] = asyncio.Queue()

    async def seal(server: int) -> None:
        sealing.append(server)
        began.put_nowait(server)
        assert len(sealing) == 1
        try:
            await asyncio.Event().wait()
        finally:
            sealing.remove(server)

    nights = [
        asyncio.create_task(
            seal_days.every_night(lambda own=number: seal(own), store, lambda: NOW)  # type: ignore[misc]
        )
        for number, store in enumerate(servers)
    ]
    async with asyncio.timeout(30):
        first = await began.get()
        nights[first].cancel()
        assert await began.get() == 1 - first
    nights[1 - first].cancel()
    await asyncio.gather(*nights, return_exceptions=True)
    for store in servers:
        await store.close()


async def test_a_night_is_sealed_once_by_a_server_and_a_failure_ends_no_nights(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal_days, "LOOK_SECONDS", 0.001)
    store = await PostgresStore.open(await postgres.database())
    sealed: list[int] = []
    third = asyncio.Event()
    now = NOW

    async def seal() -> None:
        nonlocal now
        sealed.append(seal_days.open_since(now))
        now += DAY_MS
        if len(sealed) == 3:
            third.set()
        raise RuntimeError

    running = asyncio.create_task(seal_days.every_night(seal, store, lambda: now))
    async with asyncio.timeout(30):
        await third.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()

    first = seal_days.open_since(NOW)
    assert sealed == [first, first + 1, first + 2]
