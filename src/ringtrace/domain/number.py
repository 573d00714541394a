"""Tracking numbers and how telephone numbers are read and shown."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers

from ringtrace.domain.flow import Flow
from ringtrace.domain.source import Source


class NumberInvalidError(ValueError):
    """The text is not a telephone number of that region."""


class NumberKind(StrEnum):
    STATIC = "static"
    POOL = "pool"


@dataclass(frozen=True, slots=True)
class TrackingNumber:
    """A number the business advertises.

    A static number carries the source it stands for; a pool number belongs to a site and takes
    the source of the visit that was shown it.
    """

    account_id: int
    number: str
    kind: NumberKind
    name: str
    flow: Flow
    site_key: str | None
    source: Source | None
    active: bool


def normalise(text: str, region: str | None) -> str:
    """E.164 of a number written as a network or a person writes it.

    `region` (ISO 3166 alpha-2) reads national numbers. Digits without `+` are read as national
    first and as international when they do not make a national number: networks that drop the `+`
    send the country code. Raises NumberInvalidError.
    """
    text = text.strip()
    if text.startswith("+"):
        return _e164(text, None)
    if text.startswith("00") and region not in _OWN_INTERNATIONAL_PREFIX:
        return _e164("+" + text[2:], None)
    attempts = ((text, region), ("+" + text, None)) if region else (("+" + text, None),)
    for candidate, where in attempts:
        try:
            return _e164(candidate, where)
        except NumberInvalidError:
            continue
    raise NumberInvalidError(f"not a telephone number: {len(text)} characters")


# In these regions "00" is not the way to dial abroad, so it may begin a national number.
_OWN_INTERNATIONAL_PREFIX = frozenset({"US", "CA", "JP", "AU", "KR", "SG", "TH"})


def _e164(text: str, region: str | None) -> str:
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise NumberInvalidError(f"not a telephone number: {len(text)} characters") from error
    if (
        phonenumbers.is_possible_number_with_reason(parsed)
        is not phonenumbers.ValidationResult.IS_POSSIBLE
    ):
        raise NumberInvalidError(f"not a telephone number: {len(text)} characters")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@dataclass(frozen=True, slots=True)
class Written:
    """One number in the three ways people read it."""

    e164: str
    national: str
    international: str


@lru_cache(maxsize=65_536)
def written(e164: str) -> Written:
    """The ways to write a normalised number."""
    parsed = phonenumbers.parse(e164, None)
    form = phonenumbers.PhoneNumberFormat
    return Written(
        e164=e164,
        national=phonenumbers.format_number(parsed, form.NATIONAL),
        international=phonenumbers.format_number(parsed, form.INTERNATIONAL),
    )


@lru_cache(maxsize=65_536)
def national_digits(e164: str) -> str:
    """The digits a network of the same country delivers, without any trunk prefix."""
    return str(phonenumbers.national_significant_number(phonenumbers.parse(e164, None)))
