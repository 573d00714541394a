"""Telling a number that is in E.164 already, without reading it.

Gateways deliver most callers so, and to read one costs more than all else that a plan needs. What
the library knows of a calling code is looked at once; numbers of whose reading it might change
anything are not told here.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from phonenumbers import PhoneMetadata, region_code_for_country_code

_LONGEST_CODE: Final = 3
_is_international: Final = re.compile(r"\+[1-9][0-9]{6,16}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class _Plan:
    """National numbers of one calling code: their lengths, and what is not part of them."""

    lengths: frozenset[int]
    prefix: re.Pattern[str] | None


def is_e164(text: str) -> bool:
    """Whether reading `text` as an international number leaves it as it is.

    False says nothing: the number has to be read.
    """
    if not _is_international(text):
        return False
    for digits in range(1, _LONGEST_CODE + 1):
        plan = _plan(text[1 : 1 + digits])
        if plan is not None:
            national = text[1 + digits :]
            return len(national) in plan.lengths and (
                plan.prefix is None or plan.prefix.match(national) is None
            )
    return False


@lru_cache(maxsize=1_110)
def _plan(code: str) -> _Plan | None:
    """None: nobody has that calling code."""
    region = region_code_for_country_code(int(code))
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    if metadata is None or metadata.general_desc is None:
        return None
    lengths = metadata.general_desc
    prefix = metadata.national_prefix_for_parsing
    return _Plan(
        frozenset(lengths.possible_length) - frozenset(lengths.possible_length_local_only),
        re.compile(prefix) if prefix else None,
    )
