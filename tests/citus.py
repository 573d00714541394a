"""A schema of its own on a Citus cluster, in place of the tests' own server.

RINGTRACE_CITUS names the coordinator; `deploy/citus-check` runs the tests that make sense there.
Without one, the tests of distributing have a pretence: functions and tables under the names of
those of Citus, which keep books of what they are asked and move nothing.
"""

import asyncio
import contextlib
import os
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest

from ringtrace.store.postgres.conversion import distribute
from ringtrace.store.postgres.migration import tables

URL: Final = os.environ.get("RINGTRACE_CITUS")
SHARDS: Final = int(os.environ.get("RINGTRACE_CITUS_SHARDS", "8"))
SCHEMA: Final = "ringtrace_check"

plain_only: Final = pytest.mark.skipif(URL is not None, reason="is about a server of its own")


class Citus:
    """To be used as `tests.postgres.Postgres` is, by one test at a time."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def database(self, *, partitioned: bool = False) -> str:  # noqa: ARG002 - it always is
        """The URL of the schema with the newest tables and nothing in them."""
        connection = await asyncpg.connect(self._url)
        try:
            for one in tables():
                await connection.execute(f"DELETE FROM {one}")  # noqa: S608 - our own names
        finally:
            await connection.close()
        return self._url


def in_schema(url: str, schema: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}search_path={schema}"


@contextlib.contextmanager
def distributed(url: str) -> Iterator[Citus]:
    """A fresh schema, distributed, which goes when it is not needed any more."""
    _run(_make(url))
    try:
        yield Citus(in_schema(url, SCHEMA))
    finally:
        _run(drop(url, SCHEMA))


def _run(what: Coroutine[Any, Any, None]) -> None:
    """Beside the event loop that may be running here."""
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, what).result()


async def _make(url: str) -> None:
    await make_schema(url, SCHEMA)
    await distribute(in_schema(url, SCHEMA), lambda _said: None, SHARDS)


async def make_schema(url: str, schema: str) -> None:
    """An empty one in place of what an earlier run left."""
    await drop(url, schema)
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE SCHEMA {schema}")
    await connection.close()


async def drop(url: str, schema: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SET client_min_messages = warning")
    await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    await connection.close()


PRETENCE: Final = """
CREATE TABLE pg_dist_local_group (groupid integer);
INSERT INTO pg_dist_local_group VALUES (0);
CREATE TABLE pg_dist_node (isactive boolean, noderole text, shouldhaveshards boolean);
INSERT INTO pg_dist_node VALUES (true, 'primary', true);
CREATE TABLE pg_dist_partition (logicalrelid regclass, partmethod "char", partkey text,
  colocationid integer, repmodel "char");
CREATE TABLE pg_dist_shard (logicalrelid regclass, shardid bigint);
CREATE FUNCTION column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS 'SELECT $2';
CREATE FUNCTION create_reference_table(regclass) RETURNS void LANGUAGE sql AS
  $$INSERT INTO pg_dist_partition VALUES ($1, 'n', NULL, 1, 't')$$;
CREATE FUNCTION create_distributed_table(name regclass, key text, shard_count integer DEFAULT NULL,
  colocate_with text DEFAULT 'default') RETURNS void LANGUAGE sql AS $$
  INSERT INTO pg_dist_partition SELECT name, 'h', key, CASE colocate_with WHEN 'none' THEN 2 ELSE
    (SELECT colocationid FROM pg_dist_partition WHERE logicalrelid = colocate_with::regclass) END,
    's';
  INSERT INTO pg_dist_shard SELECT name, generate_series(1, shard_count)$$;
CREATE FUNCTION truncate_local_data_after_distributing_table(name regclass) RETURNS void
  LANGUAGE plpgsql AS $$BEGIN EXECUTE 'TRUNCATE ' || name; END$$;
CREATE FUNCTION run_command_on_workers(text) RETURNS TABLE (success boolean, result text)
  LANGUAGE sql AS $$SELECT true, 'synchronous_commit'$$;
"""
