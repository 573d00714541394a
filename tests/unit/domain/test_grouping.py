"""Which number of a pool a channel takes next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain import split
from ringtrace.domain.grouping import AFFINITY, AFFINITY_MS, Groups
from ringtrace.domain.idleness import Line


def pool(size: int) -> tuple[list[Line], Groups]:
    lines = [Line(f"n{i}", split.TAIL) for i in range(size)]
    return lines, Groups(lines)


def hold(
    groups: Groups, line: Line, at: int, channel: str = "a", keyword: str | None = None
) -> None:
    groups.took(line, channel, keyword, at)
    line.seen_at = at
    line.on_page["v"] = None
    groups.sign(line)


def leave(groups: Groups, line: Line, at: int) -> None:
    line.seen_at = at
    line.on_page.clear()
    groups.rest(line)


def visit(groups: Groups, line: Line, at: int, keyword: str | None) -> None:
    hold(groups, line, at, keyword=keyword)
    leave(groups, line, at)


def test_an_empty_pool_has_no_number_to_choose() -> None:
    assert Groups([]).choose("a", None, 0) is None


def test_a_channel_takes_the_longest_idle_number_of_its_group() -> None:
    lines, groups = pool(4)
    groups.resplit(split.divide(4, {"a": 1.0, "b": 1.0}), {}, 0)
    for at, line in enumerate(lines):
        visit(groups, line, at, None)

    chosen = groups.choose("b", None, 10)

    assert chosen is next(line for line in lines if line.group == "b")


def test_when_the_group_is_all_on_page_its_oldest_arrival_is_shared() -> None:
    lines, groups = pool(4)
    groups.resplit(split.divide(4, {"a": 1.0, "b": 1.0}), {}, 0)
    mine = [line for line in lines if line.group == "a"]
    for at, line in enumerate(reversed(mine)):
        hold(groups, line, at)

    assert groups.choose("a", None, 5) is mine[-1]


def test_a_number_of_the_same_keyword_is_preferred_to_one_idle_a_little_longer() -> None:
    (first, second), groups = pool(2)
    visit(groups, first, 0, "other")
    visit(groups, second, 1_000, "mine")

    assert groups.choose("a", "mine", 10_000) is second
    assert groups.choose("a", "other", 10_000) is first
    assert groups.choose("a", None, 10_000) is first
    assert groups.choose("a", "new", 10_000) is first


def test_a_number_of_the_same_keyword_is_not_preferred_to_one_idle_ten_times_longer() -> None:
    (first, second), groups = pool(2)
    visit(groups, first, 0, "other")
    visit(groups, second, 90_000, "mine")

    idle = 10_000
    assert AFFINITY * idle == 100_000
    assert groups.choose("a", "mine", 90_000 + idle) is second
    assert groups.choose("a", "mine", 90_000 + idle - 1) is first


def test_a_number_left_a_moment_ago_is_not_preferred_for_its_keyword() -> None:
    (first, second), groups = pool(2)
    visit(groups, first, 0, "other")
    visit(groups, second, 1_000, "mine")

    assert groups.choose("a", "mine", 1_000 + AFFINITY_MS) is first
    assert groups.choose("a", "mine", 1_000 + AFFINITY_MS + 1) is second


def test_a_number_of_the_same_keyword_that_is_on_page_is_not_taken() -> None:
    (first, second), groups = pool(2)
    visit(groups, first, 0, "other")
    hold(groups, second, 1, keyword="mine")

    assert groups.choose("a", "mine", 10) is first


def test_a_keyword_is_forgotten_with_its_last_number() -> None:
    lines, groups = pool(2)
    for at, line in enumerate(lines):
        visit(groups, line, at, "k")
    visit(groups, lines[0], 5, "other")
    assert groups._keywords.keys() == {("", "k"), ("", "other")}

    visit(groups, lines[1], 6, None)
    visit(groups, lines[1], 7, None)

    assert groups._keywords.keys() == {("", "other")}


def test_channels_that_share_a_group_take_its_longest_idle_number() -> None:
    lines, groups = pool(2)
    groups.resplit(split.divide(2, {"a": 9.0, "b": 1.0, "c": 1.0}), {}, 0)
    (shared,) = [line for line in lines if line.group == split.TAIL]

    assert groups.choose("b", None, 1) is groups.choose("c", None, 1) is shared
    assert groups.choose("a", None, 1) is not shared


def test_a_group_gives_away_its_longest_idle_numbers() -> None:
    lines, groups = pool(6)
    for at, line in enumerate(lines):
        visit(groups, line, at, "k")
    hold(groups, lines[0], 10, keyword="k")

    groups.resplit(split.divide(6, {"a": 2.0, "b": 4.0}), {}, 20)
    before = {line.number: line.group for line in lines}
    groups.resplit(split.divide(6, {"a": 3.0, "b": 3.0}), {}, 20)
    moved = [line for line in lines if line.group != before[line.number]]

    assert groups.sizes() == {"a": 3, "b": 3}
    assert [line.seen_at for line in moved] == [
        min(line.seen_at for line in lines if before[line.number] == "b")
    ]


@pytest.mark.parametrize("keyword", [None, "k"])
def test_a_number_is_live_from_a_sign_of_life_until_it_rests(keyword: str | None) -> None:
    (only,), groups = pool(1)
    hold(groups, only, 0, keyword=keyword)
    assert groups.is_live(only)

    leave(groups, only, 1)

    assert not groups.is_live(only)


@given(
    st.integers(1, 12),
    st.lists(st.dictionaries(st.sampled_from("abcd"), st.floats(0, 10)), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 11), st.sampled_from("abcde"), st.booleans()), max_size=20),
)
def test_groups_always_part_the_pool_as_planned(
    size: int, plans: list[dict[str, float]], events: list[tuple[int, str, bool]]
) -> None:
    lines, groups = pool(size)
    for at, plan in enumerate(plans):
        for position, channel, stays in events:
            line = lines[position % size]
            hold(groups, line, at, channel, channel)
            if not stays:
                leave(groups, line, at)
        planned = split.divide(size, plan)
        groups.resplit(planned, {}, at)

        assert groups.sizes() == planned.sizes
        for channel in "abcde":
            chosen = groups.choose(channel, channel, at)
            assert chosen is not None
            assert chosen.group == planned.groups.get(channel, planned.fallback)
