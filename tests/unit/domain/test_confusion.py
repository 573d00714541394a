"""What showing a number to one more visitor would cost."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.confusion import HOLDERS, SAME_CHANNEL, SAME_KEYWORD, Confusion

MINUTE, DAY = 60_000, 86_400_000


def held_by(channel: str, keyword: str | None) -> Confusion:
    confusion = Confusion({})
    confusion.took("N", -1, channel, keyword, 0)
    return confusion


def test_a_number_nobody_held_costs_nothing() -> None:
    assert Confusion({}).cost("N", -1, on_page=False, channel="a", keyword=None, at=5) == 0.0


def test_a_mix_up_within_a_keyword_costs_least_and_across_channels_most() -> None:
    confusion = held_by("a", "k")

    def cost(channel: str, keyword: str) -> float:
        return confusion.cost("N", 0, on_page=False, channel=channel, keyword=keyword, at=MINUTE)

    across = cost("b", "k")
    assert cost("a", "k") == pytest.approx(SAME_KEYWORD * across)
    assert cost("a", "other") == pytest.approx(SAME_CHANNEL * across)


def test_a_holder_on_page_costs_more_than_one_who_left() -> None:
    confusion = held_by("a", None)

    gone = confusion.cost("N", 0, on_page=False, channel="b", keyword=None, at=10 * MINUTE)
    there = confusion.cost("N", 0, on_page=True, channel="b", keyword=None, at=10 * MINUTE)

    assert there > gone


def test_holders_of_a_channel_that_calls_often_cost_more() -> None:
    often, seldom = Confusion({"a": 0.1}), Confusion({"a": 0.01})
    for confusion in (often, seldom):
        confusion.took("N", -1, "a", None, 0)

    costs = [
        confusion.cost("N", 0, on_page=False, channel="b", keyword=None, at=MINUTE)
        for confusion in (often, seldom)
    ]

    assert costs[0] == pytest.approx(10 * costs[1])


def test_holders_before_the_last_two_are_remembered_by_channel_and_fade() -> None:
    few, many = Confusion({}), Confusion({})
    for _ in range(3):
        many.took("N", 0, "a", None, 0)
    for _ in range(HOLDERS):
        few.took("N", 0, "a", None, 0)

    def extra(channel: str, at: int) -> float:
        costs = [
            one.cost("N", 0, on_page=False, channel=channel, keyword=None, at=at)
            for one in (many, few)
        ]
        return costs[0] - costs[1]

    assert extra("b", 0) > extra("b", DAY) > 0
    assert extra("a", 0) == pytest.approx(SAME_CHANNEL * extra("b", 0))


def test_an_old_holder_fades_to_a_third_in_a_day() -> None:
    def cost(*held: int) -> float:
        confusion = Confusion({})
        for at in held:
            confusion.took("N", at, "a", None, at)
        return confusion.cost("N", DAY, on_page=False, channel="b", keyword=None, at=DAY)

    fresh = cost(0, DAY, DAY) - cost(DAY, DAY)
    faded = cost(0, 0, 0, DAY) - cost(0, DAY, DAY)

    assert faded == pytest.approx(fresh * math.exp(-1))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, DAY)), max_size=8),
    st.sampled_from("abcd"),
    st.integers(-MINUTE, DAY),
)
def test_costs_are_finite_and_never_negative(
    holders: list[tuple[str, int]], channel: str, later: int
) -> None:
    confusion = Confusion({"a": 0.02})
    at = 0
    for name, step in holders:
        at += step
        confusion.took("N", at, name, name, at)

    cost = confusion.cost("N", at, on_page=False, channel=channel, keyword="a", at=at + later)

    assert 0.0 <= cost < 1e3
    for _ in range(2):
        again = confusion.cost("N", at, on_page=False, channel=channel, keyword="a", at=at + later)
        assert again == cost
