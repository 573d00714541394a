"""The exposed seconds of a visit add up to its time in the window."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.exposed_time import exposed_seconds
from ringtrace.domain.exposure import CELLS, Exposures
from ringtrace.domain.hazard import Floats
from ringtrace.domain.moment import DAY_MS, HOUR_MS, MINUTE_MS

WINDOW = 14 * DAY_MS
Visit = tuple[int, int, bool, bool, int | None]
"""Shown at, stay, left, mobile, contact so long after (ms)."""


def table(visits: list[Visit], span: tuple[int, int], window: int = WINDOW) -> Floats:
    exposures = Exposures()
    for number, (shown, stay, left, mobile, contact) in enumerate(visits):
        row = exposures.add(shown, number, 0, mobile=mobile)
        if contact is not None:
            exposures.contact(row, shown + contact)
        (exposures.leave if left else exposures.seen)(row, shown + max(stay, contact or 0))
    rows = np.arange(len(visits))
    return exposed_seconds(exposures, rows, CELLS * len(visits), span, window)


def test_time_after_the_contact_page_is_counted_apart() -> None:
    found = table([(0, 30_000, True, False, 10_000)], (0, 60_000))

    assert found[0].sum() == pytest.approx(10.0)
    assert found[2].sum() == pytest.approx(50.0)


def test_what_happened_after_the_span_is_not_looked_at() -> None:
    knew = table([(0, 30_000, False, True, None)], (0, 30_000))
    learnt = table([(0, 90_000, True, True, 50_000)], (0, 30_000))

    np.testing.assert_allclose(learnt, knew)


VISITS = st.tuples(
    st.integers(0, HOUR_MS),
    st.integers(0, 30 * MINUTE_MS),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 60_000),
)


@given(
    st.lists(VISITS, min_size=1, max_size=6),
    st.integers(0, 40 * 24 * HOUR_MS),
    st.integers(0, 20 * 24 * HOUR_MS),
    st.integers(0, WINDOW),
)
def test_the_seconds_of_a_visit_add_up_to_its_time_in_the_window(
    visits: list[Visit], since: int, length: int, window: int
) -> None:
    until = since + length
    found = table(visits, (since, until), window)

    assert found.min() > -1e-6
    for number, (shown, *_) in enumerate(visits):
        mine = found[number * CELLS : (number + 1) * CELLS].sum()
        due = max(0, min(until, shown + window) - max(since, shown)) / 1_000
        assert mine == pytest.approx(due, abs=1e-3)


@given(VISITS, st.integers(0, HOUR_MS), st.integers(0, HOUR_MS))
def test_a_span_in_two_halves_makes_the_same_seconds(visit: Visit, first: int, second: int) -> None:
    """Where no later sign of life makes a past half look otherwise."""
    shown, stay, _, _, contact = visit
    since = shown + max(stay, contact or 0)
    halves = table([visit], (since, since + first)) + table(
        [visit], (since + first, since + first + second)
    )

    np.testing.assert_allclose(table([visit], (since, since + first + second)), halves, atol=1e-3)
