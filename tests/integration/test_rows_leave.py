"""Old rows leave while visitors and callers go on, and whoever lets them go may be killed.

A real server (over a database of two workers), and `ringtrace seal` and `ringtrace retain` beside
it, each a process of its own. A minute after its start the server lets rows leave as well.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest
from argon2 import PasswordHasher

from benchmarks.past import Past, Shown
from ringtrace.bootstrap import open_house, open_importing
from ringtrace.config import Settings
from ringtrace.domain.moment import DAY_MS, day_name, day_of
from ringtrace.services.seal_days import open_since
from ringtrace.services.setup_form import read_setup
from ringtrace.store.lake.place import LakeInUseError
from tests.commands import Command, started, told
from tests.integration.test_kill import in_database, in_file
from tests.postgres import Postgres, postgres_server
from tests.server import server
from tests.shop import bearer, setup_of
from tests.traffic import ANSWER_SECONDS, CLIENTS, NUMBERS, Rows, Traffic, found, now, set_up

KILLS: Final = 4
LOAD: Final = 4 * CLIENTS
KEPT_DAYS: Final = 90
LEAVING_DAYS: Final = 3
PAST_DAYS: Final = 2 * LEAVING_DAYS
VISITS: Final = 4_800
"""Each with a page view and an exposure; half of them are to leave."""
PIECE: Final = 100
"""So many visits at least leave between a start and a kill; a transaction takes 200 rows."""

DEADLINE: Final = 60.0
SHARED: Final = "SELECT visit_id FROM credits WHERE visit_id IS NOT NULL"


@pytest.fixture(scope="module")
def durable() -> Iterator[Postgres]:
    """A database server that waits for the disk."""
    with postgres_server(durable=True) as server:
        yield server


@pytest.fixture(params=["file", "database"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """With a shop, and with visits and calls of the days around the first one that stays."""
    settings = Settings(tmp_path / "data")
    if request.param == "database":
        server: Postgres = request.getfixturevalue("durable")
        settings = replace(settings, database_url=await server.empty_database())
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    house = await open_house(settings, hasher=cheap)
    await house.use_cases.apply_setup(1, read_setup(setup_of("shop", "+12025550101", NUMBERS)))
    await house.close()
    await asyncio.to_thread(write_past, settings)
    return settings


def write_past(settings: Settings) -> None:
    past = Past(VISITS, PAST_DAYS, [Shown("shop", number) for number in NUMBERS])
    with open_importing(settings) as into:
        past.write(into, leaves_before() + LEAVING_DAYS * DAY_MS)


def leaves_before() -> int:
    """Ms since 1970 UTC."""
    return (open_since(now()) - KEPT_DAYS) * DAY_MS


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    workers = () if settings.database_url is None else ("--workers", "2")
    database = settings.database_url or ""
    async with (
        server(settings.data, 0, *workers, database_url=database) as (_, url),
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=ANSWER_SECONDS) as client,
    ):
        yield client


async def in_store(settings: Settings) -> Rows:
    if settings.database_url is None:
        return in_file(settings.database)
    return await in_database(settings.database_url)


async def count(settings: Settings, rows: str) -> int:
    query = f"SELECT count(*) FROM {rows}"  # noqa: S608 - of the test itself
    if settings.database_url is None:
        with contextlib.closing(sqlite3.connect(settings.database)) as file:
            return int(file.execute(query).fetchone()[0])
    connection = await asyncpg.connect(settings.database_url)
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


async def visits_to_leave(settings: Settings) -> int:
    """That are there still."""
    return await count(settings, f"visits WHERE started_at < {leaves_before()}")


class Old:
    """What is told of the past, which has to stay as it is."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient, folder: Path) -> None:
        self._settings = settings
        self._client = client
        self._api = bearer(settings.api_token_file.read_text().strip())
        self._folder = folder
        self._exports = 0
        self._until = day_name(day_of(leaves_before()) + PAST_DAYS)

    async def report(self) -> list[dict[str, Any]]:
        """Figures by channel."""
        answer = await self._client.get(
            "/api/v1/reports/channels",
            params={"until": f"{self._until}T00:00:00Z"},
            headers=self._api,
        )
        assert answer.status_code == 200, answer.text
        channels: list[dict[str, Any]] = answer.json()["channels"]
        return channels

    async def export(self) -> dict[str, bytes]:
        """Files by name."""
        self._exports += 1
        folder = self._folder / f"export-{self._exports}"
        words = ("--to", str(folder), "--format", "jsonl", "--until", self._until)
        await told(self._settings, "export", *words)
        return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.glob("*/*")}


def is_same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    """Fractions differ in their last digits by the order they are added up in."""
    return one == [pytest.approx(channel, abs=1e-6) for channel in other]


async def killed_at_a_manifest(sealing: Command, settings: Settings) -> None:
    assert settings.lake is not None
    deadline = time.monotonic() + DEADLINE
    while not any(settings.lake.rglob("days/*.json")):
        assert sealing.runs
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)
    await sealing.kill()


async def is_killed_while_visits_leave(leaving: Command, settings: Settings) -> bool:
    """False: it ended before, because others are at it or have done it."""
    few = await visits_to_leave(settings) - PIECE
    deadline = time.monotonic() + DEADLINE
    while await visits_to_leave(settings) > few:
        if not leaving.runs:
            status, _, said = await leaving.ended()
            assert status == 0 or str(LakeInUseError()) in said, said
            return False
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)
    await leaving.kill()
    return True


@pytest.mark.parametrize("kills", [0, KILLS], ids=["undisturbed", "killed"])
async def test_old_rows_leave_beside_traffic_and_nothing_is_lost_or_counted_twice(
    place: Settings, tmp_path: Path, kills: int
) -> None:
    before = await in_store(place)
    async with serving(place) as client:
        old = Old(place, client, tmp_path)
        reported, exported = await old.report(), await old.export()
        assert len(reported) > 3
        assert len(exported) >= 5 * PAST_DAYS
        api_token = place.api_token_file.read_text().strip()
        traffic = Traffic(client, await set_up(client, api_token))

        async def all_is_well() -> None:
            await traffic.until_acknowledged(CLIENTS)
            assert is_same(await old.report(), reported)

        async with traffic.flowing():
            await traffic.until_acknowledged(LOAD)
            if kills:
                await killed_at_a_manifest(await started(place, "seal"), place)
                await all_is_well()
            await told(place, "seal")
            await all_is_well()
            killed = 0
            for _ in range(kills):
                leaving = await started(place, "retain")
                killed += await is_killed_while_visits_leave(leaving, place)
                await all_is_well()
            assert bool(killed) == bool(kills)
            rest = asyncio.create_task(told(place, "retain"))
            while not rest.done():
                await all_is_well()
            await rest

        assert traffic.repeated == 0, "nobody was told to come again"
        assert await old.export() == exported
    after = await in_store(place)
    came = {name: [*set(after[name]) - set(before[name])] for name in after}
    found(traffic, came).expect_kept()
    await expect_gone(place)


async def expect_gone(settings: Settings) -> None:
    """But for visits that have a share in a call or were seen since, and what happened in them."""
    assert 0 < await visits_to_leave(settings) < VISITS / PAST_DAYS
    nobodys = f"seen_at < {leaves_before()} AND visit_id NOT IN ({SHARED})"
    assert await count(settings, f"visits WHERE {nobodys}") == 0
    gone = "visit_id NOT IN (SELECT visit_id FROM visits)"
    for table, moment in (("hits", "at"), ("exposures", "shown_at")):
        assert await count(settings, f"{table} WHERE {moment} < {leaves_before()} AND {gone}") == 0
