"""Who is shown which number of a pool.

Pools are shared by design. The promise: one number per visit however often it asks; one number per
visitor while he keeps it; never two on-page holders of a number while a number of the pool is free.
A number is free when nobody who was shown it is on page; of the free ones the longest idle is
taken, because the chance that its former holders still call is least (design: pool.md, policy B4).
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ringtrace.domain.visit import ON_PAGE_MS


@dataclass(frozen=True, slots=True)
class Lease:
    """`new` when the visit was shown this number for the first time."""

    number: str
    new: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """A lease of an earlier run; `seen_at` is the visit's last sign of life."""

    number: str
    visit: str
    visitor: str
    seen_at: int
    left: bool


@dataclass(slots=True)
class _Holding:
    number: str
    visitor: str
    seen_at: int


@dataclass(slots=True)
class _Line:
    """One number: its last sign of life, the visitor who leased it last, who is on page with it.

    The visits on page are in order of their last sign of life.
    """

    seen_at: int = -1
    visitor: str = ""
    on_page: OrderedDict[str, None] = field(default_factory=OrderedDict)


class PoolEmptyError(LookupError):
    """The pool has no number at all."""


class Pool:
    """The leases of one pool. Every operation is O(1) but for numbers shared by several holders.

    Times are ms since 1970 UTC; a clock that goes back is read as standing still. Visits without a
    sign of life for `forget_ms` are forgotten: their number is known to the store alone.
    """

    def __init__(self, numbers: Iterable[str], *, forget_ms: int = 2 * 86_400_000) -> None:
        self._lines: dict[str, _Line] = {number: _Line() for number in numbers}
        # Kept in order of the last sign of life, because signs of life arrive in order of time.
        self._idle: OrderedDict[str, None] = OrderedDict.fromkeys(self._lines)
        self._live: OrderedDict[str, None] = OrderedDict()
        self._arrivals: OrderedDict[str, None] = OrderedDict.fromkeys(self._lines)
        # Shared numbers whose latest holder left: the others' silence may free them earlier.
        self._silences: list[tuple[int, str]] = []
        self._holdings: OrderedDict[str, _Holding] = OrderedDict()
        self._visitors: dict[str, str] = {}
        self._forget_ms = forget_ms
        self._now = 0

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, number: str) -> bool:
        return number in self._lines

    def lease(self, visit: str, visitor: str, at: int) -> Lease:
        """The number to show to `visit` from `at` on. Raises PoolEmptyError."""
        at = self._advance(at)
        holding = self._holdings.get(visit)
        if holding is not None:
            self._sign_of_life(visit, holding, at)
            return Lease(holding.number, new=False)
        number = self._kept_by(visitor, at) or self._longest_idle(at) or self._oldest_arrival()
        self._take(number, visit, visitor, at)
        return Lease(number, new=True)

    def seen(self, visit: str, at: int) -> None:
        at = self._advance(at)
        holding = self._holdings.get(visit)
        if holding is not None:
            self._sign_of_life(visit, holding, at)

    def leave(self, visit: str, at: int) -> None:
        at = self._advance(at)
        holding = self._holdings.get(visit)
        if holding is None:
            return
        line = self._lines[holding.number]
        if visit not in line.on_page:
            return
        del line.on_page[visit]
        self._drop_silent(line, at)
        if line.on_page:
            quiet_since = self._holdings[next(reversed(line.on_page))].seen_at
            heapq.heappush(self._silences, (quiet_since, holding.number))
            return
        line.seen_at = at
        self._rest(holding.number)

    def holds(self, visit: str) -> bool:
        return visit in self._holdings

    def on_page(self, number: str, at: int) -> set[str]:
        """The visits that look at a page with this number."""
        line = self._lines[number]
        self._drop_silent(line, self._advance(at))
        return set(line.on_page)

    def restore(self, leases: Iterable[Restored]) -> None:
        """Take up the leases of an earlier run, given in the order in which they were made.

        A number that is no longer of the pool is passed over.
        """
        known = [lease for lease in leases if lease.number in self._lines]
        for lease in known:
            self._own(lease.number, lease.visitor)
        latest = {lease.visit: lease for lease in known}
        for lease in sorted(latest.values(), key=lambda lease: lease.seen_at):
            at = self._advance(lease.seen_at)
            holding = _Holding(lease.number, lease.visitor, at)
            self._holdings[lease.visit] = holding
            self._sign_of_life(lease.visit, holding, at)
            if lease.left:
                self.leave(lease.visit, at)

    def _advance(self, at: int) -> int:
        self._now = max(self._now, at)
        self._forget()
        return self._now

    def _forget(self) -> None:
        horizon = self._now - self._forget_ms
        while self._holdings:
            visit, holding = next(iter(self._holdings.items()))
            if holding.seen_at >= horizon:
                return
            del self._holdings[visit]
            self._lines[holding.number].on_page.pop(visit, None)

    def _drop_silent(self, line: _Line, at: int) -> None:
        while line.on_page:
            longest_silent = next(iter(line.on_page))
            if at - self._holdings[longest_silent].seen_at < ON_PAGE_MS:
                return
            del line.on_page[longest_silent]

    def _rest(self, number: str) -> None:
        self._live.pop(number, None)
        self._idle[number] = None
        self._idle.move_to_end(number)

    def _kept_by(self, visitor: str, at: int) -> str | None:
        """The visitor's number, unless somebody else leased it since or is on page with it."""
        number = self._visitors.get(visitor)
        if number is None:
            return None
        line = self._lines[number]
        self._drop_silent(line, at)
        if any(self._holdings[v].visitor != visitor for v in line.on_page):
            return None
        return number

    def _rest_silent(self, at: int) -> None:
        while self._silences and at - self._silences[0][0] >= ON_PAGE_MS:
            _, number = heapq.heappop(self._silences)
            line = self._lines[number]
            self._drop_silent(line, at)
            if number in self._live and not line.on_page:
                self._rest(number)

    def _longest_idle(self, at: int) -> str | None:
        self._rest_silent(at)
        idle = next(iter(self._idle), None)
        live = next(iter(self._live), None)
        if live is not None and at - self._lines[live].seen_at < ON_PAGE_MS:
            live = None
        if idle is None or live is None:
            return idle or live
        return min(idle, live, key=lambda number: self._lines[number].seen_at)

    def _oldest_arrival(self) -> str:
        number = next(iter(self._arrivals), None)
        if number is None:
            raise PoolEmptyError("the pool has no number")
        return number

    def _take(self, number: str, visit: str, visitor: str, at: int) -> None:
        self._own(number, visitor)
        self._drop_silent(self._lines[number], at)
        holding = _Holding(number, visitor, at)
        self._holdings[visit] = holding
        self._sign_of_life(visit, holding, at)

    def _own(self, number: str, visitor: str) -> None:
        line = self._lines[number]
        if self._visitors.get(line.visitor) == number:
            del self._visitors[line.visitor]
        line.visitor = visitor
        self._visitors[visitor] = number
        self._arrivals.move_to_end(number)

    def _sign_of_life(self, visit: str, holding: _Holding, at: int) -> None:
        holding.seen_at = at
        self._holdings.move_to_end(visit)
        line = self._lines[holding.number]
        line.seen_at = at
        line.on_page[visit] = None
        line.on_page.move_to_end(visit)
        self._idle.pop(holding.number, None)
        self._live[holding.number] = None
        self._live.move_to_end(holding.number)
