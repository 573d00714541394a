"""How sure a share of calls is."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from ringtrace.domain.hazard import Flags, Floats, Ints
from ringtrace.domain.moment import DAY_MS

RESAMPLES: Final = 2_000
FEWEST_DAYS: Final = 7
"""With fewer days of calls to resample the calls are resampled instead."""
NORMAL_95: Final = 1.959964
"""So many standard deviations hold 95 % of a normal distribution to either side."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of calls with its 95 % interval."""

    value: float
    low: float
    high: float


class Intervals:
    """95 % intervals by resampling days or, for fewer than FEWEST_DAYS, calls.

    Never narrower than Wilson's for as many independent calls: where all calls were right,
    resampling alone would be sure of it however few they are.
    """

    def __init__(self, at: Ints, rng: np.random.Generator) -> None:
        self._day = np.unique(at // DAY_MS, return_inverse=True)[1]
        self._calls = np.bincount(self._day)
        self._rng = rng
        self.days = len(self._calls)
        # The same samples of days for every share, so that sizes differ by their merit alone.
        even = np.full(self.days, 1 / self.days)
        self._samples: Ints = rng.multinomial(self.days, even, RESAMPLES)

    @property
    def by_days(self) -> bool:
        return self.days >= FEWEST_DAYS

    def share(self, marks: Flags) -> Share:
        found = float(marks.mean())
        low, high = np.quantile(self._resampled(marks, found), [0.025, 0.975]).tolist()
        floor, ceiling = wilson(found, len(marks))
        return Share(found, min(low, floor), max(high, ceiling))

    def _resampled(self, marks: Flags, found: float) -> Floats:
        if not self.by_days:
            # Resampled calls are right or not, each by itself.
            return self._rng.binomial(len(marks), found, RESAMPLES) / len(marks)
        hits = np.bincount(self._day, marks, minlength=self.days)
        return np.asarray((self._samples @ hits) / (self._samples @ self._calls))


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share seen in `count` independent calls (E. B. Wilson, 1927)."""
    spread = NORMAL_95 * NORMAL_95 / count
    middle = (share + spread / 2) / (1 + spread)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
