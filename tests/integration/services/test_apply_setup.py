"""A business describes itself; errors name the field."""

import asyncio
from typing import Any

import pytest

from ringtrace.services.apply_setup import read_setup
from ringtrace.services.errors import FieldInvalidError, RefusedError
from tests.shop import POOL, Shop

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

    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, RefusedError) for result in results) == 1


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"number": [{}]}, "number[0].number"),
        ({"numbers": []}, "numbers"),
        ({"site": [{"key": 1}]}, "site[0].key"),
        ({"number": "x"}, "number"),
    ],
)
def test_a_document_of_another_shape_is_refused_by_field(
    document: dict[str, Any], field: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        read_setup(document)

    assert refused.value.field == field
