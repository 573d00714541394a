"""Totals of a report and their intervals."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain import repeat
from ringtrace.domain.hazard import Floats
from ringtrace.domain.learning import CHANNEL_PRIOR
from ringtrace.domain.model import SHIPPED, Model
from ringtrace.domain.moment import HOUR_MS
from ringtrace.domain.tally import (
    Moments,
    Shares,
    Sums,
    begun,
    independent,
    repeated,
    tally,
    totals,
)
from ringtrace.domain.totals import CHANNELS, NOISE, Total

NAMES = ["ads", "organic"]


def shares(
    share: Sequence[Sequence[float]] | Floats,
    *,
    at: Sequence[int] | None = None,
    line: Sequence[int] | None = None,
    part: Sequence[float] | None = None,
    site: Sequence[int] | None = None,
    since: int = 0,
) -> Shares:
    """Independent calls, an hour apart, of one site, all of the report unless told otherwise."""
    count = len(share)
    times = np.array(range(0, count * HOUR_MS, HOUR_MS) if at is None else at, dtype=np.int64)
    return Shares(
        at=times,
        line=np.array(range(count) if line is None else line, dtype=np.int64),
        site=np.array([0] * count if site is None else site, dtype=np.int64),
        counted=times >= since,
        share=np.array(share, dtype=np.float64),
        repeat=np.array([0.0] * count if part is None else part, dtype=np.float64),
    )


def learnt(variance: float, channels: Sequence[str] = NAMES) -> Model:
    """A model that knows the logarithm of every rate as well as that."""
    size = CHANNELS + len(channels)
    covariance = tuple(tuple(row) for row in (variance * np.eye(size)).tolist())
    return replace(SHIPPED, channels=dict.fromkeys(channels, 0.01), covariance=covariance)


SURE = {0: learnt(0.0)}


def width(total: Total) -> float:
    return total.high - total.low


def test_a_total_is_the_sum_of_shares_give_or_take_what_independent_draws_do() -> None:
    unknown, ads, organic = tally(shares([[0.0, 0.5, 0.5]] * 400), NAMES, SURE)

    assert (unknown.low, unknown.expected, unknown.high) == (0.0, 0.0, 0.0)
    assert ads.expected == pytest.approx(200.0)
    assert (ads.low, ads.high) == pytest.approx((200 - 19.6, 200 + 19.6), abs=0.01)
    assert organic == ads


def test_certain_calls_leave_no_doubt_however_little_the_model_knows() -> None:
    found = tally(shares([[1, 0, 0], [0, 1, 0], [0, 1, 0]]), NAMES, {0: learnt(9.0)})

    assert [(one.low, one.expected, one.high) for one in found] == [
        (1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0),
    ]  # fmt: skip


def test_no_calls_are_none() -> None:
    found = tally(shares(np.zeros((0, 3))), NAMES, {})

    assert [(one.low, one.expected, one.high) for one in found] == [(0.0, 0.0, 0.0)] * 3


def test_an_improbable_call_lengthens_the_tail_it_would_be_in() -> None:
    """One call of a hundred channels like this one is there after all, and the interval has it."""
    rare = tally(shares([[0.0, 0.1, 0.9]]), NAMES, SURE)

    assert (rare[1].low, rare[1].high) == (0.0, 1.0)
    assert (rare[2].low, rare[2].high) == (0.0, 1.0)


def test_a_repeat_is_right_or_wrong_with_the_call_it_repeats() -> None:
    """Two calls that are surely one caller's one errand doubt as one call that counts twice."""
    apart = tally(shares([[0.0, 0.5, 0.5]] * 200), NAMES, SURE)[1]
    pairs = shares(
        [[0.0, 0.5, 0.5]] * 200, line=[n // 2 for n in range(200)], part=[0.0, 1.0] * 100
    )

    together = tally(pairs, NAMES, SURE)[1]

    assert together.expected == pytest.approx(apart.expected)
    assert width(together) == pytest.approx(np.sqrt(2) * width(apart))


def test_what_repeats_a_call_before_the_report_shares_its_doubt() -> None:
    """Of two repeats of one earlier call both or none are right; the earlier one is not counted."""
    calls = shares(
        [[0.0, 0.5, 0.5]] * 3, line=[0, 0, 0], part=[0.0, 1.0, 1.0], at=[0, HOUR_MS, 30 * HOUR_MS],
        since=1,
    )  # fmt: skip

    (_, both, _) = tally(calls, NAMES, SURE)

    assert (both.low, both.expected, both.high) == (0.0, 1.0, 2.0)


def test_who_called_longer_ago_than_the_window_is_not_repeated() -> None:
    early = shares([[0.0, 0.5, 0.5]] * 100, line=[0] * 100, part=[0.0] + [0.5] * 99)
    apart = replace(early, at=early.at * 24 * 15)

    assert width(tally(early, NAMES, SURE)[1]) > 1.2 * width(tally(apart, NAMES, SURE)[1])


def test_calls_of_one_moment_repeat_each_other_not() -> None:
    once = shares([[0.0, 0.5, 0.5]] * 100, line=[0] * 100, part=[0.9] * 100, at=[5] * 100)

    assert width(tally(once, NAMES, SURE)[1]) == pytest.approx(2 * 1.959964 * 5)


def test_what_the_model_does_not_know_widens_both_sides_of_a_choice() -> None:
    calls = shares([[0.0, 0.5, 0.5]] * 400)

    known, vague = (tally(calls, NAMES, {0: learnt(v)})[1] for v in (0.0, 0.04))

    # Each rate's logarithm moves the total by 100; two rates, by opposite signs.
    assert width(vague) / 2 == pytest.approx(1.959964 * np.sqrt(100 + 2 * 0.04 * 100**2))
    assert width(vague) > 2 * width(known)


def test_the_noise_rate_is_doubted_by_its_own_variance() -> None:
    calls = shares([[0.5, 0.5, 0.0]] * 400)
    quiet = learnt(0.0)
    covariance = np.array(quiet.covariance)
    covariance[NOISE, NOISE] = 0.09
    loud = replace(quiet, covariance=tuple(tuple(row) for row in covariance.tolist()))

    found = tally(calls, NAMES, {0: loud})

    assert width(found[0]) / 2 == pytest.approx(1.959964 * np.sqrt(100 + 0.09 * 100**2))
    assert width(found[1]) == pytest.approx(width(found[0]))


def test_sites_are_doubted_each_by_its_own_model() -> None:
    calls = shares([[0.0, 0.5, 0.5]] * 400, site=[0, 1] * 200)

    apart = tally(calls, NAMES, {0: learnt(0.04), 1: learnt(0.04)})[1]
    alone = tally(calls, NAMES, {0: learnt(0.04), 1: learnt(0.0)})[1]

    assert width(apart) / 2 == pytest.approx(1.959964 * np.sqrt(100 + 2 * 2 * 0.04 * 50**2))
    assert width(alone) / 2 == pytest.approx(1.959964 * np.sqrt(100 + 2 * 0.04 * 50**2))


def test_what_a_site_has_not_learnt_is_as_uncertain_as_the_prior() -> None:
    calls = shares([[0.0, 0.9, 0.1]] * 400)
    reach = 1.959964 * np.sqrt(36 + 2 / CHANNEL_PRIOR * 36**2)

    new_site = tally(calls, NAMES, {})[1]
    not_learnt = tally(calls, NAMES, {0: SHIPPED})[1]
    new_channels = tally(calls, NAMES, {0: learnt(0.0, ["email"])})[1]

    for found in (new_site, not_learnt, new_channels):
        assert found.expected - found.low == pytest.approx(reach, rel=0.01)


ROWS = st.lists(
    st.lists(st.sampled_from([0.0, 0.001, 0.02, 0.3, 0.5, 1.0]), min_size=4, max_size=4).filter(
        any
    ),
    min_size=1,
    max_size=30,
)


@given(ROWS, st.lists(st.floats(0, 1), min_size=30, max_size=30), st.integers(1, 5))
def test_the_interval_holds_the_expected_count_and_keeps_to_what_can_be(
    rows: list[list[float]], parts: list[float], callers: int
) -> None:
    share = np.array(rows) / np.sum(rows, axis=1, keepdims=True)
    count = len(share)
    calls = shares(share, part=parts[:count], line=[row % callers for row in range(count)])
    names = ["ads", "organic", "email"]

    sure = tally(calls, names, {0: learnt(0.0, names)})
    vague = tally(calls, names, {0: learnt(0.5, names)})

    assert sum(one.expected for one in sure) == pytest.approx(count)
    for column, (narrow, wide) in enumerate(zip(sure, vague, strict=True)):
        assert narrow.expected == wide.expected == pytest.approx(share[:, column].sum())
        assert 0 <= wide.low <= narrow.low + 1e-9
        assert narrow.low <= narrow.expected <= narrow.high <= wide.high + 1e-9
        assert wide.high <= max(count, wide.expected)


@given(ROWS)
def test_the_order_of_channels_is_of_no_account(rows: list[list[float]]) -> None:
    share = np.array(rows) / np.sum(rows, axis=1, keepdims=True)
    names = ["ads", "organic", "email"]
    turned = share[:, [0, 3, 1, 2]]

    found = tally(shares(share), names, {0: learnt(0.1, names)})
    again = tally(shares(turned), ["email", "ads", "organic"], {0: learnt(0.1, names)})

    for one, other in zip(found, (again[0], again[2], again[3], again[1]), strict=True):
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-6)


def covered(found: Sequence[Total], truths: Floats) -> Floats:
    """By column the share of worlds (rows of `truths`) whose count is in the interval."""
    low = np.array([one.low for one in found])
    high = np.array([one.high for one in found])
    return np.asarray(((truths >= low) & (truths <= high)).mean(axis=0))


@pytest.mark.parametrize(("calls", "least", "most"), [(1, 0.95, 1), (6, 0.94, 1), (60, 0.94, 0.99)])
def test_intervals_cover_where_calls_are_independent(calls: int, least: float, most: float) -> None:
    """Small counts cannot be covered at exactly 95 %; they are not covered less."""
    rng = np.random.default_rng(calls)
    coverage = []
    for _ in range(60):
        share = rng.dirichlet([0.1, 0.6, 0.2, 0.05], calls)
        draws = (rng.random((400, calls, 1)) > share.cumsum(axis=1)).sum(axis=2).clip(0, 3)
        truths = np.stack([(draws == column).sum(axis=1) for column in range(4)], axis=1)
        found = tally(shares(share), ["a", "b", "c"], {0: learnt(0.0, ["a", "b", "c"])})
        coverage.append(covered(found, truths))

    assert least <= np.mean(coverage) <= most


def test_intervals_cover_where_callers_call_again_and_again() -> None:
    """Worlds drawn call by call: a repeat takes over the truth of the call it repeats."""
    rng = np.random.default_rng(5)
    count, worlds = 240, 400
    line = rng.integers(0, 80, count)
    at = np.sort(rng.integers(0, 10 * 24 * HOUR_MS, count))
    coverage = []
    for _ in range(8):
        share, part, truth = np.zeros((count, 4)), np.zeros(count), np.zeros((worlds, count), int)
        for row in range(count):
            fresh = rng.dirichlet([0.2, 0.6, 0.3, 0.1])
            earlier = np.flatnonzero((line[:row] == line[row]) & (at[:row] < at[row]))
            dues = np.array([repeat.density((at[row] - at[one]) / 1_000) for one in earlier])
            part[row] = 0.7 if len(earlier) else 0.0
            chances = part[row] * dues / dues.sum() if len(earlier) else dues
            share[row] = (1 - part[row]) * fresh + chances @ share[earlier]
            own = rng.choice(4, worlds, p=fresh)
            pick = (rng.random((worlds, 1)) > np.cumsum(chances)).sum(axis=1)
            sources = np.column_stack([truth[:, earlier], own])
            truth[:, row] = sources[np.arange(worlds), pick]
        calls = shares(share, at=at.tolist(), line=line.tolist(), part=part.tolist())
        found = tally(calls, ["a", "b", "c"], {0: learnt(0.0, ["a", "b", "c"])})
        truths = np.stack([(truth == column).sum(axis=1) for column in range(4)], axis=1)
        coverage.append(covered(found, truths))

    assert 0.94 <= np.mean(coverage) <= 0.98


def test_intervals_cover_where_the_rates_are_known_only_roughly() -> None:
    """Worlds with other rates than those the calls were shared out with, as the model admits."""
    rng = np.random.default_rng(9)
    names, count, doubt = ["a", "b", "c"], 200, 0.3
    coverage = []
    for _ in range(8):
        weights = rng.gamma(0.4, size=(count, 4)) + 1e-9
        share = weights / weights.sum(axis=1, keepdims=True)
        truths = []
        for _ in range(400):
            moved = weights * np.exp(rng.normal(0, doubt, 4))
            right = moved / moved.sum(axis=1, keepdims=True)
            drawn = (rng.random((count, 1)) > right.cumsum(axis=1)).sum(axis=1).clip(0, 3)
            truths.append(np.bincount(drawn, minlength=4))
        found = tally(shares(share), names, {0: learnt(doubt**2, names)})
        coverage.append(covered(found, np.array(truths)))

    assert 0.93 <= np.mean(coverage) <= 0.97


def sums_of(share: Floats) -> Sums:
    return Sums(
        first=share.sum(axis=0),
        cubes=(share**3).sum(axis=0),
        certain=(share >= 1).sum(axis=0).astype(np.float64),
        possible=(share > 0).sum(axis=0).astype(np.float64),
        products=share.T @ share,
    )


CALLS = st.lists(
    st.tuples(
        st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.integers(0, 5), st.booleans(),
        st.integers(0, 40),
    ),
    max_size=30,
)  # fmt: skip


def made_calls(made: list[tuple[float, float, float, int, bool, int]]) -> Shares:
    """On even lines nobody calls again."""
    made = sorted(made, key=lambda one: one[-1])
    table = [[1 - part, part * ads, part * (1 - ads)] for part, ads, *_ in made]
    return Shares(
        at=np.array([12 * HOUR_MS * at for *_, at in made], dtype=np.int64),
        line=np.array([line for _, _, _, line, _, _ in made], dtype=np.int64),
        site=np.array([line % 2 for _, _, _, line, _, _ in made], dtype=np.int64),
        counted=np.array([counted for *_, counted, _ in made], dtype=np.bool_),
        share=np.array(table, dtype=np.float64).reshape(-1, 3),
        repeat=np.array([part * (line % 2) for _, _, part, line, *_ in made], dtype=np.float64),
    )


@given(CALLS)
def test_what_repeats_change_may_be_told_apart_from_the_sums(
    made: list[tuple[float, float, float, int, bool, int]],
) -> None:
    """Of calls on lines with counted repeats alone, added to the sums of all: the same totals."""
    whole = made_calls(made)
    models = {0: learnt(0.04), 1: learnt(0.5)}
    lines = np.unique(whole.line[whole.counted & (whole.repeat > 0)])
    sites = {site: sums_of(whole.share[whole.counted & (whole.site == site)]) for site in (0, 1)}

    changed = repeated(whole.only(np.isin(whole.line, lines)))

    told = totals(independent(sites, columns=3) + changed, NAMES, models)
    for one, other in zip(told, tally(whole, NAMES, models), strict=True):
        assert (one.expected, one.low, one.high) == pytest.approx(
            (other.expected, other.low, other.high), abs=1e-6
        )


@given(CALLS, st.integers(0, 40))
def test_what_repeats_change_may_be_told_run_by_run_and_day_by_day(
    made: list[tuple[float, float, float, int, bool, int]], day: int
) -> None:
    whole = made_calls(made)
    models, until = {0: learnt(0.04), 1: learnt(0.5)}, day * 12 * HOUR_MS
    sites = {site: sums_of(whole.share[whole.counted & (whole.site == site)]) for site in (0, 1)}
    told = Moments.nothing(3) + independent(sites, columns=3)

    for since in np.unique(begun(whole)).tolist():
        runs = whole.only(begun(whole) == since)
        before = repeated(runs.only(runs.at < until))
        told += before
        told += (repeated(runs) - before).among(3, [1, 2])

    for one, other in zip(totals(told, NAMES, models), tally(whole, NAMES, models), strict=True):
        assert (one.expected, one.low, one.high) == pytest.approx(
            (other.expected, other.low, other.high), abs=1e-5
        )


def test_moments_may_be_put_among_more_columns() -> None:
    calls = shares(
        [[0.2, 0.5, 0.3], [0.4, 0.3, 0.3]] * 30, line=[n // 2 for n in range(60)],
        part=[0.0, 0.9] * 30,
    )  # fmt: skip
    wide = replace(calls, share=np.insert(calls.share, 1, 0.0, axis=1))
    sites = {0: sums_of(wide.share)}

    told = independent(sites, columns=4) + repeated(calls).among(4, [2, 3])

    names = ["email", *NAMES]
    models = {0: learnt(0.3, names)}
    for one, other in zip(totals(told, names, models), tally(wide, names, models), strict=True):
        assert (one.expected, one.low, one.high) == pytest.approx(
            (other.expected, other.low, other.high), abs=1e-6
        )


def test_a_run_ends_where_nobody_calls_again_within_the_window() -> None:
    days = [0, 14, 29, 30, 3]
    calls = shares(
        [[1.0, 0.0, 0.0]] * 5, at=[24 * HOUR_MS * day for day in days], line=[7, 7, 7, 7, 8]
    )

    assert (begun(calls) // (24 * HOUR_MS)).tolist() == [0, 0, 29, 29, 3]
