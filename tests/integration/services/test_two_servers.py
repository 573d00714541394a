"""Servers over one database share the work that is to be done once."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import cast

import pytest
from argon2 import PasswordHasher

from ringtrace.bootstrap import open_house
from ringtrace.domain.model import SHIPPED, Model
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.past import Past
from ringtrace.services import learn_models, write_off_calls
from ringtrace.services.directory import Directory
from ringtrace.services.learn_models import LearnModels
from ringtrace.services.ports import Store
from ringtrace.services.setup_form import read_setup
from ringtrace.services.write_off_calls import WriteOffCalls
from ringtrace.store.postgres.store import PostgresStore
from tests.postgres import Postgres
from tests.shop import POOL, RADIO, Clock, Shop, setup_of
from tests.stores import setup

DEADLINE = 20.0


@dataclass
class Server:
    store: Store
    directory: Directory

    def knows_a_model_of(self, at: int) -> bool:
        learnt = self.directory.learnt("site1")
        return learnt is not None and learnt.made_at >= at


async def until(fulfilled: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not fulfilled():
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
            clock.now += DAY_MS
            nights.append(clock.now)
            await until(lambda: all(one.knows_a_model_of(clock.now) for one in servers))
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    assert learnt == nights


@dataclass
class Looks:
    """Who asks whether it is his turn, and counts what he does then."""

    store: Store
    asked: int = 0
    done: list[int] = field(default_factory=list)

    def alone(self, job: str) -> AbstractAsyncContextManager[bool]:
        self.asked += 1
        return self.store.alone(job)


class Counting(WriteOffCalls):
    def __init__(self, looks: Looks) -> None:
        self._store = cast(Store, looks)
        self._looks = looks

    async def __call__(self) -> int:
        self._looks.done.append(self._looks.asked)
        return 0


async def test_calls_are_written_off_by_one_server_at_a_time(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_off_calls, "LOOK_SECONDS", 0.01)
    url = await postgres.database()
    first, second = await PostgresStore.open(url), await PostgresStore.open(url)
    busy, waiting = asyncio.Event(), Looks(second)

    class Slow(Counting):
        async def __call__(self) -> int:
            busy.set()
            await until(lambda: waiting.asked > 3)
            assert not waiting.done
            return await super().__call__()

    slow = Looks(first)
    running = [asyncio.create_task(Slow(slow).for_ever())]
    await busy.wait()
    running.append(asyncio.create_task(Counting(waiting).for_ever()))
    await until(lambda: slow.done and waiting.done)
    for task in running:
        task.cancel()
    told = await asyncio.gather(*running, return_exceptions=True)
    await first.close()
    await second.close()

    assert {type(one) for one in told} == {asyncio.CancelledError}


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
async def test_an_extension_shown_by_one_server_is_asked_for_by_another(shop: Shop) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    another = await open_house(shop.house.settings, shop.clock, cheap)
    document = setup_of("shop", RADIO, [POOL])
    document["site"][0]["extensions_above"] = 0.2  # type: ignore[index]
    await shop.house.use_cases.apply_setup(1, read_setup(document))
    elsewhere = another.use_cases.directory
    await until(lambda: (site := elsewhere.site("shop")) and site.extensions_above)

    shown = [(await shop.hit()).json()["number"] for _ in range(4)]
    number = next(one["e164"] for one in shown if one["extension"])
    tracking = elsewhere.number(1, number)
    assert tracking is not None
    await until(lambda: elsewhere.ask(tracking, shop.clock.now))
    foreign = elsewhere.number(1, RADIO)
    assert foreign is not None
    assert elsewhere.ask(foreign, shop.clock.now) is None
    await another.close()
