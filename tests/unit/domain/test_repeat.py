"""When a caller calls again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.repeat import MEDIAN_SECONDS, densities, density, share_by


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_nobody_repeats_a_call_before_he_made_it(seconds: float) -> None:
    assert density(seconds) == 0.0
    assert share_by(seconds) == 0.0


def test_half_of_the_repeats_have_come_at_the_median() -> None:
    assert share_by(MEDIAN_SECONDS) == pytest.approx(0.5)


def test_in_the_end_all_repeats_have_come() -> None:
    assert share_by(1e12) == pytest.approx(1.0)


@given(st.floats(60.0, 1e7))
def test_the_density_is_the_growth_of_the_share(seconds: float) -> None:
    step = seconds * 1e-4
    growth = (share_by(seconds + step) - share_by(seconds - step)) / (2 * step)

    assert density(seconds) == pytest.approx(growth, rel=1e-4)


@given(st.integers(-10_000, 10**12), st.integers(0, 10**12))
def test_the_share_never_shrinks(at: int, more: int) -> None:
    """At any moments of a clock of milliseconds."""
    assert 0.0 <= share_by(at / 1_000) <= share_by((at + more) / 1_000) <= 1.0


@given(st.lists(st.floats(1e-3, 1e9)))
def test_many_are_told_as_each_is(seconds: list[float]) -> None:
    assert densities(np.array(seconds)).tolist() == pytest.approx([density(s) for s in seconds])
