"""Which exposure, earlier call or wrong number a call came from, as probabilities (pool.md 2.1)."""

from dataclasses import dataclass

import numpy as np

from ringtrace.domain.exposure import Standing
from ringtrace.domain.hazard import Floats
from ringtrace.domain.model import Rates

STRANGER = 1e-4
"""The chance that a visitor not tied to a caller we know is this caller all the same.

Wrong and robot calls are also that much rarer from a caller we know.
"""


@dataclass(frozen=True, slots=True)
class Ties:
    """What the caller's number says.

    `own` and `others`: for each candidate the probability that its visitor is this caller, and
    that he is another one. `repeats`: calls per second expected now in continuation of each of the
    caller's earlier calls to the number. A withheld number ties no visitor: `known` is None, the
    earlier calls are all withheld ones, and `withheld` is how rare new such callers are.
    """

    known: bool | None
    own: Floats
    others: Floats
    repeats: Floats
    withheld: float = 1.0

    def factors(self, called: Floats) -> Floats:
        """What the rate of each candidate is multiplied with if he has not called yet.

        `called` is the chance that he has. The call that was credited to a visit is what ties its
        visitor to a caller: both are one doubt, which must not be counted twice.
        """
        if self.known is None:
            return np.full(len(self.own), self.withheld)
        silent = np.maximum(1.0 - called, 1e-12)
        free = np.maximum(0.0, 1.0 - np.maximum(called, self.others)) / silent
        if not self.known:
            return np.asarray(free)
        return np.asarray(np.maximum(0.0, self.own - called) / silent + STRANGER * free)

    @property
    def noise_factor(self) -> float:
        """What the rate of wrong and robot calls is multiplied with."""
        if self.known is None:
            return self.withheld
        return STRANGER if self.known else 1.0


@dataclass(frozen=True, slots=True)
class Posterior:
    """Probabilities of candidates, of repeats of earlier calls, and of noise; they sum to 1."""

    candidates: Floats
    repeats: Floats
    noise: float


def weigh(rates: Rates, standing: Standing, called: Floats, ties: Ties, at: int) -> Floats:
    """Calls per second expected of each candidate at `at` (ms)."""
    return np.asarray(rates.weigh(standing, at) * (1.0 - called) * ties.factors(called))


def posterior(weights: Floats, ties: Ties, noise: float) -> Posterior:
    """`noise`: wrong and robot calls per second to this number."""
    strange = noise * ties.noise_factor
    total = float(weights.sum() + ties.repeats.sum()) + strange
    if total <= 0:
        return Posterior(np.zeros_like(weights), np.zeros_like(ties.repeats), 1.0)
    return Posterior(weights / total, ties.repeats / total, strange / total)
