"""What a call leaves for learning: its candidates as they stood when it came."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringtrace.domain.exposure import Standing
from ringtrace.domain.hazard import Floats

KEPT: Final = 192
"""So many of the most probable candidates are kept one by one, and as many stand for the rest."""


@dataclass(frozen=True, slots=True)
class CallEvidence:
    """Candidates of one call, thinned, and what else could have made it ring.

    `cells`, `states` and `taps` as in Standing; `factors` is what speaks for a candidate beside
    them (that he has not called yet, the caller's number), times the candidates it stands for.
    `repeats` is the density (per second) of repeats of each earlier call of the caller, and
    `repeated` their channels' shares, one row a call, the last column noise. `gold` is the
    position of the candidate that is proven to have called, or -1.
    """

    at: int
    cells: NDArray[np.int32]
    states: NDArray[np.uint8]
    taps: NDArray[np.uint8]
    factors: Floats
    repeats: Floats
    repeated: Floats
    noise_factor: float
    gold: int = -1


def thin(weights: Floats, kept: int = KEPT) -> tuple[NDArray[np.int64], Floats]:
    """Candidates that stand for all, by falling weight, and how many each stands for.

    The heaviest ones stand for themselves; of the others every so many-th is taken, such that the
    sum of weights stays.
    """
    order = np.argsort(-weights, kind="stable")
    order = order[weights[order] > 0]
    if len(order) <= 2 * kept:
        return order, np.ones(len(order))
    head, tail = order[:kept], order[kept:]
    step = -(-len(tail) // kept)
    chosen = tail[step // 2 :: step]
    stands_for = weights[tail].sum() / weights[chosen].sum()
    return np.concatenate([head, chosen]), np.concatenate(
        [np.ones(kept), np.full(len(chosen), stands_for)]
    )


def gather(
    at: int,
    standing: Standing,
    factors: Floats,
    weights: Floats,
    repeats: Floats,
    repeated: Floats,
    noise_factor: float,
    gold: int = -1,
) -> CallEvidence:
    """`weights` are the calls per second of the candidates, `factors` the part beside hazard.

    `gold` is a position among those of them that have a weight, the heaviest first.
    """
    chosen, stands_for = thin(weights)
    return CallEvidence(
        at=at,
        cells=standing.cells[chosen].astype(np.int32),
        states=standing.states[chosen].astype(np.uint8),
        taps=standing.taps[chosen].astype(np.uint8),
        factors=factors[chosen] * stands_for,
        repeats=repeats,
        repeated=repeated,
        noise_factor=noise_factor,
        gold=gold,
    )
