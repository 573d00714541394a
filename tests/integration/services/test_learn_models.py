"""A site's model is learnt from what the store kept, and used for the next call."""

import asyncio

import pytest

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.model import SHIPPED, Model
from ringtrace.domain.moment import DAY_MS, HOUR_MS
from ringtrace.domain.past import Past
from ringtrace.services import learn_models
from ringtrace.services.errors import NotFoundError
from ringtrace.services.setup_form import read_setup
from tests.shop import POOL, RADIO, Shop, rfc, setup_of

CANARY = "+12025550119"
AD = "https://shop.example/?utm_source=google&utm_medium=cpc&utm_term=implants"
MAIL = "https://shop.example/?utm_source=news&utm_medium=email&utm_campaign=may"


async def day_of_traffic(shop: Shop, calls: list[str]) -> None:
    """Two visits an hour, one of each kind; each that came by the ad calls while on page."""
    for hour in range(24):
        for url in (AD, MAIL):
            visit = shop.ids()
            shown = await shop.hit(visit=visit, visitor=visit, url=url)
            shop.clock.now += 20_000
            if url == AD:
                call = f"call-{shop.clock.now}"
                calls.append(call)
                await shop.report(
                    call,
                    number=shown.json()["number"]["e164"],
                    caller=f"+1202555{2000 + len(calls):04d}",
                    started_at=rfc(shop.clock.now),
                )
            shop.clock.now += 40_000
            await shop.hit("leave", visit=visit, visitor=visit)
            shop.clock.now += 1_740_000 - (hour % 2) * 100_000


async def test_channels_that_call_more_are_learnt_to_do_so(shop: Shop) -> None:
    calls: list[str] = []
    for _ in range(3):
        await day_of_traffic(shop, calls)
    shop.clock.now += DAY_MS

    model = await shop.house.use_cases.learn_models(1, "shop")

    assert model.channel_rate("Paid Search") > 3 * model.channel_rate("Email")
    assert model.name != SHIPPED.name
    assert shop.house.use_cases.directory.model("shop") == model
    visit = shop.ids()
    shown = await shop.hit(visit=visit, visitor=visit, url=AD)
    shop.clock.now += 5_000
    await shop.report("next", number=shown.json()["number"]["e164"], started_at=rfc(shop.clock.now))
    call = await shop.house.use_cases.store.call(1, GatewayKind.SIP, "next")
    assert call is not None
    assert call.attribution.model == model.name
    assert call.attribution.credits[0].visit_id == visit
    why = call.attribution.credits[0].why
    assert why is not None
    assert why.channel == pytest.approx(model.channel_rate("Paid Search"))


async def test_a_site_without_calls_stays_with_what_was_shipped(shop: Shop) -> None:
    await shop.hit()
    shop.clock.now += 2 * DAY_MS

    model = await shop.house.use_cases.learn_models(1, "shop")

    assert model.hazard == pytest.approx(SHIPPED.hazard, rel=0.3)
    assert model.noise <= SHIPPED.noise * 1.01


async def test_robots_calls_to_canaries_raise_the_noise_of_the_site(shop: Shop) -> None:
    form = read_setup(setup_of("shop", RADIO, [POOL, "+12025550112"]))
    assert form.site[0].pool is not None
    form.site[0].pool.canaries.append(CANARY)
    await shop.house.use_cases.apply_setup(1, form)
    await shop.hit()
    quiet = []
    for _ in range(2):
        shop.clock.now += DAY_MS
        quiet.append((await shop.house.use_cases.learn_models(1, "shop")).noise)

    for n in range(20):
        shop.clock.now += HOUR_MS
        await shop.report(
            f"robot-{n}",
            number=CANARY,
            caller=f"+1202555{3000 + n}",
            started_at=rfc(shop.clock.now),
        )
    shop.clock.now += DAY_MS
    loud = (await shop.house.use_cases.learn_models(1, "shop")).noise

    assert SHIPPED.noise > quiet[0] > quiet[1]
    assert loud > 3 * SHIPPED.noise


async def test_a_repeat_call_is_credited_to_the_visit_of_the_first(shop: Shop) -> None:
    visit = shop.ids()
    await shop.hit(visit=visit, visitor=visit, url=AD)
    shop.clock.now += 5_000
    await shop.report("first", number=POOL, started_at=rfc(shop.clock.now))
    await shop.hit("leave", visit=visit, visitor=visit)
    shop.clock.now += 20 * HOUR_MS

    await shop.report("again", number=POOL, started_at=rfc(shop.clock.now))

    call = await shop.call("again")
    assert call.attribution.repeat > 0.9
    assert call.attribution.credits[0].visit_id == visit


async def test_what_happened_after_a_call_does_not_change_who_called(shop: Shop) -> None:
    """A report may come late; the visitor went on browsing, and others came."""
    visit = shop.ids()
    await shop.hit(visit=visit, visitor=visit, url=AD)
    shop.clock.now += 10_000
    called_at = shop.clock.now
    await shop.arrive(call="late", number=POOL, started_at=rfc(called_at))
    await shop.house.use_cases.route_call.settle()
    at_ring_time = (await shop.call("late")).attribution
    for kind in ("tap", "contact", "leave"):
        shop.clock.now += 30_000
        await shop.hit(kind, visit=visit, visitor=visit)
    for _ in range(3):
        shop.clock.now += 60_000
        await shop.hit(url=MAIL)

    await shop.report("late", number=POOL, started_at=rfc(called_at))

    assert (await shop.call("late")).attribution == at_ring_time


async def test_coming_back_to_the_page_is_seen_in_hindsight(shop: Shop) -> None:
    visit = shop.ids()
    await shop.hit(visit=visit, visitor=visit, url=AD)
    for step, kind in ((10_000, "leave"), (120_000, "beat"), (30_000, "beat")):
        shop.clock.now += step
        await shop.hit(kind, visit=visit, visitor=visit)
    called_at = shop.clock.now - 1_000
    shop.clock.now += 30_000
    await shop.hit("beat", visit=visit, visitor=visit)

    await shop.report("back", number=POOL, started_at=rfc(called_at))

    why = (await shop.call("back")).attribution.credits[0].why
    assert why is not None
    assert why.state.startswith("on page")


async def test_another_accounts_site_cannot_be_learnt(shop: Shop) -> None:
    with pytest.raises(NotFoundError):
        await shop.house.use_cases.learn_models(1, "foreign")


async def test_models_are_learnt_once_a_night(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn_models, "LOOK_SECONDS", 0.001)
    learnt: list[tuple[int, str, int]] = []
    two_nights = asyncio.Event()
    began = shop.clock.now

    class Counting(learn_models.LearnModels):
        async def __call__(self, account_id: int, site_key: str) -> Model:
            learnt.append((account_id, site_key, (shop.clock.now - began) // DAY_MS))
            if len(learnt) == 4:
                two_nights.set()
            elif len(learnt) == 2:
                shop.clock.now += DAY_MS
            raise NotFoundError("gone meanwhile")

    use_cases = shop.house.use_cases
    nights = Counting(use_cases.store, use_cases.directory, shop.clock, nobody_learns)
    running = asyncio.create_task(nights.every_night())
    await asyncio.sleep(0)  # it begins, and takes this for the day it knows
    shop.clock.now += DAY_MS
    async with asyncio.timeout(10):
        await two_nights.wait()
    running.cancel()

    assert sorted(learnt) == [(1, "shop", 1), (1, "shop", 2), (2, "foreign", 1), (2, "foreign", 2)]


async def nobody_learns(_past: Past, _at: int) -> Model:
    raise AssertionError("not asked to learn")
