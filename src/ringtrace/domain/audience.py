"""The visits of a site that were shown numbers, by number and within the window."""

from array import array

import numpy as np

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.exposure import Exposures, Segments
from ringtrace.domain.hazard import Floats, Ints


class Audience:
    """Rows of `exposures` by visit and by number (0 to numbers - 1). Times are ms.

    Visits and cookies are any integers; `forget` gives the rows and the visitors new codes.
    """

    def __init__(self, numbers: int, segments: Segments) -> None:
        self.exposures = Exposures()
        self._segments = segments
        self._rows_of = [array("q") for _ in range(numbers)]
        self._row_of: dict[int, int] = {}
        self._visits = array("q")
        self._visitors: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.exposures)

    def row(self, visit: int) -> int | None:
        return self._row_of.get(visit)

    def visit(self, row: int) -> int:
        return self._visits[row]

    def show(
        self, visit: int, cookie: int, number: int, segment: int, at: int, mobile: bool
    ) -> None:
        """A visit is shown its number for the first time."""
        visitor = self._visitors.setdefault(cookie, len(self._visitors))
        row = self.exposures.add(at, segment, visitor, mobile)
        self._row_of[visit] = row
        self._visits.append(visit)
        self._rows_of[number].append(row)

    def shown(self, number: int, at: int) -> Ints:
        """The visits that were shown the number within the window before `at`."""
        rows = np.array(self._rows_of[number], dtype=np.int64)
        since = np.searchsorted(self.exposures.shown_at[rows], at - WINDOW_MS)
        return np.asarray(rows[since:])

    def counts(self, since: int) -> Floats:
        """Visits since then by segment."""
        rows = self.exposures.since(since)
        counts = np.bincount(self.exposures.segment[rows], minlength=len(self._segments))
        return counts.astype(np.float64)

    def taps(self, since: int, until: int) -> int:
        """Visits that tapped the number last in [since, until)."""
        tapped = self.exposures.tapped_at[: len(self)]
        return int(((tapped >= since) & (tapped < until)).sum())

    def forget(self, before: int) -> Ints | None:
        """Forget visits without a sign of life since then.

        Answers the new codes of visitors at their old places, -1 for those forgotten; None when
        nothing was forgotten.
        """
        kept = np.flatnonzero(self.exposures.seen_at[: len(self)] >= before)
        if len(kept) == len(self):
            return None
        moved = np.full(len(self), -1, dtype=np.int64)
        moved[kept] = np.arange(len(kept))
        for number, rows in enumerate(self._rows_of):
            new = moved[np.array(rows, dtype=np.int64)]
            self._rows_of[number] = array("q", new[new >= 0].tolist())
        visits = np.array(self._visits, dtype=np.int64)[kept].tolist()
        self._visits = array("q", visits)
        self._row_of = {visit: row for row, visit in enumerate(visits)}
        self.exposures.keep(kept)
        return self._forget_visitors()

    def _forget_visitors(self) -> Ints:
        column = self.exposures.visitor[: len(self)]
        used = np.unique(column)
        moved = np.full(len(self._visitors), -1, dtype=np.int64)
        moved[used] = np.arange(len(used))
        column[:] = moved[column]
        codes = moved.tolist()
        self._visitors = {
            cookie: codes[code] for cookie, code in self._visitors.items() if codes[code] >= 0
        }
        return moved
