"""Numbers shown to nobody."""

from ringtrace.domain.canary import Canary, heard
from ringtrace.domain.learning import Canaries


def test_a_canary_counts_from_when_it_was_one() -> None:
    always, later, not_yet = Canary(0, (500, 5_000)), Canary(3_000, (1_500, 4_000)), Canary(10_000)

    assert heard([always], 1_000, 6_000) == Canaries(5.0, 1)
    assert heard([later], 1_000, 6_000) == Canaries(3.0, 1)
    assert heard([not_yet], 1_000, 6_000) == Canaries(0.0, 0)
    assert heard([always, later], 1_000, 6_000) == Canaries(8.0, 2)


def test_what_comes_later_is_not_counted() -> None:
    assert heard([Canary(0, (999, 1_000))], 0, 1_000) == Canaries(1.0, 1)
