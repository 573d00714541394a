"""Bringing the schema up to date, one server at a time."""

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable
from typing import Final

import asyncpg

from ringtrace.services.errors import StoreAwayError
from ringtrace.store import schema
from ringtrace.store.postgres import distribution
from ringtrace.store.postgres.connection import Connection

_PACKAGE: Final = "ringtrace.store.postgres"
_LOCK: Final = 0x52_69_6E_67
"""Any number, as long as all servers lock the same."""

STEP_SECONDS: Final = 3_600.0
"""A step may rewrite millions of rows, and servers that start meanwhile wait for it."""

PARTITIONS: Final = 8
_TABLE = re.compile(
    r"^CREATE TABLE ((?!\w*_routes\b)\w+) (\(.*?^\))([^;]*);", re.DOTALL | re.MULTILINE
)


@contextlib.asynccontextmanager
async def changing(connection: Connection) -> AsyncIterator[None]:
    """Nobody else changes the schema meanwhile, so that no other server starts.

    The lock ends with the connection, too, when something goes wrong. Raises StoreAwayError when
    somebody is at it for longer than the connection waits for a lock.
    """
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK, timeout=STEP_SECONDS)
    except asyncpg.LockNotAvailableError as error:
        raise StoreAwayError("another program has the database to itself") from error
    yield
    await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


def tables() -> list[str]:
    """Of the newest schema, without the list of its steps."""
    return schema.tables(schema.steps(_PACKAGE))


async def migrate(connection: Connection, *, partitioned: bool = False) -> int:
    """Apply what is missing, each step in a transaction of its own; returns the version.

    The connection's limits on waiting do not count here; close it afterwards, which ends the lock
    when something went wrong.
    `partitioned` divides every table but the routes by hash of the account: a database that takes
    only keys which begin with the account, as one does that is distributed by account. Where it is
    distributed, so are new tables. Raises SchemaTooNewError, StoreAwayError.
    """
    steps = schema.steps(_PACKAGE)
    for limit in ("statement_timeout", "lock_timeout"):
        await connection.execute(f"SET {limit} = '{STEP_SECONDS:.0f}s'")
    async with changing(connection):
        done = await version(connection)
        schema.not_newer(done, len(steps))
        await connection.execute("CREATE TABLE IF NOT EXISTS schema_steps (step integer NOT NULL)")
        for number in range(done + 1, len(steps) + 1):
            script = _partitioned(steps[number - 1]) if partitioned else steps[number - 1]
            async with connection.transaction():
                # A coordinator passes on all it was told at once, and nodes take one statement.
                for statement in schema.statements(script):
                    await connection.execute(statement, timeout=STEP_SECONDS)
                await distribution.place_new(connection, schema.tables([steps[number - 1]]))
                await connection.execute("INSERT INTO schema_steps VALUES ($1)", number)
    return len(steps)


async def version(connection: Connection) -> int:
    """Steps that have been applied; 0 of a database that nobody has used."""
    if await connection.fetchval("SELECT to_regclass('schema_steps')") is None:
        return 0
    return int(await connection.fetchval("SELECT coalesce(max(step), 0) FROM schema_steps"))


async def ready(
    opening: Awaitable["asyncpg.Connection[asyncpg.Record]"], *, any_schema: bool = False
) -> "asyncpg.Connection[asyncpg.Record]":
    """The connection, to a database with this program's schema, or with any that somebody made.

    Raises SchemaNotReadyError, SchemaTooNewError, and what opening raises.
    """
    connection = await opening
    try:
        done = await version(connection)
        newest = newest_version()
        schema.ready(newest if any_schema and done else done, newest)
    except BaseException:
        await connection.close()
        raise
    return connection


def newest_version() -> int:
    return len(schema.steps(_PACKAGE))


def _partitioned(script: str) -> str:
    return _TABLE.sub(_with_partitions, script)


def _with_partitions(table: re.Match[str]) -> str:
    name, columns, storage = table.groups()
    whole = f"CREATE TABLE {name} {columns} PARTITION BY HASH (account_id);"
    parts = (
        f"CREATE TABLE {name}_p{part} PARTITION OF {name}"
        f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {part}){storage};"
        for part in range(PARTITIONS)
    )
    return "\n".join((whole, *parts))
