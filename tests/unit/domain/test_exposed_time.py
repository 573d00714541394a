"""Seconds by state agree with looking at the visits at many moments."""

import numpy as np
import pytest

from ringtrace.domain import hazard
from ringtrace.domain.exposed_time import exposed_seconds
from ringtrace.domain.exposure import CELLS, NEVER, Exposures, Segments
from ringtrace.domain.hazard import Floats
from ringtrace.domain.moment import DAY_MS, HOUR_MS, MINUTE_MS

SECOND = 1_000
WINDOW = 3 * HOUR_MS


def looked_at(exposures: Exposures, since: int, until: int, step: int) -> Floats:
    """The table by brute force: where every visit stands every `step` ms."""
    table = np.zeros((CELLS * 2, hazard.STATES))
    for at in range(since, until, step):
        shown = exposures.shown_at[: len(exposures)]
        rows = np.flatnonzero((shown <= at) & (shown > at - WINDOW))
        stood = exposures.standing(rows, at)
        np.add.at(table, (stood.cells, stood.states), step / SECOND)
    return table


@pytest.mark.parametrize("span", [(0, 5 * HOUR_MS), (20 * MINUTE_MS, 70 * MINUTE_MS)])
def test_seconds_by_cell_and_state(span: tuple[int, int]) -> None:
    exposures = Exposures(2)
    moments = [
        (0, 130, False, False, None),
        (10, 700, True, False, 400),
        (20 * 60, 25 * 60, True, True, 21 * 60),
        (40 * 60, 40 * 60 + 3, False, True, None),
        (50 * 60, 50 * 60 + 100, True, True, 50 * 60 + 99),
    ]
    for number, (shown, seen, left, mobile, contact) in enumerate(moments):
        row = exposures.add(shown * SECOND, number % 2, number, mobile)
        exposures.seen_at[row] = seen * SECOND
        exposures.left[row] = left
        exposures.contact_at[row] = NEVER if contact is None else contact * SECOND

    table = exposed_seconds(exposures, np.arange(5), CELLS * 2, span, WINDOW)

    expected = looked_at(exposures, *span, step=500)
    assert table == pytest.approx(expected, abs=1.01)
    assert table.sum() == pytest.approx(expected.sum(), rel=0.001)


def test_days_add_up() -> None:
    exposures = Exposures()
    row = exposures.add(HOUR_MS, Segments().code("ads", None), 0, mobile=True)
    exposures.leave(row, 2 * HOUR_MS)
    rows = np.array([row])

    days = [
        exposed_seconds(exposures, rows, CELLS, (n * DAY_MS, (n + 1) * DAY_MS), 14 * DAY_MS)
        for n in range(3)
    ]
    whole = exposed_seconds(exposures, rows, CELLS, (0, 3 * DAY_MS), 14 * DAY_MS)

    assert sum(days) == pytest.approx(whole)


def test_who_probably_called_is_hardly_waited_for_once_he_left() -> None:
    exposures = Exposures()
    for mobile in (False, True):
        row = exposures.add(HOUR_MS, 0, int(mobile), mobile)
        exposures.leave(row, HOUR_MS + MINUTE_MS)
    span, rows = (0, DAY_MS), np.arange(2)
    before = exposed_seconds(exposures, rows, CELLS, span, 14 * DAY_MS)
    exposures.called[:2] = 0.75

    after = exposed_seconds(exposures, rows, CELLS, span, 14 * DAY_MS)

    on_page = slice(0, hazard.MOBILE_JUST_LEFT)
    assert after[:, on_page] == pytest.approx(before[:, on_page])
    assert after[:, hazard.MOBILE_JUST_LEFT :] == pytest.approx(
        before[:, hazard.MOBILE_JUST_LEFT :] / 4
    )
