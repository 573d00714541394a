"""A visit with what happened in it, from what was read of it."""

from collections.abc import Iterable
from typing import Final

from ringtrace.services.call_records import PageView, VisitRecord
from ringtrace.store import rows
from ringtrace.store.rows import Row

RECORD_COLUMNS: Final = (
    f"v.visitor_id, v.site_key, v.device, v.number, v.started_at, {rows.CANDIDATE_COLUMNS}"
)


def record(row: Row, views: Iterable[Row]) -> VisitRecord:
    """From RECORD_COLUMNS of a visit `v`, and at, kind, path of its hits, oldest first."""
    visitor_id, site_key, device, number, started_at, *rest = row
    candidate = rows.candidate(started_at, tuple(rest))
    first = PageView(started_at, "page", candidate.source.landing_page or "")
    return VisitRecord(
        candidate=candidate,
        visitor_id=visitor_id,
        site_key=site_key,
        device=device,
        number=number,
        views=(first, *(PageView(at, kind, path) for at, kind, path in views)),
    )
