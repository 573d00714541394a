"""What only a real cluster can do to a store: its shards are split and move amid traffic."""

import asyncio
from collections.abc import Iterator
from itertools import count

import asyncpg
import pytest

from ringtrace.services.commands import NumberShown
from ringtrace.store.postgres.store import PostgresStore
from tests import citus
from tests.stores import NOW, report, setup, shown, view

pytestmark = pytest.mark.skipif(citus.URL is None, reason="deploy/citus-check gives a cluster")

ACCOUNTS = range(1, 41)
"""More than shards: some lie together."""


async def group_of(connection: "asyncpg.Connection[asyncpg.Record]", account_id: int) -> int:
    return int(
        await connection.fetchval(
            "SELECT get_shard_id_for_distribution_column('accounts', $1::bigint)", account_id
        )
    )


async def neighbours(connection: "asyncpg.Connection[asyncpg.Record]") -> list[int]:
    """Accounts of one shard."""
    by_shard: dict[int, list[int]] = {}
    for one in ACCOUNTS:
        by_shard.setdefault(await group_of(connection, one), []).append(one)
    return max(by_shard.values(), key=len)


async def test_a_shard_that_is_split_and_moved_amid_traffic_costs_nothing(
    postgres: citus.Citus,
) -> None:
    url = await postgres.database()
    store = await PostgresStore.open(url)
    connection = await asyncpg.connect(url)
    some = await neighbours(connection)
    for one in some:
        await store.submit(setup(one, tuple(f"+1202{one:03d}{n:04d}" for n in range(50))))
    visits: Iterator[int] = count(1)
    known: list[tuple[int, int, NumberShown]] = []
    done, enough, wanted = asyncio.Event(), asyncio.Event(), 1 << 30

    async def browse(account_id: int) -> None:
        while not done.is_set():
            n = next(visits)
            known.append(
                (account_id, n, await shown(store, view(n, NOW + n, account_id=account_id)))
            )
            await store.submit(report(f"c{n}", account_id=account_id))
            if len(known) >= wanted:
                enough.set()

    async with asyncio.TaskGroup() as tasks:
        for one in some * 2:
            tasks.create_task(browse(one))
        try:
            await connection.fetchval(
                "SELECT isolate_tenant_to_new_shard('accounts', $1::bigint, 'CASCADE',"
                " shard_transfer_mode => 'block_writes')",
                some[0],
            )
            await connection.fetch(
                "SELECT citus_move_shard_placement(p.shardid, n.nodename, n.nodeport, t.nodename,"
                " t.nodeport, 'block_writes') FROM pg_dist_placement p"
                " JOIN pg_dist_node n USING (groupid)"
                " JOIN pg_dist_node t ON t.groupid <> n.groupid AND t.shouldhaveshards"
                " WHERE p.shardid = $1 LIMIT 1",
                await group_of(connection, some[0]),
            )
            wanted = len(known) + 200
            await enough.wait()
        finally:
            done.set()

    assert await group_of(connection, some[0]) != await group_of(connection, some[1])
    assert {await store._router.group(one) for one in some[:2]} == {
        await group_of(connection, one) for one in some[:2]
    }
    kept = await connection.fetch("SELECT account_id, visit_id, number FROM exposures")
    assert len(kept) == len(known)
    for account_id, n, number in known[:: len(known) // 50]:
        assert await shown(store, view(n, NOW + n + 1, account_id=account_id)) == number
    for one in some:
        calls = await store.calls_after(one, (0, "", ""), 10_000)
        assert len(calls) == sum(account_id == one for account_id, _, _ in known)
    await connection.close()
    await store.close()
