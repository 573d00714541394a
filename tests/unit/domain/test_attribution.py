"""Credits of a call: honest, complete, without a look into the future."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.attribution import (
    NAMED,
    WINDOW_MS,
    Basis,
    Caller,
    Candidate,
    EarlierCall,
    to_exposures,
    to_nothing,
    to_static,
    verdict,
)
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS, HOUR_MS, MINUTE_MS
from ringtrace.domain.source import Source
from ringtrace.domain.visit import Device

SECOND = 1_000
NOW = 30 * DAY_MS


def seen(
    visit: str, ago: int, *, left: int | None = None, tapped: int | None = None,
    channel: str = "Paid Search", term: str | None = None,
) -> Candidate:  # fmt: skip
    """A candidate whose last sign of life, leave and tap were so many ms ago."""
    return Candidate(
        visit_id=visit,
        shown_at=NOW - max(ago, MINUTE_MS),
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
    agos = [10 * SECOND, 2 * MINUTE_MS, 20 * MINUTE_MS, 50 * MINUTE_MS, 10 * HOUR_MS, 5 * DAY_MS]

    shares = [to_exposures([seen("v", ago, left=ago)], NOW).unknown for ago in agos]

    assert shares == sorted(shares)


def test_somebody_long_gone_leaves_the_call_unknown() -> None:
    best = verdict(to_exposures([seen("v", 3 * DAY_MS, left=3 * DAY_MS)], NOW))

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
    gone = replace(seen("gone", 0), seen_at=NOW - 15 * DAY_MS, left_at=NOW - 15 * DAY_MS)

    assert to_exposures([gone], NOW).basis is Basis.NOTHING


def test_what_happened_after_the_call_is_no_evidence() -> None:
    then = NOW - 10 * SECOND
    knew = Candidate("v", NOW - MINUTE_MS, then, None, None, Source("Direct"))
    learnt = replace(knew, seen_at=NOW, left_at=NOW, tapped_at=NOW)

    assert to_exposures([learnt], then) == to_exposures([knew], then)


CANDIDATES = st.lists(
    st.builds(
        seen,
        visit=st.uuids().map(str),
        ago=st.integers(0, 20 * DAY_MS),
        left=st.none() | st.integers(0, 20 * DAY_MS),
        tapped=st.none() | st.integers(0, DAY_MS),
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


def test_a_caller_tied_to_a_visitor_is_he() -> None:
    mine = replace(seen("mine", HOUR_MS, left=HOUR_MS), visitor_id="me")
    reader = replace(seen("reader", SECOND), visitor_id="reader")
    caller = Caller(known=True, own={"me": 0.9}, others={"me": 0.1})

    assert verdict(to_exposures([mine, reader], NOW, caller=caller)).visit_id == "mine"
    assert verdict(to_exposures([mine, reader], NOW)).visit_id == "reader"


def test_a_new_caller_is_nobody_who_is_tied_to_another() -> None:
    taken = replace(seen("taken", SECOND), visitor_id="taken")
    caller = Caller(known=False, others={"taken": 1.0})

    assert to_exposures([taken], NOW, caller=caller).basis is Basis.NOTHING


def test_whoever_calls_again_calls_for_the_same_reason() -> None:
    first = to_exposures([seen("first", SECOND, channel="Email")], NOW)
    later = NOW + 20 * HOUR_MS
    gone = replace(
        seen("first", SECOND, left=0, channel="Email"), called=first.credits[0].probability
    )
    other = replace(
        seen("other", 0, channel="Direct"), shown_at=later - HOUR_MS, seen_at=later - HOUR_MS
    )
    calls = (EarlierCall(NOW, first), EarlierCall(later + 1, first))

    for known in (True, None):
        caller = Caller(known=known, calls=calls)
        result = to_exposures([gone, other], later, caller=caller)
        assert verdict(result).visit_id == "first"
        assert result.repeat > 0.5
        assert sum(c.probability for c in result.credits) + result.unknown == pytest.approx(1.0)
        assert len({(c.visit_id, c.source) for c in result.credits}) == len(result.credits)


def test_many_candidates_are_named_down_to_a_rest_by_source() -> None:
    crowd = [seen(f"v{n:03}", n * SECOND, term="x" if n % 2 else "y") for n in range(100)]

    result = to_exposures(crowd, NOW)

    named = [credit for credit in result.credits if credit.visit_id is not None]
    rest = [credit for credit in result.credits if credit.visit_id is None]
    assert len(named) == NAMED
    assert {credit.source.term for credit in rest} == {"x", "y"}
    assert verdict(result).visit_id is not None
    assert sum(c.probability for c in result.credits) + result.unknown == pytest.approx(1.0)


def test_a_credit_says_what_it_rests_on() -> None:
    phone = replace(
        seen("v", MINUTE_MS, left=8 * SECOND, tapped=9 * SECOND),
        device=Device.MOBILE,
        contact_at=NOW - MINUTE_MS,
        called=0.25,
    )

    why = to_exposures([phone], NOW).credits[0].why

    assert why is not None
    assert why.state == "just left (mobile)"
    assert why.contact == SHIPPED.contact[1]
    assert why.tap == SHIPPED.tap[3]
    product = why.channel * why.keyword * why.device * why.contact * why.hazard + why.tap
    assert why.weight == pytest.approx(product * why.free * why.caller)


@given(st.sampled_from(["contact", "tap", "fresh"]), st.integers(MINUTE_MS, DAY_MS))
def test_more_evidence_never_lowers_the_probability(kind: str, ago: int) -> None:
    plain = seen("v", ago, left=ago)
    better = {
        "contact": replace(plain, contact_at=NOW - ago),
        "tap": replace(plain, tapped_at=NOW - 5 * SECOND),
        "fresh": replace(plain, seen_at=NOW - ago // 2, left_at=NOW - ago // 2),
    }[kind]
    rival = seen("rival", 10 * MINUTE_MS, left=10 * MINUTE_MS)

    def share(one: Candidate) -> float:
        credits_ = to_exposures([one, rival], NOW).credits
        return sum(c.probability for c in credits_ if c.visit_id == "v")

    assert share(better) >= share(plain)
