"""Who is shown which number of a pool.

Pools are shared by design. The promise: one number per visit however often it asks; one number per
visitor while he keeps it; never two on-page holders of a number while a number of the group is
free. A group is the part of the pool that a channel leases from; a number is free when nobody who
was shown it is on page. Of the free numbers the longest idle is taken, because the chance that its
former holders still call is least; a number last shown for the same keyword is preferred to one
idle up to ten times longer, because a mix-up within a keyword costs least (pool.md, policy P2F).
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ringtrace.domain import split
from ringtrace.domain.grouping import Groups
from ringtrace.domain.idleness import Line
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
    channel: str = ""
    keyword: str | None = None


@dataclass(slots=True)
class _Holding:
    line: Line
    visitor: str
    seen_at: int


class PoolEmptyError(LookupError):
    """The pool has no number at all."""


class Pool:
    """The leases of one pool. O(1) a lease but for numbers shared by several holders, O(log N).

    Times are ms since 1970 UTC; a clock that goes back is read as standing still. Visits without a
    sign of life for `forget_ms` are forgotten: their number is known to the store alone. A new
    pool is one group; `resplit` divides it.
    """

    def __init__(self, numbers: Iterable[str], *, forget_ms: int = 2 * 86_400_000) -> None:
        self._lines = {number: Line(number, split.TAIL) for number in numbers}
        self._groups = Groups(self._lines.values())
        # Shared numbers whose latest holder left: the others' silence may free them earlier.
        self._silences: list[tuple[int, str]] = []
        self._holdings: OrderedDict[str, _Holding] = OrderedDict()
        self._visitors: dict[str, Line] = {}
        self._forget_ms = forget_ms
        self._now = 0

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, number: str) -> bool:
        return number in self._lines

    def lease(
        self, visit: str, visitor: str, at: int, channel: str = "", keyword: str | None = None
    ) -> Lease:
        """The number to show to `visit` from `at` on. Raises PoolEmptyError."""
        at = self._advance(at)
        holding = self._holdings.get(visit)
        if holding is not None:
            self._sign_of_life(visit, holding, at)
            return Lease(holding.line.number, new=False)
        self._rest_silent(at)
        line = self._kept_by(visitor, at) or self._groups.choose(channel, keyword, at)
        if line is None:
            raise PoolEmptyError("the pool has no number")
        self._own(line, visitor, channel, keyword)
        self._drop_silent(line, at)
        holding = _Holding(line, visitor, at)
        self._holdings[visit] = holding
        self._sign_of_life(visit, holding, at)
        return Lease(line.number, new=True)

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
        line = holding.line
        if visit not in line.on_page:
            return
        del line.on_page[visit]
        self._drop_silent(line, at)
        if line.on_page:
            quiet_since = self._holdings[next(reversed(line.on_page))].seen_at
            heapq.heappush(self._silences, (quiet_since, line.number))
            return
        line.seen_at = at
        self._groups.rest(line)

    def holds(self, visit: str) -> bool:
        return visit in self._holdings

    def on_page(self, number: str, at: int) -> set[str]:
        """The visits that look at a page with this number."""
        line = self._lines[number]
        self._drop_silent(line, self._advance(at))
        return set(line.on_page)

    def sizes(self) -> dict[str, int]:
        """How many numbers each group has; the group of no channel is called ''."""
        return self._groups.sizes()

    def resplit(
        self, expected_calls: Mapping[str, float], rates: Mapping[str, float] | None = None
    ) -> None:
        """Divide the pool by the calls expected of each channel in any one period.

        What groups must give away are their longest idle numbers. Nobody loses a number he is
        shown. `rates` (calls per visit by channel) weigh holders in a pool too small to divide.
        """
        planned = split.divide(len(self._lines), expected_calls)
        self._groups.resplit(planned, rates or {}, self._now)

    def restore(self, leases: Iterable[Restored]) -> None:
        """Take up the leases of an earlier run, given in the order in which they were made.

        A number that is no longer of the pool is passed over.
        """
        known = [lease for lease in leases if lease.number in self._lines]
        for lease in known:
            self._own(self._lines[lease.number], lease.visitor, lease.channel, lease.keyword)
        latest = {lease.visit: lease for lease in known}
        for lease in sorted(latest.values(), key=lambda lease: lease.seen_at):
            at = self._advance(lease.seen_at)
            holding = _Holding(self._lines[lease.number], lease.visitor, at)
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
            holding.line.on_page.pop(visit, None)

    def _drop_silent(self, line: Line, at: int) -> None:
        while line.on_page:
            longest_silent = next(iter(line.on_page))
            if at - self._holdings[longest_silent].seen_at < ON_PAGE_MS:
                return
            del line.on_page[longest_silent]

    def _rest_silent(self, at: int) -> None:
        while self._silences and at - self._silences[0][0] >= ON_PAGE_MS:
            _, number = heapq.heappop(self._silences)
            line = self._lines[number]
            self._drop_silent(line, at)
            if self._groups.is_live(line) and not line.on_page:
                self._groups.rest(line)

    def _kept_by(self, visitor: str, at: int) -> Line | None:
        """The visitor's number, unless somebody else leased it since or is on page with it."""
        line = self._visitors.get(visitor)
        if line is None:
            return None
        self._drop_silent(line, at)
        if any(self._holdings[v].visitor != visitor for v in line.on_page):
            return None
        return line

    def _own(self, line: Line, visitor: str, channel: str, keyword: str | None) -> None:
        if self._visitors.get(line.visitor) is line:
            del self._visitors[line.visitor]
        line.visitor = visitor
        self._visitors[visitor] = line
        self._groups.took(line, channel, keyword, self._now)

    def _sign_of_life(self, visit: str, holding: _Holding, at: int) -> None:
        holding.seen_at = at
        self._holdings.move_to_end(visit)
        line = holding.line
        line.seen_at = at
        line.on_page[visit] = None
        line.on_page.move_to_end(visit)
        self._groups.sign(line)
