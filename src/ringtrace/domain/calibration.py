"""Whether stated probabilities come true, judged by calls of which the truth is known (proof)."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ringtrace.domain.intervals import wilson

BANDS: Final = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call whose truth is known: the probability stated for the visit named, and its truth."""

    stated: float
    right: bool


@dataclass(frozen=True, slots=True)
class Band:
    """Calls stated with a probability in [low, high): what was stated of them and what came true.

    `realised_low` and `realised_high` are the 95 % interval of `realised` (Wilson).
    """

    low: float
    high: float
    calls: int
    stated: float
    realised: float
    realised_low: float
    realised_high: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Bands with calls in them, rising, and all calls as one, None without any.

    `error` is the mean distance of stated and realised in the bands, `chance` the one to expect of
    as many calls if every statement were exactly right.
    """

    bands: tuple[Band, ...]
    whole: Band | None
    error: float
    chance: float

    @property
    def calls(self) -> int:
        return self.whole.calls if self.whole else 0


def reliability(outcomes: Iterable[Outcome], bands: int = BANDS) -> Reliability:
    """The table, in so many bands of equal width."""
    known = list(outcomes)
    if not known:
        return Reliability((), None, 0.0, 0.0)
    found: list[list[Outcome]] = [[] for _ in range(bands)]
    for outcome in known:
        found[min(int(outcome.stated * bands), bands - 1)].append(outcome)
    table = tuple(
        _band(index / bands, (index + 1) / bands, members)
        for index, members in enumerate(found)
        if members
    )
    off = sum(band.calls * abs(band.stated - band.realised) for band in table)
    by_chance = sum(_off_by_chance(members) for members in found)
    whole = _band(0.0, 1.0, known)
    return Reliability(table, whole, off / len(known), by_chance / len(known))


def _off_by_chance(outcomes: list[Outcome]) -> float:
    """Calls by which true statements and what comes true differ on average (normal)."""
    spread = sum(outcome.stated * (1 - outcome.stated) for outcome in outcomes)
    return math.sqrt(spread * 2 / math.pi)


def _band(low: float, high: float, outcomes: list[Outcome]) -> Band:
    calls = len(outcomes)
    realised = sum(outcome.right for outcome in outcomes) / calls
    stated = sum(outcome.stated for outcome in outcomes) / calls
    return Band(low, high, calls, stated, realised, *wilson(realised, calls))
