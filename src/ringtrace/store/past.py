"""A site's past as learning wants it, from what was read of it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from ringtrace.domain.past import PastCall, PastCanary, PastVisit
from ringtrace.domain.visit import Device
from ringtrace.store.rows import Row

VISIT_COLUMNS: Final = (
    "visit_id, visitor_id, number, started_at, seen_at, left_at, channel,"
    " coalesce(term, campaign), device"
)

CALL_COLUMNS: Final = (
    "c.started_at, c.number, c.caller,"
    # What a user said stands above all else; of the proofs the stronger's name comes first.
    " CASE WHEN k.call_id IS NOT NULL THEN k.visit_id ELSE (SELECT p.visit_id FROM proofs p"
    "  WHERE p.account_id = c.account_id AND p.gateway = c.gateway AND p.call_id = c.call_id"
    "  ORDER BY p.kind LIMIT 1) END,"
    " k.call_id IS NOT NULL AND k.visit_id IS NULL"
)
"""Of a call `c` and the correction `k` of it, if any."""


def first_id(at: int) -> str:
    """Visit ids begin with the time they were made, so the key itself narrows a search."""
    return f"{at:012x}"


def visits(found: Iterable[Row], signs: Iterable[Row]) -> tuple[PastVisit, ...]:
    """From VISIT_COLUMNS, and visit_id, at, kind of the hits, oldest first."""
    signs_of: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for visit_id, moment, kind in signs:
        signs_of[visit_id].append((moment, kind))
    return tuple(
        PastVisit(
            visit_id=visit_id,
            visitor_id=visitor_id,
            number=number,
            shown_at=started_at,
            seen_at=seen_at,
            left=left_at is not None,
            channel=channel,
            keyword=keyword,
            mobile=device == Device.MOBILE,
            signs=tuple(signs_of.get(visit_id, ())),
        )
        for visit_id, visitor_id, number, started_at, seen_at, left_at, channel, keyword, device
        in found
    )  # fmt: skip


def calls(found: Iterable[Row]) -> tuple[PastCall, ...]:
    """From CALL_COLUMNS."""
    return tuple(
        PastCall(at, number, caller, proven, bool(nobody))
        for at, number, caller, proven, nobody in found
    )


def canaries(found: Iterable[Row]) -> tuple[PastCanary, ...]:
    return tuple(PastCanary(number, since) for number, since in found)
