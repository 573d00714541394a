"""What a call leaves for learning."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.evidence import KEPT, gather, thin
from ringtrace.domain.exposure import Standing


def test_few_candidates_all_stand_for_themselves_the_heaviest_first() -> None:
    order, stands_for = thin(np.array([1.0, 3.0, 0.0, 2.0]))

    assert order.tolist() == [1, 3, 0]
    assert stands_for.tolist() == [1.0, 1.0, 1.0]


def test_no_candidates_are_thinned_to_none() -> None:
    order, stands_for = thin(np.zeros(3))

    assert len(order) == len(stands_for) == 0


def test_of_many_candidates_the_heaviest_are_kept_and_some_stand_for_the_rest() -> None:
    weights = np.arange(20.0, 0.0, -1.0)

    order, stands_for = thin(weights, kept=4)

    assert order[:4].tolist() == [0, 1, 2, 3]
    assert order[4:].tolist() == [6, 10, 14, 18]
    assert stands_for[:4].tolist() == [1.0] * 4
    assert stands_for[4] == pytest.approx(weights[4:].sum() / weights[[6, 10, 14, 18]].sum())


@given(st.lists(st.floats(1e-12, 1.0) | st.just(0.0), max_size=60), st.integers(1, 8))
def test_thinning_keeps_the_sum_of_weights_and_its_bound(weights: list[float], kept: int) -> None:
    column = np.array(weights)

    order, stands_for = thin(column, kept)

    assert len(order) <= 2 * kept
    assert len(set(order.tolist())) == len(order)
    assert (column[order] * stands_for).sum() == pytest.approx(column.sum())
    assert (np.diff(column[order]) <= 0).all()


def test_evidence_keeps_each_candidate_as_it_stood() -> None:
    standing = Standing(np.array([5, 6, 7]), np.array([1, 2, 3]), np.array([8, 9, 10]))

    found = gather(
        99, standing, np.array([0.1, 0.2, 0.3]), np.array([1.0, 0.0, 2.0]),
        np.array([0.5]), np.array([[0.1, 0.9]]), 0.25,
    )  # fmt: skip

    assert (found.at, found.noise_factor, found.gold) == (99, 0.25, -1)
    assert found.cells.tolist() == [10, 8]
    assert found.states.tolist() == [7, 5]
    assert found.taps.tolist() == [3, 1]
    assert found.factors.tolist() == [0.3, 0.1]
    assert found.repeats.tolist() == [0.5]
    assert found.repeated.tolist() == [[0.1, 0.9]]


def test_what_stands_for_others_carries_their_factor() -> None:
    many = 4 * KEPT
    ones = np.ones(many)
    zeros = np.zeros(many, dtype=np.int64)

    found = gather(0, Standing(zeros, zeros, zeros), ones, ones, np.zeros(0), np.zeros((0, 1)), 1.0)

    assert len(found.cells) <= 2 * KEPT
    assert found.factors.sum() == pytest.approx(many)
