from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.extension import CODES, DIGITS, check_digit, code, is_code, next_turn

turns = st.integers(0, CODES - 1)
places = st.integers(0, 3)
digits = st.integers(0, 9)


def test_the_check_digit_is_that_of_the_published_example() -> None:
    assert check_digit("572") == "4"


@given(turns)
def test_what_is_given_out_is_a_code(turn: int) -> None:
    assert is_code(code(turn))


@given(turns, places, digits)
def test_one_wrong_digit_is_always_found(turn: int, place: int, digit: int) -> None:
    right = code(turn)
    wrong = right[:place] + str(digit) + right[place + 1 :]
    assert is_code(wrong) == (wrong == right)


@given(turns, st.integers(0, 2))
def test_swapped_neighbours_are_always_found(turn: int, place: int) -> None:
    right = code(turn)
    wrong = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    assert is_code(wrong) == (wrong == right)


def test_all_codes_are_given_out_before_one_comes_again() -> None:
    assert len({code(turn) for turn in range(CODES)}) == CODES
    assert code(CODES + 3) == code(3)


@given(turns)
def test_a_code_tells_the_turn_after_it(turn: int) -> None:
    assert next_turn(code(turn)) == (turn + 1) % CODES


def test_codes_given_out_in_a_row_differ_in_more_than_one_place() -> None:
    for turn in range(CODES):
        pair = zip(code(turn), code(turn + 1), strict=True)
        assert sum(one != other for one, other in pair) > 1


def test_what_is_not_four_ascii_digits_is_no_code() -> None:
    right = code(1)
    for text in ("", right[:3], right + "0", "12a4", "١٢٣٤", "-123", " " + right):
        assert not is_code(text)
    assert len(right) == DIGITS
