"""How many seconds visits spent in each state: what learning divides calls by."""

from typing import Final

import numpy as np

from ringtrace.domain import hazard
from ringtrace.domain.exposure import CELLS, Exposures
from ringtrace.domain.hazard import Floats, Ints
from ringtrace.domain.visit import ON_PAGE_MS

_FAR: Final = 1 << 50


def exposed_seconds(
    exposures: Exposures, rows: Ints, cells: int, span: tuple[int, int], window: int
) -> Floats:
    """Seconds by cell and state (shape `cells` x STATES) between the moments of `span` (ms).

    A visit counts until `window` ms after it was shown its number; `cells` is CELLS times the
    segments. Who called makes no first call any more: once he left, a visit counts for the chance
    that it has not called so far.
    """
    table = np.zeros((cells, hazard.STATES))
    recent = rows[exposures.seen_at[rows] + ON_PAGE_MS >= span[0]]
    _add_on_page(table, _Visits(exposures, recent, span, window))
    _add_just_left(table, _Visits(exposures, recent, span, window))
    _add_ages(table, _Visits(exposures, rows, span, window))
    return table


class _Visits:
    """The columns needed, in ms."""

    def __init__(
        self, exposures: Exposures, rows: Ints, span: tuple[int, int], window: int
    ) -> None:
        since, until = span
        self.shown = exposures.shown_at[rows]
        self.seen = np.minimum(exposures.seen_at[rows], until)
        self.left = exposures.left[rows]
        self.mobile = exposures.mobile[rows]
        self.contact = exposures.contact_at[rows]
        self.silent: Floats = 1.0 - exposures.called[rows]
        self.base: Ints = exposures.segment[rows] * CELLS + self.mobile
        self.since = since
        self.until: Ints = np.minimum(until, self.shown + window)

    def contacted(self, at: Ints) -> Ints:
        return 2 * (self.contact <= at)


def _add(table: Floats, cells: Ints, columns: Ints, milliseconds: Ints | Floats) -> None:
    size, width = table.shape
    seconds = np.broadcast_to(np.asarray(milliseconds) / 1_000, cells.shape)
    found = np.bincount(cells * width + columns, seconds, minlength=size * width)
    table += found.reshape(size, width)


def _add_on_page(table: Floats, visits: _Visits) -> None:
    base = visits.base
    silence = np.where(visits.left, 0, ON_PAGE_MS)
    begin = np.maximum(visits.shown, visits.since)
    end = np.minimum(visits.seen + silence, visits.until)
    borders = [0, *hazard.STAYS_MS.tolist(), _FAR]
    states = np.where(visits.mobile, hazard.MOBILE_ON_PAGE, hazard.DESKTOP_ON_PAGE)
    for stay in range(hazard.STAYS):
        low = np.maximum(begin, visits.shown + borders[stay])
        high = np.minimum(end, visits.shown + borders[stay + 1])
        turn = np.clip(visits.contact, low, np.maximum(low, high))
        _add(table, base, states + stay, np.maximum(turn - low, 0))
        _add(table, base + 2, states + stay, np.maximum(high - turn, 0))


def _add_just_left(table: Floats, visits: _Visits) -> None:
    base = visits.base
    stay = np.searchsorted(hazard.STAYS_MS, visits.seen - visits.shown, side="right")
    low = np.maximum(visits.seen, visits.since)
    high = np.minimum(visits.seen + hazard.JUST_LEFT_MS, visits.until)
    spent = np.where(visits.left & visits.mobile, high - low, 0)
    cells = base + visits.contacted(visits.seen)
    _add(table, cells, hazard.MOBILE_JUST_LEFT + stay, visits.silent * np.maximum(spent, 0))


def _add_ages(table: Floats, visits: _Visits) -> None:
    base = visits.base
    hidden = np.where(visits.mobile, hazard.JUST_LEFT_MS, 0)
    youngest = np.where(visits.left, hidden, ON_PAGE_MS)
    low = np.maximum(youngest, visits.since - visits.seen)
    high = visits.until - visits.seen
    aged = high > low
    low, high = low[aged], high[aged]
    cells = (base + visits.contacted(visits.seen))[aged]
    silent = visits.silent[aged]
    first, last = hazard.age_bins(low), hazard.age_bins(high)
    edges = hazard.AGE_EDGES_MS
    ages = np.zeros((len(table), hazard.AGE_BINS + 1))
    within = first == last
    _add(ages, cells, first, silent * (np.where(within, high, edges[first + 1]) - low))
    _add(ages, cells, last, silent * np.where(within, 0, high - edges[last]))
    # Bins passed in full: one more from the bin after the first on, one less from the last on.
    passing = np.zeros_like(ages)
    _add(passing, cells, first + 1, 1_000 * silent)
    _add(passing, cells, np.maximum(last, first + 1), -1_000 * silent)
    ages = (ages + np.cumsum(passing, axis=1) * _WIDTHS)[:, :-1]
    early = ages[1::2, : hazard.EARLY_BINS].copy()
    ages[1::2, : hazard.EARLY_BINS] = 0.0
    table[:, hazard.AGES : hazard.MOBILE_AGES] += ages
    table[1::2, hazard.MOBILE_AGES :] += early


_WIDTHS: Final[Floats] = np.append(np.diff(hazard.AGE_EDGES_MS), 0.0) / 1_000
