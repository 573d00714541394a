"""Commands over a store that they cannot work with: what is said, and that nothing is changed."""

import asyncio
import hashlib
import sqlite3
from pathlib import Path

import asyncpg
import duckdb
import pytest
from click.testing import CliRunner, Result

from ringtrace import cli
from ringtrace.store import schema
from ringtrace.store.lake.export import Exporter
from ringtrace.store.sqlite.connection import newest_version
from ringtrace.store.sqlite.store import SqliteStore
from tests.postgres import Postgres

COMMANDS = (
    "calls", "report channels", "seal", "retain", "export --to out", "import out",
    "forget +12025550177", "replay --from-store",
)  # fmt: skip
AWAY = "postgresql://ringtrace@127.0.0.1:1/none"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder whose store has this program's schema, and no account."""
    folder = tmp_path / "data"
    SqliteStore.open(folder / "ringtrace.db").close()
    return folder


def run(words: str, data: Path, url: str | None = None) -> Result:
    database = [] if url is None else ["--database-url", url]
    return CliRunner().invoke(cli.main, [*words.split(), "--data", str(data), *database])


def refused(result: Result, code: int = 2) -> str:
    """What is said, in one line; anything else would have been a traceback."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    assert not result.stdout
    return " ".join(result.stderr.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_of_a_newer_program_is_left_alone(command: str, data: Path) -> None:
    with sqlite3.connect(data / "ringtrace.db") as database:
        database.execute(f"PRAGMA user_version = {newest_version() + 1}")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    before = hashlib.sha256((data / "ringtrace.db").read_bytes()).digest()

    said = refused(run(command, data))

    assert f"schema {newest_version() + 1} is newer than this program's" in said
    assert hashlib.sha256((data / "ringtrace.db").read_bytes()).digest() == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_of_an_older_program_waits_for_the_server(command: str, tmp_path: Path) -> None:
    data = tmp_path / "old"
    data.mkdir()
    with sqlite3.connect(data / "ringtrace.db") as database:
        for script in schema.steps("ringtrace.store.sqlite")[:6]:
            database.executescript(script)
        database.execute("PRAGMA user_version = 6")
    database.close()

    said = refused(run(command, data))

    assert f"schema 6 of {newest_version()}: start `ringtrace serve` first" in said


@pytest.mark.parametrize("command", [*COMMANDS, "backup out.tar", "serve --port 0"])
def test_a_damaged_file_is_said_to_be_one(command: str, data: Path) -> None:
    (data / "ringtrace.db").write_bytes(b"no database, but of some length" * 8)

    said = refused(run(command, data), 2 if command in COMMANDS else 1)

    assert "file is not a database" in said


@pytest.mark.parametrize(
    "command", ["calls", "report channels", "export --to out", "replay --from-store"]
)
def test_an_account_that_is_not_there_has_no_empty_answer(command: str, data: Path) -> None:
    said = refused(run(f"{command} --account 7", data))

    assert "--account: there is no account 7" in said
    assert not Path("out").exists()


def test_days_that_are_none_are_not_exported(data: Path) -> None:
    said = refused(run("export --to out --since 2026-11-02 --until 2026-11-02", data))

    assert said.startswith("--until: must be after --since")


@pytest.mark.parametrize("command", ["seal", "retain", "export --to out", "calls"])
def test_a_database_that_is_away_is_no_bad_input(command: str, data: Path) -> None:
    assert "does not answer" in refused(run(command, data, AWAY), 1)


def test_a_backup_says_why_the_database_does_not_answer(data: Path) -> None:
    assert "Connect call failed" in refused(run("backup out.tar", data, AWAY), 1)


@pytest.mark.parametrize("command", ["calls", "report channels", "replay --from-store"])
def test_an_empty_database_has_no_data(command: str, data: Path, postgres: Postgres) -> None:
    url = asyncio.run(postgres.empty_database())

    assert "no data in the database" in refused(run(command, data, url))


def test_doctor_finds_that_a_database_is_of_a_newer_program(data: Path, postgres: Postgres) -> None:
    url = asyncio.run(postgres.database())
    asyncio.run(_told(url, "INSERT INTO schema_steps VALUES (99)"))

    looked = run("doctor --json", data, url)

    assert looked.exit_code == 1
    assert "version 99, newer than this program's" in looked.stdout


def test_a_server_says_that_a_database_is_another_programs(data: Path, postgres: Postgres) -> None:
    url = asyncio.run(postgres.empty_database())
    asyncio.run(_told(url, "CREATE TABLE accounts (name text)"))

    said = refused(run("serve --port 0", data, url), 1)

    assert 'the database: relation "accounts" already exists' in said


def test_a_server_says_that_it_may_not_make_tables(data: Path, postgres: Postgres) -> None:
    url = asyncio.run(postgres.empty_database())
    asyncio.run(_told(url, "CREATE ROLE guest LOGIN"))

    said = refused(run("serve --port 0", data, url.replace("ringtrace@", "guest@")), 1)

    assert "the database: permission denied for schema public" in said


async def _told(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


def with_account(data: Path) -> None:
    with sqlite3.connect(data / "ringtrace.db") as database:
        database.execute("INSERT INTO accounts (account_id, name, region) VALUES (1, 'Shop', 'US')")
    database.close()


@pytest.mark.parametrize("command", ["seal", "export --to out", "backup out.tar"])
def test_where_stderr_is_no_terminal_nothing_draws_on_it(command: str, data: Path) -> None:
    with_account(data)

    done = run(command, data)

    assert (done.exit_code, done.stderr) == (0, "")


def test_a_backup_goes_into_a_folder_that_is_there(data: Path) -> None:
    assert refused(run("backup none/out.tar", data)) == "none/out.tar: there is no folder none"


def test_a_folder_is_no_backup(data: Path) -> None:
    assert "Invalid value for 'FILE'" in refused(run(f"restore {data}", data / "new"))


def test_an_export_that_the_disk_has_no_room_for_says_so(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_account(data)

    def full(*_: object) -> None:
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(Exporter, "export", full)

    said = refused(run("export --to out", data), 1)

    assert said == "the export is not complete, run this again: No space left on device"


def test_doctor_takes_an_address_that_is_none_for_a_server_that_does_not_answer(
    data: Path,
) -> None:
    with_account(data)
    (data / "server-url").write_text("http://127.0.0.1:1:2")

    looked = run("doctor --json", data)

    assert '"check":"server","level":"error"' in looked.stdout
