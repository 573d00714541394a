"""Plans that were made while the tables were empty serve big ones, too."""

import asyncio

import asyncpg
import pytest

from ringtrace.domain.visit import HitKind
from ringtrace.store.postgres.store import PostgresStore
from tests.postgres import Postgres
from tests.stores import NOW, arrival, report, setup, sign, view

ROWS = 3_000
FEW = 64
"""Rows that a batch of one command may read of a table, over all that it does with it."""


async def read(store: PostgresStore, url: str, table: str) -> int:
    """Rows of the table that were looked at so far."""
    for lane in (store._groups[0]._hits, store._groups[0]._rest):
        assert lane._connection is not None
        await lane._connection.execute("SELECT pg_stat_force_next_flush()")
    connection = await asyncpg.connect(url)
    try:
        return int(
            await connection.fetchval(
                "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = $1",
                table,
            )
        )
    finally:
        await connection.close()


@pytest.mark.parametrize("table", ["visits", "calls", "credits"])
async def test_a_command_reads_no_more_rows_than_it_needs(postgres: Postgres, table: str) -> None:
    url = await postgres.database()
    store = await PostgresStore.open(url)
    await store.submit(setup())
    # Plans are made now.
    await store.submit(view(0))
    await store.submit(sign(HitKind.BEAT, 0, NOW))
    await store.submit(arrival("0"))
    await store.submit(report("0"))
    await asyncio.gather(*(store.submit(view(n)) for n in range(1, ROWS)))
    await asyncio.gather(*(store.submit(report(str(n))) for n in range(1, ROWS)))
    before = await read(store, url, table)

    await store.submit(sign(HitKind.BEAT, 7, NOW + 5))
    await store.submit(report("7"))
    await store.submit(arrival("8"))
    found = await read(store, url, table) - before
    await store.close()

    assert found <= FEW
