"""What lies in the store, read beside the server or after its end."""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.business import BUSY, CALM

Where: TypeAlias = Path | str
"""The data folder, or the URL of a PostgreSQL database."""


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


def kept(where: Where) -> Kept:
    return Kept(
        visits=_count(
            where,
            "SELECT count(*) FROM visits v JOIN exposures e ON e.account_id = v.account_id"
            " AND e.visit_id = v.visit_id AND e.number = v.number WHERE v.site_key = ?",
            BUSY,
        ),
        seen=_count(
            where, "SELECT count(*) FROM visits WHERE seen_at > started_at AND site_key = ?", CALM
        ),
        ringing=_count(where, "SELECT count(*) FROM calls WHERE report IS NULL"),
        reports=_count(where, "SELECT count(*) FROM calls WHERE report IS NOT NULL"),
    )


def visit_ids(where: Where, prefix: str) -> set[str]:
    """The visits whose id begins so."""
    return _texts(where, "SELECT visit_id FROM visits WHERE visit_id LIKE ? || '%'", prefix)


def reported_ids(where: Where, prefix: str) -> set[str]:
    """The reported calls whose id begins so."""
    return _texts(
        where,
        "SELECT call_id FROM calls WHERE report IS NOT NULL AND call_id LIKE ? || '%'",
        prefix,
    )


def _count(where: Where, query: str, *values: str) -> int:
    return int(str(_rows(where, query, *values)[0][0]))


def _texts(where: Where, query: str, *values: str) -> set[str]:
    return {str(text) for (text,) in _rows(where, query, *values)}


def _rows(where: Where, query: str, *values: str) -> Sequence[tuple[object, ...]]:
    if isinstance(where, str):
        return asyncio.run(_database_rows(where, query.replace("?", "$1"), *values))
    connection = sqlite3.connect(where / "ringtrace.db", timeout=10.0)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


async def _database_rows(url: str, query: str, *values: str) -> list[tuple[object, ...]]:
    import asyncpg  # noqa: PLC0415 - an extra

    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query, *values)]
    finally:
        await connection.close()
