"""Stated and realised."""

import random

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

    assert (table.bands, table.whole, table.calls, table.error) == ((), None, 0, 0.0)


def test_the_error_of_true_statements_is_the_one_to_expect_by_chance() -> None:
    rng = random.Random(7)  # noqa: S311 - a world, no secret
    tables = []
    for _ in range(300):
        stated = [rng.random() for _ in range(120)]
        tables.append(reliability([Outcome(p, right=rng.random() < p) for p in stated]))

    mean = sum(table.error for table in tables) / len(tables)

    assert mean == pytest.approx(tables[0].chance, rel=0.1)
    assert reliability([Outcome(1.0, right=True)] * 9).chance == 0.0


def test_all_calls_are_also_summed_up_as_one() -> None:
    whole = reliability([Outcome(0.2, right=True), Outcome(0.8, right=False)]).whole

    assert whole is not None
    assert (whole.low, whole.high) == (0.0, 1.0)
    assert (whole.calls, whole.stated, whole.realised) == (2, 0.5, 0.5)
