"""Tracking numbers and how telephone numbers are read and shown."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers

from ringtrace.domain.e164 import is_e164
from ringtrace.domain.extension import Extension
from ringtrace.domain.flow import Flow
from ringtrace.domain.source import Source


class NumberInvalidError(ValueError):
    """The text is not a telephone number of that region."""


class NumberKind(StrEnum):
    """A canary is a site's number that nobody is shown: what calls it is noise."""

    STATIC = "static"
    POOL = "pool"
    CANARY = "canary"


@dataclass(frozen=True, slots=True)
class TrackingNumber:
    """A number the business advertises.

    A static number carries the source it stands for; a pool number belongs to a site and takes
    the source of the visit that was shown it. The `extensions` of a static number are codes with
    sources and flows of their own. `flow` is that version of the account's flow of that
    name, or the number's own where there is no name; `revision` is that flow's, where somebody
    has worked it out.
    """

    account_id: int
    number: str
    kind: NumberKind
    name: str
    flow: Flow
    site_key: str | None
    source: Source | None
    active: bool
    extensions: tuple[Extension, ...] = ()
    flow_name: str | None = None
    flow_version: int | None = None
    revision: str | None = None

    @property
    def flow_label(self) -> str | None:
        """What calls that are routed now are said to have run; None of a number's own flow."""
        return None if self.flow_name is None else f"{self.flow_name} {self.flow_version}"

    def flow_of(self, said: Extension | None) -> Flow:
        """What happens to calls whose callers keyed that extension."""
        return self.flow if said is None or said.flow is None else said.flow

    def label_of(self, said: Extension | None) -> str | None:
        """The label of `flow_of`: an extension with targets of its own follows no named flow."""
        return self.flow_label if self.flow_of(said) is self.flow else None

    def extension(self, digits: str | None) -> Extension | None:
        """What the keyed `digits` stand for."""
        return next((one for one in self.extensions if one.code == digits), None)


def is_region(text: str) -> bool:
    """Whether it is a country (ISO 3166 alpha-2, capitals) whose numbers are known."""
    return text in phonenumbers.SUPPORTED_REGIONS


def normalise(text: str, region: str | None) -> str:
    """E.164 of a number written as a network or a person writes it.

    `region` (ISO 3166 alpha-2) reads national numbers. Digits without `+` are read as national
    first and as international when they do not make a national number: networks that drop the `+`
    send the country code. Raises NumberInvalidError.
    """
    if is_e164(text):
        return text
    text = text.strip()
    if text.startswith("+"):
        return read(text, None)
    if text.startswith("00") and region not in _OWN_INTERNATIONAL_PREFIX:
        return read("+" + text[2:], None)
    attempts = ((text, region), ("+" + text, None)) if region else (("+" + text, None),)
    for candidate, where in attempts:
        try:
            return read(candidate, where)
        except NumberInvalidError:
            continue
    raise NumberInvalidError(f"not a telephone number: {len(text)} characters")


# In these regions "00" is not the way to dial abroad, so it may begin a national number.
_OWN_INTERNATIONAL_PREFIX = frozenset({"US", "CA", "JP", "AU", "KR", "SG", "TH"})


def read(text: str, region: str | None) -> str:
    """E.164 of a number of that region, or with `+` of any. Raises NumberInvalidError."""
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
    """One number in the three ways people read it, and what follows it when it has an extension.

    `suffix` (", ext. 4217") goes behind `national` as well as `international`; it ends with the
    digits of the extension and has none before them. Without an extension it is empty.
    """

    e164: str
    national: str
    international: str
    extension: str | None = None
    suffix: str = ""


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


def with_extension(number: Written, extension: str) -> Written:
    """The number with an extension (ASCII digits), said as in the number's country.

    Raises ValueError for an extension with other characters or none.
    """
    if not (extension.isascii() and extension.isdigit()):
        raise ValueError(f"extension: not digits: {len(extension)} characters")
    suffix = _extension_prefix(number.e164) + extension
    return Written(number.e164, number.national, number.international, extension, suffix)


# What phonenumbers writes before the extensions of a region of which it knows no custom ...
_NO_CUSTOM = " ext. "
# ... and what we write there. Both are read by the telephones that find numbers in a text.
_PREFIX = ", ext. "
_RUSSIAN_PREFIX = ", доб. "
_RUSSIAN_REGIONS = frozenset({"RU", "BY", "KZ", "KG"})


@lru_cache(maxsize=65_536)
def _extension_prefix(e164: str) -> str:
    parsed = phonenumbers.parse(e164, None)
    form = phonenumbers.PhoneNumberFormat.NATIONAL
    bare = phonenumbers.format_number(parsed, form)
    parsed.extension = "0"
    prefix = str(phonenumbers.format_number(parsed, form)).removeprefix(bare).removesuffix("0")
    if prefix != _NO_CUSTOM:
        return prefix
    region = phonenumbers.region_code_for_number(parsed)
    return _RUSSIAN_PREFIX if region in _RUSSIAN_REGIONS else _PREFIX


@lru_cache(maxsize=65_536)
def national_digits(e164: str) -> str:
    """The digits a network of the same country delivers, without any trunk prefix."""
    return str(phonenumbers.national_significant_number(phonenumbers.parse(e164, None)))
