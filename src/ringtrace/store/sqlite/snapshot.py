"""The database as of one moment, also while a server writes to it."""

import contextlib
import os
import sqlite3
from pathlib import Path

from ringtrace.store.copying import DatabaseDamagedError
from ringtrace.store.sqlite.connection import connect, newest_version


def snapshot(database: Path, target: Path) -> int:
    """Copy `database` to `target`, whole and on disk; returns the version of its schema.

    One read transaction: writers go on meanwhile, and their log grows until it ends. Raises
    DatabaseDamagedError when the copy is not sound, FileNotFoundError without a database.
    """
    if not database.exists():
        raise FileNotFoundError(f"no database {database}")
    with (
        contextlib.closing(connect(database)) as source,
        contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        source.backup(copy)
        # A copy in one file: the log of the original belongs to the original.
        copy.execute("PRAGMA journal_mode = DELETE")
        _check(copy)
        (version,) = copy.execute("PRAGMA user_version").fetchone()
    with target.open("rb") as file:
        os.fsync(file.fileno())
    return int(version)


def check(database: Path) -> int:
    """The version of the schema of a database nobody writes to, if it is sound.

    Raises DatabaseDamagedError.
    """
    try:
        with contextlib.closing(connect(database)) as connection:
            _check(connection)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise DatabaseDamagedError(str(error)) from error
    if version > newest_version():
        raise DatabaseDamagedError(
            f"schema {version} is newer than this program's {newest_version()}"
        )
    return int(version)


def _check(connection: sqlite3.Connection) -> None:
    (first,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if first != "ok":
        raise DatabaseDamagedError(str(first))
