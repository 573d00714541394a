"""How probable a mix-up is if one more visitor is shown a number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.confusion import HOLDERS, Confusion
from ringtrace.domain.moment import DAY_MS, MINUTE_MS


def odds(confusion: Confusion, at: int, seen_at: int = 0, *, on_page: bool = False) -> float:
    """Calls of others to one of the new visitor's."""
    risk = confusion.risk("N", seen_at, on_page, "new", at)
    return risk / (1 - risk)


def held(times: int = 1, **rates: float) -> Confusion:
    confusion = Confusion(rates)
    for _ in range(times):
        confusion.took("N", 0, "a", 0)
    return confusion


def test_a_number_nobody_held_is_no_risk() -> None:
    assert Confusion({}).risk("N", -1, on_page=False, channel="a", at=5) == 0.0


def test_two_who_are_both_on_page_are_alike() -> None:
    assert held().risk("N", 0, on_page=True, channel="a", at=MINUTE_MS) == pytest.approx(0.5)


def test_a_holder_on_page_is_a_greater_risk_than_one_who_left() -> None:
    gone, there = (odds(held(), 10 * MINUTE_MS, on_page=on_page) for on_page in (False, True))

    assert there > gone > 0


def test_the_risk_falls_with_the_time_that_a_number_is_idle() -> None:
    idle = [odds(held(), at) for at in (0, MINUTE_MS, 10 * MINUTE_MS, DAY_MS)]

    assert idle == sorted(idle, reverse=True)


def test_holders_of_a_channel_that_calls_often_are_a_greater_risk() -> None:
    assert odds(held(a=0.1), MINUTE_MS) == pytest.approx(10 * odds(held(a=0.01), MINUTE_MS))


def test_a_holder_with_an_extension_counts_for_a_share() -> None:
    coded = Confusion({})
    coded.took("N", 0, "a", 0, share=0.3)

    assert odds(coded, MINUTE_MS) == pytest.approx(0.3 * odds(held(), MINUTE_MS))


def test_holders_before_the_last_two_are_remembered_and_fade() -> None:
    def extra(at: int) -> float:
        return odds(held(HOLDERS + 1), at) - odds(held(HOLDERS), at)

    assert extra(0) > extra(DAY_MS) > 0
    assert extra(DAY_MS) == pytest.approx(extra(0) * math.exp(-1))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, DAY_MS)), max_size=8),
    st.sampled_from("abcd"),
    st.integers(0, DAY_MS),
)
def test_a_risk_is_a_probability_and_looking_at_it_changes_nothing(
    holders: list[tuple[str, int]], channel: str, later: int
) -> None:
    confusion = Confusion({"a": 0.02})
    at = 0
    for name, step in holders:
        at += step
        confusion.took("N", at, name, at)

    risks = [confusion.risk("N", at, False, channel, at + later) for _ in range(3)]

    assert 0.0 <= risks[0] < 1.0
    assert len(set(risks)) == 1
