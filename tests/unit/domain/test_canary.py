"""Numbers shown to nobody."""

import pytest

from ringtrace.domain.canary import PUBLISHED_WAIT_MS, Canary, heard, published_until
from ringtrace.domain.learning import Canaries
from ringtrace.domain.number import NumberKind


def test_a_canary_counts_from_when_it_was_one() -> None:
    always, later, not_yet = Canary(0, (500, 5_000)), Canary(3_000, (1_500, 4_000)), Canary(10_000)

    assert heard([always], 1_000, 6_000) == Canaries(5.0, 1)
    assert heard([later], 1_000, 6_000) == Canaries(3.0, 1)
    assert heard([not_yet], 1_000, 6_000) == Canaries(0.0, 0)
    assert heard([always, later], 1_000, 6_000) == Canaries(8.0, 2)


def test_what_comes_later_is_not_counted() -> None:
    assert heard([Canary(0, (999, 1_000))], 0, 1_000) == Canaries(1.0, 1)


@pytest.mark.parametrize("was", [None, *NumberKind])
@pytest.mark.parametrize("becomes", list(NumberKind))
def test_only_a_number_that_was_static_is_called_for_a_year(
    was: NumberKind | None, becomes: NumberKind
) -> None:
    stopped = was is NumberKind.STATIC and becomes is not NumberKind.STATIC

    assert published_until(was, becomes, 7) == (7 + PUBLISHED_WAIT_MS if stopped else None)
