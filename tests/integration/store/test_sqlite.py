"""What is the SQLite store's own: the file, and writes that fail."""

import sqlite3
from pathlib import Path

import pytest

from ringtrace.services.errors import StoreAwayError
from ringtrace.store.schema import SchemaTooNewError
from ringtrace.store.sqlite.connection import connect, migrate
from ringtrace.store.sqlite.store import SqliteStore
from tests.stores import setup, view


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


async def test_a_failed_write_is_told_and_the_promise_holds_afterwards(path: Path) -> None:
    store = SqliteStore.open(path)
    await store.submit(setup())
    first = await store.submit(view(1))
    store._connection.execute("PRAGMA query_only = ON")

    with pytest.raises(StoreAwayError):
        await store.submit(view(2))
    store._connection.execute("PRAGMA query_only = OFF")

    assert await store.submit(view(1)) == first
    assert await store.submit(view(2)) not in {first, None}
    assert await store.visit(1, view(2).visit.visit_id) is not None
    store.close()


def test_the_file_is_opened_for_power_loss(path: Path) -> None:
    connection = connect(path)

    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    connection.close()


def test_a_file_of_a_newer_program_is_left_alone(path: Path) -> None:
    connection = connect(path)
    migrate(connection)
    connection.execute("PRAGMA user_version = 999")

    with pytest.raises(SchemaTooNewError):
        migrate(connection)
    connection.close()


def test_every_key_begins_with_the_account(path: Path) -> None:
    connection = connect(path)
    migrate(connection)
    tables = [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    for table in tables:
        if table.endswith("_routes"):
            continue
        key = sorted(
            (row[5], row[1]) for row in connection.execute(f"PRAGMA table_info({table})") if row[5]
        )
        assert key[0][1] == "account_id", table
    connection.close()


def test_migrating_again_changes_nothing(path: Path) -> None:
    connection = connect(path)
    version = migrate(connection)
    before = list(connection.execute("SELECT sql FROM sqlite_master"))

    assert migrate(connection) == version
    assert list(connection.execute("SELECT sql FROM sqlite_master")) == before
    connection.close()


def test_a_reader_cannot_write(path: Path) -> None:
    migrate(connect(path))
    reader = connect(path, readonly=True)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM visits")
    reader.close()
