"""What the planner knows of young tables.

Plans are kept, because big statements take longer to plan than to run. What is planned for an empty
table reads far too much of a growing one, until autovacuum looks at it after a minute or so. So the
tables of a young database are analysed more often; that makes every session plan anew.
"""

from collections.abc import Sequence
from typing import Final

from ringtrace.store.postgres.connection import Connection

_FIRST, _LAST = 64, 16_384
_YOUNG: Final = 20_000
"""A table with so many rows has grown up: autovacuum sees to it."""


class Statistics:
    """Of the tables that one connection writes to; told of every batch."""

    def __init__(self, tables: Sequence[str]) -> None:
        self._tables = list(tables)
        self._commands = 0
        self._next = _FIRST

    async def refresh(self, connection: Connection, commands: int) -> None:
        """Before a batch of so many commands: analyse young tables if many rows are new."""
        if self._commands >= self._next <= _LAST:
            self._next *= 4
            young = await connection.fetch(
                "SELECT oid::regclass::text FROM pg_class WHERE relname = ANY($1)"
                " AND relkind = 'r' AND pg_table_is_visible(oid) AND reltuples < $2",
                self._tables,
                float(_YOUNG),
            )
            for (table,) in young:
                await connection.execute(f"ANALYZE {table}")
        self._commands += commands
