"""Moments are whole ms since 1970 UTC: the spans between them, and the days they lie in."""

from datetime import UTC, date, datetime
from typing import Final

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


def day_of(at: int) -> int:
    """Days since 1970 UTC of `at` (ms)."""
    return at // DAY_MS


def day_name(day: int) -> str:
    """As ISO 8601 writes it."""
    return datetime.fromtimestamp(day * DAY_MS / 1_000, UTC).date().isoformat()


def day_number(name: str) -> int:
    """Raises ValueError."""
    return (date.fromisoformat(name) - date(1970, 1, 1)).days
