"""What an account's own visitors did, as columns that can be replayed under another pool."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from ringtrace.domain.exposure import Segments
from ringtrace.domain.hazard import Flags, Ints
from ringtrace.domain.visit import Device, HitKind

BEAT_MS: Final = 30_000
SESSION_MS: Final = 1_800_000
"""Between two hits further apart the visitor was away, if nothing else is known."""
_UNKNOWN: Final = -1


class Kind(IntEnum):
    """What happens, in the order in which simultaneous events are taken."""

    PAGE = 0
    CONTACT = 1
    BEAT = 2
    TAP = 3
    LEAVE = 4


_KINDS = {
    HitKind.PAGE: Kind.PAGE,
    HitKind.CONTACT: Kind.CONTACT,
    HitKind.BEAT: Kind.BEAT,
    HitKind.TAP: Kind.TAP,
    HitKind.LEAVE: Kind.LEAVE,
}


@dataclass(frozen=True, slots=True)
class Hit:
    """One message of a visit, `at` ms since 1970 UTC.

    `segment` is its channel and keyword; only the first one known of a visit counts.
    """

    at: int
    visit: str
    visitor: str
    kind: HitKind = HitKind.PAGE
    segment: tuple[str, str | None] | None = None
    device: Device | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Visits, a row each, in order of `shown_at`; and events in order of `at`. Times in ms.

    Every visit begins with an event PAGE. `rows` gives the row by the visit's id, `row` that of
    an event. `beats_filled`: the hits held no beats, so that visitors are taken to have stayed on
    page between two hits. `left_out` counts visits of which no channel is known.
    """

    rows: dict[str, int]
    shown_at: Ints
    visitor: Ints
    segment: Ints
    mobile: Flags
    segments: Segments
    at: Ints
    kind: Ints
    row: Ints
    beats_filled: bool
    left_out: int

    def __len__(self) -> int:
        return len(self.shown_at)

    @property
    def channels(self) -> tuple[str, ...]:
        """Those of the visits; a later page of the site itself may have suggested others."""
        codes = np.unique(self.segment).tolist()
        return tuple(sorted({self.segments.names[code][0] for code in codes}))


class NoVisitsError(ValueError):
    """There is no visit with a known channel among the hits."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Hits as columns in order of time; -1 where a hit does not say."""

    at: Ints
    kind: Ints
    visit: Ints
    visitor: Ints
    segment: Ints
    mobile: Ints


def gather(hits: Iterable[Hit], fill_ms: int | None = None) -> History:
    """Hits in any order. Raises NoVisitsError.

    Gaps of up to `fill_ms` between two hits of a visit on page are filled with beats; None means
    SESSION_MS if there is no beat among the hits, else 0.
    """
    ids: dict[str, int] = {}
    segments = Segments()
    rows = _sorted(_columns(hits, ids, segments))
    if fill_ms is None:
        fill_ms = 0 if bool((rows.kind == Kind.BEAT).any()) else SESSION_MS
    count = len(ids)
    segment = _first(rows.visit, rows.segment, count)
    known = segment != _UNKNOWN
    if not known.any():
        raise NoVisitsError("no visit with a known channel")
    begun, first = np.unique(rows.visit, return_index=True)
    order = begun[np.argsort(first, kind="stable")]
    order = order[known[order]]
    place = np.full(count, _UNKNOWN)
    place[order] = np.arange(len(order))
    kept = known[rows.visit]
    row = place[rows.visit[kept]]
    at, kind, row = _events(rows.at[kept], rows.kind[kept], row, fill_ms)
    return History(
        rows={visit: int(place[code]) for visit, code in ids.items() if known[code]},
        shown_at=rows.at[first[order]],
        visitor=rows.visitor[first[order]],
        segment=segment[order],
        mobile=_first(rows.visit, rows.mobile, count)[order] == 1,
        segments=segments,
        at=at,
        kind=kind,
        row=row,
        beats_filled=fill_ms > 0,
        left_out=count - len(order),
    )


def _columns(hits: Iterable[Hit], ids: dict[str, int], segments: Segments) -> _Rows:
    at, kind, visit, visitor, segment, mobile = (array("q") for _ in range(6))
    visitors: dict[str, int] = {}
    for hit in hits:
        at.append(hit.at)
        kind.append(_KINDS[hit.kind])
        visit.append(ids.setdefault(hit.visit, len(ids)))
        visitor.append(visitors.setdefault(hit.visitor, len(visitors)))
        segment.append(_UNKNOWN if hit.segment is None else segments.code(*hit.segment))
        mobile.append(_UNKNOWN if hit.device is None else hit.device is Device.MOBILE)
    columns = (at, kind, visit, visitor, segment, mobile)
    return _Rows(*(np.array(one, dtype=np.int64) for one in columns))


def _sorted(rows: _Rows) -> _Rows:
    order = np.lexsort((rows.kind, rows.at))
    return _Rows(
        rows.at[order], rows.kind[order], rows.visit[order],
        rows.visitor[order], rows.segment[order], rows.mobile[order],
    )  # fmt: skip


def _first(visit: Ints, values: Ints, count: int) -> Ints:
    """The first known value of each visit, rows being in order of time."""
    found = np.full(count, _UNKNOWN, dtype=np.int64)
    said = values != _UNKNOWN
    visits, first = np.unique(visit[said], return_index=True)
    found[visits] = values[said][first]
    return found


def _events(at: Ints, kind: Ints, row: Ints, fill_ms: int) -> tuple[Ints, Ints, Ints]:
    """The same events with each visit's page at its beginning and with the missing beats."""
    order = np.lexsort((kind, at, row))
    at, kind, row = at[order], kind[order], row[order]
    first = np.flatnonzero(np.diff(row, prepend=-1))
    headless = first[kind[first] != Kind.PAGE]
    gap = np.append(at[1:] - at[:-1], 0)
    follows = np.append(row[1:] == row[:-1], np.zeros(min(1, len(row)), dtype=np.bool_))
    stays = follows & (kind != Kind.LEAVE) & (gap > BEAT_MS) & (gap <= fill_ms)
    beats = np.where(stays, (gap - 1) // BEAT_MS, 0)
    beat = np.arange(int(beats.sum())) - np.repeat(np.cumsum(beats) - beats, beats) + 1
    at = np.concatenate([at[headless], at, np.repeat(at, beats) + BEAT_MS * beat])
    kinds = (np.full(len(headless), Kind.PAGE), kind, np.full(len(beat), Kind.BEAT))
    kind = np.concatenate(kinds).astype(np.int64)
    row = np.concatenate([row[headless], row, np.repeat(row, beats)])
    order = np.lexsort((kind, at))
    return at[order], kind[order], row[order]
