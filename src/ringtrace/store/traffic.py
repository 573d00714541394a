"""Visits, hits and exposures as the stores' tables have them; these are called as their kinds."""

from collections.abc import Mapping
from typing import Final

from ringtrace.services.lake import Kind

KEYS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.VISITS: ("visit_id",),
    Kind.HITS: ("visit_id", "at", "kind", "path"),
    Kind.EXPOSURES: ("number", "shown_at", "visit_id"),
}
"""What tells rows of an account apart, in the order of `store/lake/schema.py`."""

MOMENTS: Final[Mapping[Kind, str]] = {
    Kind.VISITS: "started_at",
    Kind.HITS: "at",
    Kind.EXPOSURES: "shown_at",
}
"""The columns that say when, in ms since 1970 UTC."""

NO_VISIT: Final = (
    "NOT EXISTS (SELECT 1 FROM visits v WHERE v.account_id = d.account_id"
    " AND v.visit_id = d.visit_id)"
)
"""Of a row `d` whose visit has left."""
