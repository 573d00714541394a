"""Opening hours: a week's schedule in a time zone, with holidays."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from ringtrace.domain.fault import Fault

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_SPAN = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_HOUR_MINUTES: Final = 60
_DAY_MINUTES: Final = 24 * _HOUR_MINUTES


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Spans like "09:00-12:30" by weekday, on the clocks of `time_zone` (an IANA name).

    A span does not cross midnight, but may end with it ("22:00-24:00"). A weekday without spans
    is closed, and so are the `holidays`, all day.
    """

    time_zone: str
    mon: tuple[str, ...] = ()
    tue: tuple[str, ...] = ()
    wed: tuple[str, ...] = ()
    thu: tuple[str, ...] = ()
    fri: tuple[str, ...] = ()
    sat: tuple[str, ...] = ()
    sun: tuple[str, ...] = ()
    holidays: tuple[date, ...] = ()

    @property
    def week(self) -> tuple[tuple[str, ...], ...]:
        """The spans of each weekday, Monday first."""
        return (self.mon, self.tue, self.wed, self.thu, self.fri, self.sat, self.sun)

    @property
    def never_opens(self) -> bool:
        return not any(self.week)


def is_open(hours: Hours, at_ms: int) -> bool:
    """Whether `hours` are open at `at_ms` (since 1970 UTC); at the end of a span they are not.

    The clocks of the time zone decide: an hour that they skip in spring is never open, one that
    they repeat in autumn is open twice. Raises ValueError or KeyError for hours with faults.
    """
    local = datetime.fromtimestamp(at_ms / 1_000, ZoneInfo(hours.time_zone))
    if local.date() in hours.holidays:
        return False
    minute = local.hour * _HOUR_MINUTES + local.minute
    return any(start <= minute < end for start, end in map(_minutes, hours.week[local.weekday()]))


@lru_cache(maxsize=4_096)
def _minutes(span: str) -> tuple[int, int]:
    """Start and end in minutes after midnight. Raises ValueError."""
    said = _SPAN.fullmatch(span)
    if said is None:
        raise ValueError("a span like 09:00-17:30 is needed")
    from_hour, from_minute, to_hour, to_minute = map(int, said.groups())
    start = from_hour * _HOUR_MINUTES + from_minute
    end = to_hour * _HOUR_MINUTES + to_minute
    if max(from_minute, to_minute) >= _HOUR_MINUTES or end > _DAY_MINUTES:
        raise ValueError("times are from 00:00 to 24:00")
    if start >= end:
        raise ValueError("it ends before it starts; past midnight begins a span of the next day")
    return start, end


def faults(hours: Hours) -> Sequence[Fault]:
    """What keeps them from being used; paths begin with a field of `hours`."""
    found = [*_zone_faults(hours.time_zone)]
    for day, spans in zip(WEEKDAYS, hours.week, strict=True):
        found += _day_faults(day, spans)
    if hours.never_opens:
        found.append(Fault("mon", "no weekday has a span: this never opens"))
    return found


def _zone_faults(name: str) -> Iterator[Fault]:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # A name that is no key, one that leads outside of the database, a folder of it.
        yield Fault("time_zone", f"no time zone is called {name!r}; a name like Europe/Berlin is")


def _day_faults(day: str, spans: Sequence[str]) -> Iterator[Fault]:
    known: list[tuple[int, int]] = []
    for i, span in enumerate(spans):
        try:
            start, end = _minutes(span)
        except ValueError as error:
            yield Fault(f"{day}[{i}]", str(error))
            continue
        if any(start < other_end and other_start < end for other_start, other_end in known):
            yield Fault(f"{day}[{i}]", "it overlaps another span of the day")
        known.append((start, end))
