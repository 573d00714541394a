"""The trade's practice, to compare with: first free number, 30 minutes, fallback, last lease wins.

A number is held until 30 minutes after its visitor's last sign of life; while none is free,
visitors see a fallback number that tells nobody apart. A call is credited in full to the visit
that leased the number last; a caller who was named before is taken for the same visit again.
"""

import heapq
from dataclasses import dataclass
from typing import Final

HOLD_SECONDS: Final = 1_800.0
_FREE: Final = -1.0


@dataclass(frozen=True, slots=True)
class Named:
    """Whom the practice credits with a call; nothing but None for a call it cannot tell."""

    visit: int | None
    channel: str | None
    keyword: int | None


_NOBODY: Final = Named(None, None, None)


class TradePractice:
    """`lease` answers a number below `numbers`, or `numbers` itself: the fallback.

    The same methods as Engine; times in seconds, never decreasing.
    """

    def __init__(self, numbers: int) -> None:
        self._fallback = numbers
        self._shown: dict[int, int] = {}
        self._source: dict[int, Named] = {}
        self._holder = [-1] * numbers
        self._cookie = [-1] * numbers
        self._number_of: dict[int, int] = {}
        self._callers: dict[int, int] = {}
        self._until = [_FREE] * numbers
        # Each number at most once; one that was taken again by its last visitor may linger.
        self._free = list(range(numbers))
        self._is_listed = [True] * numbers
        # One entry a held number; it may be early, never late.
        self._ends: list[tuple[float, int]] = []

    def lease(self, t: float, visit: int, cookie: int, ch: str, kw: int, dev: int) -> int:
        """Asked on every page view: a visit on the fallback may be luckier on its next page."""
        del dev
        number = self._number_of.get(cookie, self._fallback)
        if number == self._fallback or self._cookie[number] != cookie:
            number = self._first_free(t)
        self._shown[visit] = number
        self._source[visit] = Named(visit, ch, kw)
        if number != self._fallback:
            self._holder[number] = visit
            self._cookie[number] = cookie
            self._number_of[cookie] = number
            if self._until[number] == _FREE:
                heapq.heappush(self._ends, (t + HOLD_SECONDS, number))
            self._until[number] = t + HOLD_SECONDS
        return number

    def seen(self, t: float, visit: int) -> None:
        number = self._shown[visit]
        if number != self._fallback and self._holder[number] == visit and self._until[number] > 0:
            self._until[number] = t + HOLD_SECONDS

    def contact(self, t: float, visit: int) -> None:
        self.seen(t, visit)

    def tap(self, t: float, visit: int) -> None:
        self.seen(t, visit)

    def leave(self, t: float, visit: int) -> None:
        self.seen(t, visit)

    def call(self, t: float, number: int, caller: int) -> Named:
        """`caller` -1 withheld his number."""
        del t
        visit = self._callers.get(caller, -1)
        if visit < 0 and number != self._fallback:
            visit = self._holder[number]
        if visit < 0:
            return _NOBODY
        if caller >= 0:
            self._callers[caller] = visit
        return self._source[visit]

    def _first_free(self, t: float) -> int:
        while self._ends and self._ends[0][0] <= t:
            end, number = heapq.heappop(self._ends)
            if self._until[number] > end:
                heapq.heappush(self._ends, (self._until[number], number))
                continue
            self._until[number] = _FREE
            if not self._is_listed[number]:
                self._is_listed[number] = True
                heapq.heappush(self._free, number)
        while self._free:
            number = heapq.heappop(self._free)
            self._is_listed[number] = False
            if self._until[number] == _FREE:
                return number
        return self._fallback
