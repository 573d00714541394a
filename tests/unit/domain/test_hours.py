"""When a schedule is open, on the clocks of its time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.fault import Fault
from ringtrace.domain.hours import WEEKDAYS, Hours, faults, is_open

BERLIN = "Europe/Berlin"
ALWAYS = ("00:00-24:00",)


def at(text: str, zone: str = BERLIN) -> int:
    """Ms of a moment as clocks in `zone` show it; the first of two that look alike."""
    return ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


OFFICE = Hours(
    time_zone=BERLIN,
    mon=("09:00-12:00", "13:00-18:00"),
    fri=("22:00-24:00",),
    sat=("00:00-02:00",),
    holidays=(date(2026, 12, 25),),
)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23T08:59:59.999", False),
        ("2026-11-23T09:00", True),
        ("2026-11-23T11:59:59.999", True),
        ("2026-11-23T12:00", False),
        ("2026-11-23T13:00", True),
        ("2026-11-23T18:00", False),
        ("2026-11-24T10:00", False),
        ("2026-11-27T23:59:59.999", True),
        ("2026-11-28T00:00", True),
        ("2026-11-28T02:00", False),
        ("2026-12-25T22:30", False),
        ("2026-12-26T00:30", True),
    ],
)
def test_a_span_begins_with_its_first_minute_and_is_over_at_its_end(
    moment: str, expected: bool
) -> None:
    assert is_open(OFFICE, at(moment)) is expected


def test_the_same_moment_is_another_hour_elsewhere() -> None:
    noon = ms(datetime(2026, 11, 23, 12, tzinfo=UTC))

    assert is_open(Hours("UTC", mon=("12:00-13:00",)), noon)
    assert not is_open(Hours("America/New_York", mon=("12:00-13:00",)), noon)
    assert is_open(Hours("America/New_York", mon=("07:00-08:00",)), noon)


def test_a_holiday_begins_and_ends_with_the_day_of_the_time_zone() -> None:
    hours = Hours("Pacific/Auckland", thu=ALWAYS, fri=ALWAYS, holidays=(date(2026, 12, 25),))

    assert is_open(hours, ms(datetime(2026, 12, 24, 10, 59, tzinfo=UTC)))
    assert not is_open(hours, ms(datetime(2026, 12, 24, 11, 0, tzinfo=UTC)))


def open_minutes(hours: Hours, day: str) -> int:
    """Minutes of a day of Berlin in which the hours are open."""
    first = at(f"{day}T00:00")
    return sum(is_open(hours, first + minute * 60_000) for minute in range(25 * 60))


def test_an_hour_that_the_clocks_skip_is_not_open() -> None:
    hours = Hours(BERLIN, sun=("02:00-03:00",))

    assert open_minutes(hours, "2026-03-29") == 0
    assert open_minutes(hours, "2026-03-22") == 60


def test_an_hour_that_the_clocks_repeat_is_open_twice() -> None:
    assert open_minutes(Hours(BERLIN, sun=("02:00-03:00",)), "2026-10-25") == 120


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_office_hours_stay_at_their_hour_when_the_clocks_change(day: str) -> None:
    hours = Hours(BERLIN, sun=("09:00-17:00",))

    assert not is_open(hours, at(f"{day}T08:59"))
    assert is_open(hours, at(f"{day}T09:00"))
    assert open_minutes(hours, day) == 8 * 60


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants them so
ZONES = st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])


@given(MOMENTS, ZONES, st.integers(1, 23))
def test_two_spans_that_meet_leave_no_gap(moment: datetime, zone: str, hour: int) -> None:
    week = dict.fromkeys(WEEKDAYS, (f"00:00-{hour:02d}:00", f"{hour:02d}:00-24:00"))

    assert is_open(msgspec.convert({"time_zone": zone, **week}, Hours), ms(moment))


@given(MOMENTS, ZONES)
def test_what_one_schedule_covers_another_leaves_out(moment: datetime, zone: str) -> None:
    day = dict.fromkeys(WEEKDAYS, ("08:30-17:15",))
    night = dict.fromkeys(WEEKDAYS, ("00:00-08:30", "17:15-24:00"))

    by_day = is_open(msgspec.convert({"time_zone": zone, **day}, Hours), ms(moment))

    assert is_open(msgspec.convert({"time_zone": zone, **night}, Hours), ms(moment)) != by_day


@given(MOMENTS, ZONES)
def test_a_week_later_by_the_clock_is_the_same(moment: datetime, zone: str) -> None:
    hours = Hours(zone, tue=("10:00-11:00",), sun=("01:00-04:00",))
    local = moment.astimezone(ZoneInfo(zone)).replace(fold=0)
    later = local + timedelta(days=7)
    is_skipped = later.astimezone(UTC).astimezone(ZoneInfo(zone)) != later

    assert is_skipped or is_open(hours, ms(local)) == is_open(hours, ms(later))


def test_good_hours_have_no_faults() -> None:
    assert faults(OFFICE) == []
    assert not OFFICE.never_opens


def test_hours_without_a_span_never_open() -> None:
    closed = Hours(BERLIN, holidays=(date(2026, 12, 25),))

    assert closed.never_opens
    assert [fault.path for fault in faults(closed)] == ["mon"]
    assert "never opens" in faults(closed)[0].message


@pytest.mark.parametrize("zone", ["", "Europe", "../etc/passwd", "/etc/passwd", "Mars/Base", "a\0"])
def test_an_unknown_time_zone_is_named(zone: str) -> None:
    [fault] = faults(Hours(zone, mon=ALWAYS))

    assert fault.path == "time_zone"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ("9:00-12:00", "09:00-17:30"),
        ("09:00 - 12:00", "09:00-17:30"),
        ("all day", "09:00-17:30"),
        ("09:60-12:00", "00:00 to 24:00"),
        ("09:00-24:01", "00:00 to 24:00"),
        ("12:00-12:00", "ends before"),
        ("22:00-06:00", "ends before"),
    ],
)
def test_a_bad_span_is_named_by_weekday_and_place(span: str, said: str) -> None:
    [fault] = faults(Hours(BERLIN, wed=("07:00-08:00", span)))

    assert fault.path == "wed[1]"
    assert said in fault.message


def test_spans_of_a_day_do_not_overlap() -> None:
    hours = Hours(BERLIN, sat=("08:00-12:00", "14:00-16:00", "11:59-14:00"))

    assert faults(hours) == [Fault("sat[2]", "it overlaps another span of the day")]


def test_spans_of_a_day_may_be_in_any_order() -> None:
    assert faults(Hours(BERLIN, sat=("14:00-16:00", "08:00-12:00", "12:00-14:00"))) == []


def test_hours_with_faults_are_not_taken_for_closed() -> None:
    with pytest.raises(ValueError, match="09:00-17:30"):
        is_open(Hours("UTC", mon=("nine to five",)), ms(datetime(2026, 11, 23, tzinfo=UTC)))


def test_a_fault_is_seen_from_further_up() -> None:
    assert Fault("mon[1]", "no").under("hours.office").path == "hours.office.mon[1]"
