"""Many calls at once: their candidates in columns, and each call shared out among them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ringtrace.domain.evidence import CallEvidence
from ringtrace.domain.hazard import HOURS, Floats, Ints, hour_of
from ringtrace.domain.model import Rates


@dataclass(frozen=True, slots=True)
class Shares:
    """Probabilities, over a call summing to 1.

    Of candidates by their state (`plain`) and by their tap; of calls to be a repeat, or noise.
    """

    plain: Floats
    tapped: Floats
    repeats: Floats
    noise: Floats


class Batch:
    """`of_call` says which call a candidate belongs to; the other columns as in CallEvidence."""

    def __init__(self, calls: Sequence[CallEvidence]) -> None:
        sizes = np.array([len(call.cells) for call in calls], dtype=np.int64)
        self.calls = len(calls)
        self.of_call: Ints = np.repeat(np.arange(len(calls)), sizes)
        self.cells = _joined([call.cells for call in calls])
        self.states = _joined([call.states for call in calls])
        hours = np.array([hour_of(call.at) for call in calls], dtype=np.int64)
        self.hours: Ints = np.repeat(hours, sizes)
        self.state_hours: Ints = self.states * HOURS + self.hours
        self.taps = _joined([call.taps for call in calls])
        self.factors: Floats = np.concatenate([np.empty(0), *(call.factors for call in calls)])
        self.repeats: Floats = np.array([call.repeats.sum() for call in calls])
        self.noise: Floats = np.array([call.noise_factor for call in calls])
        self._prove(calls, sizes)

    def _prove(self, calls: Sequence[CallEvidence], sizes: Ints) -> None:
        """Where a candidate is proven, nothing else is left."""
        starts = np.cumsum(sizes) - sizes
        for position, (call, start) in enumerate(zip(calls, starts.tolist(), strict=True)):
            if call.gold < 0:
                continue
            self.factors[start : start + len(call.cells)] = 0.0
            self.factors[start + call.gold] = 1.0
            self.repeats[position] = self.noise[position] = 0.0

    def share(
        self, factors: Floats, hazard: Floats, tap: Floats, repeat: float, noise: float
    ) -> Shares:
        """`factors` by cell, `hazard` by state and hour, `tap` by tap bin; the rest as in Model."""
        plain = factors[self.cells] * hazard.ravel()[self.state_hours] * self.factors
        tapped = tap[self.taps] * self.factors
        repeats = repeat * self.repeats
        noises = noise * self.noise
        total = sums(self.of_call, plain + tapped, self.calls) + repeats + noises
        part = 1.0 / np.maximum(total, 1e-300)
        each = part[self.of_call]
        return Shares(plain * each, tapped * each, repeats * part, noises * part)

    def share_by(self, rates: Rates) -> Shares:
        model = rates.model
        return self.share(rates.cell_factors(), rates.by_hour, rates.tap, model.repeat, model.noise)


def sums(of: Ints, weights: Floats, size: int) -> Floats:
    """Sums of `weights` by the codes `of`."""
    return np.bincount(of, weights, minlength=size).astype(np.float64)


def _joined(columns: Sequence[np.ndarray[tuple[int], np.dtype[np.integer]]]) -> Ints:
    return np.concatenate([np.empty(0, dtype=np.int64), *columns]).astype(np.int64)
