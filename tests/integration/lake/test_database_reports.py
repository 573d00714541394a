"""Long reports over a PostgreSQL database come from the lake and the days that are open."""

import asyncio
from dataclasses import astuple
from functools import partial

import asyncpg
import pytest

from ringtrace.domain.moment import DAY_MS
from ringtrace.services.call_records import CallFilter, ChannelRow
from ringtrace.store.lake.worker import LakeReports, Sources
from ringtrace.store.postgres.days import PostgresDays
from ringtrace.store.postgres.reader import PostgresReader, open_reader_pool
from tests.lake import place_of, sealed
from tests.shop import POOL, RADIO, Shop, rfc

pytestmark = pytest.mark.parametrize("settings", ["postgres", "partitioned"], indirect=True)


async def ten_days(shop: Shop) -> None:
    """Visits and calls of three callers; half of the days are sealed, one of them changed since."""
    for day in range(10):
        for number in range(3):
            visit = shop.ids()
            await shop.hit(visit=visit, visitor=visit)
            shop.clock.now += 1_000
            at = rfc(shop.clock.now)
            to = RADIO if number == 2 else POOL
            caller = f"+1202555018{number}"
            await shop.report(f"{day}-{number}", number=to, caller=caller, started_at=at)
        shop.clock.now += DAY_MS
        if day == 4:
            sealed(shop.house.settings, shop.clock.now)
            await shop.report("late", number=POOL, started_at=rfc(shop.clock.now - 2 * DAY_MS))


def same(found: list[ChannelRow], wanted: list[ChannelRow]) -> bool:
    assert [row.channel for row in found] == [row.channel for row in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert astuple(one)[1:] == pytest.approx(astuple(other)[1:], abs=1e-6)
    return len(found) > 1


async def test_the_lake_tells_what_the_database_tells(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    await ten_days(shop)
    settings = shop.house.settings
    assert settings.database_url is not None
    alone = PostgresReader(await open_reader_pool(settings.database_url))
    days = partial(PostgresDays, settings.database_url)
    lake = LakeReports(
        Sources(days, place_of(settings), settings.report_scratch), lambda: shop.clock.now
    )
    try:
        for where in (
            CallFilter(),
            CallFilter(since=shop.clock.now - 9 * DAY_MS + 4_321),
            CallFilter(until=shop.clock.now - 2 * DAY_MS, outcome="answered"),
        ):
            wanted = list(await alone.channels(1, where))
            found = await lake.channels(1, where)
            assert found is not None
            assert same(list(found), wanted)
            assert same(list(await shop.house.use_cases.store.channels(1, where)), wanted)

        # The database restarts: the connection that was lost is made anew.
        await end_sessions(settings.database_url)
        assert await lake.channels(1, CallFilter()) is not None
    finally:
        await asyncio.to_thread(lake.close)
        await alone.close()
    assert "lake_report_failed" not in caplog.text


async def end_sessions(url: str) -> None:
    """All but that which asks."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()
