"""Callers of whom it was said how they are to be treated, one by one or by how numbers begin."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import phonenumbers

from ringtrace.domain.number import NumberInvalidError, normalise

ANY: Final = "*"
"""Ends a pattern that stands for all numbers that begin so."""

_PREFIX = re.compile(r"\+[1-9][0-9]{0,13}\*")
_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    str(code): countries for code, countries in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
}
_LONGEST_CODE: Final = 3
_FEW_DIGITS: Final = 2
"""Of +1 and +7 one digit more still means a large part of all numbers."""

_NO_COUNTRY: Final = "001"
"""Of calling codes for services: freephone, satellites."""

_SPACING = re.compile(r"[\s().-]")


class Treatment(StrEnum):
    """`block` rejects a caller, `ask` lets him press a key first, `trust` never suspects him."""

    BLOCK = "block"
    ASK = "ask"
    TRUST = "trust"


@dataclass(frozen=True, slots=True)
class Listing:
    """How the callers of a `pattern` are treated: an E.164 number, or a prefix such as `+1900*`.

    `added_at` is ms since 1970 UTC, `added_by` a user's login, None through the API. `by_gate`:
    nobody added it, the caller pressed a key when he was asked to.
    """

    pattern: str
    treatment: Treatment
    note: str
    added_at: int
    added_by: str | None
    by_gate: bool = False


class PatternInvalidError(ValueError):
    """A text is neither a telephone number nor the beginning of one."""


def read_pattern(text: str, region: str | None) -> str:
    """As a person writes it; national numbers are those of `region` (ISO 3166 alpha-2).

    Raises PatternInvalidError.
    """
    plain = _SPACING.sub("", text)
    if plain.endswith(ANY):
        if _PREFIX.fullmatch(plain) is None:
            raise PatternInvalidError("a beginning like +49* or +1900* is needed")
        return plain
    try:
        return normalise(text, region)
    except NumberInvalidError as error:
        raise PatternInvalidError("a number, or a beginning like +1900*, is needed") from error


def listing_of(listings: Mapping[str, Listing], caller: str) -> Listing | None:
    """The one, by pattern, that says most exactly whom it means."""
    if not listings:
        return None
    patterns = (caller, *(caller[:end] + ANY for end in range(len(caller), 1, -1)))
    return next((listings[one] for one in patterns if one in listings), None)


@dataclass(frozen=True, slots=True)
class Breadth:
    """The `countries` (ISO 3166 alpha-2) that a pattern means as a `whole`, or much of."""

    countries: tuple[str, ...]
    whole: bool


def breadth(pattern: str) -> Breadth | None:
    """None where a pattern means less than a country: more than its calling code is said."""
    digits = pattern.removeprefix("+").removesuffix(ANY)
    if not pattern.endswith(ANY) or len(digits) > _LONGEST_CODE:
        return None
    meant = [one for code, some in _CODES.items() if code.startswith(digits) for one in some]
    partly = _CODES.get(digits[0], ()) if len(digits) == _FEW_DIGITS else ()
    countries = tuple(one for one in dict.fromkeys(meant or partly) if one != _NO_COUNTRY)
    return Breadth(countries, whole=bool(meant)) if countries else None
