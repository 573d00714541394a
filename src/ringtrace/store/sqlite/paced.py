"""Writing much into the file beside a server.

SQLite has one writer: each transaction here is short.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from ringtrace.store.paced import Pace, Rest
from ringtrace.store.sqlite.connection import connect

_BUSY_MS: Final = 30_000


class PacedWriter:
    """`close` it, or use it as a context."""

    def __init__(self, path: Path, rest: Rest = time.sleep) -> None:
        self._connection = connect(path)
        self._connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        self._pace = Pace(rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        # The wait for others is no part of the turn; the commit is.
        with self._pace.turn():
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
