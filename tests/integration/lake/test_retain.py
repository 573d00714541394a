"""What is old leaves the database or is deleted; the figures of reports stay."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import astuple, replace
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from ringtrace import cli
from ringtrace.bootstrap.places import note_places
from ringtrace.config import Retention, Settings
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.moment import DAY_MS, day_number
from ringtrace.services.call_records import CallFilter
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.lake import Kind
from ringtrace.services.ports import Reads
from ringtrace.store.postgres.reader import PostgresReader, open_reader_pool
from ringtrace.store.sqlite.reader import SqliteReader
from tests.console import signed_in, text
from tests.lake import environment, rows, sealed
from tests.postgres import Postgres
from tests.shop import POOL, Shop, bearer, on_every_store, rfc

pytestmark = on_every_store

AUDIO = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(400)


def retain(settings: Settings, retention: Retention, *words: str) -> Result:
    note_places(replace(settings, retention=retention))
    return run(settings, "retain", *words)


def run(settings: Settings, *words: str | Path) -> Result:
    command = [*map(str, words), "--data", str(settings.data)]
    return CliRunner().invoke(cli.main, command, env=environment(settings))


async def retained(shop: Shop, retention: Retention, *words: str) -> dict[str, int]:
    done = await asyncio.to_thread(retain, shop.house.settings, retention, *words)
    assert done.exit_code == 0, done.output
    said: dict[str, int] = json.loads(done.stdout)
    return said


async def count(settings: Settings, table: str) -> int:
    query = "SELECT count(*) FROM " + table  # noqa: S608 - of the test itself
    if settings.database_url is not None:
        database = await asyncpg.connect(settings.database_url)
        try:
            return int(await database.fetchval(query))
        finally:
            await database.close()
    with closing(sqlite3.connect(settings.database)) as connection:
        return int(connection.execute(query).fetchone()[0])


async def counts(settings: Settings) -> list[int]:
    return [await count(settings, table) for table in ("visits", "hits", "exposures")]


@pytest.fixture
async def elsewhere(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Where there is nothing yet."""
    other = Settings(settings.data.parent / "other")
    if settings.database_url is None:
        return other
    server: Postgres = request.getfixturevalue("postgres")
    return replace(other, database_url=await server.empty_database())


async def old_days(shop: Shop) -> tuple[str, str]:
    """Two years ago: a visit that called, with audio, and on the next day one that did not."""
    shop.clock.now -= 700 * DAY_MS
    called = shop.ids()
    await shop.hit(visit=called, visitor=called)
    shop.clock.now += 1_000
    await shop.hit("tap", visit=called, visitor=called)
    recorded = {"url": None, "seconds": 4.0, "channels": 2}
    await shop.report("c1", number=POOL, started_at=rfc(shop.clock.now), recording=recorded)
    put = await shop.client.put(
        "/gateway/v1/calls/c1/recording", content=AUDIO, headers=bearer(shop.tokens["sip"])
    )
    put.raise_for_status()
    shop.clock.now += 40 * DAY_MS
    silent = shop.ids()
    await shop.hit(visit=silent, visitor=silent)
    await shop.hit("contact", visit=silent, visitor=silent)
    shop.clock.now += 660 * DAY_MS
    sealed(shop.house.settings, shop.clock.now)
    return called, silent


@asynccontextmanager
async def without_lake(settings: Settings) -> AsyncIterator[Reads]:
    if settings.database_url is None:
        file = SqliteReader(settings.database)
        yield file
        file.close()
        return
    database = PostgresReader(await open_reader_pool(settings.database_url))
    yield database
    await database.close()


async def test_visits_leave_and_everything_still_tells_of_them(shop: Shop) -> None:
    called, silent = await old_days(shop)
    settings = shop.house.settings
    reader = shop.house.use_cases.store
    begun = shop.clock.now - 700 * DAY_MS
    spans = [
        CallFilter(),
        CallFilter(since=begun - DAY_MS, until=begun + DAY_MS),
        CallFilter(since=begun + 39 * DAY_MS, tag="vip"),
    ]
    async with without_lake(settings) as plain:
        before = [await plain.channels(1, where) for where in spans]
        visits = [await plain.visit(1, one) for one in (called, silent)]

    assert (await retained(shop, Retention(), "--dry-run"))["left_days"] == 2
    assert (await retained(shop, Retention()))["left_days"] == 2

    assert await counts(settings) == [1, 1, 1]
    assert len(rows(settings, Kind.VISITS)) == 2
    for where, wanted in zip(spans, before, strict=True):
        found = await reader.channels(1, where)
        for one, other in zip(found, wanted, strict=True):
            assert one.channel == other.channel
            assert astuple(one)[1:] == pytest.approx(astuple(other)[1:], abs=1e-6)
    assert [await reader.visit(1, one) for one in (called, silent)] == visits
    assert await reader.visit(1, "0" * 32) is None
    async with without_lake(settings) as plain:
        with pytest.raises(StoreAwayError):
            await plain.channels(1, CallFilter())
        assert len(await plain.channels(1, CallFilter(since=begun + 41 * DAY_MS))) == 0
    assert (await retained(shop, Retention()))["left_days"] == 0


async def test_calls_whose_visits_have_left_stay_as_they_were_attributed(shop: Shop) -> None:
    await old_days(shop)
    was = (await shop.call("c1")).attribution
    await retained(shop, Retention())
    api = bearer(shop.tokens["api"])

    again = await shop.client.post(
        "/api/v1/attributions", json={"since": rfc(shop.clock.now - 800 * DAY_MS)}, headers=api
    )
    again.raise_for_status()
    corrected = await shop.client.put(
        "/api/v1/calls/sip/c1/correction", json={"visit_id": None}, headers=api
    )
    corrected.raise_for_status()
    back = await shop.client.delete("/api/v1/calls/sip/c1/correction", headers=api)
    await shop.report("c3", number=POOL, started_at=rfc(shop.clock.now - 700 * DAY_MS))

    assert again.json()["changed"] == 0
    assert was.credits != ()
    assert (back.status_code, back.json()["error_id"]) == (409, "visits_archived")
    assert (await shop.call("c3")).attribution.unknown == 1.0


async def test_what_the_database_alone_can_tell_says_from_when_on_it_does(shop: Shop) -> None:
    await old_days(shop)
    api = bearer(shop.tokens["api"])

    async def calibration(**asked: str) -> tuple[int, str | None]:
        told = await shop.client.get("/api/v1/reports/calibration", params=asked, headers=api)
        found = told.raise_for_status().json()
        return found["only_holder"], found["only_holder_since"]

    assert await calibration() == (1, None)
    young = shop.ids()
    await shop.hit(visit=young, visitor=young)
    await retained(shop, Retention())

    assert await calibration() == (0, "2025-02-16T00:00:00Z")
    assert await calibration(since="2025-02-16T00:00:00Z") == (0, None)
    await signed_in(shop)
    assert "Only calls since 2025-02-16" in await text(shop, "/calibration?from=2024-12-01")
    history = await shop.house.use_cases.store.history(1, "shop", 9_999)
    assert {hit.visit for hit in history.hits} == {young}
    assert history.complete_since == day_number("2025-02-02") * DAY_MS
    assert (await shop.house.use_cases.store.history(1, "shop", 30)).complete_since is None


async def test_old_calls_go_with_their_recordings_and_their_sealed_days(shop: Shop) -> None:
    await old_days(shop)
    settings = shop.house.settings
    await shop.report("young", number=POOL, started_at=rfc(shop.clock.now - DAY_MS))
    retention = Retention(visits_in_store=None, calls=365)

    assert (await retained(shop, retention, "--dry-run"))["calls"] == 1
    done = await retained(shop, retention)

    assert (done["calls"], done["recordings"], done["sealed_days"]) == (1, 1, 1)
    assert await shop.house.use_cases.store.call(1, GatewayKind.SIP, "c1") is None
    assert rows(settings, Kind.CALLS) == []
    assert [one for one in settings.recordings.rglob("*") if one.is_file()] == []
    for table in ("credits", "call_reports", "proofs"):
        assert await count(settings, f"{table} WHERE call_id = 'c1'") == 0
    assert len(rows(settings, Kind.VISITS)) == 2
    assert await retained(shop, retention) == dict.fromkeys(done, 0)


async def test_old_recordings_go_and_their_calls_stay(shop: Shop) -> None:
    await old_days(shop)
    retention = Retention(visits_in_store=None, recordings=30)

    assert (await retained(shop, retention))["recordings"] == 1

    record = await shop.call("c1")
    assert record.audio is None
    assert not record.is_playable
    assert record.report is not None
    sealed(shop.house.settings, shop.clock.now)
    (call,) = rows(shop.house.settings, Kind.CALLS)
    assert (call["audio_format"], call["recording_seconds"]) == (None, None)
    assert (await retained(shop, retention))["recordings"] == 0


async def test_old_visits_are_deleted_here_and_in_the_lake(shop: Shop) -> None:
    await old_days(shop)
    settings = shop.house.settings
    await retained(shop, Retention())
    young = shop.ids()
    await shop.hit(visit=young, visitor=young)

    done = await retained(shop, Retention(visits=365))

    assert done["sealed_days"] == 2
    assert rows(settings, Kind.VISITS) == []
    assert await counts(settings) == [1, 0, 1]
    assert len(rows(settings, Kind.CALLS)) == 1
    assert await count(settings, "days WHERE part = 'traffic'") == 1


async def test_a_lost_lake_is_told_loudly(shop: Shop) -> None:
    await old_days(shop)
    settings = shop.house.settings
    await retained(shop, Retention())
    assert settings.lake is not None
    settings.lake.rename(settings.data / "elsewhere")

    seal = await asyncio.to_thread(run, settings, "seal")
    export = await asyncio.to_thread(run, settings, "export", "--to", settings.data / "out")

    assert (seal.exit_code, export.exit_code) == (1, 1)
    assert "2024-12-23" in seal.output
    assert "2024-12-23" in export.output
    doctor = await asyncio.to_thread(run, settings, "doctor", "--json")
    assert doctor.exit_code == 1
    assert '"check":"lake","level":"error"' in doctor.output
    backup = await asyncio.to_thread(run, settings, "backup", settings.data.parent / "b.tar")
    assert backup.exit_code == 1


async def test_a_backup_has_the_lake_once_rows_are_there_alone(
    shop: Shop, elsewhere: Settings
) -> None:
    called, silent = await old_days(shop)
    settings = shop.house.settings
    await retained(shop, Retention())
    archive = settings.data.parent / "b.tar"

    made = await asyncio.to_thread(run, settings, "backup", archive)
    restored = await asyncio.to_thread(run, elsewhere, "restore", archive)

    assert (made.exit_code, restored.exit_code) == (0, 0), made.output + restored.output
    assert {one["visit_id"] for one in rows(elsewhere, Kind.VISITS)} == {called, silent}
    doctor = await asyncio.to_thread(run, elsewhere, "doctor", "--json")
    assert '"check":"lake","level":"ok"' in doctor.output


def test_too_few_days_are_refused(settings: Settings) -> None:
    refused = run(settings, "serve", "--keep-visits", "7")

    assert refused.exit_code == 2
    assert "--keep-visits" in refused.output
