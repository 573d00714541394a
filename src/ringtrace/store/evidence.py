"""What speaks for whom: how what was read of visits and callers is understood."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ringtrace.domain.attribution import Caller, Candidate, EarlierCall
from ringtrace.domain.visit import Device, HitKind
from ringtrace.store import rows
from ringtrace.store.rows import Row

MOST_CALLS: Final = 1_000
"""The newest calls to a number that say who has called already."""

MOST_EARLIER: Final = 32
"""The newest calls of one caller; a switchboard's thousandth call continues none of them."""

MOST_CANDIDATES: Final = 10_000
"""The newest exposures; in a pool this starved the older ones tell nobody apart."""

SHOWN_COLUMNS: Final = f"e.shown_at, v.visitor_id, v.device, v.contact_at, {rows.CANDIDATE_COLUMNS}"


def shown(row: Row, called: Mapping[str, float]) -> Candidate:
    """From SHOWN_COLUMNS of an exposure `e` and its visit `v`.

    `called` are the calls expected of each visit so far; one is enough to have called.
    """
    shown_at, visitor_id, device, contact_at, *rest = row
    share = min(1.0, called.get(rest[0], 0.0))
    return rows.candidate(shown_at, tuple(rest), visitor_id, Device(device), contact_at, share)


def as_of(candidate: Candidate, at: int, last: Mapping[str, int]) -> Candidate:
    """A visit that went on after `at`, as it stood then: on page unless its last word was leave.

    `last` is the newest hit of each kind until then, without the first page view.
    """
    signs = {kind: moment for kind, moment in last.items() if kind != HitKind.LEAVE}
    left_at = last.get(HitKind.LEAVE)
    if left_at is not None and left_at <= max(signs.values(), default=candidate.shown_at):
        left_at = None
    return replace(
        candidate,
        seen_at=at if left_at is None else left_at,
        left_at=left_at,
        contact_at=signs.get(HitKind.CONTACT),
        tapped_at=signs.get(HitKind.TAP),
    )


def caller_of(
    candidates: Iterable[Candidate],
    own: Mapping[str, float],
    earlier: Sequence[EarlierCall],
    *,
    known: bool,
) -> Caller:
    """One who does not withhold his number; `own` is how probably he is each visitor."""
    tied: dict[str, float] = defaultdict(float)
    for one in candidates:
        tied[one.visitor_id] += one.called
    others = {
        visitor: min(1.0, share - own.get(visitor, 0.0))
        for visitor, share in tied.items()
        if share > own.get(visitor, 0.0)
    }
    return Caller(known=known, own=own, others=others, calls=earlier)
