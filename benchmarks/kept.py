"""What lies in the database file, read beside the server or after its end."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from benchmarks.business import BUSY, CALM


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows that can only come from acknowledged requests.

    `visits`: visits of the busy site that were shown a number. `seen`: visits of the calm site
    that gave a sign of life after their first page. `ringing`: calls without a report.
    """

    visits: int
    seen: int
    ringing: int
    reports: int


def kept(data: Path) -> Kept:
    return Kept(
        visits=_count(
            data,
            "SELECT count(*) FROM visits v JOIN exposures e ON e.account_id = v.account_id"
            " AND e.visit_id = v.visit_id AND e.number = v.number WHERE v.site_key = ?",
            BUSY,
        ),
        seen=_count(
            data, "SELECT count(*) FROM visits WHERE seen_at > started_at AND site_key = ?", CALM
        ),
        ringing=_count(data, "SELECT count(*) FROM calls WHERE report IS NULL"),
        reports=_count(data, "SELECT count(*) FROM calls WHERE report IS NOT NULL"),
    )


def visit_ids(data: Path, prefix: str) -> set[str]:
    """The visits whose id begins so."""
    return _texts(data, "SELECT visit_id FROM visits WHERE visit_id GLOB ? || '*'", prefix)


def reported_ids(data: Path, prefix: str) -> set[str]:
    """The reported calls whose id begins so."""
    return _texts(
        data,
        "SELECT call_id FROM calls WHERE report IS NOT NULL AND call_id GLOB ? || '*'",
        prefix,
    )


def _count(data: Path, query: str, *values: str) -> int:
    return int(str(_rows(data, query, *values)[0][0]))


def _texts(data: Path, query: str, *values: str) -> set[str]:
    return {str(text) for (text,) in _rows(data, query, *values)}


def _rows(data: Path, query: str, *values: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(data / "ringtrace.db", timeout=10.0)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()
