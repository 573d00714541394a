"""Calls by channel as the store adds them up."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from ringtrace.domain.account import Account
from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.call import GatewayKind, Outcome, Report
from ringtrace.domain.flow import Flow
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS, HOUR_MS
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.domain.totals import CHANNELS
from ringtrace.domain.visit import Device, Visit
from ringtrace.services.call_records import CallFilter, ChannelRow
from ringtrace.services.commands import (
    ApplySetup,
    KeepAttribution,
    KeepModel,
    KeepReport,
    ShowNumber,
)
from ringtrace.services.ports import Store

NOW = 1_790_000_000_000
POOL, STATIC = "+12025550200", "+12025550201"
ADS, MAIL = Source("Paid Search"), Source("Email")
VISIT = "a" * 32


def shared(ads: float, mail: float, *, repeat: float = 0.0) -> Attribution:
    """A call of one known visit by an ad and of several by mail."""
    named = (Credit(VISIT, ads, ADS), Credit(None, mail, MAIL))
    return Attribution(Basis.EXPOSURES, "m", named, 1 - ads - mail, repeat)


@pytest.fixture(autouse=True)
async def known(store: Store) -> None:
    flow = Flow.ringing(["+12025550199"])
    numbers = (
        TrackingNumber(1, POOL, NumberKind.POOL, "p", flow, "shop", None, True),
        TrackingNumber(1, STATIC, NumberKind.STATIC, "s", flow, None, MAIL, True),
    )
    site = Site(1, "shop", "Shop", (), ())
    await store.submit(ApplySetup(1, Account(1, "A", "US"), (site,), numbers, NOW))
    await store.submit(learnt(0.0))


def learnt(variance: float, made_at: int = NOW) -> KeepModel:
    """A model that knows the logarithm of every rate as well as that."""
    covariance = (variance * np.eye(CHANNELS + 2)).tolist()
    rates = {"Paid Search": 0.01, "Email": 0.01}
    known = tuple(tuple(row) for row in covariance)
    return KeepModel(1, "shop", replace(SHIPPED, channels=rates, covariance=known), made_at)


def report(
    call: str, attribution: Attribution, at: int = NOW, *, caller: str = "", number: str = POOL
) -> KeepReport:
    """An answered call of a minute; its own caller's unless told otherwise."""
    said = Report(
        number=number, caller=caller or f"+1202{call}", started_at=at, outcome=Outcome.ANSWERED,
        reason=None, code=200, target=None, ring_seconds=1.0, talk_seconds=60.0, legs=(),
        recording=None, session=None, plan_source=None,
    )  # fmt: skip
    return KeepReport(1, GatewayKind.SIP, call, said, attribution, at)


async def rows(
    store: Store, since: int | None = None, until: int | None = None
) -> dict[str | None, ChannelRow]:
    found = await store.channels(1, CallFilter(since=since, until=until))
    return {row.channel: row for row in found}


async def test_shares_are_added_up_with_their_interval(store: Store) -> None:
    await asyncio.gather(*(store.submit(report(f"c{n}", shared(0.5, 0.4))) for n in range(100)))

    found = await rows(store)

    ads = found["Paid Search"]
    reach = 1.959964 * 5
    assert (ads.calls, ads.answered, ads.talk_seconds) == pytest.approx((50, 50, 3_000))
    assert (ads.calls_low, ads.calls_high) == pytest.approx((50 - reach, 50 + reach), abs=1e-3)
    assert found["Email"].calls == pytest.approx(40)
    assert found[None].calls == pytest.approx(10)


async def test_the_doubt_of_the_newest_model_widens_the_interval(store: Store) -> None:
    await asyncio.gather(*(store.submit(report(f"c{n}", shared(0.5, 0.5))) for n in range(100)))
    await store.submit(learnt(0.04, NOW + 1))
    await store.submit(learnt(9.0, NOW - 1))

    ads = (await rows(store))["Paid Search"]

    reach = 1.959964 * np.sqrt(25 + 2 * 0.04 * 25**2)
    assert (ads.calls_low, ads.calls_high) == pytest.approx((50 - reach, 50 + reach), abs=1e-3)


async def test_certain_calls_have_no_interval(store: Store) -> None:
    static = Attribution(Basis.STATIC_NUMBER, "m", (Credit(None, 1.0, MAIL),), 0.0)
    corrected = Attribution(Basis.CORRECTED, "m", (Credit(VISIT, 1.0, ADS),), 0.0)
    nothing = Attribution(Basis.NOTHING, "m", (), 1.0)
    await store.submit(report("a", static, number=STATIC))
    await store.submit(report("b", corrected))
    await store.submit(report("c", nothing))

    found = await rows(store)

    assert {(row.calls_low, row.calls, row.calls_high) for row in found.values()} == {(1, 1, 1)}
    assert set(found) == {"Email", "Paid Search", None}


async def test_calls_of_visits_are_told_from_those_of_static_numbers(store: Store) -> None:
    """Also where a visit is kept without its name, and where the caller keyed an extension."""
    static = Attribution(Basis.STATIC_NUMBER, "m", (Credit(None, 1.0, MAIL),), 0.0)
    poster = Attribution(Basis.EXTENSION, "m", (Credit(None, 1.0, MAIL),), 0.0)
    keyed = Attribution(Basis.EXTENSION, "m", (Credit(VISIT, 1.0, ADS),), 0.0)
    await store.submit(report("a", static, number=STATIC))
    await store.submit(report("b", poster, number=STATIC))
    await store.submit(report("c", keyed))
    await store.submit(report("d", shared(0.5, 0.5)))

    found = await rows(store)

    assert (found["Email"].calls, found["Email"].visit_calls) == (2.5, 0.5)
    assert (found["Paid Search"].calls, found["Paid Search"].visit_calls) == (1.5, 1.5)


async def test_only_calls_of_the_span_count_but_earlier_ones_tie_their_repeats(
    store: Store,
) -> None:
    """Both repeats of a call before the span are right or wrong together."""
    said = {"caller": "+12025550177"}
    await store.submit(report("a", shared(0.5, 0.5), NOW - HOUR_MS, **said))
    await store.submit(report("b", shared(0.5, 0.5, repeat=1.0), NOW, **said))
    await store.submit(report("c", shared(0.5, 0.5, repeat=1.0), NOW + DAY_MS, **said))
    await store.submit(report("d", shared(0.5, 0.5), NOW - HOUR_MS))
    await store.submit(report("late", shared(1.0, 0.0), NOW + 9 * DAY_MS))

    ads = (await rows(store, NOW, NOW + 9 * DAY_MS))["Paid Search"]

    assert (ads.calls_low, ads.calls, ads.calls_high) == pytest.approx((0.0, 1.0, 2.0))
    assert (await rows(store, NOW + 10 * DAY_MS)) == {}


async def test_a_call_attributed_anew_is_counted_anew(store: Store) -> None:
    said = report("a", shared(0.9, 0.1))
    await store.submit(said)
    assert said.report.caller is not None
    await store.submit(
        KeepAttribution(1, GatewayKind.SIP, "a", POOL, said.report.caller, NOW, shared(0.0, 0.75))
    )

    found = await rows(store)

    assert (found["Email"].calls, found[None].calls) == (0.75, 0.25)
    assert "Paid Search" not in found


async def test_the_names_are_those_of_the_whole_report_that_have_calls(store: Store) -> None:
    assert await store.channel_names(1) == []
    await store.submit(report("a", shared(0.5, 0.4)))
    await store.submit(report("b", shared(1.0, 0.0)))
    visit = Visit(VISIT, VISIT, "shop", NOW, Device.MOBILE, Source("Radio"))
    await store.submit(ShowNumber(1, visit, "shop.example/", NOW))

    names = await store.channel_names(1)

    found = await rows(store)
    assert found["Radio"].visits == 1
    assert names == ["Email", "Paid Search"]
    assert names == sorted(name for name, row in found.items() if name and row.calls > 0)
    assert await store.channel_names(2) == []
