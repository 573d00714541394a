"""What is remembered of callers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain import repeat
from ringtrace.domain.callers import Callers, PastCall
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import HOUR_MS
from ringtrace.domain.posterior import Ties

VISITORS = np.array([0, 1, 2])


def past(number: int, at: int) -> PastCall:
    return PastCall(number, at, np.array([0]), np.array([0.9]), ((7, 0.9),), 0.1)


def ties_of(callers: Callers, caller: str | None, at: int = 0) -> Ties:
    return callers.ties(caller, VISITORS, (), at, SHIPPED)


def test_a_caller_continues_his_own_calls_to_the_number_alone() -> None:
    callers = Callers()
    mine = past(1, 0)
    callers.remember("ann", mine, ())
    callers.remember("ann", past(2, 1), ())
    callers.remember("bob", past(1, 2), ())

    assert callers.earlier("ann", 1) == [mine]
    assert callers.earlier("eve", 1) == []


def test_withheld_callers_continue_calls_of_all_withheld_ones() -> None:
    callers = Callers()
    calls = [past(1, 0), past(1, 5)]
    for call in calls:
        callers.remember(None, call, [(0, 1.0)])

    assert callers.earlier(None, 1) == calls
    assert callers.earlier("ann", 1) == []


def test_a_withheld_call_ties_nobody() -> None:
    callers = Callers()
    callers.remember(None, past(1, 0), [(0, 1.0)])
    callers.remember("ann", past(1, 0), [(1, 1.0)])

    tied = ties_of(callers, None)

    assert tied.known is None
    assert tied.withheld == SHIPPED.withheld
    assert tied.own.tolist() == tied.others.tolist() == [0.0, 0.0, 0.0]
    assert ties_of(callers, "bob").others.tolist() == [0.0, 1.0, 0.0]


def test_who_called_is_known_and_his_visitor_is_his_own() -> None:
    callers = Callers()
    callers.remember("ann", past(1, 0), [(0, 0.6), (2, 0.3)])

    mine, other = ties_of(callers, "ann"), ties_of(callers, "bob")

    assert (mine.known, other.known) == (True, False)
    assert mine.own.tolist() == [0.6, 0.0, 0.3]
    assert mine.others.tolist() == [0.0, 0.0, 0.0]
    assert other.own.tolist() == [0.0, 0.0, 0.0]
    assert other.others.tolist() == [0.6, 0.0, 0.3]


def test_several_callers_never_tie_a_visitor_more_than_wholly() -> None:
    callers = Callers()
    callers.remember("ann", past(1, 0), [(0, 0.8)])
    callers.remember("bob", past(1, 0), [(0, 0.7)])

    assert ties_of(callers, "eve").others.tolist() == [1.0, 0.0, 0.0]
    assert ties_of(callers, "ann").others.tolist() == pytest.approx([0.7, 0.0, 0.0])


def test_repeats_are_expected_by_the_time_since_each_earlier_call() -> None:
    callers = Callers()
    callers.remember("ann", past(1, 0), ())
    earlier = callers.earlier("ann", 1)

    tied = callers.ties("ann", VISITORS, earlier, HOUR_MS, SHIPPED)

    assert tied.repeats.tolist() == [SHIPPED.repeat * repeat.density(3_600.0)]


def test_any_number_of_visitors_can_be_remembered_and_asked_for() -> None:
    callers = Callers()
    assert callers.ties("ann", np.array([5_000]), (), 0, SHIPPED).others.tolist() == [0.0]
    callers.remember("ann", past(1, 0), [(40_000, 0.5)])

    assert callers.ties("bob", np.array([40_000]), (), 0, SHIPPED).others.tolist() == [0.5]
    assert len(callers.ties("bob", np.array([], dtype=np.int64), (), 0, SHIPPED).own) == 0


def test_what_is_too_old_is_forgotten_with_its_ties() -> None:
    callers = Callers()
    callers.remember("ann", past(1, 0), [(0, 0.5)])
    callers.remember("ann", past(1, 10), [(1, 0.5)])
    callers.remember("bob", past(1, 5), [(2, 0.5)])

    callers.forget(10)

    assert [call.at for call in callers.earlier("ann", 1)] == [10]
    assert callers.earlier("bob", 1) == []
    assert ties_of(callers, "bob").known is False
    assert ties_of(callers, "eve").others.tolist() == [0.0, 0.5, 0.0]


def test_a_call_after_forgetting_begins_anew() -> None:
    callers = Callers()
    callers.remember("ann", past(1, 0), [(0, 0.5)])
    callers.forget(1)

    callers.remember("ann", past(1, 2), [(0, 0.25)])

    assert len(callers.earlier("ann", 1)) == 1
    assert ties_of(callers, "ann").own.tolist() == [0.25, 0.0, 0.0]


def test_visitors_that_get_new_codes_keep_their_ties() -> None:
    callers = Callers()
    callers.remember("ann", past(1, 0), [(0, 0.5), (1, 0.3), (2, 0.2)])

    callers.recode(np.array([-1, 2, 0]))

    assert ties_of(callers, "ann").own.tolist() == [0.2, 0.0, 0.3]
    assert ties_of(callers, "bob").others.tolist() == [0.2, 0.0, 0.3]


CALLS = st.lists(
    st.tuples(st.sampled_from(["ann", "bob", None]), st.integers(0, 2), st.floats(0, 0.3)),
    max_size=6,
)


@given(CALLS)
def test_ties_are_probabilities_that_a_visitor_is_this_caller_or_another(
    calls: list[tuple[str | None, int, float]],
) -> None:
    callers = Callers()
    for at, (caller, visitor, share) in enumerate(calls):
        callers.remember(caller, past(1, at), [(visitor, share)])

    for caller in ("ann", "bob", "eve", None):
        tied = ties_of(callers, caller, HOUR_MS)
        assert (tied.own >= 0).all()
        assert (tied.own <= 1).all()
        assert (tied.others >= 0).all()
        assert (tied.others <= 1).all()
        assert (tied.factors(np.zeros(len(tied.own))) >= 0).all()


@given(CALLS, st.integers(0, 6))
def test_forgetting_is_as_never_having_heard(
    calls: list[tuple[str | None, int, float]], before: int
) -> None:
    """Of visitors each call names another one, so that no tie rests on two calls."""
    all_of_them, recent = Callers(), Callers()
    for at, (caller, _, share) in enumerate(calls):
        all_of_them.remember(caller, past(1, at), [(at, share)])
        if at >= before:
            recent.remember(caller, past(1, at), [(at, share)])

    all_of_them.forget(before)

    visitors = np.arange(6)
    for caller in ("ann", "bob", "eve"):
        one = all_of_them.ties(caller, visitors, (), HOUR_MS, SHIPPED)
        other = recent.ties(caller, visitors, (), HOUR_MS, SHIPPED)
        assert one.known == other.known
        np.testing.assert_allclose(one.own, other.own)
        np.testing.assert_allclose(one.others, other.others, atol=1e-12)
