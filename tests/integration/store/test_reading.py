"""Pages, filters and a site's past, as every store reads them."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.call import Outcome
from ringtrace.domain.history import Hit
from ringtrace.domain.moment import DAY_MS, MINUTE_MS
from ringtrace.domain.past import PastCall, PastVisit
from ringtrace.domain.placing import PartialCredit, RealCall
from ringtrace.domain.source import Source
from ringtrace.domain.visit import Device, HitKind
from ringtrace.services.call_records import CallFilter, SiteHistory
from ringtrace.services.commands import KeepCorrection
from ringtrace.services.ports import Store
from tests.stores import (
    ADS,
    CALLER,
    MAIL,
    NOW,
    POOL,
    SIP,
    STATIC,
    arrival,
    report,
    setup,
    shared,
    sign,
    view,
    visit_id,
    with_static,
)

SEARCHED = replace(ADS, term="Zähne")
NEWS = Source("Email", campaign="may")


@pytest.fixture(autouse=True)
async def accounts(store: Store) -> None:
    await store.submit(with_static(setup()))
    await store.submit(setup(2, ()))


async def page(store: Store, where: CallFilter, limit: int = 100, offset: int = 0) -> list[str]:
    return [one.call for one in (await store.calls(1, where, limit, offset)).calls]


async def test_calls_are_paged_newest_first(store: Store) -> None:
    await asyncio.gather(*(store.submit(report(f"c{n}", started_at=NOW + n)) for n in range(25)))

    first = await store.calls(1, CallFilter(), 10, 0)
    last = await store.calls(1, CallFilter(), 10, 20)

    assert [one.call for one in first.calls] == [f"c{n}" for n in range(24, 14, -1)]
    assert [one.call for one in last.calls] == [f"c{n}" for n in range(4, -1, -1)]
    assert (first.total, last.total) == (25, 25)
    beyond = await store.calls(1, CallFilter(), 10, 30)
    assert (beyond.calls, beyond.total) == ((), 25)
    assert first.calls[0].attribution == shared()


async def test_calls_of_one_moment_have_an_order_of_their_own(store: Store) -> None:
    """Byte by byte, whatever language the database speaks."""
    names = ["b", "A", "a", "B", "_", "-", "1"]
    await asyncio.gather(*(store.submit(report(one)) for one in names))

    assert await page(store, CallFilter()) == sorted(names)
    after: tuple[int, str, str] = (0, "", "")
    walked = []
    while found := await store.calls_after(1, after, 2):
        walked += [one.call for one in found]
        after = (found[-1].started_at, found[-1].gateway.value, found[-1].call)
    assert walked == sorted(names)


async def test_calls_are_walked_oldest_first(store: Store) -> None:
    await asyncio.gather(*(store.submit(report(f"c{n}", started_at=NOW - n)) for n in range(5)))

    found = await store.calls_after(1, (NOW - 3, SIP.value, "c3"), 2)

    assert [one.call for one in found] == ["c2", "c1"]
    assert not await store.calls_after(1, (NOW, SIP.value, "c0"), 2)


async def test_filters_choose_calls(store: Store) -> None:
    await store.submit(report("ads", shared(0.9, 0.05), started_at=NOW))
    missed: dict[str, Any] = {"outcome": Outcome.MISSED, "talk_seconds": None}
    await store.submit(report("mail", shared(0.0, 0.3), started_at=NOW + 1, **missed))
    await store.submit(replace(arrival("ringing"), started_at=NOW + 2))
    nothing = Attribution(Basis.NOTHING, "m", (), 1.0)
    await store.submit(report("nothing", nothing, started_at=NOW + 3))

    assert await page(store, CallFilter(since=NOW + 1, until=NOW + 3)) == ["ringing", "mail"]
    assert await page(store, CallFilter(outcome="missed")) == ["mail"]
    assert await page(store, CallFilter(outcome="answered")) == ["nothing", "ads"]
    assert await page(store, CallFilter(channel="Email")) == ["ringing", "mail", "ads"]
    assert await page(store, CallFilter(channel="Em\0ail")) == []
    assert await page(store, CallFilter(unknown=True)) == ["nothing", "mail"]
    everything = CallFilter(NOW, NOW + 9, "Email", "missed", unknown=True)
    assert await page(store, everything) == ["mail"]
    assert (await store.calls(1, everything, 0, 0)).total == 1


async def test_a_sites_past_is_what_its_model_is_learnt_from(store: Store) -> None:
    await store.submit(view(1, source=SEARCHED))
    await store.submit(sign(HitKind.CONTACT, 1, NOW + 1))
    await store.submit(sign(HitKind.LEAVE, 1, NOW + 2))
    await store.submit(view(2, NOW + 3, source=NEWS, visitor=9))
    await store.submit(view(8, NOW - 15 * DAY_MS, made=NOW - 15 * DAY_MS))
    await store.submit(report("c", started_at=NOW + 4))
    await store.submit(report("mine", started_at=NOW + 5))
    await store.submit(report("nobody", started_at=NOW + 6, caller=None))
    await store.submit(report("other", started_at=NOW + 7, number=STATIC))
    await store.submit(KeepCorrection(1, SIP, "mine", visit_id(1), NOW, None))
    await store.submit(KeepCorrection(1, SIP, "nobody", None, NOW, None))

    past = await store.past(1, "site1", NOW + 10)

    number = past.visits[0].number
    assert past.numbers == POOL
    assert sorted(past.visits, key=lambda one: one.visit_id) == [
        PastVisit(
            visit_id(1), f"{1:032x}", number, NOW, NOW + 2, True, "Paid Search", "Zähne", False,
            ((NOW + 1, "contact"), (NOW + 2, "leave")),
        ),
        PastVisit(
            visit_id(2), f"{9:032x}", past.visits[1].number, NOW + 3, NOW + 3, False, "Email",
            "may", False,
        ),
    ]  # fmt: skip
    assert sorted(past.calls, key=lambda one: one.at) == [
        PastCall(NOW + 4, POOL[0], CALLER),
        PastCall(NOW + 5, POOL[0], CALLER, visit_id(1)),
        PastCall(NOW + 6, POOL[0], None, None, nobody=True),
    ]
    assert (await store.past(2, "site1", NOW + 10)).visits == ()


async def test_a_sites_history_can_be_replayed(store: Store) -> None:
    old = NOW - 3 * DAY_MS
    await store.submit(view(7, old, made=old))
    await store.submit(view(1, source=SEARCHED))
    await store.submit(sign(HitKind.BEAT, 1, NOW + MINUTE_MS))
    await store.submit(view(2, NOW + 1, source=NEWS))
    await store.submit(sign(HitKind.LEAVE, 2, NOW + 2))
    await store.submit(report("c", shared(0.5, 0.25, visit=visit_id(1))))
    await store.submit(report("wrong", shared(), started_at=NOW + 1))
    await store.submit(KeepCorrection(1, SIP, "wrong", None, NOW, None))
    await store.submit(report("static", number=STATIC))

    found = await store.history(1, "site1", 1)

    first, second = f"{1:032x}", f"{2:032x}"
    assert sorted(found.hits, key=lambda hit: (hit.visit, hit.at)) == [
        Hit(NOW, visit_id(1), first, HitKind.PAGE, ("Paid Search", "Zähne"), Device.DESKTOP),
        Hit(NOW + MINUTE_MS, visit_id(1), first, HitKind.BEAT),
        Hit(NOW + 1, visit_id(2), second, HitKind.PAGE, ("Email", "may"), Device.DESKTOP),
        Hit(NOW + 2, visit_id(2), second, HitKind.LEAVE),
    ]
    credited = (
        PartialCredit(visit_id(1), ("Paid Search", None), 0.5),
        PartialCredit(None, ("Email", None), 0.25),
    )
    assert list(found.calls) == [RealCall(NOW, CALLER, credits=credited)]
    assert len((await store.history(1, "site1", 4)).hits) == 5
    assert await store.history(2, "site1", 4) == SiteHistory([], [])


async def test_channels_that_calls_are_credited_to_are_named(store: Store) -> None:
    assert await store.channel_names(1) == []
    await store.submit(view(1, source=Source("nobody calls")))
    await store.submit(report("c", Attribution(Basis.EXPOSURES, "m", (
        Credit(None, 0.5, Source("Z'")), Credit(None, 0.0, Source("none")), Credit(None, 0.5, MAIL),
    ), 0.0)))  # fmt: skip
    for call, channel in (("d", "a"), ("e", "Ümlaut"), ("f", "a")):
        said = Attribution(Basis.EXPOSURES, "m", (Credit(None, 1.0, Source(channel)),), 0.0)
        await store.submit(report(call, said))

    assert await store.channel_names(1) == ["Email", "Z'", "a", "Ümlaut"]
    assert await store.channel_names(2) == []
