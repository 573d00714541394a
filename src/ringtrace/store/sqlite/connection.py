"""Opening the file, and bringing its schema up to date."""

import re
import sqlite3
from importlib.resources import files
from pathlib import Path

_NAME = re.compile(r"(\d{4})_\w+\.sql").fullmatch


class SchemaTooNewError(RuntimeError):
    """The file was written by a newer Ringtrace."""


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


def migrate(connection: sqlite3.Connection) -> int:
    """Apply what is missing, each step in a transaction of its own; returns the version.

    Raises SchemaTooNewError.
    """
    steps = _steps()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(steps):
        raise SchemaTooNewError(f"schema {version} is newer than this program's {len(steps)}")
    for number in range(version + 1, len(steps) + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{steps[number - 1]}\nPRAGMA user_version = {number};\nCOMMIT;"
        )
    return len(steps)


def newest_version() -> int:
    """The schema that this program writes."""
    return len(_steps())


def _steps() -> list[str]:
    folder = files("ringtrace.store.sqlite") / "migrations"
    scripts = {int(m[1]): one for one in folder.iterdir() if (m := _NAME(one.name))}
    if sorted(scripts) != list(range(1, len(scripts) + 1)):
        raise RuntimeError("migrations are not numbered without gaps")
    return [scripts[number].read_text("utf-8") for number in sorted(scripts)]
