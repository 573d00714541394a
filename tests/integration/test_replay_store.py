"""`ringtrace replay --from-store` beside the server that fills the store."""

import asyncio
import json

from click.testing import CliRunner, Result

from ringtrace.bootstrap import open_retention
from ringtrace.domain.history import Kind, gather
from ringtrace.domain.moment import DAY_MS, MINUTE_MS, day_name, day_of
from ringtrace.replay.command import replay
from ringtrace.services.call_records import SiteHistory
from tests.shop import POOL, RADIO, Shop, on_every_store, rfc

pytestmark = on_every_store

VISITS = 40


async def run(shop: Shop, *arguments: object) -> Result:
    """In a thread, because the command has an event loop of its own."""
    settings = shop.house.settings
    said = ["--from-store", "--data", str(settings.data), *map(str, arguments)]
    if settings.database_url is not None:
        said += ["--database-url", settings.database_url]
    return await asyncio.to_thread(CliRunner().invoke, replay, said)


async def kept(shop: Shop, days: int = 30) -> SiteHistory:
    return await shop.house.use_cases.store.history(1, "shop", days)


async def visit(shop: Shop, *, calls: bool) -> None:
    """A visit of two minutes that leaves; a call to its number comes 30 s later."""
    visit_id = shop.ids()
    shown = await shop.hit(visit=visit_id, visitor=visit_id)
    shop.clock.now += MINUTE_MS
    await shop.hit("beat", visit=visit_id, visitor=visit_id)
    shop.clock.now += MINUTE_MS
    await shop.hit("leave", visit=visit_id, visitor=visit_id)
    shop.clock.now += MINUTE_MS // 2
    if calls:
        number = shown.json()["number"]
        await shop.arrive(number=number["e164"], started_at=rfc(shop.clock.now))
    shop.clock.now += 20 * MINUTE_MS


async def fill(shop: Shop) -> None:
    for n in range(VISITS):
        await visit(shop, calls=n % 2 == 0)
    await shop.arrive(number=RADIO, started_at=rfc(shop.clock.now))
    await shop.house.use_cases.route_call.settle()


async def test_the_sites_own_visits_and_attributed_calls_are_replayed(shop: Shop) -> None:
    await fill(shop)

    result = await run(shop, "--site", "shop", "--numbers", "1,10", "--json")

    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["hits"]["visits"] == VISITS
    placed = found["calls"]["placed"]
    assert placed["attributed"] + placed.get("left_out", 0) == VISITS / 2
    assert placed["attributed"] >= 15
    assert "our own attribution" in found["calls"]["assumptions"]["attributed"]


async def test_a_store_without_calls_has_them_drawn(shop: Shop) -> None:
    for _ in range(200):
        visit_id = shop.ids()
        await shop.hit(visit=visit_id, visitor=visit_id)
        shop.clock.now += 20 * MINUTE_MS
        await shop.hit("tap", visit=visit_id, visitor=visit_id)
        shop.clock.now += 20 * MINUTE_MS

    result = await run(shop, "--json")

    assert result.exit_code == 0, result.stderr
    assert list(json.loads(result.stdout)["calls"]["placed"]) == ["drawn"]


async def test_a_visitor_who_did_not_leave_was_on_page_until_the_last_beat(shop: Shop) -> None:
    visit_id = shop.ids()
    await shop.hit(visit=visit_id, visitor=visit_id)
    begun = shop.clock.now
    shop.clock.now += 5 * MINUTE_MS
    await shop.hit("beat", visit=visit_id, visitor=visit_id)

    history = gather((await kept(shop)).hits, fill_ms=DAY_MS)

    kinds = zip(history.kind.tolist(), history.at.tolist(), strict=True)
    beats = [at - begun for kind, at in kinds if kind == Kind.BEAT]
    assert beats == [30_000 * step for step in range(1, 11)]


async def test_only_the_last_days_are_read(shop: Shop) -> None:
    await visit(shop, calls=True)
    shop.clock.now += 10 * DAY_MS
    await visit(shop, calls=True)
    await shop.house.use_cases.route_call.settle()

    recent = await kept(shop, days=5)
    everything = await kept(shop, days=11)

    assert len({hit.visit for hit in recent.hits}) == 1
    assert len({hit.visit for hit in everything.hits}) == 2
    assert (len(recent.calls), len(everything.calls)) == (1, 2)


async def test_another_accounts_site_does_not_exist(shop: Shop) -> None:
    await fill(shop)

    result = await run(shop, "--site", "foreign")

    assert result.exit_code == 2
    assert "--site: one of shop" in result.stderr
    assert "foreign" not in result.stderr
    assert await shop.house.use_cases.store.history(2, "shop", 30) == SiteHistory([], [])


async def test_a_site_nobody_visited_cannot_be_replayed(shop: Shop) -> None:
    result = await run(shop)

    assert result.exit_code == 2
    assert "no visit with a known channel" in result.stderr
    assert POOL not in result.stderr


async def test_days_whose_visits_left_are_not_replayed_and_the_first_that_is_is_named(
    shop: Shop,
) -> None:
    await visit(shop, calls=True)
    shop.clock.now += 2 * DAY_MS
    await fill(shop)
    since = day_of(shop.clock.now) - 1

    def left() -> None:
        with open_retention(shop.house.settings) as rows:
            rows.drop_traffic(1, since)

    await asyncio.to_thread(left)
    result = await run(shop, "--json")
    said = await run(shop)

    assert result.exit_code == 0, result.stderr
    hits = json.loads(result.stdout)["hits"]
    assert hits["visits"] == VISITS
    assert hits["complete_since"].startswith(day_name(since))
    assert f"from {day_name(since)}" in said.stdout
