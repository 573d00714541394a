"""Writing much beside a server, so that it hardly waits.

SQLite has one writer: each transaction here is short, and a rest many times as long follows it.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Self

from ringtrace.store.sqlite.connection import connect

_BUSY_MS: Final = 30_000
_REST: Final = 9
"""How much longer than a transaction the rest after it is: others have nine tenths of the time."""


class PacedWriter:
    """`rest` waits for seconds. `close` it, or use it as a context."""

    def __init__(self, path: Path, rest: Callable[[float], None] = time.sleep) -> None:
        self._connection = connect(path)
        self._connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        self._rest = rest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        self._rest(_REST * (time.monotonic() - began))
