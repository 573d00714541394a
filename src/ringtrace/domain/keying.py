"""An engine whose pool shows extensions, and callers who key them as people do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.engine import Answer, Engine, Proven
from ringtrace.domain.hazard import Floats
from ringtrace.domain.leasing import KEYED, Lease, Pool

GIVES_UP: Final = 0.05
"""So many of the callers who are asked for digits hang up (assumed; pool.md, section 4.6)."""


@dataclass(frozen=True, slots=True)
class Habits:
    """`above` is the probability of a mix-up from which on extensions are shown.

    `chance` are numbers from 0 to 1, one a call: whether the caller gives up, keys, or holds on.
    """

    above: float
    chance: Floats


class Keying:
    """Leases with extensions; of those who were shown one some key it and some give up."""

    def __init__(self, numbers: int, channels: Sequence[str], habits: Habits) -> None:
        self._pool = _Watched(
            Pool(
                (str(number) for number in range(numbers)),
                forget_ms=WINDOW_MS,
                extensions_above=habits.above,
            )
        )
        self._engine = Engine(numbers, channels, self._pool)
        self._chance = habits.chance.tolist()
        self.lease = self._engine.lease
        self.seen = self._engine.seen
        self.contact = self._engine.contact
        self.tap = self._engine.tap
        self.leave = self._engine.leave
        self.call = self._engine.call

    @property
    def shown(self) -> int:
        """Visits that were shown an extension."""
        return len(self._pool.coded)

    def dial(self, t: float, row: int, visit: int, number: int, caller: int) -> Answer | None:
        """The call in that `row` by `visit`; None: the caller gave up."""
        if str(visit) not in self._pool.coded:
            return self._engine.call(t, number, caller)
        chance = self._chance[row]
        if chance < GIVES_UP:
            return None
        keys = chance < GIVES_UP + (1 - GIVES_UP) * KEYED
        return self._engine.call(t, number, caller, Proven(visit) if keys else None)


class _Watched:
    """A pool, and which visits it showed an extension."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.coded: set[str] = set()
        self.seen = pool.seen
        self.leave = pool.leave

    def lease(
        self, visit: str, visitor: str, at: int, channel: str, keyword: str | None, /
    ) -> Lease:
        lease = self._pool.lease(visit, visitor, at, channel, keyword)
        if lease.new and lease.extension is not None:
            self.coded.add(visit)
        return lease

    def resplit(
        self, expected_calls: Mapping[str, float], rates: Mapping[str, float] | None = None, /
    ) -> None:
        self._pool.resplit(expected_calls, rates)
