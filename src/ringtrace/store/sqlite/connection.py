"""Opening the file, and bringing its schema up to date."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ringtrace.store import schema


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from the one thread that takes it over."""
    mode = "ro" if readonly else "rwc"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=5.0,
    )
    if not readonly:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA cache_size = -65536")
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Begun as the one who writes, and taken back when what is done in it fails."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def migrate(connection: sqlite3.Connection) -> int:
    """Apply what is missing, each step in a transaction of its own; returns the version.

    Raises SchemaTooNewError.
    """
    steps = _steps()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    schema.not_newer(version, len(steps))
    for number in range(version + 1, len(steps) + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{steps[number - 1]}\nPRAGMA user_version = {number};\nCOMMIT;"
        )
    return len(steps)


def see_ready(path: Path) -> None:
    """That the file has this program's schema.

    Raises SchemaNotReadyError, SchemaTooNewError, sqlite3.DatabaseError.
    """
    with contextlib.closing(connect(path, readonly=True)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    schema.ready(version, newest_version())


def newest_version() -> int:
    """The schema that this program writes."""
    return len(_steps())


def _steps() -> list[str]:
    return schema.steps("ringtrace.store.sqlite")
