"""How many calls a target has."""

from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.moment import MINUTE_MS
from ringtrace.domain.occupancy import LASTS_MS, TOLD_SECONDS, Occupancy

DESK, NIGHT = "desk", "night"


def test_a_target_takes_as_many_calls_as_it_may() -> None:
    book = Occupancy()

    assert book.occupy(DESK, "a", 1, 2, 0)
    assert book.occupy(DESK, "b", 1, 2, 0)
    assert not book.occupy(DESK, "c", 1, 2, 0)
    assert book.occupy(NIGHT, "c", 1, 1, 0), "another target is another matter"


def test_a_leg_that_is_over_makes_room() -> None:
    book = Occupancy()
    book.occupy(DESK, "a", 1, 1, 0)

    book.vacate("a", 1)

    assert book.occupy(DESK, "b", 1, 1, 0)


def test_a_call_that_is_over_makes_room_with_all_its_legs() -> None:
    book = Occupancy()
    book.occupy(DESK, "a", 1, 1, 0)
    book.occupy(NIGHT, "a", 2, 1, 0)

    book.end("a")

    assert book.occupy(DESK, "b", 1, 1, 0)
    assert book.occupy(NIGHT, "b", 2, 1, 0)


def test_what_was_never_there_is_let_go_without_harm() -> None:
    book = Occupancy()
    book.occupy(DESK, "a", 1, 1, 0)

    book.vacate("a", 2)
    book.vacate("b", 1)
    book.end("b")

    assert not book.occupy(DESK, "c", 1, 1, 0)


def test_asking_again_is_no_further_call() -> None:
    book = Occupancy()

    assert book.occupy(DESK, "a", 1, 1, 0)
    assert book.occupy(DESK, "a", 1, 1, 0)
    book.vacate("a", 1)
    assert book.occupy(DESK, "b", 1, 1, 0)


def test_a_call_that_comes_back_to_a_target_is_not_in_its_own_way() -> None:
    book = Occupancy()
    book.occupy(DESK, "a", 1, 1, 0)

    assert book.occupy(DESK, "a", 2, 1, 0)
    assert not book.occupy(DESK, "b", 1, 1, 0)


def test_a_leg_that_is_up_already_counts_whatever_the_cap() -> None:
    book = Occupancy()
    book.occupy(DESK, "a", 1, 1, 0)

    assert book.occupy(DESK, "b", 1, None, 0), "it is told, not asked"
    book.vacate("a", 1)
    assert not book.occupy(DESK, "c", 1, 1, 0)


def test_a_leg_of_which_nothing_is_heard_blocks_nobody_for_ever() -> None:
    book = Occupancy()
    book.occupy(DESK, "dead", 1, 1, 0)
    book.occupy(NIGHT, "dead", 2, 1, 0)

    assert not book.occupy(DESK, "b", 1, 1, LASTS_MS - 1)
    assert book.occupy(DESK, "b", 1, 1, LASTS_MS)
    assert "dead" not in book._targets, "nor does it stay in memory"


def test_a_leg_that_is_told_of_in_time_stays() -> None:
    book = Occupancy()
    book.occupy(DESK, "a", 1, 1, 0)

    for at in range(2 * MINUTE_MS, 60 * MINUTE_MS, 2 * MINUTE_MS):
        book.occupy(DESK, "a", 1, None, at)
        assert not book.occupy(DESK, "b", 1, 1, at + MINUTE_MS)


def test_a_clock_that_is_set_back_keeps_no_target_full() -> None:
    book = Occupancy()
    day = 24 * 60 * MINUTE_MS
    book.occupy(DESK, "dead", 1, 1, day)

    assert book.occupy(DESK, "b", 1, 1, MINUTE_MS)
    assert "dead" not in book._targets
    assert not book.occupy(DESK, "c", 1, 1, 2 * MINUTE_MS)


def test_one_word_of_a_leg_may_be_lost() -> None:
    assert 2 * TOLD_SECONDS * 1_000 < LASTS_MS


def test_where_nothing_is_forgotten_a_leg_counts_until_it_is_over() -> None:
    book = Occupancy(lasts=None)
    book.occupy(DESK, "a", 1, 1, 0)

    assert not book.occupy(DESK, "b", 1, 1, 10 * LASTS_MS)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["occupy", "tell", "vacate", "end"]),
            st.sampled_from([DESK, NIGHT]),
            st.sampled_from("abc"),
            st.integers(1, 2),
        ),
        max_size=40,
    )
)
def test_it_agrees_with_a_plain_list_of_legs(steps: list[tuple[str, str, str, int]]) -> None:
    book = Occupancy(lasts=None)
    legs: dict[tuple[str, int], str] = {}
    for what, target, call, leg in steps:
        if what == "vacate":
            book.vacate(call, leg)
            legs.pop((call, leg), None)
        elif what == "end":
            book.end(call)
            legs = {key: to for key, to in legs.items() if key[0] != call}
        else:
            others = [key for key, to in legs.items() if to == target and key[0] != call]
            may = what == "tell" or not others or legs.get((call, leg)) == target
            assert book.occupy(target, call, leg, None if what == "tell" else 1, 0) == may
            if may:
                legs[call, leg] = target
