"""A backup of a server that works goes on elsewhere as the server did."""

import asyncio
import json
import secrets
import sqlite3
import time
from pathlib import Path

import httpx
import pytest

from ringtrace.bootstrap import open_house
from ringtrace.config import Settings
from ringtrace.services.inspection import GatewayLife
from ringtrace.services.setup_form import read_setup
from ringtrace.store.sqlite.inspection import inspect
from tests.bucket import BUCKET, CREDENTIALS, s3_service
from tests.server import server
from tests.shop import POOL, bearer, setup_of
from tests.upkeep import AUDIO, NUMBERS, new_visit, run, viewed, worked


async def test_a_running_server_is_backed_up_under_load_and_restored(tmp_path: Path) -> None:
    data, archive, elsewhere = tmp_path / "data", tmp_path / "b.tar.gz", tmp_path / "new" / "data"
    async with server(data) as (_, url):
        shown = await worked(url, data)
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            done = asyncio.create_task(asyncio.to_thread(run, "backup", archive, "--data", data))
            while not done.done():
                await viewed(client, new_visit())
        made = await done
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["files"] == 5
    assert archive.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob(".b.tar.gz*"))

    restored = run("restore", archive, "--data", elsewhere)

    assert restored.exit_code == 0, restored.output
    async with server(elsewhere) as (_, url):
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            for visit, number in shown.items():
                assert await viewed(client, visit) == number
            api = bearer(Settings(elsewhere).api_token_file.read_text().strip())
            (call,) = (await client.get("/api/v1/calls", headers=api)).json()["calls"]
            heard = await client.get(call["recording"]["link"])
            assert heard.content == AUDIO
        looked = await asyncio.to_thread(run, "doctor", "--data", elsewhere, "--json")
    findings = [json.loads(line) for line in looked.stdout.splitlines()]
    assert looked.exit_code == 0, looked.output
    assert {one["check"] for one in findings if one["level"] != "ok"} <= {"disk"}


@pytest.mark.parametrize("recordings", [True, False])
async def test_what_the_node_beside_has_not_delivered_is_in_it(
    tmp_path: Path, *, recordings: bool
) -> None:
    data, archive, elsewhere = tmp_path / "data", tmp_path / "b.tar", tmp_path / "new"
    waiting = {"one.json": b"{}", "one.0f.wav": AUDIO, "two.json.part": b"{", "two.0f.wav": AUDIO}
    async with server(data):
        outbox = Settings(data).node_spool / "outbox"
        outbox.mkdir(parents=True)
        for name, content in waiting.items():
            (outbox / name).write_bytes(content)
        options = () if recordings else ("--without-recordings",)
        assert run("backup", archive, "--data", data, *options).exit_code == 0

    assert run("restore", archive, "--data", elsewhere).exit_code == 0

    back = Settings(elsewhere).node_spool / "outbox"
    kept = {"one.json", "one.0f.wav", "two.0f.wav"} if recordings else {"one.json"}
    assert {path.name: path.read_bytes() for path in back.iterdir()} == {
        name: waiting[name] for name in kept
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in back.iterdir())


async def test_a_node_beside_the_server_is_a_gateway(tmp_path: Path) -> None:
    house = await open_house(Settings(tmp_path / "data"))
    try:
        await house.node_token()
        await house.use_cases.apply_setup(1, read_setup(setup_of("shop", "+12025550101", NUMBERS)))
    finally:
        await house.close()

    found = inspect(Settings(tmp_path / "data").database, time.time_ns() // 10**6)

    assert found.accounts_without_gateway == ()
    assert found.gateways == (GatewayLife(1, "sip", None),)


async def test_nothing_is_restored_over_data_or_from_half_a_backup(tmp_path: Path) -> None:
    data, archive = tmp_path / "data", tmp_path / "b.tar"
    async with server(data):
        assert run("backup", archive, "--data", data, "--without-recordings").exit_code == 0
    before = sorted(path.name for path in data.iterdir())

    over = run("restore", archive, "--data", data)
    assert (over.exit_code, sorted(path.name for path in data.iterdir())) == (2, before)
    assert "is not empty" in over.output

    archive.write_bytes(archive.read_bytes()[:-40_000])
    half = run("restore", archive, "--data", tmp_path / "half")
    assert half.exit_code == 2
    assert not (tmp_path / "half").exists()
    assert not list(tmp_path.glob(".half*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("backup", "{tmp}/b.zip"), "must end in"),
        (("backup", "{tmp}/b.tar"), "no database"),
        (("doctor",), "no data in"),
    ],
)
def test_bad_input_is_told_and_leaves_nothing(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    ended = run(*(word.format(tmp=tmp_path) for word in words), "--data", tmp_path / "none")

    assert ended.exit_code == 2
    assert said in ended.output
    assert list(tmp_path.iterdir()) == []


async def test_an_older_backup_is_never_overwritten(tmp_path: Path) -> None:
    archive = tmp_path / "b.tar"
    archive.write_text("precious")
    async with server(tmp_path / "data"):
        assert run("backup", archive, "--data", tmp_path / "data").exit_code == 2
    assert archive.read_text() == "precious"


async def test_the_doctor_finds_what_is_broken(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with server(data) as (_, url):
        await worked(url, data)
    settings = Settings(data)
    settings.recordings.joinpath("1", "sip", "kept.wav").rename(
        settings.recordings / "1" / "sip" / "stray.wav"
    )
    settings.node_token_file.touch()
    for path in (settings.password_file, settings.node_token_file):
        path.chmod(0o644)
    with sqlite3.connect(settings.database) as database:
        database.execute("UPDATE number_routes SET account_id = 7 WHERE number = ?", (POOL,))
        database.execute("UPDATE calls SET started_at = started_at + 86400000")
    database.close()

    looked = await asyncio.to_thread(run, "doctor", "--data", data, "--json")

    found = [json.loads(line) for line in looked.stdout.splitlines()]
    wrong = {(one["check"], one["level"]) for one in found if one["level"] == "error"}
    assert looked.exit_code == 1
    # The server was killed: it left the file that says it runs.
    broken = ("secrets", "clock", "routes", "recordings", "server")
    assert wrong == {(check, "error") for check in broken}
    shown = await asyncio.to_thread(run, "doctor", "--data", data)
    words = " ".join(shown.stdout.split())
    assert "1 calls miss their file: sip/kept" in words
    assert settings.password_file.name in words
    assert settings.node_token_file.name in words


async def test_the_doctor_says_when_the_database_cannot_be_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with server(data) as (_, url):
        await worked(url, data)
    database = Settings(data).database
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    body = bytearray(database.read_bytes())
    body[4096:] = secrets.token_bytes(len(body) - 4096)
    database.write_bytes(body)

    looked = await asyncio.to_thread(run, "doctor", "--data", data)
    assert looked.exit_code == 1
    assert "restore the last backup" in " ".join(looked.stdout.split())

    refused = run("backup", tmp_path / "b.tar", "--data", data)
    assert refused.exit_code == 1
    assert not (tmp_path / "b.tar").exists()


async def test_the_doctor_and_the_backup_find_recordings_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, archive, new = tmp_path / "data", tmp_path / "b.tar", tmp_path / "new"
    monkeypatch.setenv("RINGTRACE_RECORDINGS", str(tmp_path / "audio"))
    async with server(data) as (_, url):
        await worked(url, data)
        looked = await asyncio.to_thread(run, "doctor", "--data", data, "--json")
    assert "1, each with its file" in looked.stdout

    assert run("backup", archive, "--data", data).exit_code == 0
    assert run("restore", archive, "--data", new).exit_code == 0
    assert (new / "recordings/1/sip/kept.wav").read_bytes() == AUDIO


async def test_the_doctor_looks_into_the_bucket_and_sees_what_gateways_owe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("RINGTRACE_RECORDINGS", f"s3://{BUCKET}")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with s3_service() as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL", service)
        async with server(data) as (_, url):
            await worked(url, data)
        with sqlite3.connect(Settings(data).database) as database:
            database.execute("UPDATE calls SET started_at = started_at - 2 * 86400000")
        sound = await asyncio.to_thread(run, "doctor", "--data", data, "--json")
        with sqlite3.connect(Settings(data).database) as database:
            database.execute("UPDATE calls SET audio_format = NULL")
        database.close()
        owed = await asyncio.to_thread(run, "doctor", "--data", data, "--json")
    away = await asyncio.to_thread(run, "doctor", "--data", data, "--json")

    assert "1, each with its file" in sound.stdout
    assert "1 calls still wait for theirs: sip/kept" in owed.stdout
    assert "1 files have no call: sip/kept" in owed.stdout
    assert "cannot be reached" in away.stdout
    assert away.exit_code == 1
