"""Visits as columns."""

import numpy as np

from ringtrace.domain import hazard
from ringtrace.domain.exposure import NEVER, Exposures, Segments


def test_columns_grow_and_keep_what_they_hold() -> None:
    exposures = Exposures(1)
    rows = [exposures.add(at, at, 10 * at, at % 2 == 0) for at in range(5)]

    assert rows == [0, 1, 2, 3, 4]
    assert len(exposures) == 5
    assert exposures.visitor[:5].tolist() == [0, 10, 20, 30, 40]
    assert (exposures.contact_at[:5] == NEVER).all()
    assert exposures.since(3).tolist() == [3, 4]


def test_what_is_forgotten_leaves_no_trace() -> None:
    exposures = Exposures(4)
    for at in range(4):
        row = exposures.add(at, 0, at, mobile=False)
        exposures.contact(row, at)
        exposures.tap(row, at)
        exposures.called[row] = 0.5

    exposures.keep(np.array([2]))

    assert (len(exposures), exposures.visitor[0]) == (1, 2)
    fresh = exposures.add(9, 0, 7, mobile=False)
    assert (exposures.contact_at[fresh], exposures.tapped_at[fresh]) == (NEVER, NEVER)
    assert exposures.called[fresh] == 0


def test_the_first_contact_and_the_last_tap_count() -> None:
    exposures = Exposures()
    row = exposures.add(0, 0, 0, mobile=True)
    for at in (5, 9):
        exposures.contact(row, at)
        exposures.tap(row, at)

    assert (exposures.contact_at[row], exposures.tapped_at[row]) == (5, 9)


def test_whoever_is_seen_again_has_not_left() -> None:
    exposures = Exposures()
    row = exposures.add(0, 0, 0, mobile=False)
    exposures.leave(row, 10)
    exposures.seen(row, 20)

    assert not exposures.left[row]


def test_standing_looks_at_nothing_that_came_later() -> None:
    exposures = Exposures()
    row = exposures.add(0, 3, 0, mobile=True)
    before = exposures.standing(np.array([row]), 10_000)
    exposures.contact(row, 20_000)
    exposures.tap(row, 30_000)

    after = exposures.standing(np.array([row]), 10_000)

    assert after == before
    assert (after.cells[0], after.taps[0]) == (3 * 4 + 1, hazard.NO_TAP)
    assert exposures.standing(np.array([row]), 31_000).cells[0] == 3 * 4 + 3


def test_segments_are_numbered_as_they_come() -> None:
    segments = Segments()

    codes = [segments.code("a", "x"), segments.code("b", None), segments.code("a", "x")]

    assert codes == [0, 1, 0]
    assert len(segments) == 2
