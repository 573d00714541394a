"""A pool is divided by the calls expected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.split import TAIL, divide, largest_remainder, undivided

CALLS = st.dictionaries(st.text("abcdefgh", min_size=1), st.floats(0, 1e6), min_size=1, max_size=40)


def test_numbers_go_to_channels_in_proportion_to_their_calls() -> None:
    split = divide(20, {"ads": 10.0, "organic": 5.0, "display": 0.01})

    assert split.sizes == {"ads": 13, "organic": 6, "display": 1}


def test_a_channel_nobody_expected_leases_from_the_biggest_group() -> None:
    split = divide(20, {"ads": 10.0, "organic": 5.0})

    assert split.fallback == "ads"
    assert "email" not in split.groups


def test_of_more_channels_than_numbers_the_small_ones_share() -> None:
    split = divide(3, {"ads": 10.0, "organic": 5.0, "email": 1.0, "print": 0.5})

    assert split.groups == {"ads": "ads", "organic": "organic", "email": TAIL, "print": TAIL}
    assert split.sizes == {"ads": 1, "organic": 1, TAIL: 1}
    assert split.fallback == TAIL


def test_a_single_number_is_shared_by_all() -> None:
    assert divide(1, {"ads": 10.0, "organic": 5.0}).sizes == {TAIL: 1}


@pytest.mark.parametrize("calls", [{}, {"ads": 1.0}])
def test_nothing_expected_or_nothing_to_divide_leaves_one_group(calls: dict[str, float]) -> None:
    numbers = 0 if calls else 9
    assert divide(numbers, calls) == undivided(numbers)


def test_channels_without_calls_share_alike() -> None:
    assert divide(6, {"a": 0.0, "b": 0.0, "c": -1.0}).sizes == {"a": 2, "b": 2, "c": 2}


@given(st.integers(1, 300), CALLS)
def test_every_number_has_one_group_and_every_group_a_number(
    numbers: int, calls: dict[str, float]
) -> None:
    split = divide(numbers, calls)

    assert sum(split.sizes.values()) == numbers
    assert min(split.sizes.values()) >= 1
    assert set(split.groups.values()) <= set(split.sizes)
    assert split.fallback in split.sizes
    assert divide(numbers, dict(reversed(calls.items()))) == split


@given(st.integers(0, 100), st.lists(st.floats(0.001, 1e4), min_size=1, max_size=20))
def test_shares_are_off_by_less_than_one_where_one_each_is_no_gift(
    more: int, due: list[float]
) -> None:
    named = {str(n): calls for n, calls in enumerate(due)}
    numbers = len(due) + more

    sizes = largest_remainder(numbers, named)

    assert sum(sizes.values()) == numbers
    fair = {name: numbers * calls / sum(due) for name, calls in named.items()}
    if min(fair.values()) >= 1:
        assert all(abs(sizes[name] - fair[name]) <= 1 + 1e-9 for name in named)
