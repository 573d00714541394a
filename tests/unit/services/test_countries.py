"""Countries have names that people know."""

import phonenumbers
import pytest

from ringtrace.services.countries import name_of, some_countries


def test_every_country_that_has_numbers_has_a_name() -> None:
    regions = {one for some in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.values() for one in some}

    assert {one for one in regions if name_of(one) == one} == {"001"}


@pytest.mark.parametrize(
    ("codes", "own", "said"),
    [
        (["DE"], None, "Germany"),
        (["RU", "KZ"], "US", "Russia and Kazakhstan"),
        (["RU", "KZ"], "KZ", "Kazakhstan (your own country) and Russia"),
        (["NL", "BE", "FR"], None, "Netherlands, Belgium and France"),
        (["US", "AG", "AI", "CA"], "CA",
         "Canada (your own country), United States and 2 other countries"),
    ],
)  # fmt: skip
def test_many_are_named_by_the_first_ones(codes: list[str], own: str | None, said: str) -> None:
    assert some_countries(codes, own) == said
