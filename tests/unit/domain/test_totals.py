"""Totals and their intervals."""

from dataclasses import replace

import numpy as np
import pytest

from ringtrace.domain.evidence import CallEvidence
from ringtrace.domain.exposure import Segments
from ringtrace.domain.hazard import NO_TAP
from ringtrace.domain.model import SHIPPED, Model, Rates
from ringtrace.domain.totals import CHANNELS, NOISE, Account, account, information, totals


def segments() -> Segments:
    found = Segments()
    found.code("ads", "x")
    found.code("organic", "y")
    return found


def call(at: int, *cells: int, repeats: tuple[float, ...] = ()) -> CallEvidence:
    """A call with a candidate on page for half a minute in each of the cells."""
    size = len(cells)
    return CallEvidence(
        at=at,
        cells=np.array(cells, dtype=np.int32),
        states=np.full(size, 1, dtype=np.uint8),
        taps=np.full(size, NO_TAP, dtype=np.uint8),
        factors=np.ones(size),
        repeats=np.array(repeats, dtype=np.float64),
        repeated=np.array([[0.2, 0.8]] * len(repeats)).reshape(len(repeats), 2),
        noise_factor=1.0,
    )


def test_a_total_is_the_sum_of_credits_and_doubt_widens_it() -> None:
    known, rates = segments(), Rates(SHIPPED, segments())
    clear = account([call(n, 0) for n in range(50)], rates, known)
    open_ = account([call(n, 0, 4) for n in range(100)], rates, known)

    certain = totals([clear], 0, 100, SHIPPED, ["ads", "organic"])["ads"]
    doubtful = totals([open_], 0, 100, SHIPPED, ["ads", "organic"])["ads"]

    assert certain.expected == pytest.approx(doubtful.expected, rel=0.03)
    assert doubtful.high - doubtful.low > 3 * (certain.high - certain.low)


def test_only_calls_of_the_span_count() -> None:
    rates = Rates(SHIPPED, segments())
    whole = account([call(n, 0) for n in range(10)], rates, segments())

    assert totals([whole], 3, 5, SHIPPED, ["ads", "organic"])["ads"].expected == pytest.approx(
        whole.credit[3:5, 1].sum()
    )


def test_a_repeat_brings_the_credit_of_the_call_it_repeats() -> None:
    found = account([call(0, 4, repeats=(10.0,))], Rates(SHIPPED, segments()), segments())

    assert found.credit[0] == pytest.approx([0.2, 0.8, 0.0], abs=1e-3)
    assert found.credit.sum() == pytest.approx(1.0)


def test_credits_follow_the_rates_as_the_slope_says() -> None:
    """The delta method against a small change of the noise."""
    known = segments()
    calls = [call(0, 0, 4), call(1, 4)]
    step = 0.01
    before = account(calls, Rates(SHIPPED, known), known)
    louder = SHIPPED.of_data(SHIPPED.to_data() | {"noise": SHIPPED.noise * np.exp(step)})
    after = account(calls, Rates(louder, known), known)

    assert (after.credit - before.credit) / step == pytest.approx(
        before.slope[:, :, NOISE], rel=0.02, abs=1e-9
    )


def test_many_calls_are_worked_through_in_parts() -> None:
    known = segments()
    rates = Rates(SHIPPED, known)
    calls = [call(n, 0, 4) for n in range(2_001)]

    assert len(account(calls, rates, known).at) == 2_001
    assert information(calls, rates, known) == pytest.approx(
        2_001 * information(calls[:1], rates, known)
    )


def test_accounts_of_fewer_channels_add_to_later_ones() -> None:
    first = Segments()
    first.code("ads", "x")
    early = account([call(0, 0)], Rates(SHIPPED, first), first)
    late = account([call(1, 0, 4)], Rates(SHIPPED, segments()), segments())
    learnt = SHIPPED.of_data(
        SHIPPED.to_data() | {"covariance": (0.01 * np.eye(CHANNELS + 1)).tolist()}
    )

    both = totals([early, late], 0, 10, learnt, ["ads", "organic"])

    assert both["ads"].expected == pytest.approx(early.credit[0, 1] + late.credit[0, 1])
    assert both["organic"].low < both["organic"].expected < both["organic"].high


def learnt_noise(variance: float) -> Model:
    covariance = 1e-6 * np.eye(CHANNELS + 2)
    covariance[NOISE, NOISE] = variance
    return replace(SHIPPED, covariance=tuple(map(tuple, covariance.tolist())))


def calls_of_doubtful_noise() -> Account:
    """A hundred calls, each of the one candidate or noise."""
    noisy = replace(SHIPPED, noise=SHIPPED.hazard[1] * SHIPPED.calls_per_visit / 9)
    return account([call(n, 0) for n in range(100)], Rates(noisy, segments()), segments())


def test_noise_known_but_to_a_factor_reaches_further_down_than_up() -> None:
    found = calls_of_doubtful_noise()

    sure, unsure = (
        totals([found], 0, 100, learnt_noise(variance), ["ads", "organic"])["ads"]
        for variance in (1e-4, 1.0)
    )

    assert unsure.expected == sure.expected
    assert sure.high - sure.expected == pytest.approx(sure.expected - sure.low, rel=0.1)
    assert unsure.expected - unsure.low > 1.5 * (unsure.high - unsure.expected)
    assert unsure.low < sure.low


def test_calls_that_nobody_made_for_sure_stay_unknown_however_doubtful_the_noise() -> None:
    nobody = account([call(n) for n in range(5)], Rates(SHIPPED, segments()), segments())

    found = totals([nobody], 0, 100, learnt_noise(9.0), ["ads", "organic"])["ads"]

    assert (found.expected, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.3])
def test_the_interval_holds_the_truth_as_often_as_it_says(noise: float) -> None:
    """Calls of two candidates and noise, drawn as their shares say."""
    rng = np.random.default_rng(5)
    rate = SHIPPED.hazard[1] * SHIPPED.calls_per_visit
    model = replace(learnt_noise(1e-6), noise=noise * rate)
    made = account([call(n, 0, 4) for n in range(60)], Rates(model, segments()), segments())
    said = totals([made], 0, 100, model, ["ads", "organic"])["ads"]

    drawn = (rng.random((2_000, 60)) < made.credit[:, 1]).sum(axis=1)

    assert 0.92 <= np.mean((said.low <= drawn) & (drawn <= said.high)) <= 0.98
