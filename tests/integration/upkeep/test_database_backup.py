"""A server over a PostgreSQL database is backed up, looked after and restored like any other."""

import asyncio
import json
from pathlib import Path

import asyncpg
import httpx
import pytest

from ringtrace.config import Settings
from ringtrace.store import schema
from ringtrace.store.postgres.dump import _apart
from tests.postgres import Postgres, postgres_server
from tests.server import server
from tests.shop import POOL, bearer
from tests.upkeep import AUDIO, new_visit, run, viewed, worked


async def asked(*words: str | Path) -> tuple[int, str]:
    """A command's exit code, and what it said."""
    ended = await asyncio.to_thread(run, *words)
    return ended.exit_code, ended.output


async def count(url: str) -> int:
    """Tables of a database."""
    connection = await asyncpg.connect(url)
    found = await connection.fetchval(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    )
    await connection.close()
    return int(found)


async def test_a_backup_under_load_goes_on_in_another_database(tmp_path: Path) -> None:
    data, archive, elsewhere = tmp_path / "data", tmp_path / "b.tar.gz", tmp_path / "new"
    with postgres_server(durable=True) as postgres:
        url, other = await postgres.empty_database(), await postgres.empty_database()
        async with server(data, database_url=url) as (_, address):
            shown = await worked(address, data)
            async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
                command = ("backup", archive, "--data", data, "--database-url", url)
                done = asyncio.create_task(asyncio.to_thread(run, *command))
                while not done.done():
                    await viewed(client, new_visit())
            made = await done
        assert made.exit_code == 0, made.output
        assert json.loads(made.stdout)["files"] == 5

        into = ("--data", elsewhere, "--database-url", other)
        code, told = await asked("restore", archive, *into)
        assert code == 0, told
        assert sorted(path.name for path in elsewhere.iterdir()) == [
            "admin-password", "api-token", "recordings", "secret.key",
        ]  # fmt: skip

        async with server(elsewhere, database_url=other) as (_, address):
            async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
                for visit, number in shown.items():
                    assert await viewed(client, visit) == number
                api = bearer(Settings(elsewhere).api_token_file.read_text().strip())
                (call,) = (await client.get("/api/v1/calls", headers=api)).json()["calls"]
                assert (await client.get(call["recording"]["link"])).content == AUDIO
            code, told = await asked("doctor", *into, "--json")
        findings = [json.loads(line) for line in told.splitlines()]
        assert code == 0, told
        assert {one["check"] for one in findings if one["level"] != "ok"} <= {"disk"}
        assert {"routes", "clock", "recordings", "gateways", "schema"} <= {
            one["check"] for one in findings
        }

        # Neither a database nor a folder that is in use is written over.
        code, told = await asked("restore", archive, "--data", tmp_path / "x",
                                 "--database-url", other)  # fmt: skip
        assert (code, (tmp_path / "x").exists()) == (2, False)
        assert "not empty" in told


async def test_nothing_is_restored_of_half_a_backup_or_to_another_kind_of_store(
    postgres: Postgres, tmp_path: Path
) -> None:
    url, other = await postgres.empty_database(), await postgres.empty_database()
    data, archive, new = tmp_path / "data", tmp_path / "b.tar", tmp_path / "new"
    async with server(data, database_url=url) as (_, address):
        await worked(address, data)
    code, told = await asked("backup", archive, "--data", data, "--database-url", url)
    assert code == 0, told

    code, told = await asked("restore", archive, "--data", new)
    assert (code, new.exists()) == (2, False)
    assert "--database-url" in told

    whole = archive.read_bytes()
    archive.write_bytes(whole[:-40_000])
    code, _ = await asked("restore", archive, "--data", new, "--database-url", other)
    assert (code, new.exists(), await count(other)) == (2, False, 0)


async def test_a_database_that_is_backed_up_otherwise_is_left_out(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, archive, new = tmp_path / "data", tmp_path / "b.tar", tmp_path / "new"
    url = await postgres.empty_database()
    async with server(data, database_url=url) as (_, address):
        await worked(address, data)
    monkeypatch.setenv("PATH", str(tmp_path))
    with_url = ("--data", data, "--database-url", url)

    code, told = await asked("backup", archive, *with_url)
    assert (code, archive.exists()) == (2, False)
    assert "pg_dump is missing" in told

    code, told = await asked("backup", archive, *with_url, "--without-database")
    assert code == 0, told
    code, told = await asked("restore", archive, "--data", new, "--database-url", url)
    assert (code, json.loads(told)["database"]) == (0, False)
    assert (new / "recordings/1/sip/kept.wav").read_bytes() == AUDIO

    code, told = await asked("backup", tmp_path / "c.tar", "--data", data, "--without-database")
    assert code == 2


async def test_a_database_of_an_older_program_is_backed_up_and_looked_over_as_it_is(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, archive, url = tmp_path / "data", tmp_path / "b.tar", await postgres.empty_database()
    async with server(data, database_url=url) as (_, address):
        await worked(address, data)
    connection = await asyncpg.connect(url)
    await connection.execute("ALTER TABLE days DROP COLUMN archived")
    await connection.close()
    steps = schema.steps
    monkeypatch.setattr(schema, "steps", lambda package: [*steps(package), "SELECT 1;"])
    with_url = ("--data", data, "--database-url", url)

    code, told = await asked("backup", archive, *with_url)

    assert code == 0, told
    assert json.loads(told)["schema"] == len(steps("ringtrace.store.postgres"))
    _, told = await asked("doctor", *with_url, "--json")
    assert any(
        (one["check"], one["level"]) == ("schema", "warning")
        for one in map(json.loads, told.splitlines())
    )
    code, told = await asked("seal", *with_url)
    assert code == 2
    assert "start `ringtrace serve` first" in told
    code, told = await asked(
        "backup", tmp_path / "c.tar", "--data", data,
        "--database-url", await postgres.empty_database(), "--without-database",
    )  # fmt: skip
    assert (code, (tmp_path / "c.tar").exists()) == (2, False)


async def test_the_doctor_finds_what_is_broken_in_a_database(
    postgres: Postgres, tmp_path: Path
) -> None:
    data, url = tmp_path / "data", await postgres.empty_database()
    with_url = ("--data", data, "--database-url", url, "--json")
    code, told = await asked("doctor", *with_url)
    assert code == 2
    assert "no data" in told
    async with server(data, database_url=url) as (_, address):
        await worked(address, data)
    settings = Settings(data)
    settings.recordings.joinpath("1", "sip", "kept.wav").rename(
        settings.recordings / "1" / "sip" / "stray.wav"
    )
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE number_routes SET account_id = 7 WHERE number = $1", POOL)
    await connection.execute("UPDATE calls SET started_at = started_at + 86400000")
    await connection.close()

    code, told = await asked("doctor", *with_url)

    found = [json.loads(line) for line in told.splitlines()]
    wrong = {one["check"] for one in found if one["level"] == "error"}
    # The server was killed: it left the file that says it runs. The tests' database skips fsync.
    assert (code, wrong) == (1, {"database", "clock", "routes", "recordings", "server"})
    assert any("fsync=off" in one["message"] for one in found)
    assert any(POOL in one["message"] for one in found)
    away = await asked("doctor", "--data", data, "--json",
                       "--database-url", "postgresql://127.0.0.1:1/none")  # fmt: skip
    assert away[0] == 1
    assert "does not answer" in away[1]
    assert '"check":"folder","level":"ok"' in away[1]


@pytest.mark.parametrize(
    ("url", "shown", "password"),
    [
        ("postgresql://me:s%40t@db:5432/r?sslmode=require",
         "postgresql://me@db:5432/r?sslmode=require", "s@t"),
        ("postgresql://me@/r?host=%2Ftmp&password=x", "postgresql://me@/r?host=%2Ftmp", "x"),
        ("postgresql://db/r", "postgresql://db/r", None),
    ],
)  # fmt: skip
def test_no_password_stands_among_a_programs_arguments(
    url: str, shown: str, password: str | None
) -> None:
    said, environment = _apart(url)
    assert (said, environment.get("PGPASSWORD")) == (shown, password)
