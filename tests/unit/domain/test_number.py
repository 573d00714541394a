"""Numbers as networks and people write them."""

import pytest

from ringtrace.domain.number import NumberInvalidError, national_digits, normalise, written


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("+12025550101", None, "+12025550101"),
        (" +1 (202) 555-0101 ", "DE", "+12025550101"),
        ("12025550101", "US", "+12025550101"),
        ("12025550101", None, "+12025550101"),
        ("2025550101", "US", "+12025550101"),
        ("(202) 555-0101", "US", "+12025550101"),
        ("0012025550101", "DE", "+12025550101"),
        ("79014172420", "RU", "+79014172420"),
        ("89014172420", "RU", "+79014172420"),
        ("9014172420", "RU", "+79014172420"),
        ("442079460123", "GB", "+442079460123"),
        ("020 7946 0123", "GB", "+442079460123"),
        ("030 901820", "DE", "+4930901820"),
    ],
)
def test_a_number_is_read_however_it_was_delivered(
    text: str, region: str | None, e164: str
) -> None:
    assert normalise(text, region) == e164


@pytest.mark.parametrize(
    ("text", "region"),
    [("", "US"), ("anonymous", "US"), ("+", None), ("123", "US"), ("+1202555", None),
     ("0012025550101", "US"), ("9" * 40, "US"), ("5550101", "US")],
)  # fmt: skip
def test_what_is_no_number_is_refused(text: str, region: str | None) -> None:
    with pytest.raises(NumberInvalidError):
        normalise(text, region)


def test_a_number_is_written_in_three_ways() -> None:
    ways = written("+12025550101")

    assert (ways.national, ways.international) == ("(202) 555-0101", "+1 202-555-0101")


def test_national_digits_have_no_prefix() -> None:
    assert national_digits("+442079460123") == "2079460123"
