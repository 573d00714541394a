"""Servers over one database share the work that is to be done once."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from ringtrace.domain.model import SHIPPED, Model
from ringtrace.domain.past import Past
from ringtrace.services import learn_models
from ringtrace.services.directory import Directory
from ringtrace.services.learn_models import LearnModels
from ringtrace.services.ports import Store
from ringtrace.store.postgres.store import PostgresStore
from tests.postgres import Postgres
from tests.shop import Clock
from tests.stores import DAY, setup

DEADLINE = 20.0


@dataclass
class Server:
    store: Store
    directory: Directory

    async def knows_a_model_of(self, at: int) -> None:
        deadline = time.monotonic() + DEADLINE
        while (learnt := self.directory.learnt("site1")) is None or learnt.made_at < at:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)


async def test_a_site_is_learnt_by_one_server_a_night(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learn_models, "LOOK_SECONDS", 0.01)
    clock, learnt = Clock(), []
    url = await postgres.database()

    async def learner(_past: Past, at: int) -> Model:
        learnt.append(at)
        return SHIPPED

    async with AsyncExitStack() as parts:
        stores = [await PostgresStore.open(url) for _ in range(2)]
        for store in stores:
            parts.push_async_callback(store.close)
        await stores[0].submit(setup())
        servers = [Server(store, Directory(store)) for store in stores]
        running = [
            asyncio.create_task(LearnModels(one.store, one.directory, clock, learner).every_night())
            for one in servers
        ]
        await asyncio.sleep(0)  # they begin, and take this for the night they know
        nights = []
        for _ in range(3):
            clock.now += DAY
            nights.append(clock.now)
            for one in servers:
                await one.knows_a_model_of(clock.now)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    assert learnt == nights
