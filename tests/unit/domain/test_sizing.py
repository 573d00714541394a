"""A replay of known calls tells a good pool size from a bad one, and how sure it is."""

from collections.abc import Sequence

import numpy as np
import pytest

from ringtrace.domain.history import History, Hit, gather
from ringtrace.domain.intervals import Share
from ringtrace.domain.moment import DAY_MS, MINUTE_MS
from ringtrace.domain.placing import Calls, RealCall, place
from ringtrace.domain.sizing import (
    Advice,
    NoCallsError,
    Outcome,
    SizeOutcome,
    Sizing,
    Target,
    advise,
    effort,
    size,
)
from ringtrace.domain.visit import Device, HitKind

SEGMENTS = [("Paid Search", f"k{n}") for n in range(6)] + [("Direct", None), ("Referral", "blog")]


def site(
    days: int, visits: int = 400, seed: int = 1, *, signs: bool = True
) -> tuple[History, Calls]:
    """So many visits a day, of which one in ten calls up to an hour after it left.

    With `signs` callers alone, and all of them, look at the contact page and tap the number.
    """
    rng = np.random.default_rng(seed)
    hits: list[Hit] = []
    calls: list[RealCall] = []
    for n in range(days * visits):
        at = int(rng.uniform(0, days * DAY_MS))
        left = at + int(rng.uniform(5_000, 4 * MINUTE_MS))
        segment = SEGMENTS[rng.integers(len(SEGMENTS))]
        device = Device.MOBILE if rng.random() < 0.6 else Device.DESKTOP
        hits += [
            Hit(at, f"v{n}", f"p{n}", HitKind.PAGE, segment, device),
            *(Hit(beat, f"v{n}", f"p{n}", HitKind.BEAT) for beat in range(at, left, 30_000)),
            Hit(left, f"v{n}", f"p{n}", HitKind.LEAVE),
        ]
        if rng.random() < 0.1:
            if signs:
                hits.append(Hit(left - 1, f"v{n}", f"p{n}", HitKind.CONTACT))
                hits.append(Hit(left - 1, f"v{n}", f"p{n}", HitKind.TAP))
            calls.append(RealCall(left + int(rng.exponential(10 * MINUTE_MS)), f"c{n}", f"v{n}"))
    history = gather(hits)
    return history, place(history, calls, rng)


@pytest.fixture(scope="module")
def week() -> Sizing:
    history, calls = site(days=12)
    return size(history, calls, [3, 60, 12, 12], 2.5, np.random.default_rng(1))


def test_sizes_are_in_order_and_cost_their_numbers(week: Sizing) -> None:
    assert [(one.numbers, one.monthly_cost) for one in week.sizes] == [
        (3, 7.5),
        (12, 30.0),
        (60, 150.0),
    ]


def test_more_numbers_name_more_visits_rightly(week: Sizing) -> None:
    small, middle, large = (one.ours.visit.value for one in week.sizes)
    assert small < middle < large

    small, middle, large = (one.trade.visit.value for one in week.sizes)
    assert small < middle < large


def test_the_trade_loses_to_its_fallback_what_we_do_not(week: Sizing) -> None:
    smallest, _, largest = week.sizes

    assert smallest.trade.unknown.value > 0.5
    assert smallest.ours.unknown.value < 0.1
    assert smallest.ours.visit.low > smallest.trade.visit.high
    assert largest.trade.unknown.value < 0.02


def test_intervals_hold_their_share_and_days_are_resampled(week: Sizing) -> None:
    assert week.resampled == "days"
    # Nine days after the warm-up, and calls past the last midnight.
    assert week.days == 10
    assert week.scored_since >= 3 * DAY_MS
    for one in week.sizes:
        for outcome in (one.ours, one.trade):
            for share in (*map(outcome.share, Target), outcome.unknown):
                assert 0 <= share.low <= share.value <= share.high <= 1
                assert share.low < share.high


def test_the_same_seed_gives_the_same_result_and_another_one_other_intervals() -> None:
    history, calls = site(days=2, visits=200)

    def sized(seed: int) -> Sizing:
        return size(history, calls, [4], 1.0, np.random.default_rng(seed))

    assert sized(1) == sized(1)
    assert sized(1) != sized(2)


def test_with_few_days_calls_are_resampled_and_perfection_is_not_believed() -> None:
    history, calls = site(days=1, visits=60)

    found = size(history, calls, [1, 200], 1.0, np.random.default_rng(1))

    assert found.resampled == "calls"
    outcome = found.sizes[1].trade
    assert outcome.unknown.value == 0
    assert outcome.unknown.high > 1 / len(calls)


def test_every_event_is_told_of_as_it_is_replayed() -> None:
    history, calls = site(days=2, visits=300)
    steps: list[int] = []

    size(history, calls, [2, 3], 1.0, np.random.default_rng(1), steps.append)

    # Wrong calls come on top.
    assert 0 <= sum(steps) - effort(history, calls, [2, 3]) < 20
    assert len(steps) >= 4


def test_calls_within_the_warm_up_are_replayed_and_not_scored() -> None:
    history, calls = site(days=2, visits=100)
    early = calls.at < DAY_MS // 4
    calls = Calls(calls.at[early], calls.visit[early], calls.caller[early])

    with pytest.raises(NoCallsError):
        size(history, calls, [2], 1.0, np.random.default_rng(1))


def sizing(*shares: tuple[int, float, float]) -> Sizing:
    """Sizes with the share of right keywords and its lower border."""
    nothing = Share(0.0, 0.0, 0.0)

    def outcome(value: float, low: float) -> Outcome:
        return Outcome(nothing, nothing, Share(value, low, 1.0), nothing)

    sizes = tuple(
        SizeOutcome(numbers, 0.0, outcome(value, low), outcome(1.0, 1.0))
        for numbers, value, low in shares
    )
    return Sizing(sizes, 1, 0, 1, "calls")


@pytest.mark.parametrize(
    ("shares", "numbers", "likely"),
    [
        ([(5, 0.5, 0.4), (10, 0.91, 0.85), (20, 0.95, 0.9)], 20, 10),
        ([(5, 0.95, 0.92), (10, 0.85, 0.8), (20, 0.95, 0.92)], 20, 20),
        ([(5, 0.95, 0.92), (10, 0.96, 0.93)], 5, 5),
        ([(5, 0.92, 0.8)], None, 5),
        ([(5, 0.5, 0.4)], None, None),
        ([(5, 0.95, 0.92), (10, 0.8, 0.7)], None, None),
    ],
)
def test_the_size_advised_reaches_the_target_with_its_lower_border_as_do_all_larger_ones(
    shares: Sequence[tuple[int, float, float]], numbers: int | None, likely: int | None
) -> None:
    found = advise(sizing(*shares), {Target.KEYWORD: 0.9})

    assert found == (Advice(Target.KEYWORD, 0.9, numbers, likely),)


def test_extensions_name_more_visits_of_a_starved_pool_and_cost_calls() -> None:
    history, calls = site(days=12, signs=False)

    found = size(history, calls, [3], 1, np.random.default_rng(1), extensions_above=0.2).sizes[0]

    assert found.coded is not None
    assert found.coded.outcome.visit.low > found.ours.visit.value
    assert 0.2 < found.coded.shown < 1
    assert 0 < found.coded.lost.value < 0.05


def test_a_large_pool_shows_hardly_any_extension() -> None:
    history, calls = site(days=12)

    found = size(history, calls, [60], 1, np.random.default_rng(1), extensions_above=0.35).sizes[0]

    assert found.coded is not None
    assert found.coded.shown < 0.01


def test_without_extensions_none_are_replayed(week: Sizing) -> None:
    assert all(one.coded is None for one in week.sizes)
