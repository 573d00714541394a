"""Callers who were shown an extension key it, hold on, or give up."""

import numpy as np
import pytest

from ringtrace.domain.keying import GIVES_UP, Habits, Keying
from ringtrace.domain.leasing import KEYED

FIRST, SECOND = 0, 1


def shared(chance: float) -> Keying:
    """One number, shown to two visitors on page; only the second has an extension."""
    keying = Keying(1, ["Direct"], Habits(0.2, np.array([chance])))
    keying.lease(0.0, FIRST, 10, "Direct", 1, 0)
    keying.lease(1.0, SECOND, 11, "Direct", 2, 0)
    return keying


def test_only_whoever_would_be_mixed_up_is_shown_an_extension() -> None:
    assert shared(0.5).shown == 1


def test_who_keys_the_extension_is_known() -> None:
    answer = shared(GIVES_UP + 0.001).dial(2.0, 0, SECOND, 0, 5)

    assert answer is not None
    assert (answer.visit, answer.conf) == (SECOND, 1.0)


def test_who_does_not_is_as_uncertain_as_without_one() -> None:
    answer = shared(GIVES_UP + KEYED).dial(2.0, 0, SECOND, 0, 5)

    assert answer is not None
    assert answer.conf < 0.9


def test_who_gives_up_is_lost() -> None:
    assert shared(GIVES_UP / 2).dial(2.0, 0, SECOND, 0, 5) is None


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.99])
def test_who_was_shown_none_is_asked_for_none(chance: float) -> None:
    answer = shared(chance).dial(2.0, 0, FIRST, 0, 5)

    assert answer is not None
    assert answer.conf < 1.0


def test_the_pool_is_divided_and_left_as_any_other() -> None:
    keying = Keying(4, ["Direct", "Email"], Habits(0.2, np.zeros(0)))
    numbers = {keying.lease(float(v), v, v, "Direct", v, 1) for v in range(2)}
    for visit in range(2):
        keying.contact(10.0, visit)
        keying.tap(11.0, visit)
        keying.seen(12.0, visit)
        keying.leave(13.0, visit)

    assert len(numbers) == 2
    assert keying.call(20.0, min(numbers), -1).visit in {0, 1}
