"""Making a distributed database of one that is not: what is asked of Citus, and in which order.

`deploy/citus-check` runs this on a cluster; without one, on a pretence (tests/citus.py).
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ringtrace.services.errors import StoreAwayError
from ringtrace.store import schema
from ringtrace.store.postgres import migration
from ringtrace.store.postgres.conversion import distribute
from ringtrace.store.postgres.distribution import (
    EVERYWHERE,
    CannotDistributeError,
    HalfDistributedError,
)
from ringtrace.store.postgres.migration import migrate, tables
from ringtrace.store.postgres.sessions import DatabaseInUseError
from ringtrace.store.postgres.store import PostgresStore
from tests import citus
from tests.postgres import Postgres
from tests.stores import KINDS, NOW, report, setup, shown, view

_SCHEMA = "ringtrace_check_distributing"
_HOW = "SELECT logicalrelid::text, partmethod = 'h', colocationid FROM pg_dist_partition"


@pytest.fixture
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A database without tables of ours, which could be distributed."""
    if citus.URL is not None:
        await citus.make_schema(citus.URL, _SCHEMA)
        yield citus.in_schema(citus.URL, _SCHEMA)
        await citus.drop(citus.URL, _SCHEMA)
        return
    server: Postgres = request.getfixturevalue("postgres")
    pretending = await server.empty_database()
    connection = await asyncpg.connect(pretending)
    await connection.execute(citus.PRETENCE)
    await connection.close()
    yield pretending


async def placed(url: str) -> dict[str, tuple[bool, int]]:
    """By table whether it is distributed by account (else it is everywhere), and with what."""
    connection = await asyncpg.connect(url)
    found = await connection.fetch(_HOW)
    await connection.close()
    return {name: (hashed, colocation) for name, hashed, colocation in found if "." not in name}


def by_account(found: dict[str, tuple[bool, int]]) -> set[str]:
    return {name for name, (hashed, _) in found.items() if hashed}


async def told(url: str, shards: int | None = 4, *, dry_run: bool = False) -> list[str]:
    said: list[str] = []
    await distribute(url, said.append, shards, dry_run=dry_run)
    return said


async def test_every_table_is_distributed_by_account_but_what_every_node_knows(url: str) -> None:
    planned = await told(url, dry_run=True)
    assert not await placed(url)

    said = await told(url)

    found = await placed(url)
    assert said == planned
    assert found.keys() == set(tables())
    assert by_account(found) == set(tables()) - EVERYWHERE
    assert len({with_what for hashed, with_what in found.values() if hashed}) == 1
    assert await told(url, None) == []
    with pytest.raises(CannotDistributeError, match="4 shards already"):
        await told(url, 8)


async def test_what_was_there_is_there_afterwards(url: str) -> None:
    if citus.URL is None:
        # The pretence has no shards that the rows would have been copied to.
        connection = await asyncpg.connect(url)
        await connection.execute(
            "CREATE OR REPLACE FUNCTION truncate_local_data_after_distributing_table(name regclass)"
            " RETURNS void LANGUAGE sql AS ''"
        )
        await connection.close()
    store = await PostgresStore.open(url)
    await store.submit(setup())
    first = await shown(store, view(1))
    await store.submit(report("a"))
    await store.close()

    said = await told(url)
    assert "SELECT truncate_local_data_after_distributing_table('visits');" in said
    assert "SELECT truncate_local_data_after_distributing_table('sounds');" not in said

    if citus.URL is not None:
        store = await PostgresStore.open(url)
        assert await shown(store, view(1, NOW + 1)) == first
        assert len(await store.calls_after(1, (0, "", ""), 10)) == 1
        await store.close()


async def test_who_was_interrupted_goes_on_and_no_server_starts_meanwhile(url: str) -> None:
    def give_up(statement: str) -> None:
        if "'flows'" in statement:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await distribute(url, give_up, 4)
    done = await placed(url)
    assert EVERYWHERE | {"accounts"} < done.keys() < set(tables())
    with pytest.raises(HalfDistributedError):
        await PostgresStore.open(url)

    said = await told(url, None)

    assert (await placed(url)).keys() == set(tables())
    assert len(said) == len(tables()) - len(done)


async def test_servers_are_to_be_ended_first(url: str) -> None:
    store = await PostgresStore.open(url)
    with pytest.raises(DatabaseInUseError):
        await told(url)
    await store.close()
    connection = await asyncpg.connect(url)
    async with migration.changing(connection):
        with pytest.raises(StoreAwayError):
            await told(url)
    await connection.close()

    assert await told(url)


async def test_tables_of_later_versions_are_distributed_as_they_are_made(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(url)
    later = """
CREATE TABLE wishes (account_id bigint NOT NULL, wish text NOT NULL,
  CONSTRAINT wishes_key PRIMARY KEY (account_id, wish));
INSERT INTO wishes SELECT account_id, name FROM accounts;
ALTER TABLE visits ADD COLUMN wish text;
UPDATE visits SET wish = 'none';
CREATE INDEX visits_by_wish ON visits (account_id, wish);
"""
    steps = [*schema.steps("ringtrace.store.postgres"), later]
    monkeypatch.setattr(schema, "steps", lambda _package: steps)
    connection = await asyncpg.connect(url)

    assert await migrate(connection) == len(steps)

    found = await placed(url)
    assert found["wishes"] == found["accounts"]
    assert await told(url, None) == []
    await connection.execute("INSERT INTO wishes VALUES (1, 'more')")
    assert await connection.fetchval("SELECT count(*) FROM wishes") == 1
    await connection.close()


async def test_a_table_that_lies_otherwise_is_refused(url: str) -> None:
    connection = await asyncpg.connect(url)
    await migrate(connection)
    await connection.fetch("SELECT create_reference_table('sites')")
    await connection.close()

    with pytest.raises(CannotDistributeError, match="sites"):
        await told(url)


async def test_what_fails_is_said(url: str) -> None:
    connection = await asyncpg.connect(url)
    await migrate(connection)
    await connection.execute("ALTER TABLE visits RENAME COLUMN account_id TO owner")
    if citus.URL is None:
        await connection.execute(
            "CREATE OR REPLACE FUNCTION create_reference_table(regclass) RETURNS void"
            " LANGUAGE sql AS 'SELECT 1 / 0'"
        )
    await connection.close()

    with pytest.raises(CannotDistributeError, match="run it again"):
        await told(url)


@citus.plain_only
async def test_a_database_without_citus_is_refused(postgres: Postgres) -> None:
    with pytest.raises(CannotDistributeError, match="CREATE EXTENSION citus"):
        await told(await postgres.database())


@citus.plain_only
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE pg_dist_local_group SET groupid = 3", "coordinator"),
        ("DELETE FROM pg_dist_node", "citus_add_node"),
    ],
)
async def test_a_worker_and_a_cluster_without_nodes_are_refused(
    url: str, change: str, message: str
) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(change)
    await connection.close()

    with pytest.raises(CannotDistributeError, match=message):
        await told(url)


@citus.plain_only
async def test_workers_that_would_lose_what_was_acknowledged_are_warned_of(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await told(url)

    await (await PostgresStore.open(url)).close()

    assert "store_not_durable synchronous_commit=off node=worker" in caplog.text


def test_kinds_of_stores_are_the_cluster_alone_where_there_is_one() -> None:
    assert ("citus" in KINDS) == (citus.URL is not None)
