"""When a caller calls again: a lognormal time after his earlier call (pool.md 2.1)."""

import math
from typing import Final

import numpy as np

from ringtrace.domain.hazard import Floats

MEDIAN_SECONDS: Final = 20 * 3_600.0
SIGMA: Final = 1.5


def density(seconds: float) -> float:
    """Share of all repeats that comes in the second after `seconds`; per second."""
    if seconds <= 0:
        return 0.0
    z = math.log(seconds / MEDIAN_SECONDS) / SIGMA
    return math.exp(-0.5 * z * z) / (seconds * SIGMA * math.sqrt(2 * math.pi))


def densities(seconds: Floats) -> Floats:
    """`density` of many times, all of them positive."""
    z = np.log(seconds / MEDIAN_SECONDS) / SIGMA
    found: Floats = np.exp(-0.5 * z * z) / (seconds * SIGMA * math.sqrt(2 * math.pi))
    return found


def share_by(seconds: float) -> float:
    """Share of all repeats that has come after `seconds`."""
    if seconds <= 0:
        return 0.0
    return 0.5 * (1.0 + math.erf(math.log(seconds / MEDIAN_SECONDS) / (SIGMA * math.sqrt(2.0))))
