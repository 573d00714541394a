"""A database of an earlier version is taken up with what is in it, by one server at a time."""

import asyncio
import time
from collections.abc import Sequence

import asyncpg
import pytest

from ringtrace.store import schema
from ringtrace.store.postgres import connection as connecting
from ringtrace.store.postgres.connection import open_connection
from ringtrace.store.postgres.migration import migrate
from ringtrace.store.postgres.store import PostgresStore
from ringtrace.store.schema import SchemaTooNewError
from tests.postgres import Postgres, postgres_server
from tests.stores import NOW, report, setup, shown, view

REAL = schema.steps("ringtrace.store.postgres")
STEP = """
ALTER TABLE visits ADD COLUMN mood text NOT NULL DEFAULT 'calm';
UPDATE visits SET mood = 'glad' WHERE number IS NOT NULL;
CREATE INDEX visits_by_mood ON visits (account_id, mood);
"""
SLOW = "ALTER TABLE calls ADD COLUMN mood text; SELECT pg_sleep({seconds});"


def next_steps(patch: pytest.MonkeyPatch, *steps: str) -> None:
    """Of a program that is so many versions ahead."""

    def newer(_package: str) -> Sequence[str]:
        return [*REAL, *steps]

    patch.setattr(schema, "steps", newer)


async def with_data(url: str) -> str:
    """As an earlier program left it; answers the number that visit 1 was shown."""
    store = await PostgresStore.open(url)
    await store.submit(setup())
    number = await shown(store, view(1))
    await store.submit(report("c"))
    await store.close()
    return number.number


async def read(url: str, query: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def columns(url: str) -> set[object]:
    found = await read(
        url,
        "SELECT table_name || '.' || column_name FROM information_schema.columns"
        " WHERE table_schema = 'public'",
    )
    return {name for (name,) in found}


async def steps_of(url: str) -> list[object]:
    return [step for (step,) in await read(url, "SELECT step FROM schema_steps ORDER BY step")]


@pytest.mark.parametrize("partitioned", [False, True])
async def test_servers_that_start_together_bring_data_up_to_date_once(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, partitioned: bool
) -> None:
    url = await postgres.database(partitioned=partitioned)
    number = await with_data(url)
    next_steps(monkeypatch, STEP)

    stores = await asyncio.gather(*(PostgresStore.open(url) for _ in range(4)))

    numbers = {(await shown(one, view(1, NOW + 5))).number for one in stores}
    calls = [len(await one.calls_after(1, (0, "", ""), 10)) for one in stores]
    for one in stores:
        await one.close()
    assert await steps_of(url) == list(range(1, len(REAL) + 2))
    assert await read(url, "SELECT mood FROM visits") == [("glad",)]
    assert numbers == {number}
    assert calls == [1] * 4


async def test_servers_that_start_together_over_nothing_make_the_schema_once(
    postgres: Postgres,
) -> None:
    url = await postgres.empty_database()
    connections = [await asyncpg.connect(url) for _ in range(4)]

    versions = await asyncio.gather(*(migrate(one) for one in connections))

    for one in connections:
        await one.close()
    assert versions == [len(REAL)] * 4
    assert await steps_of(url) == list(range(1, len(REAL) + 1))


async def test_a_server_that_dies_amid_a_step_leaves_nothing_of_it(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await postgres.database()
    await with_data(url)
    before = await columns(url)
    with monkeypatch.context() as then:
        next_steps(then, STEP, SLOW.format(seconds=60))
        dying = asyncio.create_task(PostgresStore.open(url))
        await until_asleep(url)
        # So much is done and stays.
        assert await steps_of(url) == list(range(1, len(REAL) + 2))
        await read(
            url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%pg_sleep(60)%'"
            " AND pid <> pg_backend_pid()",
        )
        with pytest.raises(connecting.AWAY):
            await dying

    assert await columns(url) == before | {"visits.mood"}
    next_steps(monkeypatch, STEP, SLOW.format(seconds=0))
    store = await PostgresStore.open(url)
    (call,) = await store.calls_after(1, (0, "", ""), 10)
    await store.close()
    assert call.call == "c"
    assert await columns(url) == before | {"visits.mood", "calls.mood"}


async def test_a_database_that_dies_amid_a_step_is_brought_up_to_date_by_the_next_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with postgres_server(durable=True) as own:
        url = await own.database()
        number = await with_data(url)
        before = await columns(url)
        with monkeypatch.context() as then:
            next_steps(then, SLOW.format(seconds=60))
            dying = asyncio.create_task(PostgresStore.open(url))
            await until_asleep(url)
            own.kill()
            with pytest.raises(connecting.AWAY):
                await dying
        own.start()

        assert await columns(url) == before
        next_steps(monkeypatch, STEP)
        store = await PostgresStore.open(url)
        assert (await shown(store, view(1, NOW + 5))).number == number
        await store.close()
        assert await steps_of(url) == list(range(1, len(REAL) + 2))


async def until_asleep(url: str) -> None:
    asleep = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event = 'PgSleep'"
    )
    deadline = time.monotonic() + 20
    while not await read(url, asleep):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_step_takes_its_time_and_who_starts_meanwhile_waits(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Millions of rows take longer than anything that a running server asks."""
    url = await postgres.database()
    short = {"statement_timeout": "300ms", "lock_timeout": "200ms"}
    monkeypatch.setattr(connecting, "_SETTINGS", {**connecting._SETTINGS, **short})
    monkeypatch.setattr(connecting, "COMMAND_SECONDS", 0.5)
    next_steps(monkeypatch, SLOW.format(seconds=1))
    connections = [await open_connection(url) for _ in range(2)]

    versions = await asyncio.gather(*(migrate(one) for one in connections))

    for one in connections:
        await one.close()
    assert versions == [len(REAL) + 1] * 2


async def test_a_step_that_fails_is_told_and_tried_again_by_the_next_start(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await postgres.database()
    await with_data(url)
    with monkeypatch.context() as then:
        next_steps(then, "ALTER TABLE visits ADD COLUMN mood text; SELECT 1 / 0;")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await PostgresStore.open(url)

    assert "visits.mood" not in await columns(url)
    next_steps(monkeypatch, STEP)
    await (await PostgresStore.open(url)).close()
    assert await steps_of(url) == list(range(1, len(REAL) + 2))


async def test_a_database_of_a_newer_program_is_left_alone(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await postgres.database()
    with monkeypatch.context() as then:
        next_steps(then, STEP)
        await (await PostgresStore.open(url)).close()
    before = await columns(url)

    with pytest.raises(SchemaTooNewError, match=f"schema {len(REAL) + 1} is newer"):
        await PostgresStore.open(url)

    assert await columns(url) == before
