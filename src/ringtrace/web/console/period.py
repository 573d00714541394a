"""Spans of days as a person in some time zone means them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ringtrace.web.times import milliseconds, utc

_DAY = timedelta(days=1)
_FIRST_DAY, _LAST_DAY = date(1971, 1, 1), date(2200, 1, 1)


def zone_named(name: str) -> tzinfo:
    """UTC for a name that is no time zone, and where the machine knows no time zones at all."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the last, both included; an absent one is open."""

    first: date | None
    last: date | None
    zone: tzinfo

    @property
    def since(self) -> int | None:
        """The first moment, ms since 1970 UTC."""
        return None if self.first is None else _midnight(self.first, self.zone)

    @property
    def until(self) -> int | None:
        """The moment after the last one, ms since 1970 UTC."""
        return None if self.last is None else _midnight(self.last + _DAY, self.zone)

    def before(self) -> "Period":
        """As many days, right before. Only of a closed period."""
        if self.first is None or self.last is None:
            raise ValueError("an open period has none before it")
        return Period(self.first - (self.last - self.first) - _DAY, self.first - _DAY, self.zone)


def last_days(days: int, now: int, zone: tzinfo) -> Period:
    """The last `days` days, today included; `now` is ms since 1970 UTC."""
    today = utc(now).astimezone(zone).date()
    return Period(today - (days - 1) * _DAY, today, zone)


def chosen(first: str, last: str, zone: tzinfo) -> Period:
    """What two date fields of a form say; what is no date is open."""
    start, end = _day(first), _day(last)
    if start and end and end < start:
        start, end = end, start
    return Period(start, end, zone)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _FIRST_DAY <= day <= _LAST_DAY else None


def _midnight(day: date, zone: tzinfo) -> int:
    return milliseconds(datetime.combine(day, time(), zone))
