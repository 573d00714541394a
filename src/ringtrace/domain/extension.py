"""Extensions: four digits that tell the visitors of one number apart, or posters of one number.

Three digits say which code it is, the fourth checks them by Damm's quasigroup (H. M. Damm, *Total
anti-symmetrische Quasigruppen*, 2004): one wrong digit and two swapped neighbours are always found.
"""

from dataclasses import dataclass
from typing import Final

from ringtrace.domain.flow import Flow
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.source import Source

DIGITS: Final = 4
CODES: Final = 1_000
"""Codes of one number."""

THRESHOLDS: Final = (0.05, 0.95)
"""Between these a site may set how probable a mix-up must be for a visitor to be shown a code."""

ASK_MS: Final = DAY_MS
"""Callers are asked for so long after a code of the number was shown last; 96 % of first calls
come within it (pool.md, section 3), and the others pay for the question."""

KEYING_SECONDS: Final = 6
"""So long after the question, and after each key, nothing keyed means: nothing to key."""

_QUASIGROUP: Final = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
_STRIDE: Final = 617
"""Prime to CODES, so that codes given out one after another look unlike each other."""
_FIRST: Final = 421
"""Codes begin with one that looks like any other."""
_BACK: Final = pow(_STRIDE, -1, CODES)


@dataclass(frozen=True, slots=True)
class Extension:
    """A code that stands for a source of its own, on a poster say.

    It has a flow of its own, or (None) follows that of its number.
    """

    code: str
    name: str
    source: Source
    flow: Flow | None


def check_digit(digits: str) -> str:
    """The digit that completes `digits`."""
    interim = 0
    for digit in digits:
        interim = int(_QUASIGROUP[interim][int(digit)])
    return str(interim)


def is_code(text: str) -> bool:
    """Whether `text` is a code; anything else was keyed wrongly."""
    return (
        len(text) == DIGITS
        and text.isascii()
        and text.isdigit()
        and check_digit(text[:-1]) == text[-1]
    )


def code(turn: int) -> str:
    """The code given out at that turn; after CODES turns they come again, the oldest first."""
    digits = f"{(_FIRST + turn * _STRIDE) % CODES:03d}"
    return digits + check_digit(digits)


def next_turn(given: str) -> int:
    """The turn, 0 to CODES - 1, after the one at which this code is given out."""
    return ((int(given[:-1]) - _FIRST) * _BACK + 1) % CODES
