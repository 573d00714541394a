from datetime import UTC, date
from zoneinfo import ZoneInfo

import pytest

from ringtrace.web.console.period import chosen, last_days, zone_named
from ringtrace.web.times import read_time

BERLIN = ZoneInfo("Europe/Berlin")


def _ms(text: str) -> int:
    at = read_time(text, "")
    assert at is not None
    return at


def test_days_begin_at_the_viewers_midnight() -> None:
    period = chosen("2026-11-22", "2026-11-23", BERLIN)

    assert period.since == _ms("2026-11-22T00:00:00+01:00")
    assert period.until == _ms("2026-11-24T00:00:00+01:00")


def test_a_day_on_which_the_clocks_change_has_its_own_length() -> None:
    period = chosen("2026-10-25", "2026-10-25", BERLIN)

    assert period.since is not None
    assert period.until is not None
    assert period.until - period.since == 25 * 3_600_000


def test_the_last_days_end_with_the_viewers_today() -> None:
    period = last_days(7, _ms("2026-11-22T23:30:00Z"), BERLIN)

    assert (period.first, period.last) == (date(2026, 11, 17), date(2026, 11, 23))
    before = period.before()
    assert (before.first, before.last) == (date(2026, 11, 10), date(2026, 11, 16))


def test_days_the_wrong_way_round_are_turned() -> None:
    assert chosen("2026-11-23", "2026-11-01", BERLIN).first == date(2026, 11, 1)


@pytest.mark.parametrize("text", ["", "soon", "0001-01-01", "9999-12-31", "2026-13-01"])
def test_what_is_no_day_leaves_the_period_open(text: str) -> None:
    period = chosen(text, "2026-11-23", BERLIN)

    assert (period.first, period.since) == (None, None)
    with pytest.raises(ValueError, match="open"):
        period.before()


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../../etc/passwd", "/etc/passwd", "a\0b"])
def test_a_name_that_is_no_zone_is_utc(name: str) -> None:
    assert zone_named(name) is UTC
