"""A database that Citus, an extension of PostgreSQL, spreads over several nodes by account.

The rows of an account lie in one shard of every table, and all these shards on one node. Who owns a
login, a site key or a number is known to every node (reference tables). `schema_steps` stays with
the coordinator, which every program connects to.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from ringtrace.store.postgres.connection import Connection

SHARDS: Final = 32
"""Few, so that what is written together is much; twice as many as nodes that one may come to."""

ANCHOR: Final = "accounts"
"""All other tables lie as this one does."""

EVERYWHERE: Final = frozenset({"login_routes", "number_routes", "site_routes"})
_COLUMN: Final = "account_id"
_HASH, _REFERENCE = "hash", "reference"

_INSTALLED = "SELECT to_regclass('pg_dist_partition') IS NOT NULL"
_IS_COORDINATOR = "SELECT groupid = 0 FROM pg_dist_local_group"
_NODES = (
    "SELECT count(*) FROM pg_dist_node WHERE isactive AND noderole = 'primary' AND shouldhaveshards"
)
# What was there before a table was distributed stays in it, hidden, until it is truncated.
_FOUND = (
    "SELECT c.relname, CASE WHEN p.partmethod = 'h' THEN 'hash' WHEN p.repmodel = 't' THEN"
    " 'reference' WHEN p.logicalrelid IS NOT NULL THEN 'other' END, p.colocationid,"
    " CASE WHEN p.partmethod = 'h' THEN column_to_column_name(p.logicalrelid, p.partkey) END,"
    " pg_relation_size(c.oid) > 0"
    " FROM pg_class c LEFT JOIN pg_dist_partition p ON p.logicalrelid = c.oid"
    " WHERE c.relname = ANY($1) AND pg_table_is_visible(c.oid)"
)
_SHARD_COUNT = "SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = $1::text::regclass"
_UNDURABLE = (
    "SELECT DISTINCT s.name FROM run_command_on_workers($$SELECT string_agg(name, ' ')"
    " FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
    " AND setting = 'off'$$) r, string_to_table(r.result, ' ') s (name) WHERE r.success"
)


class CannotDistributeError(ValueError):
    """The database cannot be distributed, or not like this."""


class HalfDistributedError(ValueError):
    """Some tables are distributed and others are not."""


@dataclass(frozen=True, slots=True)
class Table:
    """How a table lies.

    `kind` is None when Citus knows nothing of it; `leftover`: it has rows of its own, which lie
    hidden in it once it is distributed.
    """

    name: str
    kind: str | None = None
    colocation: int | None = None
    column: str | None = None
    leftover: bool = False


class Layout:
    """How the tables of our schema lie."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self._tables = {one.name: one for one in tables}

    @property
    def is_distributed(self) -> bool:
        """Raises HalfDistributedError."""
        left = self._undistributed()
        if left and len(left) < len(self._tables):
            raise HalfDistributedError(
                "it is distributed in part: `ringtrace db distribute` goes on with it"
            )
        return not left

    def statements(self, shards: int) -> list[str]:
        """What is left to do until it is distributed, each statement a step of its own.

        Raises CannotDistributeError when a table is distributed in another way.
        """
        self._check()
        leftovers = sorted(one.name for one in self._tables.values() if one.leftover)
        return [
            *(_distributing(name, shards) for name in self._undistributed()),
            *(
                f"SELECT truncate_local_data_after_distributing_table('{name}')"
                for name in leftovers
            ),
        ]

    def _undistributed(self) -> list[str]:
        """What every node has first, then the anchor, then what lies as it does."""
        return sorted(
            (one.name for one in self._tables.values() if one.kind is None),
            key=lambda name: (name not in EVERYWHERE, name != ANCHOR, name),
        )

    def _check(self) -> None:
        anchor = self._tables[ANCHOR].colocation
        for one in self._tables.values():
            right = (
                one.kind == _REFERENCE
                if one.name in EVERYWHERE
                else (one.kind, one.column, one.colocation) == (_HASH, _COLUMN, anchor)
            )
            if one.kind is not None and not right:
                raise CannotDistributeError(
                    f"the table {one.name} is distributed already, but not by account with the"
                    " others: take that back first (undistribute_table)"
                )


def _distributing(name: str, shards: int) -> str:
    if name in EVERYWHERE:
        return f"SELECT create_reference_table('{name}')"
    lying = (
        f"shard_count => {shards}, colocate_with => 'none'"
        if name == ANCHOR
        else f"colocate_with => '{ANCHOR}'"
    )
    return f"SELECT create_distributed_table('{name}', '{_COLUMN}', {lying})"


async def is_installed(connection: Connection) -> bool:
    """Whether the database has the extension, by its catalogue."""
    return bool(await connection.fetchval(_INSTALLED))


async def look(connection: Connection, names: Collection[str]) -> Layout:
    """How these tables lie; those that do not exist yet are not distributed."""
    found = {row[0]: Table(*row) for row in await connection.fetch(_FOUND, list(names))}
    return Layout(found.get(name) or Table(name) for name in names)


async def check_nodes(connection: Connection) -> None:
    """Raises CannotDistributeError, which says what to do."""
    if not await is_installed(connection):
        raise CannotDistributeError(
            "this database has no extension citus: CREATE EXTENSION citus, here and on every worker"
        )
    if not await connection.fetchval(_IS_COORDINATOR):
        raise CannotDistributeError("this is a worker: give the URL of the coordinator")
    if not await connection.fetchval(_NODES):
        raise CannotDistributeError(
            "no node takes shards: add one with SELECT citus_add_node(HOST, PORT)"
        )


async def shard_count(connection: Connection) -> int:
    """Into how many shards the accounts are divided; 0 as long as they are not."""
    return int(await connection.fetchval(_SHARD_COUNT, ANCHOR))


async def place_new(connection: Connection, names: Collection[str]) -> None:
    """Distribute tables that a migration has just made, if the others are distributed."""
    if not names or not await is_installed(connection) or not await shard_count(connection):
        return
    for statement in (await look(connection, [ANCHOR, *names])).statements(SHARDS):
        await connection.execute(statement)


async def undurable(connection: Connection) -> list[str]:
    """Settings of any worker with which what is acknowledged could be lost."""
    return [name for (name,) in await connection.fetch(_UNDURABLE)]
