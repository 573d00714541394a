"""The judge of the concurrency test sees a broken promise, and never counts a doubt as one."""

from tests.promise import Judgement, Told, judge


def visit(name: str, number: str, arrives: int, leaves: int, *, visitor: str | None = None) -> Told:
    """One that is answered 10 ms after each question."""
    one = Told("shop", name, visitor or name, {number}, (arrives, arrives + 10))
    one.signed(arrives, arrives + 10)
    one.went(leaves, leaves + 10)
    return one


def judged(*visits: Told, numbers: int = 2, delay: int = 5) -> Judgement:
    """Each is leased its number `delay` ms after it asked."""
    return judge(visits, {one.visit: one.asked[0] + delay for one in visits}, numbers)


def test_sharing_while_a_number_is_free_breaks_the_promise() -> None:
    found = judged(visit("a", "x", 0, 1_000), visit("b", "x", 500, 900))

    assert found.broken == ["b shares x at 505, others are free"]


def test_sharing_is_no_fault_where_nobody_or_perhaps_nobody_is_free() -> None:
    full = judged(visit("a", "x", 0, 1_000), visit("b", "y", 1, 1_000), visit("c", "x", 500, 900))
    leaving = judged(visit("a", "x", 0, 1_000), visit("b", "y", 1, 498), visit("c", "x", 500, 900))

    assert (full.broken, full.shared) == ([], 1)
    assert leaving.broken == []


def test_who_may_have_left_already_is_not_shared_with() -> None:
    assert judged(visit("a", "x", 0, 498), visit("b", "x", 500, 900)).broken == []


def test_two_visits_of_one_visitor_may_show_one_number() -> None:
    twice = judged(visit("a", "x", 0, 1_000), visit("b", "x", 500, 900, visitor="a"))

    assert (twice.broken, twice.kept) == ([], 1)


def test_a_visitor_who_loses_a_number_that_nobody_took_is_noticed() -> None:
    found = judged(visit("a", "x", 0, 100), visit("b", "y", 500, 900, visitor="a"))

    assert found.broken == ["b lost x at 505, nobody took it"]


def test_a_number_that_another_took_or_looks_at_is_not_kept() -> None:
    back = visit("c", "y", 500, 900, visitor="a")
    taken = judged(visit("a", "x", 0, 100), visit("b", "x", 200, 300), back)
    looked_at = judged(visit("b", "x", 0, 1_000), visit("a", "x", 1, 100), back, numbers=0)

    assert (taken.broken, looked_at.broken) == ([], [])
    assert taken.kept == looked_at.kept == 0


def test_a_silent_visit_is_on_page_until_its_time_is_over() -> None:
    silent = Told("shop", "a", "a", {"x"}, (0, 10))
    silent.signed(0, 10)
    silent.fell_silent()

    assert judged(silent, visit("b", "x", 44_900, 44_950)).broken
    assert not judged(silent, visit("b", "x", 45_005, 45_100)).broken
