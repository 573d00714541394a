"""What was exported comes back, whole or not at all, and twice is once."""

import asyncio
import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result

from ringtrace import cli
from ringtrace.bootstrap import inspected, open_house
from ringtrace.config import Settings
from ringtrace.domain.moment import DAY_MS
from ringtrace.services.call_records import CallFilter
from ringtrace.services.lake import Kind
from tests.lake import environment, rows, sealed
from tests.postgres import Postgres
from tests.shop import POOL, Shop, bearer, on_every_store, rfc

on_both = pytest.mark.parametrize("empty", ["sqlite", "partitioned"], indirect=True)


def run(settings: Settings, *words: str | Path) -> Result:
    command = [*map(str, words), "--data", str(settings.data)]
    return CliRunner().invoke(cli.main, command, env=environment(settings))


async def import_(settings: Settings, folder: Path) -> Result:
    """In a thread: what a house that was closed leaves behind goes in the loop's next turns."""
    return await asyncio.to_thread(run, settings, "import", folder)


async def exported(shop: Shop, folder: Path, form: str) -> Settings:
    """Three days with a visit and two calls each, the first two sealed."""
    for day in range(3):
        visit = shop.ids()
        await shop.hit(visit=visit, visitor=visit, url="https://shop.example/?utm_term=na%C3%AFve")
        shop.clock.now += 1_000
        await shop.hit("tap", visit=visit, visitor=visit)
        await shop.report(f"c{day}", number=POOL, started_at=rfc(shop.clock.now))
        await shop.arrive(call=f"r{day}", caller=None, started_at=rfc(shop.clock.now))
        await shop.house.use_cases.route_call.settle()
        shop.clock.now += DAY_MS
    sealed(shop.house.settings, shop.clock.now - DAY_MS)
    settings = shop.house.settings
    words = ("export", "--to", folder, "--format", form)
    done = await asyncio.to_thread(run, settings, *words)
    assert done.exit_code == 0, done.output
    return settings


@pytest.fixture
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """With nothing but its first account: a data folder, or a database divided by account."""
    settings = Settings(tmp_path / "empty")
    if getattr(request, "param", "sqlite") == "partitioned":
        server: Postgres = request.getfixturevalue("postgres")
        settings = replace(settings, database_url=await server.database(partitioned=True))
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    house = await open_house(settings, hasher=cheap)
    await house.close()
    return settings


async def exported_again(settings: Settings, folder: Path) -> dict[str, bytes]:
    """The files' contents by name."""
    words = ("export", "--to", folder, "--format", "jsonl")
    done = await asyncio.to_thread(run, settings, *words)
    assert done.exit_code == 0, done.output
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob("*/*.jsonl")
    }


@on_both
@on_every_store
@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
async def test_it_comes_back_as_it_was_and_twice_is_once(
    shop: Shop, empty: Settings, tmp_path: Path, form: str
) -> None:
    """Into the store it is from, and into the other one."""
    settings = await exported(shop, tmp_path / "out", form)

    first = await import_(empty, tmp_path / "out")
    second = await import_(empty, tmp_path / "out")

    assert first.exit_code == 0, first.output
    assert second.exit_code == 0, second.output
    added = {kind: one["added"] for kind, one in json.loads(first.stdout)["rows"].items()}
    assert added["visits"] == 3
    assert added["calls"] == 6
    for kind, one in json.loads(second.stdout)["rows"].items():
        assert one == {"added": 0, "known": added[kind]}
    was = await exported_again(settings, tmp_path / "was")
    assert len(was) == 15
    assert await exported_again(empty, tmp_path / "now") == was


@on_both
async def test_a_server_goes_on_with_what_came_back(
    shop: Shop, empty: Settings, tmp_path: Path
) -> None:
    await exported(shop, tmp_path / "out", "parquet")
    wanted = await shop.house.use_cases.store.calls(1, CallFilter(), 10, 0)
    done = await import_(empty, tmp_path / "out")
    assert done.exit_code == 0, done.output

    house = await open_house(empty, shop.clock)
    try:
        found = await house.use_cases.store.calls(1, CallFilter(), 10, 0)
        named = next(
            share.visit_id
            for one in found.calls
            for share in one.attribution.credits
            if share.visit_id
        )
        visit = await house.use_cases.store.visit(1, named)
    finally:
        await house.close()

    assert [replace(one, contradictions=0) for one in found.calls] == list(wanted.calls)
    assert visit is not None
    assert [one.kind for one in visit.views] == ["page", "tap"]


@on_both
async def test_what_came_back_is_sealed_the_next_night(
    shop: Shop, empty: Settings, tmp_path: Path
) -> None:
    """Also when the day had been sealed before."""
    settings = await exported(shop, tmp_path / "out", "parquet")
    await asyncio.to_thread(sealed, settings, shop.clock.now)
    part = ("export", "--to", tmp_path / "part", "--until", "2026-11-24")
    assert (await asyncio.to_thread(run, settings, *part)).exit_code == 0
    assert (await import_(empty, tmp_path / "part")).exit_code == 0
    await asyncio.to_thread(sealed, empty, shop.clock.now)

    assert (await import_(empty, tmp_path / "out")).exit_code == 0
    await asyncio.to_thread(sealed, empty, shop.clock.now)

    for kind in Kind:
        assert rows(empty, kind) == rows(settings, kind)


@on_every_store
async def test_an_account_that_has_rows_keeps_them(shop: Shop, tmp_path: Path) -> None:
    """What was said of a call since is not undone."""
    settings = await exported(shop, tmp_path / "out", "jsonl")
    marked = await shop.client.put(
        "/api/v1/calls/sip/c1/spam", json={"spam": True}, headers=bearer(shop.tokens["api"])
    )
    marked.raise_for_status()
    before = await exported_again(settings, tmp_path / "before")
    assert b'"spam":true' in before["calls/2026-11-24.jsonl"]
    await shop.house.close()

    done = await import_(settings, tmp_path / "out")

    assert done.exit_code == 0, done.output
    assert all(one["added"] == 0 for one in json.loads(done.stdout)["rows"].values())
    assert await exported_again(settings, tmp_path / "after") == before
    assert (await asyncio.to_thread(inspected, settings, shop.clock.now)).stray_routes == ()


@on_every_store
async def test_beside_a_server_nothing_is_imported(shop: Shop, tmp_path: Path) -> None:
    settings = await exported(shop, tmp_path / "out", "csv")

    refused = await import_(settings, tmp_path / "out")

    assert refused.exit_code == 1
    assert "stop it" in refused.output or "end them first" in refused.output


@on_both
async def test_an_account_that_is_not_there_is_refused(
    shop: Shop, empty: Settings, tmp_path: Path
) -> None:
    await exported(shop, tmp_path / "out", "csv")

    refused = await asyncio.to_thread(run, empty, "import", tmp_path / "out", "--account", "7")

    assert refused.exit_code == 2
    assert "no account 7" in refused.output


async def test_a_store_that_is_not_there_is_named(
    shop: Shop, postgres: Postgres, tmp_path: Path
) -> None:
    await exported(shop, tmp_path / "out", "csv")
    nowhere = Settings(tmp_path / "nowhere")
    unused = replace(nowhere, database_url=await postgres.empty_database())
    away = replace(nowhere, database_url=f"postgresql://nobody@/x?host={tmp_path}")

    told = [await import_(one, tmp_path / "out") for one in (nowhere, unused, away)]

    assert [one.exit_code for one in told] == [2, 2, 1]
    for one, words in zip(told, ("serve", "serve", "does not answer"), strict=True):
        assert words in one.output


def changed(folder: Path, name: str, old: str, new: str) -> None:
    """In a file of the export, whose digest is made to fit."""
    path = folder / name
    said = path.read_text("utf-8")
    assert old in said
    path.write_text(said.replace(old, new, 1), "utf-8")
    said = json.loads((folder / "export.json").read_text())
    for one in said["files"]:
        if one["name"] == name:
            one["bytes"] = path.stat().st_size
            one["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "export.json").write_text(json.dumps(said))


@on_both
@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("calls/2026-11-24.jsonl", '"answered"', '"maybe"', "line 1: outcome"),
        ("calls/2026-11-24.jsonl", '"unknown":', '"unknown":1', "line 1: "),
        ("calls/2026-11-24.jsonl", "2026-11-24T", "2026-11-23T", "line 1: started_at"),
        ("calls/2026-11-24.jsonl", '"model":', '"modell":', "line 1: modell"),
        ("calls/2026-11-24.jsonl", '\\"talk_seconds\\":41', '\\"talk_seconds\\":\\"x\\"', "legs"),
        ("hits/2026-11-24.jsonl", '"tap"', '"hop"', "line 1: kind"),
        ("visits/2026-11-24.jsonl", '"visit_id":"', '"visit_id":"X', "line 1: visit_id"),
        ("visits/2026-11-24.jsonl", "{", "", "line 1: "),
        ("credits/2026-11-24.jsonl", '"c1"', '"c9"', "call_id"),
    ],
)
async def test_a_wrong_row_is_named_and_nothing_is_imported(
    shop: Shop, empty: Settings, tmp_path: Path, name: str, old: str, new: str, told: str
) -> None:
    await exported(shop, tmp_path / "out", "jsonl")
    changed(tmp_path / "out", name, old, new)

    refused = await import_(empty, tmp_path / "out")

    assert refused.exit_code == 2, refused.output
    assert f"{name} " in refused.output or f"{name}:" in refused.output
    assert told in refused.output
    assert await exported_again(empty, tmp_path / "after") == {}


async def test_a_line_of_csv_is_named_by_where_it_begins(
    shop: Shop, empty: Settings, tmp_path: Path
) -> None:
    await exported(shop, tmp_path / "out", "csv")
    path = tmp_path / "out" / "calls" / "2026-11-23.csv"
    with path.open(newline="") as file:
        assert next(csv.DictReader(file))["outcome"] == "answered"
    changed(tmp_path / "out", "calls/2026-11-23.csv", ",answered,", ",maybe,")

    refused = await import_(empty, tmp_path / "out")

    assert refused.exit_code == 2
    assert "calls/2026-11-23.csv line 2: outcome" in refused.output


async def test_a_file_that_was_damaged_or_lost_is_named(
    shop: Shop, empty: Settings, tmp_path: Path
) -> None:
    await exported(shop, tmp_path / "out", "parquet")
    path = tmp_path / "out" / "calls" / "2026-11-24.parquet"
    whole = path.read_bytes()

    def refused() -> str:
        done = run(empty, "import", tmp_path / "out")
        assert done.exit_code == 2
        return done.output

    path.write_bytes(whole[:-1])
    assert "calls/2026-11-24.parquet is not what was exported" in await asyncio.to_thread(refused)
    path.unlink()
    assert "calls/2026-11-24.parquet is missing" in await asyncio.to_thread(refused)
    (tmp_path / "out" / "export.json").unlink()
    assert "export.json is missing" in await asyncio.to_thread(refused)
