"""A business describes itself; errors name the field."""

import asyncio
from typing import Any

import pytest

from ringtrace.domain.attribution import WINDOW_MS, Basis
from ringtrace.domain.number import NumberKind
from ringtrace.domain.past import PastCanary
from ringtrace.services.errors import FieldInvalidError, RefusedError
from ringtrace.services.setup_form import read_setup
from tests.shop import ORIGIN, POOL, TARGET, Shop, bearer, rfc

OTHER = "+12025550112"
TV = "+12025550161"
NUMBER = {"number": "(202) 555-0161", "channel": "TV", "target": "2025550191"}
SITE = {"key": "new-site", "name": "New", "origins": ["https://new.example/"]}


async def apply(shop: Shop, **parts: Any) -> None:
    await shop.house.use_cases.apply_setup(1, read_setup(parts))


async def test_numbers_and_targets_are_read_with_the_accounts_region(shop: Shop) -> None:
    await apply(shop, number=[NUMBER | {"target": ["2025550191", "sip:desk@pbx.example.com"]}])

    kept = shop.house.use_cases.directory.number(1, "+12025550161")
    assert kept is not None
    assert [target.to for target in kept.flow.targets] == [
        "+12025550191",
        "sip:desk@pbx.example.com",
    ]


async def test_what_is_not_named_stays(shop: Shop) -> None:
    before = len(shop.house.use_cases.directory.numbers_of(1))

    await apply(shop, number=[NUMBER])

    assert len(shop.house.use_cases.directory.numbers_of(1)) == before + 1


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"account": {"name": " ", "region": "US"}}, "account.name"),
        ({"account": {"name": "X", "region": "USA"}}, "account.region"),
        ({"account": {"name": "X", "region": "ZZ"}}, "account.region"),
        ({"number": [NUMBER | {"number": "x"}]}, "number[0].number"),
        ({"number": [NUMBER | {"channel": " "}]}, "number[0].channel"),
        ({"number": [NUMBER | {"target": "nobody"}]}, "number[0].target"),
        ({"number": [NUMBER | {"target": []}]}, "number[0].target"),
        ({"number": [NUMBER | {"target": "sip:pbx.example.com"}]}, "number[0].target"),
        ({"number": [NUMBER | {"target": "sips:a@pbx.example.com"}]}, "number[0].target"),
        ({"number": [NUMBER | {"target": NUMBER["number"]}]}, "target"),
        ({"number": [NUMBER | {"target": POOL}]}, "target"),
        ({"number": [NUMBER | {"ring_seconds": 3}]}, "number[0].ring_seconds"),
        ({"number": [NUMBER, NUMBER]}, "number"),
        ({"site": [SITE | {"key": "a b"}]}, "site[0].key"),
        ({"site": [SITE | {"origins": ["new.example"]}]}, "site[0].origins[0]"),
        ({"site": [SITE | {"origins": ["https://new.example/page"]}]}, "site[0].origins[0]"),
        ({"site": [SITE | {"swap": ["one"]}]}, "site[0].swap[0]"),
        (
            {"site": [SITE | {"pool": {"numbers": ["x"], "target": "+12025550191"}}]},
            "site[0].pool.numbers[0]",
        ),
        (
            {"site": [SITE | {"pool": {"numbers": [], "canaries": ["x"], "target": TARGET}}]},
            "site[0].pool.canaries[0]",
        ),
        (
            {"site": [SITE | {"pool": {"numbers": [TV], "canaries": [TV], "target": TARGET}}]},
            "number",
        ),
        ({"site": [SITE | {"key": "foreign"}]}, "site[0].key"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_changed(
    shop: Shop, parts: dict[str, Any], field: str
) -> None:
    before = shop.house.use_cases.directory.numbers_of(1)

    with pytest.raises(FieldInvalidError) as refused:
        await apply(shop, **parts)

    assert refused.value.field == field
    assert shop.house.use_cases.directory.numbers_of(1) == before


CANARY = "+12025550119"


async def with_canaries(shop: Shop, numbers: list[str], canaries: list[str], **more: Any) -> None:
    pool = {"numbers": numbers, "canaries": canaries, "target": "+12025550191"} | more
    site = {"key": "shop", "name": "Shop", "origins": [ORIGIN], "pool": pool}
    await apply(shop, site=[site])


async def test_a_canary_is_a_sites_number_that_rings_and_is_shown_to_nobody(shop: Shop) -> None:
    await with_canaries(shop, [], [CANARY])
    shop.clock.now += 60_000

    plan = (await shop.arrive(call="robot", number=CANARY, started_at=rfc(shop.clock.now))).json()
    await shop.report("robot", number=CANARY, started_at=rfc(shop.clock.now))
    shown = {(await shop.hit()).json()["number"]["e164"] for _ in range(6)}

    kept = shop.house.use_cases.directory.number(1, CANARY)
    assert kept is not None
    assert (kept.kind, kept.name, kept.site_key) == (NumberKind.CANARY, "shop canary 1", "shop")
    assert plan["steps"][0]["targets"][0]["to"] == "+12025550191"
    attribution = (await shop.call("robot")).attribution
    assert (attribution.basis, attribution.unknown) == (Basis.NOTHING, 1.0)
    assert shown == {POOL, OTHER}
    assert shop.house.use_cases.directory.pool_size("shop") == 2


async def test_a_number_that_becomes_a_canary_is_leased_no_more_and_keeps_its_past(
    shop: Shop,
) -> None:
    """Who was shown it may still call it; as a measure it counts when nobody of them can."""
    visit = shop.ids()
    while (await shop.hit(visit=visit, visitor=visit)).json()["number"]["e164"] != POOL:
        visit = shop.ids()
    shown_at = shop.clock.now
    shop.clock.now += 60_000
    await with_canaries(shop, [OTHER], [POOL])
    became_at = shop.clock.now

    shown = {(await shop.hit(visit=visit, visitor=visit)).json()["number"]["e164"]}
    shown |= {(await shop.hit()).json()["number"]["e164"] for _ in range(4)}
    shop.clock.now += 1_000
    await shop.report("late", number=POOL, started_at=rfc(shop.clock.now))

    assert shown == {OTHER}
    assert (await shop.call("late")).attribution.credits[0].visit_id == visit
    past = await shop.house.use_cases.store.past(1, "shop", shop.clock.now)
    assert past.numbers == (OTHER,)
    assert past.canaries == (PastCanary(POOL, shown_at + WINDOW_MS),)
    assert became_at < shown_at + WINDOW_MS


async def test_a_canary_has_been_one_since_it_became_one(shop: Shop) -> None:
    async def canaries() -> tuple[PastCanary, ...]:
        return (await shop.house.use_cases.store.past(1, "shop", shop.clock.now)).canaries

    began = shop.clock.now
    await with_canaries(shop, [], [CANARY])
    shop.clock.now += 1_000
    await with_canaries(shop, [], [CANARY], ring_seconds=30)
    assert await canaries() == (PastCanary(CANARY, began),)
    await with_canaries(shop, [], [CANARY], active=False)
    assert await canaries() == ()
    shop.clock.now += 1_000
    await with_canaries(shop, [], [CANARY])
    assert await canaries() == (PastCanary(CANARY, began + 2_000),)
    await with_canaries(shop, [CANARY], [])
    assert await canaries() == ()
    assert shop.house.use_cases.directory.pool_size("shop") == 3


async def test_accounts_opened_at_the_same_moment_are_different_tenants(shop: Shop) -> None:
    open_account = shop.house.use_cases.open_account

    opened = await asyncio.gather(*(open_account(f"N{n}", "US", f"login{n}") for n in range(5)))

    assert len({one.account_id for one in opened}) == 5
    with pytest.raises(FieldInvalidError) as refused:
        await open_account("Again", "US", "login0")
    assert refused.value.field == "login"


async def test_two_accounts_cannot_race_for_a_number_or_a_key(shop: Shop) -> None:
    apply_setup = shop.house.use_cases.apply_setup
    form = read_setup({"number": [NUMBER], "site": [SITE]})

    results = await asyncio.gather(
        apply_setup(1, form), apply_setup(2, form), return_exceptions=True
    )

    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert sum(isinstance(result, RefusedError) for result in results) == 1


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"number": [{}]}, "number[0].number"),
        ({"numbers": []}, "numbers"),
        ({"site": [{"key": 1}]}, "site[0].key"),
        ({"number": "x"}, "number"),
        ({"number": [NUMBER | {"channel": "x" * 201}]}, "number[0].channel"),
        ({"number": [NUMBER | {"campaign": "x" * 201}]}, "number[0].campaign"),
        ({"site": [SITE | {"name": "x" * 201}]}, "site[0].name"),
    ],
)
def test_a_document_of_another_shape_is_refused_by_field(
    document: dict[str, Any], field: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        read_setup(document)

    assert refused.value.field == field


async def test_a_canary_that_was_published_is_warned_of(shop: Shop) -> None:
    """It rings, but what calls it is not held to be noise."""
    pool = {"numbers": [POOL], "canaries": [CANARY, "202 555 0101"], "target": "+12025550191"}
    site = {"key": "shop", "name": "Shop", "origins": [ORIGIN], "pool": pool}
    headers = bearer(shop.tokens["api"])

    first = await shop.client.put("/api/v1/setup", json={"site": [site]}, headers=headers)
    again = await shop.client.put("/api/v1/setup", json={"site": [site]}, headers=headers)

    (warning,) = first.json()["warnings"]
    assert warning["field"] == "site[0].pool.canaries[1]"
    assert "only in a year" in warning["message"]
    assert again.json()["warnings"] == []
    past = await shop.house.use_cases.store.past(1, "shop", shop.clock.now)
    counting = {one.number: one.since - shop.clock.now for one in past.canaries}
    assert counting == {CANARY: 0, "+12025550101": 365 * 86_400_000}
