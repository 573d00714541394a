"""Calls put onto visits, so that they can be replayed under pools that never were.

A real call says which number rang, not who would have called under another pool. Where the visit
behind it is not known it is drawn: from our own attribution of the call, else by the shipped
hazard of all visits at its moment.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.exposure import Exposures
from ringtrace.domain.hazard import Ints
from ringtrace.domain.history import History, Kind
from ringtrace.domain.model import SHIPPED, Rates

WITHHELD: Final = -1


class Placement(StrEnum):
    """How the visit behind a call was found."""

    GIVEN = "given"
    ATTRIBUTED = "attributed"
    BY_HAZARD = "by_hazard"
    DRAWN = "drawn"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class PartialCredit:
    """A share of a call; without a visit it is that of all visits of the segment together."""

    visit: str | None
    segment: tuple[str, str | None]
    probability: float


@dataclass(frozen=True, slots=True)
class RealCall:
    """A call at `at` (ms since 1970). `visit` if it is known, else our `credits` if there are.

    What is missing in the credits to 1 is the probability that it was a wrong number.
    """

    at: int
    caller: str | None = None
    visit: str | None = None
    credits: Sequence[PartialCredit] = ()


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls in order of `at` (ms); `visit` is a row of the history, `caller` WITHHELD or a code.

    `counts` says how many calls were placed how.
    """

    at: Ints
    visit: Ints
    caller: Ints
    counts: dict[Placement, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.at)


class _Cursor:
    """The visits of a history as they stood at ever later moments."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._events = zip(
            history.at.tolist(), history.kind.tolist(), history.row.tolist(), strict=True
        )
        self._next = next(self._events, None)
        self._exposures = Exposures(len(history))
        self._rates = Rates(SHIPPED, history.segments)
        self._codes = {name: code for code, name in enumerate(history.segments.names)}

    def draw(
        self, at: int, rng: np.random.Generator, segment: tuple[str, str | None] | None = None
    ) -> int | None:
        """A visit by its hazard at `at`; of one segment if it is given."""
        self._advance(at)
        shown = self._history.shown_at
        first, end = np.searchsorted(shown, [at - WINDOW_MS, at + 1])
        rows = np.arange(first, end)
        if segment is not None:
            code = self._codes.get(segment, -1)
            rows = rows[self._history.segment[rows] == code]
        if not len(rows):
            return None
        totals = np.cumsum(self._rates.weigh(self._exposures.standing(rows, at), at))
        found = np.searchsorted(totals, rng.random() * totals[-1], side="right")
        return int(rows[min(int(found), len(rows) - 1)])

    def _advance(self, at: int) -> None:
        exposures, history = self._exposures, self._history
        while self._next is not None and self._next[0] <= at:
            when, kind, row = self._next
            if row == len(exposures):
                exposures.add(when, int(history.segment[row]), 0, bool(history.mobile[row]))
            elif kind == Kind.LEAVE:
                exposures.leave(row, when)
            elif kind == Kind.CONTACT:
                exposures.contact(row, when)
            elif kind == Kind.TAP:
                exposures.tap(row, when)
            else:
                exposures.seen(row, when)
            self._next = next(self._events, None)


class _Placer:
    def __init__(self, history: History, rng: np.random.Generator) -> None:
        self._history = history
        self._rng = rng
        self._cursor = _Cursor(history)
        self._visit_of: dict[str, int] = {}

    def place(self, call: RealCall) -> tuple[int | None, Placement]:
        if call.visit is not None:
            return self._known(call.visit, call.at), Placement.GIVEN
        if call.credits:
            return self._credited(call), Placement.ATTRIBUTED
        row = None if call.caller is None else self._visit_of.get(call.caller)
        if row is None:
            row = self._cursor.draw(call.at, self._rng)
        if row is not None and call.caller is not None:
            self._visit_of[call.caller] = row
        return row, Placement.BY_HAZARD

    def _known(self, visit: str, at: int) -> int | None:
        row = self._history.rows.get(visit)
        return row if row is not None and self._history.shown_at[row] <= at else None

    def _credited(self, call: RealCall) -> int | None:
        point = self._rng.random()
        for credit in call.credits:
            point -= credit.probability
            if point >= 0:
                continue
            if credit.visit is not None:
                return self._known(credit.visit, call.at)
            return self._cursor.draw(call.at, self._rng, credit.segment)
        return None


def place(history: History, calls: Iterable[RealCall], rng: np.random.Generator) -> Calls:
    """Calls of whose visit nothing is in the history, and drawn wrong numbers, are left out.

    Later calls of one caller of whom nothing else is known go to the visit of his first one.
    """
    placer = _Placer(history, rng)
    at, visit, caller = array("q"), array("q"), array("q")
    callers: dict[str, int] = {}
    counts = dict.fromkeys(Placement, 0)
    for call in sorted(calls, key=lambda call: call.at):
        row, how = placer.place(call)
        if row is None:
            counts[Placement.LEFT_OUT] += 1
            continue
        counts[how] += 1
        at.append(call.at)
        visit.append(row)
        known = call.caller is not None
        caller.append(callers.setdefault(call.caller or "", len(callers)) if known else WITHHELD)
    found = [np.array(one, dtype=np.int64) for one in (at, visit, caller)]
    return Calls(found[0], found[1], found[2], counts)
