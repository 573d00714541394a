"""Other ways to run a pool: the trade's practice, and the longest idle number without a fallback.

Both name the visit that leased the called number last and are sure of it; a caller who was named
before is taken for the same visitor again.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.simulation.settings import SILENCE

TRADE_HOLD = 1_800.0
_UNKNOWN = "unknown"


class Answer(Protocol):
    """What is said of one call; `channels` holds credits, also for "unknown", that sum to 1."""

    @property
    def visit(self) -> int | None: ...
    @property
    def conf(self) -> float: ...
    @property
    def channel(self) -> str | None: ...
    @property
    def keyword(self) -> int | None: ...
    @property
    def channels(self) -> dict[str, float]: ...
    @property
    def noise(self) -> float: ...


class Policy(Protocol):
    """Anything that runs a pool; times in seconds, never decreasing.

    `lease` answers a number below `numbers`, or `numbers` itself for a fallback number.
    """

    def lease(self, t: float, visit: int, cookie: int, ch: str, kw: int, dev: int) -> int: ...
    def seen(self, t: float, visit: int) -> None: ...
    def contact(self, t: float, visit: int) -> None: ...
    def leave(self, t: float, visit: int) -> None: ...
    def tap(self, t: float, visit: int) -> None: ...
    def call(self, t: float, number: int, caller: int) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Named:
    """An `Answer`."""

    visit: int | None
    conf: float
    channel: str | None
    keyword: int | None
    channels: dict[str, float]
    noise: float = 0.0


_NOBODY = Named(None, 0.0, None, None, {_UNKNOWN: 1.0})


@dataclass(slots=True)
class _Visit:
    number: int
    channel: str
    keyword: int


class _LastLeaseWins:
    """What both practices share: stickiness by cookie, and naming by the last lease."""

    def __init__(self, numbers: int, channels: Sequence[str]) -> None:
        self.numbers = numbers
        self.channels = tuple(channels)
        self._visits: dict[int, _Visit] = {}
        self._holder = [-1] * numbers
        self._cookie_of = [-1] * numbers
        self._number_of: dict[int, int] = {}
        self._callers: dict[int, int] = {}

    def lease(self, t: float, visit: int, cookie: int, ch: str, kw: int, dev: int) -> int:
        del dev
        known = self._visits.get(visit)
        if known is not None:
            self.seen(t, visit)
            return known.number
        number = self._number_of.get(cookie, -1)
        if number < 0 or self._cookie_of[number] != cookie:
            number = self._pick(t)
        self._visits[visit] = _Visit(number, ch, kw)
        if number < self.numbers:
            self._holder[number] = visit
            self._cookie_of[number] = cookie
            self._number_of[cookie] = number
            self._begin(t, number)
        return number

    def contact(self, t: float, visit: int) -> None:
        self.seen(t, visit)

    def tap(self, t: float, visit: int) -> None:
        """No evidence to these practices."""

    def seen(self, t: float, visit: int) -> None:
        number = self._visits[visit].number
        if number < self.numbers and self._holder[number] == visit:
            self._keep(t, number)

    def leave(self, t: float, visit: int) -> None:
        number = self._visits[visit].number
        if number < self.numbers and self._holder[number] == visit:
            self._release(t, number)

    def call(self, t: float, number: int, caller: int) -> Named:
        del t
        visit = self._callers.get(caller, -1)
        if visit < 0 and number < self.numbers:
            visit = self._holder[number]
        if visit < 0:
            return _NOBODY
        if caller >= 0:
            self._callers[caller] = visit
        known = self._visits[visit]
        return Named(visit, 1.0, known.channel, known.keyword, {known.channel: 1.0})

    def _pick(self, t: float) -> int:
        raise NotImplementedError

    def _begin(self, t: float, number: int) -> None:
        raise NotImplementedError

    def _keep(self, t: float, number: int) -> None:
        raise NotImplementedError

    def _release(self, t: float, number: int) -> None:
        raise NotImplementedError


class Trade(_LastLeaseWins):
    """First free number, held until 30 minutes after the last sign of life, else the fallback."""

    def __init__(self, numbers: int, channels: Sequence[str]) -> None:
        super().__init__(numbers, channels)
        self._free = list(range(numbers))
        self._until = [-1.0] * numbers
        # One entry a held number; it may be early, never late.
        self._ends: list[tuple[float, int]] = []

    def _pick(self, t: float) -> int:
        while self._ends and self._ends[0][0] <= t:
            end, number = heapq.heappop(self._ends)
            if self._until[number] > end:
                heapq.heappush(self._ends, (self._until[number], number))
                continue
            self._until[number] = -1.0
            heapq.heappush(self._free, number)
        return heapq.heappop(self._free) if self._free else self.numbers

    def _begin(self, t: float, number: int) -> None:
        if self._until[number] >= 0:
            self._until[number] = t + TRADE_HOLD
            return
        if number in self._free:
            self._free.remove(number)
            heapq.heapify(self._free)
        self._until[number] = t + TRADE_HOLD
        heapq.heappush(self._ends, (self._until[number], number))

    def _keep(self, t: float, number: int) -> None:
        if self._until[number] >= 0:
            self._until[number] = t + TRADE_HOLD

    def _release(self, t: float, number: int) -> None:
        self._keep(t, number)


class LongestIdle(_LastLeaseWins):
    """The number whose holder was last seen longest ago, if it is no longer on page.

    While every number is on page, the one that was given out first.
    """

    def __init__(self, numbers: int, channels: Sequence[str]) -> None:
        super().__init__(numbers, channels)
        self._seen = [-SILENCE] * numbers
        self._left = [True] * numbers
        self._begun = [-1.0] * numbers
        self._idle = [(-SILENCE, number) for number in range(numbers)]
        # Numbers held on page, by when they may fall silent; entries may be early or out of date.
        self._silent: list[tuple[float, int]] = []
        self._arrived: list[tuple[float, int]] = []

    def _pick(self, t: float) -> int:
        while self._silent and self._silent[0][0] <= t:
            _, number = heapq.heappop(self._silent)
            if self._left[number]:
                continue
            if self._seen[number] + SILENCE > t:
                heapq.heappush(self._silent, (self._seen[number] + SILENCE, number))
                continue
            self._left[number] = True
            heapq.heappush(self._idle, (self._seen[number], number))
        while self._idle:
            seen, number = self._idle[0]
            if self._left[number] and self._seen[number] == seen:
                return number
            heapq.heappop(self._idle)
        while self._begun[self._arrived[0][1]] != self._arrived[0][0]:
            heapq.heappop(self._arrived)
        return self._arrived[0][1]

    def _begin(self, t: float, number: int) -> None:
        self._begun[number] = t
        heapq.heappush(self._arrived, (t, number))
        self._keep(t, number)

    def _keep(self, t: float, number: int) -> None:
        if self._left[number]:
            self._left[number] = False
            heapq.heappush(self._silent, (t + SILENCE, number))
        self._seen[number] = t

    def _release(self, t: float, number: int) -> None:
        self._seen[number] = t
        if not self._left[number]:
            self._left[number] = True
        heapq.heappush(self._idle, (t, number))
