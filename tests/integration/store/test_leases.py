"""Leases as every store keeps them: batches, restarts, several visitors at once."""

import asyncio
from dataclasses import replace

import pytest

from ringtrace.domain.moment import DAY_MS, MINUTE_MS
from ringtrace.domain.source import ClickId, Source
from ringtrace.domain.visit import HitKind
from ringtrace.services.call_records import PageView
from ringtrace.services.errors import NumberTakenError, StoreAwayError
from ringtrace.services.ports import Store
from tests.stores import NOW, POOL, Place, pool_number, setup, shown, sign, view, visit_id


async def test_leases_survive_a_restart(place: Place) -> None:
    store = await place.open()
    await store.submit(setup())
    before = [await store.submit(view(n, NOW + n)) for n in range(5)]
    await store.submit(sign(HitKind.LEAVE, 3, NOW + 10))
    await place.close(store)

    again = await place.open()
    same = [await again.submit(view(n, NOW + 20)) for n in (0, 1, 2, 4)]
    new = await again.submit(view(9, NOW + 21))

    assert same == [before[n] for n in (0, 1, 2, 4)]
    assert new == before[3]


async def test_a_visit_keeps_its_number_even_when_memory_has_forgotten_it(store: Store) -> None:
    await store.submit(setup())
    first = await store.submit(view(1))
    for n in range(10, 20):
        await store.submit(view(n, NOW + 3 * DAY_MS, made=NOW + 3 * DAY_MS))

    again = await store.submit(view(1, NOW + 3 * DAY_MS))

    assert again == first


async def test_a_visitor_who_comes_back_keeps_his_number(store: Store) -> None:
    await store.submit(setup())
    first = await store.submit(view(1))
    await store.submit(sign(HitKind.LEAVE, 1, NOW + MINUTE_MS))
    await store.submit(view(2, NOW + 2 * MINUTE_MS))

    again = await store.submit(view(3, NOW + 3 * MINUTE_MS, visitor=1))

    assert again == first


async def test_one_refused_command_does_not_harm_the_others_of_its_batch(store: Store) -> None:
    await store.submit(setup())
    thief = setup(2, (POOL[0],))

    views = [store.submit(view(n % 3)) for n in range(6)]
    theft = asyncio.gather(store.submit(thief), return_exceptions=True)
    numbers = await asyncio.gather(*views)
    (refused,) = await theft
    configuration = await store.configuration()

    assert isinstance(refused, NumberTakenError)
    assert numbers[:3] == numbers[3:]
    assert len(set(numbers)) == 3
    assert {one.account_id for one in configuration.numbers} == {1}
    assert {one.account_id for one in configuration.accounts} == {1}


async def test_many_visitors_at_once_never_share_while_a_number_is_free(store: Store) -> None:
    await store.submit(setup(numbers=tuple(f"+1202555{n:04d}" for n in range(1000, 1064))))

    numbers = await asyncio.gather(*(store.submit(view(n // 3)) for n in range(64 * 3)))

    by_visit = {n // 3: number for n, number in enumerate(numbers)}
    assert [by_visit[n // 3] for n in range(64 * 3)] == numbers
    assert len(set(by_visit.values())) == 64


async def test_numbers_taken_out_of_the_pool_are_shown_no_more(store: Store) -> None:
    await store.submit(setup())
    await store.submit(view(1))
    off = tuple(replace(pool_number(one), active=False) for one in POOL[:4])
    await store.submit(replace(setup(), sites=(), numbers=off))

    numbers = [(await shown(store, view(n))).number for n in (1, 2, 3)]

    assert set(numbers) == {POOL[4]}


async def test_a_site_without_a_pool_shows_nothing_and_keeps_nothing(store: Store) -> None:
    await store.submit(setup(numbers=()))

    assert await store.submit(view(1)) is None
    assert await store.visit(1, visit_id(1)) is None


async def test_a_visit_is_kept_with_what_it_did(store: Store) -> None:
    said = Source(
        "Paid Search", "google", "cpc", "spring", "зубы", "b", ClickId("gclid", "x"), "shop/lp"
    )
    await store.submit(setup())
    number = await shown(store, view(1, source=said))
    await store.submit(view(1, NOW + 1_000, path="shop.example/prices"))
    await store.submit(sign(HitKind.CONTACT, 1, NOW + 2_000))
    await store.submit(sign(HitKind.TAP, 1, NOW + 3_000))
    await store.submit(sign(HitKind.BEAT, 1, NOW + 4_000))
    await store.submit(sign(HitKind.LEAVE, 1, NOW + 5_000))

    kept = await store.visit(1, visit_id(1))

    assert kept is not None
    one = kept.candidate
    assert (one.source, kept.number, kept.site_key) == (said, number.number, "site1")
    assert (one.shown_at, one.tapped_at, one.seen_at, one.left_at) == (
        NOW, NOW + 3_000, NOW + 5_000, NOW + 5_000,
    )  # fmt: skip
    assert kept.views == (
        PageView(NOW, "page", "shop/lp"),
        PageView(NOW + 1_000, "page", "shop.example/prices"),
        PageView(NOW + 2_000, "contact", ""),
        PageView(NOW + 3_000, "tap", ""),
        PageView(NOW + 5_000, "leave", ""),
    )


async def test_who_comes_back_after_leaving_has_not_left(store: Store) -> None:
    await store.submit(setup())
    await store.submit(view(1))
    await store.submit(sign(HitKind.LEAVE, 1, NOW + 1_000))
    await store.submit(sign(HitKind.BEAT, 1, NOW + 2_000))

    kept = await store.visit(1, visit_id(1))

    assert kept is not None
    assert (kept.candidate.left_at, kept.candidate.seen_at) == (None, NOW + 2_000)
    assert [one.kind for one in kept.views] == ["page", "leave", "beat"]


async def test_the_same_hits_told_again_change_nothing(store: Store) -> None:
    await store.submit(setup())
    signs = (sign(HitKind.CONTACT, 1, NOW + 10), sign(HitKind.LEAVE, 1, NOW + 20))
    await store.submit(view(1))
    for one in signs:
        await store.submit(one)
    before = await store.visit(1, visit_id(1))
    for one in signs:
        await store.submit(one)

    assert await store.visit(1, visit_id(1)) == before


async def test_signs_of_a_visit_nobody_knows_are_dropped(store: Store) -> None:
    await store.submit(setup())
    for kind in HitKind:
        await store.submit(sign(kind, 7, NOW))

    assert await store.visit(1, visit_id(7)) is None


async def test_odd_and_long_texts_are_kept(store: Store) -> None:
    """U+0000 may be kept as U+FFFD: not every database has room for it."""
    odd = Source(
        "Paid Search", "\U0001f4de", "'; DROP TABLE visits; --", "%s %(x)s {} $1 ?1", "a\0b",
        "x" * 8_000, None, "https://shop.example/" + "ü" * 4_000,
    )  # fmt: skip
    await store.submit(setup())
    await store.submit(view(1, source=odd))
    await store.submit(view(1, NOW + 1, path="/" + "long" * 1_000))
    await store.submit(view(1, NOW + 2, path="/null\0byte"))

    kept = await store.visit(1, visit_id(1))

    assert kept is not None
    told = kept.candidate.source
    assert told.term in {"a\0b", "a\ufffdb"}
    assert replace(told, term=odd.term) == odd
    assert kept.views[1].path == "/" + "long" * 1_000
    assert kept.views[2].path in {"/null\0byte", "/null\ufffdbyte"}
    assert await store.visit(1, "a\0b") is None


async def test_extensions_are_shown_where_a_mix_up_is_probable(store: Store) -> None:
    await store.submit(setup(numbers=POOL[:1], extensions_above=0.2))
    alone = await shown(store, view(1))

    coded = [await shown(store, view(n, NOW + n)) for n in (2, 3)]

    assert alone.extension is None
    codes = [one.extension for one in coded]
    assert None not in codes
    assert len(set(codes)) == 2
    assert (await store.configuration()).extensions_shown == ((POOL[0], NOW + 3),)


async def test_codes_go_on_where_they_were_before_a_restart(place: Place) -> None:
    store = await place.open()
    await store.submit(setup(numbers=POOL[:1], extensions_above=0.2))
    before = {(await shown(store, view(n, NOW + n))).extension for n in range(4)}
    await place.close(store)

    again = await place.open()
    new = (await shown(again, view(9, NOW + 9))).extension

    assert new not in before


async def test_a_closed_store_says_so(place: Place) -> None:
    store = await place.open()
    await place.close(store)

    with pytest.raises(StoreAwayError):
        await store.submit(setup())
    with pytest.raises(StoreAwayError):
        await store.submit(view(1))
    with pytest.raises(StoreAwayError):
        await store.configuration()
