"""What was exported comes back, whole or not at all, and twice is once."""

import asyncio
import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result

from ringtrace import cli
from ringtrace.bootstrap import open_house
from ringtrace.config import Settings
from ringtrace.services.call_records import CallFilter
from ringtrace.services.lake import DAY_MS
from tests.lake import sealed
from tests.shop import POOL, Shop, rfc


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(word) for word in words])


async def exported(shop: Shop, folder: Path, form: str) -> Settings:
    """Three days with a visit and a call each, the first two sealed."""
    for day in range(3):
        visit = shop.ids()
        await shop.hit(visit=visit, visitor=visit)
        shop.clock.now += 1_000
        await shop.hit("tap", visit=visit, visitor=visit)
        await shop.report(f"c{day}", number=POOL, started_at=rfc(shop.clock.now))
        shop.clock.now += DAY_MS
    sealed(shop.house.settings, shop.clock.now - DAY_MS)
    settings = shop.house.settings
    done = await asyncio.to_thread(
        run, "export", "--to", folder, "--data", settings.data, "--format", form
    )
    assert done.exit_code == 0, done.output
    return settings


@pytest.fixture
async def empty(tmp_path: Path) -> Settings:
    """A data folder with nothing but its first account."""
    settings = Settings(tmp_path / "empty")
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    house = await open_house(settings, hasher=cheap)
    await house.close()
    return settings


def contents(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """By kind, all rows of an export as JSON lines."""
    return {
        kind.name: [json.loads(line) for path in sorted(kind.glob("*.jsonl"))
                    for line in path.read_text("utf-8").splitlines()]
        for kind in folder.iterdir() if kind.is_dir()
    }  # fmt: skip


def exported_again(settings: Settings, folder: Path) -> dict[str, list[dict[str, Any]]]:
    done = run("export", "--to", folder, "--data", settings.data, "--format", "jsonl")
    assert done.exit_code == 0, done.output
    return contents(folder)


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
async def test_it_comes_back_as_it_was_and_twice_is_once(
    shop: Shop, empty: Settings, tmp_path: Path, form: str
) -> None:
    settings = await exported(shop, tmp_path / "out", form)

    first = await asyncio.to_thread(run, "import", tmp_path / "out", "--data", empty.data)
    second = await asyncio.to_thread(run, "import", tmp_path / "out", "--data", empty.data)

    assert first.exit_code == 0, first.output
    assert second.exit_code == 0, second.output
    added = {kind: one["added"] for kind, one in json.loads(first.stdout)["rows"].items()}
    assert added["calls"] == added["visits"] == 3
    for kind, one in json.loads(second.stdout)["rows"].items():
        assert one == {"added": 0, "known": added[kind]}
    was = await asyncio.to_thread(exported_again, settings, tmp_path / "was")
    now = await asyncio.to_thread(exported_again, empty, tmp_path / "now")
    assert was == now


async def test_a_server_goes_on_with_what_came_back(
    shop: Shop, empty: Settings, tmp_path: Path
) -> None:
    await exported(shop, tmp_path / "out", "parquet")
    wanted = await shop.house.use_cases.store.calls(1, CallFilter(), 10, 0)
    done = await asyncio.to_thread(run, "import", tmp_path / "out", "--data", empty.data)
    assert done.exit_code == 0, done.output

    house = await open_house(empty, shop.clock)
    try:
        found = await house.use_cases.store.calls(1, CallFilter(), 10, 0)
        named = next(one.visit_id for one in found.calls[0].attribution.credits if one.visit_id)
        visit = await house.use_cases.store.visit(1, named)
    finally:
        await house.close()

    assert [replace(one, contradictions=0) for one in found.calls] == list(wanted.calls)
    assert visit is not None
    assert [one.kind for one in visit.views] == ["page", "tap"]


async def test_an_account_that_has_rows_keeps_them(shop: Shop, tmp_path: Path) -> None:
    """A correction that was made since is not undone; what is missing comes back."""
    settings = await exported(shop, tmp_path / "out", "jsonl")
    before = await asyncio.to_thread(exported_again, settings, tmp_path / "before")
    await shop.house.close()

    done = await asyncio.to_thread(run, "import", tmp_path / "out", "--data", settings.data)

    assert done.exit_code == 0, done.output
    assert all(one["added"] == 0 for one in json.loads(done.stdout)["rows"].values())
    assert await asyncio.to_thread(exported_again, settings, tmp_path / "after") == before


async def test_beside_a_server_nothing_is_imported(shop: Shop, tmp_path: Path) -> None:
    settings = await exported(shop, tmp_path / "out", "csv")

    refused = await asyncio.to_thread(run, "import", tmp_path / "out", "--data", settings.data)

    assert refused.exit_code == 1
    assert "stop it" in refused.output


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

    refused = await asyncio.to_thread(run, "import", tmp_path / "out", "--data", empty.data)

    assert refused.exit_code == 2, refused.output
    assert f"{name} " in refused.output or f"{name}:" in refused.output
    assert told in refused.output
    after = await asyncio.to_thread(exported_again, empty, tmp_path / "after")
    assert after == {}


async def test_a_line_of_csv_is_named_by_where_it_begins(
    shop: Shop, empty: Settings, tmp_path: Path
) -> None:
    await exported(shop, tmp_path / "out", "csv")
    path = tmp_path / "out" / "calls" / "2026-11-23.csv"
    with path.open(newline="") as file:
        assert next(csv.DictReader(file))["outcome"] == "answered"
    changed(tmp_path / "out", "calls/2026-11-23.csv", ",answered,", ",maybe,")

    refused = await asyncio.to_thread(run, "import", tmp_path / "out", "--data", empty.data)

    assert refused.exit_code == 2
    assert "calls/2026-11-23.csv line 2: outcome" in refused.output


async def test_a_file_that_was_damaged_or_lost_is_named(
    shop: Shop, empty: Settings, tmp_path: Path
) -> None:
    await exported(shop, tmp_path / "out", "parquet")
    path = tmp_path / "out" / "calls" / "2026-11-24.parquet"
    whole = path.read_bytes()

    def refused() -> str:
        done = run("import", tmp_path / "out", "--data", empty.data)
        assert done.exit_code == 2
        return done.output

    path.write_bytes(whole[:-1])
    assert "calls/2026-11-24.parquet is not what was exported" in await asyncio.to_thread(refused)
    path.unlink()
    assert "calls/2026-11-24.parquet is missing" in await asyncio.to_thread(refused)
    (tmp_path / "out" / "export.json").unlink()
    assert "export.json is missing" in await asyncio.to_thread(refused)
