"""Which visitor was given which extension."""

from ringtrace.domain.codes import Codes
from ringtrace.domain.extension import CODES, code


def test_visitors_of_one_number_are_given_different_codes() -> None:
    codes = Codes({})

    assert len({codes.give("N", f"v{i}") for i in range(CODES)}) == CODES


def test_numbers_have_codes_of_their_own() -> None:
    codes = Codes({})

    assert codes.give("N", "one") == codes.give("M", "other")
    assert codes.of("one") == ("N", code(0))
    assert codes.of("other") == ("M", code(0))


def test_the_oldest_code_is_given_again_and_its_visitor_has_none() -> None:
    codes = Codes({})
    for i in range(CODES):
        codes.give("N", f"v{i}")

    assert codes.give("N", "late") == code(0)
    assert codes.of("v0") is None
    assert codes.of("v1") == ("N", code(1))


def test_who_was_given_another_code_keeps_that_one() -> None:
    codes = Codes({})
    for i in range(CODES):
        codes.give("N", f"v{i}")
    codes.give("M", "v0")

    codes.give("N", "late")

    assert codes.of("v0") == ("M", code(0))


def test_a_dropped_code_is_not_given_to_the_next() -> None:
    codes = Codes({})
    codes.give("N", "v")

    codes.drop("v")
    codes.drop("stranger")

    assert codes.of("v") is None
    assert codes.give("N", "w") == code(1)


def test_codes_of_an_earlier_run_go_on_where_they_ended() -> None:
    codes = Codes({"N": 42})
    codes.restore("N", "v", code(7))

    assert codes.of("v") == ("N", code(7))
    assert codes.give("N", "w") == code(42)
    assert codes.give("M", "x") == code(0)


def test_codes_given_out_elsewhere_are_not_given_again() -> None:
    here, elsewhere = Codes({}), Codes({})
    for i in range(3):
        here.follow("N", f"v{i}", elsewhere.give("N", f"v{i}"))

    assert here.of("v2") == elsewhere.of("v2")
    assert here.give("N", "next") == elsewhere.give("N", "next")
