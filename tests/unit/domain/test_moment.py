import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.moment import DAY_MS, day_name, day_number, day_of


def test_a_day_is_named_by_its_date_in_utc() -> None:
    assert day_name(day_of(0)) == "1970-01-01"
    assert day_name(day_of(DAY_MS - 1)) == "1970-01-01"
    assert day_name(day_of(1_790_000_000_000)) == "2026-09-21"


@given(st.integers(0, day_number("9999-12-31")))
def test_a_name_leads_back_to_its_day(day: int) -> None:
    assert day_number(day_name(day)) == day


@pytest.mark.parametrize("name", ["", "2026-02-30", "yesterday"])
def test_what_names_no_day_has_no_number(name: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        day_number(name)
