"""What only the PostgreSQL store can meet: a database that goes away, and other servers."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from ringtrace.domain.account import TokenKind
from ringtrace.domain.visit import ON_PAGE_MS, HitKind
from ringtrace.services.commands import AddToken, OpenAccount
from ringtrace.services.errors import StoreAwayError
from ringtrace.store.postgres import lane, pools
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.store import PostgresStore
from tests.citus import plain_only
from tests.postgres import Postgres, postgres_server
from tests.stores import NOW, POOL, setup, shown, sign, view, visit_id

OUTAGE = lane.GIVE_UP_SECONDS + 20.0


@pytest.fixture
async def url(postgres: Postgres) -> str:
    return await postgres.database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(url)
    await opened.submit(setup())
    yield opened
    await opened.close()


async def end_sessions(url: str) -> int:
    """As an administrator, a failover or a broken network does it; answers how many there were."""
    connection = await asyncpg.connect(url)
    try:
        return int(
            await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'ringtrace'"
            )
        )
    finally:
        await connection.close()


async def kept(url: str) -> tuple[int, dict[str, int]]:
    """How many exposures there are, and how many hits of each kind."""
    connection = await asyncpg.connect(url)
    exposures = await connection.fetchval("SELECT count(*) FROM exposures")
    hits = await connection.fetch("SELECT kind, count(*) FROM hits GROUP BY kind")
    await connection.close()
    return exposures, {str(kind): int(count) for kind, count in hits}


async def read_on(store: PostgresStore, number: int) -> None:
    first = await shown(store, view(number))
    await store.submit(sign(HitKind.CONTACT, number, NOW + 1))
    assert await shown(store, view(number, NOW + 2)) == first


async def test_sessions_that_are_ended_amid_traffic_cost_nothing(
    store: PostgresStore, url: str
) -> None:
    async def disturb() -> None:
        for _ in range(5):
            await asyncio.sleep(0.02)
            await end_sessions(url)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(disturb())
        for number in range(200):
            tasks.create_task(read_on(store, number))

    assert await kept(url) == (200, {"contact": 200, "page": 200})


async def test_what_was_committed_without_an_answer_is_written_once(
    store: PostgresStore, url: str
) -> None:
    await read_on(store, 0)
    (group,) = store._groups.values()
    hits = group._hits
    write, lost = hits._write, 0

    async def lose(
        connection: Connection, commands: Sequence[Any], *, again: bool
    ) -> Sequence[Any]:
        nonlocal lost
        told = await write(connection, commands, again=again)
        if not again:
            lost += 1
            raise asyncpg.ConnectionDoesNotExistError("connection was closed")
        return told

    hits._write = lose
    await asyncio.gather(*(read_on(store, number) for number in range(1, 20)))

    assert lost > 0
    assert await kept(url) == (20, {"contact": 20, "page": 20})


@plain_only
async def test_who_waits_for_a_database_that_is_away_is_told_and_it_is_found_again() -> None:
    with postgres_server() as postgres:
        store = await PostgresStore.open(await postgres.database())
        await store.submit(setup())
        first = await shown(store, view(1))
        postgres.kill()

        began = time.monotonic()
        told = await asyncio.gather(
            *(store.submit(view(n)) for n in range(2, 40)), return_exceptions=True
        )
        waited = time.monotonic() - began
        with pytest.raises(StoreAwayError):
            await store.submit(view(50))
        with pytest.raises(StoreAwayError):
            await store.configuration()
        postgres.start()
        await asyncio.sleep(lane.BREATH_SECONDS)

        assert all(isinstance(one, StoreAwayError) for one in told)
        assert waited < OUTAGE
        assert await shown(store, view(1, NOW + 5)) == first
        assert await shown(store, view(2, NOW + 5)) != first
        assert len((await store.configuration()).numbers) == len(POOL)
        await store.close()


async def test_a_server_that_stands_still_with_locks_in_its_hands_loses_them(
    store: PostgresStore, url: str
) -> None:
    first = await shown(store, view(1))
    still = await asyncpg.connect(
        url, server_settings={"idle_in_transaction_session_timeout": "1s"}
    )
    await still.execute("BEGIN; UPDATE pools SET version = version + 1")

    second = await shown(store, view(2))
    still.terminate()

    assert second != first
    assert await shown(store, view(1, NOW + 5)) == first


async def test_leases_made_elsewhere_are_known_before_the_next_one(
    store: PostgresStore, url: str
) -> None:
    other = await PostgresStore.open(url)
    servers = (store, other)

    numbers = [await shown(servers[n % 2], view(n, NOW + n)) for n in range(len(POOL))]
    await other.submit(sign(HitKind.LEAVE, 2, NOW + 100))
    freed = await shown(store, view(100, NOW + 101))
    await store.submit(sign(HitKind.LEAVE, 100, NOW + 102))
    kept = await shown(other, view(101, NOW + 103, visitor=100))
    await other.close()

    assert len(set(numbers)) == len(POOL)
    assert freed == numbers[2]
    assert kept == freed


async def test_who_was_away_for_longer_than_the_log_goes_back_knows_everything_all_the_same(
    store: PostgresStore, url: str
) -> None:
    other = await PostgresStore.open(url)
    mine = await shown(store, view(1))
    for n in range(2, 300):
        await shown(other, view(n, NOW + n))
        await other.submit(sign(HitKind.LEAVE, n, NOW + n))
    theirs = await shown(other, view(300, NOW + 300))
    connection = await asyncpg.connect(url)
    logged = await connection.fetchval("SELECT count(*) FROM pool_log")
    await connection.close()

    again, new = await shown(store, view(1, NOW + 400)), await shown(store, view(301, NOW + 401))
    await other.close()

    assert again == mine
    assert new not in {mine, theirs}
    assert logged < 300


async def test_numbers_switched_off_through_one_server_are_shown_by_none(
    store: PostgresStore, url: str
) -> None:
    other = await PostgresStore.open(url)
    for one in (store, other):
        await shown(one, view(1))
    off = setup()
    switched_off = tuple(replace(one, active=False) for one in off.numbers[:-1])
    await store.submit(replace(off, numbers=switched_off))

    found = {(await shown(one, view(n, NOW + n))).number for n in (1, 2) for one in (other, store)}
    await other.close()

    assert found == {POOL[-1]}


def unheard(_number: str, _at: int) -> None:
    raise AssertionError("no extension was shown")


async def test_others_hear_of_what_one_server_is_told(store: PostgresStore, url: str) -> None:
    other = await PostgresStore.open(url)
    heard, own = asyncio.Event(), asyncio.Event()
    listening = [
        asyncio.create_task(other.watch(heard.set, unheard)),
        asyncio.create_task(store.watch(own.set, unheard)),
    ]
    async with asyncio.timeout(10):
        for one in (heard, own):
            await one.wait()
            one.clear()
        await store.submit(AddToken(1, TokenKind.API, "digest", NOW))
        await heard.wait()
        heard.clear()
        await end_sessions(url)
        # What was missed meanwhile nobody knows.
        await heard.wait()
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    await other.close()


async def test_servers_that_open_accounts_at_once_give_out_different_ids(
    store: PostgresStore, url: str
) -> None:
    other = await PostgresStore.open(url)
    ids = await asyncio.gather(
        *(
            (store, other)[n % 2].submit(OpenAccount(0, f"A{n}", "US", f"login{n}", "hash"))
            for n in range(20)
        )
    )
    await other.close()

    assert len(set(ids)) == 20


async def test_numbers_fall_idle_again_after_the_clock_went_back(store: PostgresStore) -> None:
    ahead = NOW + 3_600_000
    first = [await shown(store, view(n, ahead)) for n in range(len(POOL))]

    await store.submit(sign(HitKind.BEAT, 0, NOW))
    await store.submit(sign(HitKind.BEAT, 0, NOW + ON_PAGE_MS - 1))
    new = await shown(store, view(100, NOW + ON_PAGE_MS))

    assert new in first[1:]


async def test_a_server_whose_clock_is_ahead_does_not_stop_the_time_of_the_others(
    store: PostgresStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers fall idle by the right clock, and nobody is shown one in the future."""
    monkeypatch.setattr(pools, "_AHEAD_SECONDS", 0.0)
    other = await PostgresStore.open(url)
    first = [await shown(store, view(n)) for n in range(len(POOL))]
    ahead = NOW + 3_600_000
    # The first one is met with a pool that is read anew, the others are followed.
    for at in (1, 2, ON_PAGE_MS - 1):
        await shown(other, view(50, ahead + at))
        await store.submit(sign(HitKind.BEAT, 0, NOW + at))
    await other.close()

    new = [await shown(store, view(100 + n, NOW + ON_PAGE_MS + n)) for n in range(len(POOL) - 1)]
    at = NOW + 3 * ON_PAGE_MS
    later = [await shown(store, view(200 + n, at + n)) for n in range(len(POOL))]

    connection = await asyncpg.connect(url)
    future = await connection.fetch("SELECT visit_id FROM exposures WHERE shown_at > $1", at + 9)
    await connection.close()
    assert first[0] not in new
    assert len(set(new)) == len(POOL) - 1
    assert len(set(later)) == len(POOL)
    assert [visit for (visit,) in future] == [visit_id(50)]
