"""Calls that the shipped hazard expects of visits, drawn where no real calls are at hand."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ringtrace.domain import hazard
from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.exposure import CELLS, NEVER
from ringtrace.domain.hazard import Flags, Floats, Ints
from ringtrace.domain.history import History, Kind
from ringtrace.domain.model import SHIPPED, Rates
from ringtrace.domain.placing import Calls, Placement
from ringtrace.domain.visit import ON_PAGE_MS

_CHUNK: Final = 8_192
_SINCE_EVENT_MS: Final[Ints] = np.unique(
    [hazard.JUST_LEFT_MS, ON_PAGE_MS, *np.ceil(hazard.AGE_EDGES_MS).astype(np.int64)]
)


def draw(history: History, rng: np.random.Generator) -> Calls:
    """First calls of the visits, as long as the history lasts.

    The caller is the visitor and shows his number; nobody calls again.
    """
    standings = _Standings.of(history)
    parts = [
        standings.calls(np.arange(start, min(start + _CHUNK, len(history.at))), rng)
        for start in range(0, len(history.at), _CHUNK)
    ]
    at, row = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(at, kind="stable")
    at, row = at[order], row[order]
    # The earliest of several is the visit's first call; the others are not made.
    first = np.sort(np.unique(row, return_index=True)[1])
    at, row = at[first], row[first]
    counts = dict.fromkeys(Placement, 0) | {Placement.DRAWN: len(at)}
    return Calls(at, row, history.visitor[row], counts)


@dataclass(frozen=True, slots=True)
class _Standings:
    """How visits stand from each event `at` of a history `until` the visit's next one; ms."""

    at: Ints
    until: Ints
    row: Ints
    shown_at: Ints
    tapped_at: Ints
    left: Flags
    mobile: Flags
    factors: Floats

    @classmethod
    def of(cls, history: History) -> "_Standings":
        row = history.row
        order = np.lexsort((np.arange(len(row)), row))
        until = np.full(len(row), history.at[-1])
        same = row[order][1:] == row[order][:-1]
        until[order[:-1][same]] = history.at[order[1:][same]]
        contacted = _latest(history, order, Kind.CONTACT) < NEVER
        cells = history.segment[row] * CELLS + history.mobile[row] + 2 * contacted
        return cls(
            at=history.at,
            until=np.minimum(until, np.maximum(history.shown_at[row] + WINDOW_MS, history.at)),
            row=row,
            shown_at=history.shown_at[row],
            tapped_at=_latest(history, order, Kind.TAP),
            left=history.kind == Kind.LEAVE,
            mobile=history.mobile[row],
            factors=Rates(SHIPPED, history.segments).cell_factors()[cells],
        )

    def calls(self, events: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Moments and rows of the calls between these events and their next ones."""
        borders = self._borders(events)
        spans = np.diff(borders, axis=1)
        # What holds at the beginning of a span holds throughout it.
        mass = np.cumsum(self._rates(events, borders[:, :-1]) * spans / 1_000, axis=1)
        need = rng.exponential(size=len(events))
        called = np.flatnonzero(need < mass[:, -1])
        span = (mass[called] <= need[called, None]).sum(axis=1)
        within = rng.random(len(called)) * spans[called, span]
        return borders[called, span] + within.astype(np.int64), self.row[events[called]]

    def _borders(self, events: Ints) -> Ints:
        """Moments between which no rate changes, in order; a row an event."""
        at, until = self.at[events, None], self.until[events, None]
        tapped_at = np.minimum(self.tapped_at[events, None], NEVER // 2)
        edges = (
            at,
            until,
            self.shown_at[events, None] + hazard.STAYS_MS,
            at + _SINCE_EVENT_MS,
            tapped_at + hazard.TAP_EDGES_MS,
        )
        return np.sort(np.clip(np.concatenate(edges, axis=1), at, until), axis=1)

    def _rates(self, events: Ints, at: Ints) -> Floats:
        """Calls per second at the moments `at`, a row an event."""
        seen_at = self.at[events, None] - at
        state = hazard.states(
            self.shown_at[events, None] - at,
            seen_at,
            np.broadcast_to(self.left[events, None], at.shape),
            np.broadcast_to(self.mobile[events, None], at.shape),
            0,
        )
        tap = hazard.tap_bins(self.tapped_at[events, None] - at, 0)
        found = self.factors[events, None] * np.array(SHIPPED.hazard)[state]
        return np.asarray(found + np.array(SHIPPED.tap)[tap])


def _latest(history: History, order: Ints, kind: Kind) -> Ints:
    """When the visit's latest event of this kind was, as of each event; NEVER without one.

    `order` sorts the events by visit, then time.
    """
    is_kind = history.kind[order] == kind
    position = np.maximum.accumulate(np.where(is_kind, np.arange(len(order)), -1))
    begins = np.diff(history.row[order], prepend=-1) != 0
    start = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    found = np.full(len(order), NEVER)
    found[order] = np.where(position >= start, history.at[order][position], NEVER)
    return found
