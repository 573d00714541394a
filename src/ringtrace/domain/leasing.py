"""Who is shown which number of a pool.

Pools are shared by design. The promise: one number per visit however often it asks; one number per
visitor while he keeps it; never two on-page holders of a number while a number of the group is
free. A group is the part of the pool that a channel leases from; a number is free when nobody who
was shown it is on page. Of the free numbers the longest idle is taken, because the chance that its
former holders still call is least; a number last shown for the same keyword is preferred to one
idle up to ten times longer, because a mix-up within a keyword costs least (pool.md, policy P2F).

Where a mix-up is more probable than a pool's `extensions_above`, the visitor is shown an extension
too. He then takes the number from nobody: its holder keeps it (policy P3).
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ringtrace.domain import split
from ringtrace.domain.codes import Codes
from ringtrace.domain.grouping import Groups
from ringtrace.domain.idleness import Line
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.visit import ON_PAGE_MS


@dataclass(frozen=True, slots=True)
class Lease:
    """`new` when the visit was shown this number for the first time; `extension` is beside it.

    `given`: the extension was given out now.
    """

    number: str
    new: bool
    extension: str | None = None
    given: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """A lease of an earlier run, made at `shown_at`; `seen_at` is the visit's last sign of life."""

    number: str
    visit: str
    visitor: str
    seen_at: int
    left: bool
    channel: str = ""
    keyword: str | None = None
    extension: str | None = None
    shown_at: int = 0

    def as_of(self, at: int) -> "Restored":
        """What lies after `at` was written under a clock that was ahead: it counts as now."""
        if max(self.seen_at, self.shown_at) <= at:
            return self
        return replace(self, seen_at=min(self.seen_at, at), shown_at=min(self.shown_at, at))


@dataclass(slots=True)
class _Holding:
    line: Line
    visitor: str
    seen_at: int
    extension: str | None = None


KEYED: Final = 0.7
"""So many of the callers who were shown an extension key it (assumed; pool.md, section 4.6)."""


class PoolEmptyError(LookupError):
    """The pool has no number at all."""


class Pool:
    """The leases of one pool. O(1) a lease but for numbers shared by several holders, O(log N).

    Times are ms since 1970 UTC; a clock that goes back is read as standing still. Visits without a
    sign of life for `forget_ms` are forgotten: their number is known to the store alone. A new
    pool is one group; `resplit` divides it.
    """

    def __init__(
        self,
        numbers: Iterable[str],
        *,
        forget_ms: int = 2 * DAY_MS,
        extensions_above: float | None = None,
        turns: Mapping[str, int] | None = None,
    ) -> None:
        self._lines = {number: Line(number, split.TAIL) for number in numbers}
        self._groups = Groups(self._lines.values(), weigh_risk=extensions_above is not None)
        self._extensions_above = extensions_above
        self._codes = Codes(turns or {})
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

    @property
    def now(self) -> int:
        """The latest moment that was heard of."""
        return self._now

    def lease(
        self, visit: str, visitor: str, at: int, channel: str = "", keyword: str | None = None
    ) -> Lease:
        """The number to show to `visit` from `at` on. Raises PoolEmptyError."""
        at = self._advance(at)
        holding = self._holdings.get(visit)
        if holding is not None:
            self._sign_of_life(visit, holding, at)
            return Lease(holding.line.number, new=False, extension=holding.extension)
        self._settle(visitor, at)
        line, code, given = self._numbered(visitor, channel, keyword, at)
        if code is None:
            self._codes.drop(visitor)
            self._own(line, visitor)
        self._took(line, channel, keyword, at, code)
        self._hold(line, visit, visitor, at, code)
        return Lease(line.number, new=True, extension=code, given=given)

    def follow(
        self,
        made: Lease,
        visit: str,
        visitor: str,
        at: int,
        channel: str = "",
        keyword: str | None = None,
    ) -> None:
        """Take up a new lease that was decided elsewhere, after all that was told here so far.

        Who follows all leases and signs of a pool in one order decides as any other who does. A
        number that is not of the pool is passed over.
        """
        line = self._lines.get(made.number)
        if line is None:
            return
        at = self._advance(at)
        self._settle(visitor, at)
        if made.extension is None:
            self._codes.drop(visitor)
            self._own(line, visitor)
        elif made.given:
            self._codes.follow(made.number, visitor, made.extension)
        self._took(line, channel, keyword, at, made.extension)
        self._hold(line, visit, visitor, at, made.extension)

    def _numbered(
        self, visitor: str, channel: str, keyword: str | None, at: int
    ) -> tuple[Line, str | None, bool]:
        """The number for a new visit, the extension beside it, whether that is given out now."""
        coded = self._coded(visitor)
        if coded is not None and not self._others_hold(coded[0], visitor, at):
            return *coded, False
        kept = self._visitors.get(visitor)
        if kept is not None and not self._others_hold(kept, visitor, at):
            return kept, None, False
        line = self._groups.choose(channel, keyword, at)
        if line is None:
            raise PoolEmptyError("the pool has no number")
        if coded is not None and line.is_on_page(at):
            return *coded, False
        above = self._extensions_above
        if above is None or self._groups.risk(line, channel, at) <= above:
            return line, None, False
        return line, self._codes.give(line.number, visitor), True

    def _coded(self, visitor: str) -> tuple[Line, str] | None:
        held = None if self._extensions_above is None else self._codes.of(visitor)
        return None if held is None else (self._lines[held[0]], held[1])

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
        shown. `rates` (calls per visit by channel) weigh who might be mixed up.
        """
        planned = split.divide(len(self._lines), expected_calls)
        self._groups.resplit(planned, rates or {}, self._now)

    def restore(self, leases: Iterable[Restored]) -> None:
        """Take up the leases of an earlier run, given in the order in which they were made.

        A number that is no longer of the pool is passed over.
        """
        known = [lease for lease in leases if lease.number in self._lines]
        for lease in known:
            line = self._lines[lease.number]
            if lease.extension is None:
                self._own(line, lease.visitor)
            else:
                self._codes.restore(lease.number, lease.visitor, lease.extension)
            self._took(line, lease.channel, lease.keyword, lease.shown_at, lease.extension)
            line.seen_at = max(line.seen_at, lease.seen_at)
        latest = {lease.visit: lease for lease in known}
        for lease in sorted(latest.values(), key=lambda lease: lease.seen_at):
            at = self._advance(lease.seen_at)
            holding = _Holding(self._lines[lease.number], lease.visitor, at, lease.extension)
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

    def _settle(self, visitor: str, at: int) -> None:
        """What a lease finds out by the way, told to those who follow it, too."""
        self._rest_silent(at)
        coded, kept = self._coded(visitor), self._visitors.get(visitor)
        for line in (coded and coded[0], kept):
            if line is not None:
                self._drop_silent(line, at)

    def _rest_silent(self, at: int) -> None:
        while self._silences and at - self._silences[0][0] >= ON_PAGE_MS:
            _, number = heapq.heappop(self._silences)
            line = self._lines[number]
            self._drop_silent(line, at)
            if self._groups.is_live(line) and not line.on_page:
                self._groups.rest(line)

    def _others_hold(self, line: Line, visitor: str, at: int) -> bool:
        """Whether somebody else is on page with the number and no extension."""
        self._drop_silent(line, at)
        holders = (self._holdings[visit] for visit in line.on_page)
        return any(one.visitor != visitor and one.extension is None for one in holders)

    def _own(self, line: Line, visitor: str) -> None:
        if self._visitors.get(line.visitor) is line:
            del self._visitors[line.visitor]
        line.visitor = visitor
        self._visitors[visitor] = line

    def _took(
        self, line: Line, channel: str, keyword: str | None, at: int, extension: str | None
    ) -> None:
        share = 1.0 if extension is None else 1.0 - KEYED
        self._groups.took(line, channel, keyword, at, share)

    def _hold(self, line: Line, visit: str, visitor: str, at: int, extension: str | None) -> None:
        self._drop_silent(line, at)
        holding = _Holding(line, visitor, at, extension)
        self._holdings[visit] = holding
        self._sign_of_life(visit, holding, at)

    def _sign_of_life(self, visit: str, holding: _Holding, at: int) -> None:
        holding.seen_at = at
        self._holdings.move_to_end(visit)
        line = holding.line
        line.seen_at = at
        line.on_page[visit] = None
        line.on_page.move_to_end(visit)
        self._groups.sign(line)
