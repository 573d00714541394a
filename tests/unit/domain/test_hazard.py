"""States, and the table that is shipped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain import hazard
from ringtrace.domain.exposure import NEVER
from ringtrace.domain.moment import DAY_MS, HOUR_MS, MINUTE_MS

SECOND = 1_000
NOW = 100 * DAY_MS


def state(*, shown: int, seen: int, left: bool, mobile: bool = False) -> int:
    """The state of one visit that was shown its number, and last seen, so many ms ago."""
    found = hazard.states(
        np.array([NOW - shown]), np.array([NOW - seen]), np.array([left]), np.array([mobile]), NOW
    )
    return int(found[0])


def test_on_page_counts_the_time_since_the_number_was_shown() -> None:
    spans = [14 * SECOND, 15 * SECOND, MINUTE_MS, HOUR_MS]

    assert [state(shown=span, seen=SECOND, left=False) for span in spans] == [0, 1, 2, 3]
    assert state(shown=MINUTE_MS, seen=SECOND, left=False, mobile=True) == 6


def test_silence_of_45_seconds_is_leaving() -> None:
    assert state(shown=HOUR_MS, seen=44_999, left=False) == 3
    assert state(shown=HOUR_MS, seen=45_000, left=False) == hazard.AGES + 8


def test_a_mobile_that_just_left_may_be_dialling() -> None:
    assert state(shown=MINUTE_MS, seen=14_999, left=True, mobile=True) == 8 + 1
    assert state(shown=MINUTE_MS, seen=15_000, left=True, mobile=True) == hazard.MOBILE_AGES + 4
    assert state(shown=MINUTE_MS, seen=10_000, left=True) == hazard.AGES + 2


def test_late_visits_are_alike_on_all_devices() -> None:
    mobile = state(shown=DAY_MS, seen=HOUR_MS, left=True, mobile=True)

    assert mobile == state(shown=DAY_MS, seen=HOUR_MS, left=True) < hazard.MOBILE_AGES
    assert hazard.IS_LATE[mobile] == 1


def test_a_sign_of_life_after_the_moment_says_on_page_at_the_moment() -> None:
    assert state(shown=MINUTE_MS, seen=-MINUTE_MS, left=True) == 2


def test_taps_are_binned_by_the_time_since() -> None:
    at = np.array([NOW - 1_999, NOW - 2_000, NOW - 46 * SECOND, NEVER, NOW + 1])

    assert hazard.tap_bins(at, NOW).tolist() == [0, 1, *[hazard.NO_TAP] * 3]


def test_the_shipped_table_has_mass_one_and_falls_with_age() -> None:
    mass = hazard.PRIOR_HAZARD @ hazard.PRIOR_SECONDS
    assert mass == pytest.approx(1.0)
    assert hazard.PRIOR_SHARES.sum() == pytest.approx(1.0)
    late = hazard.PRIOR_HAZARD[hazard.AGES + hazard.EARLY_BINS : hazard.MOBILE_AGES]
    assert (np.diff(late) <= 0).all()
    assert (hazard.PRIOR_HAZARD > 0).all()


def test_levels_divide_every_state_among_them() -> None:
    assert hazard.LEVELS.sum(axis=0) == pytest.approx(np.ones(hazard.STATES))


def test_states_have_names() -> None:
    assert hazard.state_name(0) == "on page (desktop)"
    assert hazard.state_name(4) == "on page (mobile)"
    assert hazard.state_name(8) == "just left (mobile)"
    assert hazard.state_name(hazard.AGES + 4) == "left 15 s ago or more"
    assert hazard.state_name(hazard.MOBILE_AGES + 4) == "left 15 s ago or more"


def test_exposure_goes_round_the_clock_with_age() -> None:
    at_noon = np.full(100, NOW + 12 * HOUR_MS)

    shares = hazard.hours_exposed(at_noon)

    assert shares.sum(axis=1) == pytest.approx(np.ones(hazard.STATES))
    assert shares[0, 12] == pytest.approx(1.0)
    six_hours = hazard.AGES + int(hazard.age_bins(np.array([6 * HOUR_MS]))[0])
    assert shares[six_hours, 17:20].sum() > 0.9
    assert shares[hazard.MOBILE_AGES] == pytest.approx(shares[hazard.AGES])


@given(st.integers(0, 40 * DAY_MS), st.integers(0, DAY_MS), st.booleans(), st.booleans())
def test_every_visit_is_in_one_state(seen: int, stay: int, left: bool, mobile: bool) -> None:
    assert 0 <= state(shown=seen + stay, seen=seen, left=left, mobile=mobile) < hazard.STATES
