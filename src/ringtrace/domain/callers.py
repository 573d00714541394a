"""What is remembered of callers: their calls, and the visitors they probably are."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np

from ringtrace.domain import repeat
from ringtrace.domain.hazard import Floats, Ints
from ringtrace.domain.model import Model
from ringtrace.domain.posterior import Ties


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call and what became of its credit.

    `segments` and `shares` are the credit by segment, `visits` the most probable visits; with
    `noise` the shares sum to 1.
    """

    number: int
    at: int
    segments: Ints
    shares: Floats
    visits: tuple[tuple[int, float], ...]
    noise: float

    def share_of(self, visit: int | None) -> float:
        """Its part of the credit; None: what is noise."""
        return self.noise if visit is None else dict(self.visits).get(visit, 0.0)


class Callers:
    """Callers by an opaque key, None for all who withhold it; visitors by a code from 0 on.

    Who withholds his number is taken to withhold it always.
    """

    def __init__(self) -> None:
        self._calls: dict[Hashable | None, list[PastCall]] = {}
        self._ties: dict[Hashable, dict[int, tuple[int, float]]] = {}
        self._tied: Floats = np.zeros(1_024)

    def earlier(self, caller: Hashable | None, number: int) -> list[PastCall]:
        """Calls to `number` that this one may continue: the caller's, or those of all withheld."""
        return [call for call in self._calls.get(caller, ()) if call.number == number]

    def ties(
        self,
        caller: Hashable | None,
        visitors: Ints,
        earlier: Iterable[PastCall],
        at: int,
        model: Model,
    ) -> Ties:
        """What the caller's number says of candidates with these `visitors`."""
        nobody = np.zeros(len(visitors))
        repeats = np.array(
            [model.repeat * repeat.density((at - call.at) / 1_000) for call in earlier]
        )
        if caller is None:
            return Ties(None, nobody, nobody, repeats, model.withheld)
        while len(visitors) and int(visitors.max()) >= len(self._tied):
            self._tied = np.concatenate([self._tied, np.zeros_like(self._tied)])
        tied = self._tied[visitors]
        own = nobody
        mine = self._ties.get(caller)
        if mine:
            own = np.zeros(len(visitors))
            for visitor, (_, share) in mine.items():
                own[visitors == visitor] = min(1.0, share)
        others = np.clip(tied - own, 0.0, 1.0)
        return Ties(caller in self._calls, own, others, repeats)

    def remember(
        self, caller: Hashable | None, call: PastCall, visitors: Iterable[tuple[int, float]]
    ) -> None:
        """`visitors`: the most probable ones with their probabilities."""
        self._calls.setdefault(caller, []).append(call)
        if caller is None:
            return
        mine = self._ties.setdefault(caller, {})
        for visitor, share in visitors:
            while visitor >= len(self._tied):
                self._tied = np.concatenate([self._tied, np.zeros_like(self._tied)])
            _, before = mine.get(visitor, (0, 0.0))
            mine[visitor] = (call.at, before + share)
            self._tied[visitor] += share

    def forget(self, before: int) -> None:
        """Forget what was learnt from calls older than `before`."""
        calls: dict[Hashable | None, list[PastCall]] = defaultdict(list)
        for caller, past in self._calls.items():
            recent = [call for call in past if call.at >= before]
            if recent:
                calls[caller] = recent
        self._calls = dict(calls)
        ties = {}
        self._tied[:] = 0.0
        for caller, mine in self._ties.items():
            kept = {visitor: tie for visitor, tie in mine.items() if tie[0] >= before}
            if not kept:
                continue
            ties[caller] = kept
            for visitor, (_, share) in kept.items():
                self._tied[visitor] += share
        self._ties = ties

    def recode(self, codes: Ints) -> None:
        """Visitors get the codes at their old places in `codes`; -1 forgets them."""
        self._tied[:] = 0.0
        for caller, mine in self._ties.items():
            moved = {int(codes[v]): tie for v, tie in mine.items() if codes[v] >= 0}
            self._ties[caller] = moved
            for visitor, (_, share) in moved.items():
                self._tied[visitor] += share
