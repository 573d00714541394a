"""An export says what the store says, whichever days are sealed, in three formats."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from ringtrace import cli
from ringtrace.config import Settings
from ringtrace.domain.moment import DAY_MS
from tests.lake import environment, place_of, sealed
from tests.shop import POOL, Shop, on_every_store, rfc

pytestmark = on_every_store

CALLER = "+12025550177"


def export(settings: Settings, folder: Path, *words: str) -> Result:
    return CliRunner().invoke(
        cli.main,
        ["export", "--to", str(folder), "--data", str(settings.data), *words],
        env=environment(settings),
    )


async def three_days(shop: Shop) -> None:
    """The first is sealed, the second was sealed and changed, the third is open."""
    for day in range(3):
        visit = shop.ids()
        await shop.hit(visit=visit, visitor=visit, url='https://shop.example/?utm_term=a,"b"')
        await shop.report(f"c{day}", number=POOL, started_at=rfc(shop.clock.now))
        shop.clock.now += DAY_MS
        if day == 1:
            sealed(shop.house.settings, shop.clock.now)
            await shop.report("late", number=POOL, started_at=rfc(shop.clock.now - DAY_MS))


def read(folder: Path, kind: str, form: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted((folder / kind).glob(f"*.{form}")):
        if form == "csv":
            with path.open(newline="") as file:
                found += csv.DictReader(file)
        elif form == "jsonl":
            found += [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        else:
            with duckdb.connect() as database:
                rows = database.execute("SELECT * FROM read_parquet(?)", [str(path)])
                names = [one[0] for one in rows.description or ()]
                found += [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    return found


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
async def test_sealed_changed_and_open_days_are_one(shop: Shop, tmp_path: Path, form: str) -> None:
    await three_days(shop)
    folder = tmp_path / "out"

    done = await asyncio.to_thread(export, shop.house.settings, folder, "--format", form)

    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    calls, visits = read(folder, "calls", form), read(folder, "visits", form)
    assert sorted(one["call_id"] for one in calls) == ["c0", "c1", "c2", "late"]
    assert {one["caller"] for one in calls} == {CALLER}
    assert [one["term"] for one in visits] == ['a,"b"'] * 3
    assert said["rows"] == {kind: len(read(folder, kind, form)) for kind in said["rows"]}
    assert folder.stat().st_mode & 0o077 == 0
    contents = json.loads((folder / "export.json").read_text())
    assert {one["name"] for one in contents["files"]} == {
        path.relative_to(folder).as_posix() for path in folder.glob("*/*")
    }


async def test_texts_and_times_are_those_of_the_api(shop: Shop, tmp_path: Path) -> None:
    await three_days(shop)
    folder = tmp_path / "out"
    words = ("--format", "jsonl", "--kind", "calls", "--kind", "credits")

    await asyncio.to_thread(export, shop.house.settings, folder, *words)

    (first, *_) = read(folder, "calls", "jsonl")
    assert first["started_at"] == "2026-11-23T07:30:00.000Z"
    assert json.loads(first["legs"])[0]["talk_seconds"] == 41.0
    assert sum(one["share"] for one in first["shares"]) + first["unknown"] == pytest.approx(1)
    assert sorted(path.name for path in folder.iterdir()) == ["calls", "credits", "export.json"]


async def test_days_are_chosen_and_a_second_run_replaces(shop: Shop, tmp_path: Path) -> None:
    await three_days(shop)
    folder = tmp_path / "out"
    words = ("--since", "2026-11-24", "--until", "2026-11-25", "--kind", "calls")

    for _ in range(2):
        done = await asyncio.to_thread(export, shop.house.settings, folder, *words)

    assert done.exit_code == 0, done.output
    assert [path.name for path in (folder / "calls").iterdir()] == ["2026-11-24.parquet"]


async def test_a_strangers_data_are_not_in_it(shop: Shop, tmp_path: Path) -> None:
    await three_days(shop)
    await shop.report("theirs", number="+12025550201", token=shop.foreign["sip"])

    await asyncio.to_thread(export, shop.house.settings, tmp_path / "2", "--account", "2")

    assert [one["call_id"] for one in read(tmp_path / "2", "calls", "parquet")] == ["theirs"]
    assert not (tmp_path / "2" / "visits").exists()


async def test_a_damaged_manifest_is_told_and_no_contents_are_written(
    shop: Shop, tmp_path: Path
) -> None:
    await three_days(shop)
    place_of(shop.house.settings).write("v1/account=1/days/2026-11-23.json", b"{")

    ended = await asyncio.to_thread(export, shop.house.settings, tmp_path / "out")

    assert ended.exit_code == 1
    assert "2026-11-23.json" in ended.output
    assert not (tmp_path / "out" / "export.json").exists()
