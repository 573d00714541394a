"""The order in which numbers fell idle."""

from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.idleness import Idleness, Line
from ringtrace.domain.visit import ON_PAGE_MS


def line(name: str, seen_at: int = -1, *, on_page: bool = False, turn: int = 0) -> Line:
    made = Line(name, "", seen_at, turn)
    if on_page:
        made.on_page["visit"] = None
    return made


def test_a_line_is_on_page_until_its_holder_has_been_silent_for_long() -> None:
    held = line("A", 100, on_page=True)

    assert held.is_on_page(100 + ON_PAGE_MS - 1)
    assert not held.is_on_page(100 + ON_PAGE_MS)
    assert not line("B", 100).is_on_page(100)


def test_an_empty_order_has_neither_an_idle_number_nor_an_arrival() -> None:
    empty = Idleness()

    assert len(empty) == 0
    assert empty.longest_idle(0) is None
    assert empty.oldest_arrival() is None
    assert empty.longest_gone(0) is None


def test_the_first_choice_is_the_number_idle_for_longest() -> None:
    late, early = line("A", 20), line("B", 10)

    assert Idleness([late, early]).longest_idle(30) is early


def test_of_an_idle_number_and_a_silent_one_the_longer_quiet_is_chosen() -> None:
    idle, silent = line("A", 20), line("B", 10, on_page=True)
    order = Idleness([idle, silent])

    assert order.longest_idle(10 + ON_PAGE_MS - 1) is idle
    assert order.longest_idle(10 + ON_PAGE_MS) is silent


def test_a_silent_number_is_free_when_none_is_idle() -> None:
    silent = line("A", 10, on_page=True)

    assert Idleness([silent]).longest_idle(10 + ON_PAGE_MS) is silent


def test_when_all_are_on_page_the_oldest_arrival_is_given_away() -> None:
    first, second = line("A", 9, on_page=True, turn=1), line("B", 8, on_page=True, turn=2)
    order = Idleness([second, first])

    assert order.longest_idle(10) is None
    assert order.longest_gone(10) is first
    order.arrive(first)
    assert order.oldest_arrival() is second


def test_a_sign_of_life_makes_a_number_live_and_rest_makes_it_idle() -> None:
    one = line("A")
    order = Idleness([one])

    order.sign(one)
    assert order.is_live(one)
    order.rest(one)
    assert not order.is_live(one)


def test_a_removed_number_is_of_no_order() -> None:
    one, other = line("A", 1), line("B", 2, on_page=True)
    order = Idleness([one, other])

    order.remove(one)
    order.remove(other)

    assert len(order) == 0
    assert order.longest_gone(ON_PAGE_MS * 9) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 2 * ON_PAGE_MS)), max_size=40
    )
)
def test_the_choice_is_that_of_a_search_over_all_numbers(
    events: list[tuple[int, bool, int]],
) -> None:
    lines = [line(f"n{i}") for i in range(5)]
    order = Idleness(lines)
    now = 0
    for position, stays, step in events:
        now += step
        one = lines[position]
        one.seen_at = now
        if stays:
            one.on_page["visit"] = None
            order.sign(one)
        else:
            one.on_page.clear()
            order.rest(one)
        free = [each.seen_at for each in lines if not each.is_on_page(now)]
        found = order.longest_idle(now)
        assert (found.seen_at if found else None) == (min(free) if free else None)
        assert found is None or not found.is_on_page(now)
