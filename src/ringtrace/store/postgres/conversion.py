"""Making a distributed database of one whose tables all lie on the coordinator.

Each statement is a step of its own, and what is left to do is read from the database: whoever was
interrupted goes on by starting again. Meanwhile no server runs over the database.
"""

from collections.abc import Callable

import asyncpg

from ringtrace.store import schema
from ringtrace.store.postgres import distribution
from ringtrace.store.postgres.connection import AWAY, Connection, open_changing_connection
from ringtrace.store.postgres.distribution import ANCHOR, SHARDS, CannotDistributeError
from ringtrace.store.postgres.migration import migrate, newest_version, tables, version
from ringtrace.store.postgres.sessions import without_others


async def distribute(
    url: str, tell: Callable[[str], None], shards: int | None = None, *, dry_run: bool = False
) -> int:
    """Distribute what is not yet; returns how many statements that took, or would have taken.

    `tell` hears each statement right before it runs, in a dry run of all that would run; what is
    done beside them it hears as a comment of SQL. Raises one of connection.AWAY, StoreAwayError,
    ValueError (no such URL), CannotDistributeError, DatabaseInUseError and SchemaTooNewError.
    """
    connection = await open_changing_connection(url)
    try:
        await distribution.check_nodes(connection)
        async with without_others(connection):
            return await _distribute(connection, tell, shards, dry_run=dry_run)
    finally:
        await connection.close()


async def _distribute(
    connection: Connection, tell: Callable[[str], None], shards: int | None, *, dry_run: bool
) -> int:
    known, newest = await version(connection), newest_version()
    schema.not_newer(known, newest)
    if known != newest:
        tell(f"-- brings the schema from version {known} to {newest}")
        if not dry_run:
            await migrate(connection)
            await connection.execute("RESET statement_timeout; RESET lock_timeout")
    there = await distribution.shard_count(connection) if known else 0
    if shards is not None and there not in {0, shards}:
        raise CannotDistributeError(
            f"the accounts lie in {there} shards already: alter_distributed_table('{ANCHOR}',"
            f" shard_count => {shards}, cascade_to_colocated => true) changes that"
        )
    statements = (await distribution.look(connection, tables())).statements(
        there or shards or SHARDS
    )
    for statement in statements:
        tell(f"{statement};")
        if not dry_run:
            await _run(connection, statement)
    return len(statements)


async def _run(connection: Connection, statement: str) -> None:
    try:
        await connection.execute(statement)
    except AWAY:
        raise
    except asyncpg.PostgresError as error:
        raise CannotDistributeError(
            f"{error}; what was done before it stays done: mend it and run it again"
        ) from error
