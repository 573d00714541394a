"""What repeats change in a report, made ready when days are sealed: a file for each day of calls.

Calls of a line (a caller and a number) are linked from day to day, in runs (domain/tally.py). So a
day says what its calls changed in what was told of the days before it, apart for each day on which
such runs began: a report takes those that began within it. That is good as long as all files are
the same that could have a call of these runs.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb
import msgspec
import numpy as np

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.hazard import Flags, Floats
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.tally import Moments, Shares, begun, repeated
from ringtrace.domain.totals import UNKNOWN
from ringtrace.services.spam_records import Spam
from ringtrace.store.lake.lines import NO_SITE, Lines

READY: Final = frozenset({Spam.WITH, Spam.WITHOUT})
"""The reports that are made ready: of all calls, and of all but spam."""

_WINDOW_DAYS: Final = WINDOW_MS // DAY_MS


@dataclass(frozen=True, slots=True)
class Change:
    """As domain/tally.Moments; a slope for each of the `sites`."""

    spread: Sequence[float]
    skew: Sequence[float]
    sites: Sequence[str | None]
    slopes: Sequence[Sequence[Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Entry:
    """Of runs that began on the day `since`; `history` is that of files (see there)."""

    since: int
    history: str
    changes: Mapping[Spam, Change]


@dataclass(frozen=True, slots=True)
class DayRepeats:
    """The first column is that of what stays unknown, then those of the `channels` follow."""

    channels: Sequence[str]
    entries: Sequence[Entry]

    def still_hold(self, day: int, files: Mapping[int, str], since: int = 0) -> bool:
        """What is said on the `day` of runs that began on `since` or later, given the files."""
        return all(
            one.history == history(files, one.since, day)
            for one in self.entries
            if one.since >= since
        )

    def moments(
        self, sort: Spam, since: int, names: Sequence[str], codes: Mapping[str, int]
    ) -> Moments:
        """Of runs that began on the day `since` or later; the columns are UNKNOWN and `names`.

        `codes` are those of the sites.
        """
        columns = 1 + len(self.channels)
        nothing, spread, skew = np.zeros((3, columns))
        slopes: dict[str | None, Floats] = defaultdict(lambda: np.zeros((columns, columns + 1)))
        for change in (one.changes[sort] for one in self.entries if one.since >= since):
            spread, skew = spread + change.spread, skew + change.skew
            for site, slope in zip(change.sites, change.slopes, strict=True):
                slopes[site] += slope
        by_code = {NO_SITE if site is None else codes[site]: it for site, it in slopes.items()}
        told = Moments(nothing, spread, skew, nothing, nothing, by_code)
        return told.among(1 + len(names), [UNKNOWN + 1 + names.index(one) for one in self.channels])


def history(files: Mapping[int, str], since: int, until: int) -> str:
    """Stands for the files, named by day, that can have calls of runs begun in [since, until]."""
    days = range(since - _WINDOW_DAYS, until + 1)
    named = "\n".join([files[day] for day in days if day in files])
    return hashlib.sha256(named.encode()).hexdigest()[:16]


_encode = msgspec.json.Encoder().encode
_day_repeats = msgspec.json.Decoder(DayRepeats)


def of_day(file: Path) -> DayRepeats:
    """Raises OSError, msgspec.DecodeError."""
    return _day_repeats.decode(file.read_bytes())


class Making:
    """For the days of an account of which `source` has all calls; `files` are named by day.

    Numbers have the sites that sums.know_sites told, `sites` are these by their codes.
    """

    def __init__(
        self, database: duckdb.DuckDBPyConnection, source: str, days: Sequence[int],
        files: Mapping[int, str], sites: Sequence[str],
    ) -> None:  # fmt: skip
        those = ", ".join(map(str, days))
        self._lines = Lines(
            database, source, "true",
            f"SELECT DISTINCT hash(number, caller) AS line FROM {source}"
            f" WHERE repeat > 0 AND epoch_ms(started_at) // {DAY_MS} IN ({those})",
        )  # fmt: skip
        self._names = sorted(self._lines.channels())
        self._files = files
        self._sites = sites

    def encoded(self, day: int) -> bytes:
        told: dict[tuple[int, Spam], Moments] = {}
        nothing = Moments.nothing(1 + len(self._names))
        for lines in self._lines.read(self._names, day):
            calls, spam = _last_runs(*lines)
            since = begun(calls) // DAY_MS
            for start in np.unique(since).tolist():
                runs, is_spam = calls.only(since == start), spam[since == start]
                for sort, counted in ((Spam.WITH, runs.counted), (Spam.WITHOUT, ~is_spam)):
                    change = _added(replace(runs, counted=counted), day)
                    told[start, sort] = told.get((start, sort), nothing) + change
        entries = [
            Entry(since, history(self._files, since, day),
                  {sort: self._change(told.get((since, sort), nothing)) for sort in READY})
            # Of this day there always is one: it tells that no earlier call came to light since.
            for since in sorted({day, *(since for since, _ in told)})
        ]  # fmt: skip
        return _encode(DayRepeats(self._names, entries))

    def _change(self, told: Moments) -> Change:
        return Change(
            told.spread.tolist(), told.skew.tolist(),
            [None if code == NO_SITE else self._sites[code] for code in told.slope],
            [slope.tolist() for slope in told.slope.values()],
        )  # fmt: skip


def _last_runs(calls: Shares, spam: Flags) -> tuple[Shares, Flags]:
    """The calls until the end of a day on lines with a call on it: those of its own runs."""
    _, line = np.unique(calls.line, return_inverse=True)
    since = begun(calls)
    last = np.zeros(len(since), dtype=np.int64)
    np.maximum.at(last, line, since)
    own = since == last[line]
    return calls.only(own), spam[own]


def _added(calls: Shares, day: int) -> Moments:
    """What the calls of the day change in what was told of those before."""
    return repeated(calls) - repeated(calls.only(calls.at < day * DAY_MS))
