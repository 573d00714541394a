"""The trade's practice as its vendors describe it."""

import numpy as np
import pytest

from ringtrace.domain.practice import HOLD_SECONDS, TradePractice

MINUTE = 60.0


def lease(practice: TradePractice, t: float, visit: int, cookie: int | None = None) -> int:
    return practice.lease(t, visit, visit if cookie is None else cookie, "search", visit, 0)


def test_the_first_free_number_is_taken_and_then_the_fallback() -> None:
    practice = TradePractice(2)

    assert [lease(practice, n, n) for n in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("sign", ["seen", "contact", "tap", "leave"])
def test_a_number_is_free_30_minutes_after_the_last_sign_of_life(sign: str) -> None:
    practice = TradePractice(1)
    lease(practice, 0, 1)
    getattr(practice, sign)(10 * MINUTE, 1)

    assert lease(practice, 39.9 * MINUTE, 2) == 1
    assert lease(practice, 40 * MINUTE, 3) == 0


def test_a_number_once_leased_on_is_not_held_by_its_former_visitor() -> None:
    practice = TradePractice(1)
    lease(practice, 0, 1)
    lease(practice, 31 * MINUTE, 2)
    practice.seen(60 * MINUTE, 1)

    assert lease(practice, 61 * MINUTE, 3) == 0


def test_a_free_number_is_not_held_again_by_a_late_beat() -> None:
    practice = TradePractice(1)
    lease(practice, 0, 1)
    assert lease(practice, 1 * MINUTE, 2) == 1
    assert lease(practice, 31 * MINUTE, 2) == 0

    assert lease(practice, 32 * MINUTE, 1) == 1


def test_a_returning_visitor_keeps_his_number_while_nobody_else_has_it() -> None:
    practice = TradePractice(2)
    lease(practice, 0, 1)
    lease(practice, 1, 2)
    lease(practice, 40 * MINUTE, 3)

    assert lease(practice, 41 * MINUTE, 4, cookie=2) == 1
    assert lease(practice, 42 * MINUTE, 5) == 2


def test_a_visit_on_the_fallback_may_get_a_number_on_its_next_page() -> None:
    practice = TradePractice(1)
    lease(practice, 0, 1)
    assert lease(practice, 1, 2) == 1

    assert lease(practice, HOLD_SECONDS, 2) == 0


def test_the_last_lease_wins_and_the_fallback_tells_nobody_apart() -> None:
    practice = TradePractice(1)
    assert practice.call(0, 0, 9).visit is None
    lease(practice, 0, 1)
    lease(practice, 31 * MINUTE, 2)

    named = practice.call(32 * MINUTE, 0, 7)

    assert (named.visit, named.channel, named.keyword) == (2, "search", 2)
    assert practice.call(33 * MINUTE, 1, 8).visit is None
    assert practice.call(33 * MINUTE, 1, -1).visit is None


def test_a_caller_once_named_is_taken_for_the_same_visit() -> None:
    practice = TradePractice(1)
    lease(practice, 0, 1)
    practice.call(1, 0, 7)
    lease(practice, 31 * MINUTE, 2)

    assert practice.call(32 * MINUTE, 0, 7).visit == 1
    assert practice.call(32 * MINUTE, 0, -1).visit == 2


def test_the_share_on_the_fallback_is_erlang_b() -> None:
    """Poisson arrivals, each number held for exactly 30 minutes: 30 erlangs on 20 numbers."""
    rng = np.random.default_rng(5)
    practice = TradePractice(20)
    times = np.cumsum(rng.exponential(HOLD_SECONDS / 30, 20_000)).tolist()
    fallback = [lease(practice, t, visit) == 20 for visit, t in enumerate(times)]

    blocked = 1.0
    for number in range(1, 21):
        blocked = 30 * blocked / (number + 30 * blocked)

    assert np.mean(fallback) == pytest.approx(blocked, abs=0.015)


def test_a_number_is_given_out_once_however_often_it_was_taken_and_freed() -> None:
    practice = TradePractice(2)
    lease(practice, 0, 1)
    lease(practice, 1, 2)
    lease(practice, 40 * MINUTE, 3)
    # Number 1 is listed as free when its last visitor takes it again, twice.
    lease(practice, 41 * MINUTE, 4, cookie=2)
    lease(practice, 42 * MINUTE, 5, cookie=2)

    later = 100 * MINUTE
    assert [lease(practice, later, visit) for visit in (6, 7, 8)] == [0, 1, 2]
