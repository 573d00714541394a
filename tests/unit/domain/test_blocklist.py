"""Patterns of callers, and which of several means one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.blocklist import (
    Breadth,
    Listing,
    PatternInvalidError,
    Treatment,
    breadth,
    listing_of,
    read_pattern,
)


def listing(pattern: str, treatment: Treatment = Treatment.BLOCK) -> Listing:
    return Listing(pattern, treatment, "", 0, "admin")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("+12025550177", "+12025550177"),
        ("(202) 555-0177", "+12025550177"),
        ("+1900*", "+1900*"),
        ("+1 (900) *", "+1900*"),
        ("+4*", "+4*"),
    ],
)
def test_a_pattern_is_read_as_people_write_it(text: str, pattern: str) -> None:
    assert read_pattern(text, "US") == pattern


@pytest.mark.parametrize("text", ["", "nonsense", "*", "+*", "1900*", "+0*", "+19*00", "+1900**"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(PatternInvalidError):
        read_pattern(text, "US")


def test_the_longest_pattern_says_most_exactly_whom_it_means() -> None:
    listed = {one: listing(one) for one in ("+1*", "+1202*", "+12025550177")}

    found = [
        listing_of(listed, caller)
        for caller in ("+12025550177", "+12025550178", "+13015550177", "+4930123456")
    ]

    assert [one and one.pattern for one in found] == ["+12025550177", "+1202*", "+1*", None]
    assert listing_of({}, "+12025550177") is None


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True), st.integers(2, 16))
def test_every_beginning_means_its_numbers_and_no_others(caller: str, length: int) -> None:
    pattern = caller[: min(length, len(caller))] + "*"
    other = "+" + ("2" if caller[1] == "1" else "1") + caller[2:]

    assert listing_of({pattern: listing(pattern)}, caller) is not None
    assert listing_of({pattern: listing(pattern)}, other) is None


@pytest.mark.parametrize(
    ("pattern", "among", "whole"),
    [
        ("+1*", {"US", "CA", "JM"}, True),
        ("+7*", {"RU", "KZ"}, True),
        ("+79*", {"RU", "KZ"}, False),
        ("+12*", {"US", "CA"}, False),
        ("+4*", {"GB", "DE", "CH"}, True),
        ("+49*", {"DE"}, True),
        ("+37*", {"LT", "MD"}, True),
        ("+370*", {"LT"}, True),
        ("+88*", {"BD", "TW"}, True),
    ],
)
def test_no_more_than_a_calling_code_means_countries(
    pattern: str, among: set[str], whole: bool
) -> None:
    found = breadth(pattern)

    assert found is not None
    assert among <= set(found.countries)
    assert found.whole is whole
    assert "001" not in found.countries


@pytest.mark.parametrize(
    "pattern", ["+12025550177", "+190*", "+1900*", "+4930*", "+3706*", "+800*", "+999*"]
)
def test_most_beginnings_mean_less_than_a_country(pattern: str) -> None:
    assert breadth(pattern) is None


def test_a_shared_code_names_its_main_country_first() -> None:
    assert breadth("+7*") == Breadth(("RU", "KZ"), whole=True)
