"""Exposures: which visits were shown which number, as columns that can be weighed at once."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ringtrace.domain import hazard
from ringtrace.domain.hazard import Flags, Floats, Ints

NEVER: Final = 1 << 62
"""The moment (ms) of what did not happen."""

CELLS: Final = 4
"""Cells of a segment: desktop, mobile, and both again once the contact page was seen."""


class Segments:
    """Numbers the pairs of channel and keyword, so that a column can hold them."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str | None], int] = {}
        self.names: list[tuple[str, str | None]] = []

    def __len__(self) -> int:
        return len(self.names)

    def code(self, channel: str, keyword: str | None) -> int:
        key = (channel, keyword)
        code = self._codes.get(key)
        if code is None:
            code = self._codes[key] = len(self.names)
            self.names.append(key)
        return code


@dataclass(frozen=True, slots=True)
class Standing:
    """How visits stood at one moment: state, tap bin and cell of each (see hazard, CELLS)."""

    states: Ints
    taps: Ints
    cells: Ints


class Exposures:
    """One row a visit. Times are ms since 1970 UTC; `segment` is a code of `Segments`.

    `called` is the probability that the visit has made its first call.
    """

    __slots__ = (
        "_capacity", "_size", "called", "contact_at", "left", "mobile", "seen_at", "segment",
        "shown_at", "tapped_at", "visitor",
    )  # fmt: skip

    shown_at: Ints
    seen_at: Ints
    contact_at: Ints
    tapped_at: Ints
    segment: Ints
    visitor: Ints
    left: Flags
    mobile: Flags
    called: Floats

    def __init__(self, capacity: int = 1_024) -> None:
        self._size = 0
        self._capacity = capacity
        for name in _TIMES:
            setattr(self, name, np.full(capacity, NEVER, dtype=np.int64))
        for name in _FLAGS:
            setattr(self, name, np.zeros(capacity, dtype=np.bool_))
        self.called = np.zeros(capacity)

    def __len__(self) -> int:
        return self._size

    def add(self, at: int, segment: int, visitor: int, mobile: bool) -> int:
        """The row of a visit that is shown its number at `at`."""
        row = self._size
        if row == self._capacity:
            self._grow()
        self._size += 1
        self.shown_at[row] = self.seen_at[row] = at
        self.segment[row] = segment
        self.visitor[row] = visitor
        self.mobile[row] = mobile
        return row

    def seen(self, row: int, at: int) -> None:
        self.seen_at[row] = at
        self.left[row] = False

    def leave(self, row: int, at: int) -> None:
        self.seen_at[row] = at
        self.left[row] = True

    def contact(self, row: int, at: int) -> None:
        self.seen(row, at)
        self.contact_at[row] = min(at, int(self.contact_at[row]))

    def tap(self, row: int, at: int) -> None:
        self.seen(row, at)
        self.tapped_at[row] = at

    def standing(self, rows: Ints, at: int) -> Standing:
        """How the visits in `rows` stood at `at`; what happened later is not looked at."""
        mobile = self.mobile[rows]
        states = hazard.states(self.shown_at[rows], self.seen_at[rows], self.left[rows], mobile, at)
        contacted = self.contact_at[rows] <= at
        cells = self.segment[rows] * CELLS + mobile + 2 * contacted
        return Standing(states, hazard.tap_bins(self.tapped_at[rows], at), cells)

    def since(self, at: int) -> Ints:
        """The rows of visits that were shown a number at `at` or later."""
        return np.flatnonzero(self.shown_at[: self._size] >= at)

    def keep(self, rows: Ints) -> None:
        """Forget all rows but these; they take the places 0, 1, ... in the order given."""
        kept = len(rows)
        for name in (*_TIMES, *_FLAGS, "called"):
            column = getattr(self, name)
            column[:kept] = column[rows]
            column[kept : self._size] = _BLANK.get(name, 0)
        self._size = kept

    def _grow(self) -> None:
        for name in (*_TIMES, *_FLAGS, "called"):
            column = getattr(self, name)
            blank = np.full(self._capacity, _BLANK.get(name, 0), dtype=column.dtype)
            setattr(self, name, np.concatenate([column, blank]))
        self._capacity *= 2


_TIMES = ("shown_at", "seen_at", "contact_at", "tapped_at", "segment", "visitor")
_FLAGS = ("left", "mobile")
_BLANK = {"contact_at": NEVER, "tapped_at": NEVER}
