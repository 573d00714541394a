"""Stated and realised."""

import pytest

from ringtrace.domain.calibration import Outcome, reliability


def test_what_is_stated_is_set_beside_what_came_true() -> None:
    outcomes = [Outcome(0.25, right=n % 4 == 0) for n in range(40)]
    outcomes += [Outcome(1.0, right=n > 0) for n in range(10)]

    table = reliability(outcomes)

    first, second = table.bands
    assert (first.low, first.high, first.calls) == (0.2, 0.3, 40)
    assert (first.stated, first.realised) == (0.25, 0.25)
    assert (second.low, second.stated, second.realised) == (0.9, 1.0, 0.9)
    assert second.realised_low < 0.9 < second.realised_high <= 1.0
    assert table.calls == 50
    assert table.error == pytest.approx(10 / 50 * 0.1)


def test_nothing_known_is_an_empty_table() -> None:
    table = reliability([])

    assert (table.bands, table.calls, table.error) == ((), 0, 0.0)
