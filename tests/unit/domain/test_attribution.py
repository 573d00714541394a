"""Credits of a call: honest, complete, without a look into the future."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.attribution import (
    WINDOW_MS,
    Basis,
    Candidate,
    to_exposures,
    to_nothing,
    to_static,
    verdict,
)
from ringtrace.domain.source import Source

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
NOW = 30 * DAY


def seen(
    visit: str, ago: int, *, left: int | None = None, tapped: int | None = None,
    channel: str = "Paid Search", term: str | None = None,
) -> Candidate:  # fmt: skip
    """A candidate whose last sign of life, leave and tap were so many ms ago."""
    return Candidate(
        visit_id=visit,
        shown_at=NOW - max(ago, MINUTE),
        seen_at=NOW - ago,
        left_at=None if left is None else NOW - left,
        tapped_at=None if tapped is None else NOW - tapped,
        source=Source(channel, campaign=f"{channel} campaign", term=term),
    )


def test_a_static_number_stands_for_its_source() -> None:
    result = to_static(Source("Radio", campaign="Morning show"))

    assert result.basis is Basis.STATIC_NUMBER
    assert verdict(result).channel == "Radio"
    assert verdict(result).campaign == "Morning show"
    assert verdict(result).probability == 1.0
    assert verdict(result).visit_id is None


def test_a_number_nobody_was_shown_is_unknown() -> None:
    assert to_exposures([], NOW) == to_nothing()
    assert verdict(to_nothing()).channel is None
    assert verdict(to_nothing()).probability == 1.0


def test_the_only_visitor_on_page_is_nearly_certain_but_never_quite() -> None:
    best = verdict(to_exposures([seen("v", 5 * SECOND)], NOW))

    assert best.visit_id == "v"
    assert 0.97 < best.probability < 1.0


def test_the_longer_ago_the_less_probable() -> None:
    agos = [10 * SECOND, 2 * MINUTE, 20 * MINUTE, 50 * MINUTE, 10 * HOUR, 5 * DAY]

    shares = [to_exposures([seen("v", ago, left=ago)], NOW).unknown for ago in agos]

    assert shares == sorted(shares)


def test_somebody_long_gone_leaves_the_call_unknown() -> None:
    best = verdict(to_exposures([seen("v", 3 * DAY, left=3 * DAY)], NOW))

    assert best.channel is None
    assert best.visit_id is None
    assert best.probability > 0.9


def test_a_tap_on_the_number_outweighs_a_visitor_on_page() -> None:
    tapper = seen("tapper", 8 * SECOND, left=7 * SECOND, tapped=8 * SECOND)

    best = verdict(to_exposures([seen("reader", 1 * SECOND), tapper], NOW))

    assert best.visit_id == "tapper"
    assert best.probability > 0.99


def test_the_channel_is_that_of_the_sum_not_of_the_best_visit() -> None:
    candidates = [
        seen("best", 1 * SECOND, channel="Direct"),
        seen("a", 2 * SECOND, channel="Email", term="x"),
        seen("b", 3 * SECOND, channel="Email", term="y"),
    ]

    best = verdict(to_exposures(candidates, NOW))

    assert best.channel == "Email"


def test_exposures_outside_the_window_and_of_the_future_are_no_candidates() -> None:
    old = replace(seen("old", 0), shown_at=NOW - WINDOW_MS - 1)
    future = replace(seen("future", 0), shown_at=NOW + 1)

    assert to_exposures([old, future], NOW).basis is Basis.NOTHING


def test_a_visit_out_of_sight_for_longer_than_the_window_gets_nothing() -> None:
    gone = replace(seen("gone", 0), seen_at=NOW - 15 * DAY, left_at=NOW - 15 * DAY)

    assert to_exposures([gone], NOW).basis is Basis.NOTHING


def test_what_happened_after_the_call_is_no_evidence() -> None:
    then = NOW - 10 * SECOND
    knew = Candidate("v", NOW - MINUTE, then, None, None, Source("Direct"))
    learnt = replace(knew, seen_at=NOW, left_at=NOW, tapped_at=NOW)

    assert to_exposures([learnt], then) == to_exposures([knew], then)


CANDIDATES = st.lists(
    st.builds(
        seen,
        visit=st.uuids().map(str),
        ago=st.integers(0, 20 * DAY),
        left=st.none() | st.integers(0, 20 * DAY),
        tapped=st.none() | st.integers(0, DAY),
        channel=st.sampled_from(["Direct", "Email", "Paid Search"]),
    ),
    max_size=8,
    unique_by=lambda candidate: candidate.visit_id,
)


@given(CANDIDATES)
def test_credits_and_unknown_sum_to_one(candidates: list[Candidate]) -> None:
    result = to_exposures(candidates, NOW)

    total = sum(credit.probability for credit in result.credits) + result.unknown
    assert total == pytest.approx(1.0)
    assert all(credit.probability > 0 for credit in result.credits)


@given(CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_of_candidates_does_not_matter(
    candidates: list[Candidate], random: object
) -> None:
    shuffled = candidates[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    one, other = to_exposures(candidates, NOW), to_exposures(shuffled, NOW)

    assert [c.visit_id for c in one.credits] == [c.visit_id for c in other.credits]
    assert one.unknown == pytest.approx(other.unknown)
