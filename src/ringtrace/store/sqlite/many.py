"""Many rows with few statements.

The driver gives the interpreter up for every row of `executemany`, and has to win it back from the
thread that answers requests; for a statement of many rows it does so once.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Final

_MOST: Final = 64
"""Rows of a statement: what is parsed once and kept, for each power of two up to here."""


class ManyRows:
    """A statement about `VALUES` that stand at its `{}`, `width` of them in a row.

    The rows are written in their order, but not all at once: a statement must not mean more with
    rows that stand together than with each alone.
    """

    def __init__(self, statement: str, width: int) -> None:
        row = f"({', '.join('?' * width)})"
        self._statements = {}
        count = _MOST
        while count:
            self._statements[count] = statement.format(f"VALUES {', '.join([row] * count)}")
            count //= 2

    def write(self, connection: sqlite3.Connection, rows: Sequence[Sequence[object]]) -> None:
        done = 0
        for count, statement in self._statements.items():
            while len(rows) - done >= count:
                values = tuple(chain.from_iterable(rows[done : done + count]))
                connection.execute(statement, values)
                done += count
