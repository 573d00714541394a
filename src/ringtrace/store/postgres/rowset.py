"""Rows of a batch as parallel arrays, so that one statement writes or finds them all.

The statements have the forms that a database distributed by account takes as well: rows to insert
come from `accounts` joined with the arrays, so that they are made where the account lives, and
every table but the arrays is narrowed by `account_id = ANY($1)`. Nothing is inserted for an
account that does not exist.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_ROW_OF_ACCOUNT = re.compile(r"= [a-z]\.account_id\b")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable(text: str) -> str:
    """The text as PostgreSQL can keep it: it has no room for U+0000."""
    return text.replace("\0", _REPLACEMENT)


def unnested(types: Iterable[str], first: int = 1) -> str:
    """The arrays from $`first` on as rows, a column of each type.

    The limit cuts nothing off. It makes the planner expect few rows, so that it finds theirs in
    other tables by key: a plan is kept, and one that was made while a table was empty must not
    read all of an account's rows when there are many.
    """
    slots = (f"${n}::{kind}[]" for n, kind in enumerate(types, first))
    return f"(SELECT * FROM unnest({', '.join(slots)}) LIMIT cardinality(${first}))"


def listed(columns: str, of: str) -> str:
    """The rows of a subselect as one value, JSON, in its order.

    Not as an array of records: what no table or type describes cannot be sent between nodes.
    """
    return f"array_to_json(ARRAY(SELECT json_build_array({columns}) {of}))"


def of_account(columns: str) -> str:
    """Columns of an account's ($1) rows, with it named beside every table they look into, too.

    What is looked up for a column is not known to be of the same account otherwise.
    """
    return _ROW_OF_ACCOUNT.sub("= $1", columns)


@dataclass(frozen=True, slots=True)
class RowSet:
    """Columns with their types, `account_id` first; the first `key` of them tell rows apart."""

    types: Mapping[str, str]
    key: int

    @property
    def unnested(self) -> str:
        """The arrays $1, $2, … as the rows `u`."""
        return f"{unnested(self.types.values())} AS u({', '.join(self.types)})"

    def matching(self, alias: str) -> str:
        """The rows of a table under that alias which have the keys of `u`."""
        same = " AND ".join(f"{alias}.{name} = u.{name}" for name in list(self.types)[: self.key])
        return f"{same} AND {alias}.account_id = ANY($1)"

    def inserted_into(self, table: str) -> str:
        """Up to what is done about a row that has one of the keys already.

        In the order of the keys, so that writers who meet do not wait for each other. The account
        is said by its own row: so a distributed database knows where the new rows lie.
        """
        return f"{self._insert(table)} ON CONFLICT ({', '.join(list(self.types)[: self.key])})"

    def added_to(self, table: str) -> str:
        """As `inserted_into`; a row that is there stays, whatever tells the table's rows apart."""
        return f"{self._insert(table)} ON CONFLICT DO NOTHING"

    def _insert(self, table: str) -> str:
        columns = ", ".join(self.types)
        values = ", ".join(f"u.{name}" for name in self.types if name != "account_id")
        order = ", ".join(f"u.{name}" for name in list(self.types)[: self.key])
        return (
            f"INSERT INTO {table} ({columns}) SELECT a.account_id, {values}"
            f" FROM accounts a JOIN {self.unnested} ON a.account_id = u.account_id"
            f" WHERE a.account_id = ANY($1) ORDER BY {order}"
        )

    def arrays(self, rows: Iterable[Sequence[object]]) -> list[list[object]]:
        """What to bind."""
        kept = [[storable(one) if isinstance(one, str) else one for one in row] for row in rows]
        return [list(column) for column in zip(*kept, strict=True)] or [[] for _ in self.types]


CALL_KEY = RowSet({"account_id": "bigint", "gateway": "text", "call_id": "text"}, 3)
