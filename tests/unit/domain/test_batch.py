"""Many calls shared out at once."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain import hazard
from ringtrace.domain.batch import Batch, sums
from ringtrace.domain.evidence import CallEvidence
from ringtrace.domain.exposure import CELLS, Exposures, Segments
from ringtrace.domain.model import SHIPPED, Rates
from ringtrace.domain.moment import HOUR_MS
from ringtrace.domain.posterior import Ties, posterior, weigh


def evidence(
    states: list[int], taps: list[int] | None = None, *, repeats: tuple[float, ...] = (),
    noise: float = 1.0, gold: int = -1, at: int = 0,
) -> CallEvidence:  # fmt: skip
    size = len(states)
    return CallEvidence(
        at=at,
        cells=np.arange(size, dtype=np.int32) % (2 * CELLS),
        states=np.array(states, dtype=np.uint8),
        taps=np.array(taps or [hazard.NO_TAP] * size, dtype=np.uint8),
        factors=np.ones(size),
        repeats=np.array(repeats),
        repeated=np.zeros((len(repeats), 1)),
        noise_factor=noise,
        gold=gold,
    )


def rates() -> Rates:
    segments = Segments()
    segments.code("a", None)
    segments.code("b", "k")
    return Rates(SHIPPED, segments)


def test_sums_count_by_code_up_to_the_size_asked_for() -> None:
    assert sums(np.array([0, 2, 2]), np.array([1.0, 2.0, 3.0]), 4).tolist() == [1.0, 0.0, 5.0, 0.0]


def test_no_calls_have_no_shares() -> None:
    shares = Batch([]).share_by(rates())

    assert [len(part) for part in (shares.plain, shares.tapped, shares.repeats, shares.noise)] == [
        0, 0, 0, 0,
    ]  # fmt: skip


def test_a_call_without_candidates_is_noise() -> None:
    shares = Batch([evidence([])]).share_by(rates())

    assert shares.noise.tolist() == pytest.approx([1.0])


def test_columns_say_which_call_each_candidate_is_of() -> None:
    batch = Batch([evidence([1, 2], at=5 * HOUR_MS), evidence([], at=6 * HOUR_MS), evidence([3])])

    assert batch.calls == 3
    assert batch.of_call.tolist() == [0, 0, 2]
    assert batch.hours.tolist() == [5, 5, 0]
    assert batch.states.tolist() == [1, 2, 3]


def test_a_proven_candidate_leaves_nothing_to_the_others() -> None:
    calls = [evidence([0, 1]), evidence([0, 1, 2], repeats=(1.0,), gold=1), evidence([0])]

    shares = Batch(calls).share_by(rates())

    assert shares.plain[2:5].tolist() == pytest.approx([0.0, 1.0, 0.0])
    assert shares.repeats[1] == shares.noise[1] == 0.0
    assert shares.noise[0] > 0
    assert shares.noise[2] > 0


def test_the_hazard_of_the_hour_counts() -> None:
    busy = (2.0,) * 12 + (1.0,) * 12
    model = replace(SHIPPED, hours=(busy, busy))
    segments = Segments()
    segments.code("a", None)

    shares = Batch([evidence([0]), evidence([0], at=12 * HOUR_MS)]).share_by(Rates(model, segments))

    odds = shares.plain / shares.noise
    assert odds[0] == pytest.approx(2 * odds[1])


def test_a_call_is_shared_out_as_it_was_when_it_came() -> None:
    exposures, now = Exposures(), 20 * HOUR_MS
    for ago in (0, 90_000, 5 * HOUR_MS):
        row = exposures.add(now - ago - 30_000, 0, 0, mobile=True)
        exposures.leave(row, now - ago)
    exposures.tapped_at[1] = now - 9_000
    standing = exposures.standing(np.arange(3), now)
    ties = Ties(False, np.zeros(3), np.zeros(3), np.array([1e-7]))
    model = rates()
    found = posterior(weigh(model, standing, np.zeros(3), ties, now), ties, SHIPPED.noise)

    shares = Batch(
        [
            CallEvidence(
                now,
                standing.cells.astype(np.int32),
                standing.states.astype(np.uint8),
                standing.taps.astype(np.uint8),
                ties.factors(np.zeros(3)),
                ties.repeats / SHIPPED.repeat,
                np.zeros((1, 1)),
                ties.noise_factor,
            )
        ]
    ).share_by(model)

    np.testing.assert_allclose(shares.plain + shares.tapped, found.candidates)
    np.testing.assert_allclose(shares.repeats, found.repeats)
    np.testing.assert_allclose(shares.noise, found.noise)


CALLS = st.lists(
    st.builds(
        evidence,
        states=st.lists(st.integers(0, hazard.STATES - 1), min_size=1, max_size=5),
        repeats=st.lists(st.floats(0, 1e-3), max_size=3).map(tuple),
        noise=st.floats(1e-4, 1.0),
        gold=st.sampled_from([-1, 0]),
        at=st.integers(0, 24 * HOUR_MS),
    ),
    max_size=6,
)


@given(CALLS)
def test_the_shares_of_every_call_sum_to_one(calls: list[CallEvidence]) -> None:
    batch = Batch(calls)

    shares = batch.share_by(rates())

    total = sums(batch.of_call, shares.plain + shares.tapped, len(calls))
    np.testing.assert_allclose(total + shares.repeats + shares.noise, 1.0)


@given(CALLS)
def test_a_call_is_shared_out_alike_alone_and_among_others(calls: list[CallEvidence]) -> None:
    batch = Batch(calls)
    together = batch.share_by(rates())

    for number, call in enumerate(calls):
        alone = Batch([call]).share_by(rates())
        np.testing.assert_allclose(together.plain[batch.of_call == number], alone.plain)
        assert together.noise[number] == pytest.approx(alone.noise[0])
