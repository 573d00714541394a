"""Times at the doors: RFC 3339 outside, ms since 1970 UTC inside."""

from datetime import UTC, datetime, timedelta

from ringtrace.services.errors import FieldInvalidError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def utc(at: int) -> datetime:
    """`at` is ms since 1970 UTC."""
    return _EPOCH + at * _MS


def milliseconds(moment: datetime) -> int:
    """`moment` carries its offset; the answer is ms since 1970 UTC."""
    return (moment - _EPOCH) // _MS


def read_time(text: str | None, field: str) -> int | None:
    """Ms since 1970 UTC of an RFC 3339 time, None of none. Raises FieldInvalidError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise FieldInvalidError("a time like 2026-11-23T06:30:00Z is needed", field)
    return milliseconds(moment)
