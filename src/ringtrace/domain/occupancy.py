"""How many calls each target has, as far as it is told."""

from collections.abc import Hashable
from typing import Final

from ringtrace.domain.moment import MINUTE_MS

LASTS_MS: Final = 5 * MINUTE_MS
"""A leg of which nothing is heard for so long is taken to be over."""

TOLD_SECONDS: Final = 120.0
"""From one time that a leg is told of to the next, so that one may be lost on the way."""


class Occupancy:
    """Legs by target; `call` is whatever tells calls apart.

    Moments are ms; of a clock that is set back, what was noted by a later time counts no more.
    `lasts` is for how many ms a leg counts that is not told of again, None: until it is over.
    """

    def __init__(self, lasts: int | None = LASTS_MS) -> None:
        self._lasts = lasts
        self._legs: dict[Hashable, dict[tuple[Hashable, int], int]] = {}
        self._targets: dict[Hashable, dict[int, Hashable]] = {}
        self._swept_at = 0

    def occupy(self, target: Hashable, call: Hashable, leg: int, most: int | None, at: int) -> bool:
        """Whether the leg may have the target, which has room for `most` calls.

        None: it has it already, whatever else is known. Other legs of the same call do not count:
        a call may come back to a target before it is told that the first try is over.
        """
        if self._lasts is not None and not 0 <= at - self._swept_at < self._lasts:
            self._sweep(at)
        legs = self._legs.get(target, {})
        others = sum(one != call for (one, _), until in legs.items() if self._counts(until, at))
        if most is not None and (call, leg) not in legs and others >= most:
            return False
        self.vacate(call, leg)
        self._legs.setdefault(target, {})[(call, leg)] = at + (self._lasts or 0)
        self._targets.setdefault(call, {})[leg] = target
        return True

    def vacate(self, call: Hashable, leg: int) -> None:
        """The leg is over, if it was any."""
        targets = self._targets.get(call, {})
        target = targets.pop(leg, None)
        if target is None:
            return
        if not targets:
            del self._targets[call]
        del self._legs[target][(call, leg)]
        if not self._legs[target]:
            del self._legs[target]

    def end(self, call: Hashable) -> None:
        """The call is over with all its legs."""
        for leg in list(self._targets.get(call, {})):
            self.vacate(call, leg)

    def _counts(self, until: int, at: int) -> bool:
        return self._lasts is None or at < until <= at + self._lasts

    def _sweep(self, at: int) -> None:
        """Legs of which nobody told the end would stay for ever."""
        self._swept_at = at
        old = [
            key
            for legs in self._legs.values()
            for key, until in legs.items()
            if not self._counts(until, at)
        ]
        for call, leg in old:
            self.vacate(call, leg)
