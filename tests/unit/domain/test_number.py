"""Numbers as networks and people write them."""

import re
from dataclasses import replace

import phonenumbers
import pytest

from ringtrace.domain.extension import Extension
from ringtrace.domain.flow import Flow
from ringtrace.domain.number import (
    NumberInvalidError,
    NumberKind,
    TrackingNumber,
    is_region,
    national_digits,
    normalise,
    with_extension,
    written,
)
from ringtrace.domain.source import Source


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


@pytest.mark.parametrize(
    ("e164", "suffix"),
    [
        ("+12025550101", ", ext. 4217"),
        ("+4930901820", ", ext. 4217"),
        ("+74951234567", ", доб. 4217"),
        ("+77172123456", ", доб. 4217"),
        ("+442079460123", " x4217"),
        ("+886221234567", "#4217"),
        ("+5111234567", " Anexo 4217"),
        ("+80012345678", ", ext. 4217"),
    ],
)
def test_an_extension_is_said_as_in_the_numbers_country(e164: str, suffix: str) -> None:
    plain = written(e164)
    extended = with_extension(plain, "4217")

    assert (plain.extension, plain.suffix) == (None, "")
    assert (extended.extension, extended.suffix) == ("4217", suffix)
    assert (extended.e164, extended.national, extended.international) == (
        plain.e164,
        plain.national,
        plain.international,
    )


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_a_telephone_reads_number_and_extension_back(region: str) -> None:
    example = phonenumbers.example_number(region)
    assert example
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    number = with_extension(written(e164), "0017")

    assert re.fullmatch(r"\D+0017", number.suffix)
    for way in (number.national, number.international):
        read = phonenumbers.parse(way + number.suffix, region)
        assert phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164) == e164
        assert read.extension == "0017"


@pytest.mark.parametrize("extension", ["", "42a7", "42 7", "٤٢١٧", "²"])
def test_an_extension_is_made_of_digits(extension: str) -> None:
    with pytest.raises(ValueError, match=r"^extension: "):
        with_extension(written("+12025550101"), extension)


def test_national_digits_have_no_prefix() -> None:
    assert national_digits("+442079460123") == "2079460123"


def test_calls_are_told_the_flow_and_the_version_they_run() -> None:
    own = TrackingNumber(
        1, "+12025550101", NumberKind.STATIC, "Radio", Flow(), None, Source("Radio"), active=True
    )

    assert own.flow_label is None
    assert replace(own, flow_name="office", flow_version=3).flow_label == "office 3"
    assert own.extension("6179") is None
    assert own.flow_of(None) is own.flow


def test_a_region_is_a_country_whose_numbers_are_known() -> None:
    assert is_region("GB")
    assert not any(map(is_region, ("ZZ", "gb", "GBR", "")))


def test_an_extension_with_targets_of_its_own_follows_no_named_flow() -> None:
    own = TrackingNumber(
        1, "+12025550101", NumberKind.STATIC, "Radio", Flow.ringing(["+12025550191"]), None,
        Source("Radio"), active=True, flow_name="office", flow_version=3,
    )  # fmt: skip
    leads_past = Extension("1234", "Barn", Source("Poster"), Flow.ringing(["+12025550192"]))

    assert own.label_of(leads_past) is None
    assert own.label_of(replace(leads_past, flow=None)) == "office 3"
    assert own.label_of(None) == "office 3"
