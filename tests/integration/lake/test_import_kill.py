"""kill -9 in the middle of an import: whole parts of days are there, and a second run ends it."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from argon2 import PasswordHasher

from benchmarks.past import Past, Shown
from ringtrace.bootstrap import open_days, open_house, open_importing
from ringtrace.config import Settings
from ringtrace.domain.moment import DAY_MS, day_name
from ringtrace.services.lake import Kind
from tests.commands import Command, started, told
from tests.postgres import Postgres, postgres_server
from tests.server import server
from tests.shop import POOL

KILLS: Final = 4
DAYS: Final = 10 * KILLS
"""Each a transaction for traffic and one for calls."""

VISITS: Final = 400 * DAYS
ENDED: Final = 20_000 * DAY_MS - 1
DEADLINE: Final = 60.0

Rows = Counter[tuple[Kind, str]]
"""By kind and day."""


@pytest.fixture(scope="module")
def durable() -> Iterator[Postgres]:
    """A database server that waits for the disk."""
    with postgres_server(durable=True) as server:
        yield server


async def first_account(settings: Settings) -> Settings:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    await (await open_house(settings, hasher=cheap)).close()
    return settings


@pytest.fixture
async def source(tmp_path: Path) -> Path:
    """An export of many days."""
    settings = await first_account(Settings(tmp_path / "source"))

    def write() -> None:
        with open_importing(settings) as into:
            Past(VISITS, DAYS, [Shown("shop", POOL)]).write(into, ENDED)

    await asyncio.to_thread(write)
    return await exported(settings, tmp_path / "out")


@pytest.fixture(params=["file", "database"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    settings = Settings(tmp_path / "empty")
    if request.param == "database":
        server: Postgres = request.getfixturevalue("durable")
        settings = replace(settings, database_url=await server.empty_database())
    return await first_account(settings)


async def exported(settings: Settings, folder: Path) -> Path:
    await told(settings, "export", "--to", str(folder), "--format", "jsonl")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.glob("*/*")}


def in_export(folder: Path) -> Rows:
    files = json.loads((folder / "export.json").read_text())["files"]
    named = {one["name"].removesuffix(".jsonl").partition("/")[::2]: one["rows"] for one in files}
    return Counter({(Kind(kind), day): rows for (kind, day), rows in named.items()})


def in_store(settings: Settings) -> Rows:
    found: Rows = Counter()
    with open_days(settings) as days, days.snapshot():
        known = {one.day for one in days.changes(1)}
        for kind in Kind:
            found.update((kind, day_name(day)) for day, _ in days.rows(1, kind, known))
    return found


def parts_there(settings: Settings) -> int:
    """Parts of days that have been written; no more is looked at, so that the end is not missed."""
    with open_days(settings) as days:
        return len(days.changes(1))


async def killed_further_on(importing: Command, settings: Settings) -> None:
    """When it has written a part of a day that was not there, and goes on with the next."""
    before = await asyncio.to_thread(parts_there, settings)
    deadline = time.monotonic() + DEADLINE
    while await asyncio.to_thread(parts_there, settings) == before:
        assert importing.runs, await importing.ended()
        assert time.monotonic() < deadline
    await importing.kill()


async def test_what_was_killed_is_run_again_and_nothing_is_doubled(
    source: Path, empty: Settings, tmp_path: Path
) -> None:
    whole = in_export(source)
    for _ in range(KILLS):
        await killed_further_on(await started(empty, "import", str(source)), empty)
        left = await asyncio.to_thread(in_store, empty)
        assert left.items() <= whole.items(), "each part of a day is there as a whole or not at all"
    assert 0 < left.total() < whole.total()

    done = (await told(empty, "import", str(source)))["rows"]

    for kind in Kind:
        there = sum(rows for (of, _), rows in left.items() if of is kind)
        every = sum(rows for (of, _), rows in whole.items() if of is kind)
        assert done[kind] == {"added": every - there, "known": there}
    assert contents(await exported(empty, tmp_path / "now")) == contents(source)


async def test_after_a_kill_a_server_starts_and_import_waits_for_it_to_end(
    source: Path, empty: Settings, tmp_path: Path
) -> None:
    await killed_further_on(await started(empty, "import", str(source)), empty)

    async with server(empty.data, database_url=empty.database_url or ""):
        status, _, said = await (await started(empty, "import", str(source))).ended()
        assert status == 1
        assert "stop it" in said or "end them first" in said

    await told(empty, "import", str(source))
    assert contents(await exported(empty, tmp_path / "now")) == contents(source)
