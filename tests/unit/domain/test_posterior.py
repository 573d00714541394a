"""Candidates, repeats and noise compete for a call."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.exposure import Exposures, Segments
from ringtrace.domain.hazard import Floats
from ringtrace.domain.model import SHIPPED, Rates
from ringtrace.domain.posterior import STRANGER, Ties, posterior, weigh

NOW = 10 * 86_400_000


def ties(
    known: bool | None,
    own: list[float] | None = None,
    others: list[float] | None = None,
    repeats: tuple[float, ...] = (),
    size: int = 2,
) -> Ties:
    zeros = [0.0] * size
    return Ties(
        known, np.array(own or zeros), np.array(others or zeros), np.array(repeats), withheld=0.1
    )


def test_of_a_new_caller_only_visitors_tied_to_others_are_less_probable() -> None:
    new = ties(False, own=[0.9, 0.0], others=[0.0, 0.75])

    assert new.factors(np.zeros(2)).tolist() == [1.0, 0.25]
    assert new.noise_factor == 1.0


def test_of_a_known_caller_his_own_visitor_is_as_good_as_certain() -> None:
    known = ties(True, own=[0.9, 0.0], others=[0.0, 0.5])

    assert known.factors(np.zeros(2)).tolist() == pytest.approx([0.9 + STRANGER, STRANGER / 2])
    assert known.noise_factor == STRANGER


def test_the_call_that_ties_a_visitor_and_his_having_called_are_one_doubt() -> None:
    called = np.array([0.75, 0.75])

    new = ties(False, others=[0.75, 0.0]).factors(called)
    known = ties(True, own=[0.75, 1.0]).factors(called)

    assert ((1 - called) * new).tolist() == [0.25, 0.25]
    assert (1 - called) * known == pytest.approx([0.0, 0.25], abs=STRANGER)


def test_who_has_called_for_sure_does_not_call_first() -> None:
    assert ties(False, others=[1.0, 0.0]).factors(np.ones(2)).tolist() == [0.0, 0.0]


def test_a_withheld_number_ties_nobody_and_weighs_all_alike() -> None:
    withheld = ties(None, own=[1.0, 0.0], others=[0.0, 1.0])

    assert withheld.factors(np.zeros(2)).tolist() == [0.1, 0.1]
    assert withheld.noise_factor == 0.1


def test_nothing_to_weigh_is_noise() -> None:
    found = posterior(np.zeros(2), ties(False), 0.0)

    assert found.noise == 1.0
    assert found.candidates.tolist() == [0.0, 0.0]


def test_weights_are_shared_in_proportion() -> None:
    found = posterior(np.array([2.0, 1.0]), ties(False, repeats=(4.0,)), 1.0)

    assert found.candidates.tolist() == [0.25, 0.125]
    assert found.repeats.tolist() == [0.5]
    assert found.noise == 0.125


def weights(exposures: Exposures, called: Floats | None = None) -> Floats:
    segments = Segments()
    segments.code("Direct", None)
    rows = np.arange(len(exposures))
    nobody = np.zeros(len(rows)) if called is None else called
    standing = exposures.standing(rows, NOW)
    return weigh(Rates(SHIPPED, segments), standing, nobody, ties(False, size=len(rows)), NOW)


def test_who_has_called_already_makes_no_first_call() -> None:
    exposures = Exposures()
    for _ in range(2):
        exposures.add(NOW - 5_000, 0, 0, mobile=False)

    assert weights(exposures, np.array([0.0, 1.0]))[1] == 0.0
    assert weights(exposures, np.array([0.0, 0.5]))[1] == pytest.approx(weights(exposures)[0] / 2)


AGES = st.integers(0, 13 * 86_400_000)


@given(AGES, st.booleans(), st.booleans(), AGES)
def test_a_tap_never_lowers_a_weight(ago: int, mobile: bool, left: bool, tapped: int) -> None:
    exposures = Exposures()
    for _ in range(2):
        row = exposures.add(NOW - ago - 60_000, 0, 0, mobile=mobile)
        (exposures.leave if left else exposures.seen)(row, NOW - ago)
    exposures.tapped_at[0] = NOW - tapped

    found = weights(exposures)

    assert found[0] >= found[1] > 0


@given(AGES, AGES, st.booleans())
def test_longer_gone_never_raises_a_weight(ago: int, more: int, mobile: bool) -> None:
    """With the shipped model and the same time on page."""
    exposures = Exposures()
    for gone in (ago, ago + more):
        row = exposures.add(NOW - gone - 60_000, 0, 0, mobile=mobile)
        exposures.leave(row, NOW - gone)

    sooner, later = weights(exposures)

    assert later <= sooner


SHARES = st.lists(st.floats(0, 1e3), max_size=6)
UNITS = st.floats(0, 1)


@given(
    SHARES,
    SHARES,
    st.floats(1e-9, 1e3),
    st.sampled_from([True, False, None]),
)
def test_candidates_repeats_and_noise_sum_to_one(
    rates: list[float], repeats: list[float], noise: float, known: bool | None
) -> None:
    tied = ties(known, repeats=tuple(repeats), size=len(rates))

    found = posterior(np.array(rates), tied, noise)

    assert found.candidates.sum() + found.repeats.sum() + found.noise == pytest.approx(1.0)
    assert min([found.noise, *found.candidates, *found.repeats]) >= 0


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=6), st.floats(0, 1e3), st.floats(1e-9, 1e3))
def test_more_weight_for_a_candidate_never_lowers_his_share_nor_raises_another(
    rates: list[float], more: float, noise: float
) -> None:
    tied = ties(False, size=len(rates))
    before = posterior(np.array(rates), tied, noise)

    after = posterior(np.array([rates[0] + more, *rates[1:]]), tied, noise)

    assert after.candidates[0] >= before.candidates[0] - 1e-12
    assert (after.candidates[1:] <= before.candidates[1:] + 1e-12).all()
    assert after.noise <= before.noise + 1e-12


@given(
    st.lists(st.tuples(UNITS, UNITS, UNITS), min_size=1, max_size=5), st.sampled_from([True, False])
)
def test_factors_are_never_negative_and_fall_with_what_ties_a_visitor_to_others(
    each: list[tuple[float, float, float]], known: bool
) -> None:
    own, others, called = ([one[part] for one in each] for part in range(3))
    free = ties(known, own=own, size=len(each)).factors(np.array(called))

    tied = ties(known, own=own, others=others).factors(np.array(called))

    assert (tied >= 0).all()
    assert (tied <= free).all()
