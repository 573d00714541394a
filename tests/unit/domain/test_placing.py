"""A call goes to the visit that is known, or to one that may well have made it."""

import numpy as np

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.history import History, Hit, gather
from ringtrace.domain.moment import HOUR_MS
from ringtrace.domain.placing import WITHHELD, PartialCredit, Placement, RealCall, place
from ringtrace.domain.visit import HitKind

BOOTS = ("Paid Search", "boots")
DIRECT = ("Direct", None)


def history() -> History:
    """Visit `old` left hours ago, `near` looks at the contact page when `far` left long ago."""
    return gather(
        [
            Hit(0, "old", "p1", segment=BOOTS),
            Hit(60_000, "old", "p1", HitKind.BEAT),
            Hit(90_000, "old", "p1", HitKind.LEAVE),
            Hit(20 * HOUR_MS, "near", "p2", segment=DIRECT),
            Hit(20 * HOUR_MS + 20_000, "near", "p2", HitKind.CONTACT),
            Hit(20 * HOUR_MS + 25_000, "near", "p2", HitKind.TAP),
            Hit(40 * HOUR_MS, "next", "p3", segment=DIRECT),
        ]
    )


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_known_visit_is_taken_at_its_word() -> None:
    calls = [RealCall(5 * HOUR_MS, "c1", "old"), RealCall(6 * HOUR_MS, None, "old")]

    found = place(history(), calls, rng())

    assert found.visit.tolist() == [0, 0]
    assert found.caller.tolist() == [0, WITHHELD]
    assert found.counts[Placement.GIVEN] == 2


def test_calls_of_visits_that_are_not_in_the_hits_or_began_later_are_left_out() -> None:
    calls = [RealCall(5 * HOUR_MS, "c1", "nobody"), RealCall(5 * HOUR_MS, "c1", "near")]

    found = place(history(), calls, rng())

    assert len(found) == 0
    assert found.counts == {**dict.fromkeys(Placement, 0), Placement.LEFT_OUT: 2}


def test_credits_are_probabilities_of_the_visits_and_the_rest_a_wrong_number() -> None:
    credits_ = (PartialCredit("old", BOOTS, 0.5), PartialCredit("near", DIRECT, 0.3))
    calls = [RealCall(21 * HOUR_MS + n, credits=credits_) for n in range(2_000)]

    found = place(history(), calls, rng())

    counts = np.bincount(found.visit, minlength=3)
    assert np.allclose(counts / 2_000, [0.5, 0.3, 0], atol=0.04)
    assert found.counts[Placement.LEFT_OUT] == 2_000 - len(found)
    assert found.counts[Placement.ATTRIBUTED] == len(found)


def test_a_credit_of_several_visits_goes_to_one_of_their_segment() -> None:
    calls = [RealCall(20 * HOUR_MS + 30_000, credits=[PartialCredit(None, BOOTS, 1.0)])] * 20

    assert set(place(history(), calls, rng()).visit.tolist()) == {0}


def test_a_credit_of_a_source_that_no_visit_has_is_left_out() -> None:
    calls = [RealCall(21 * HOUR_MS, credits=[PartialCredit(None, ("Email", None), 1.0)])]

    assert place(history(), calls, rng()).counts[Placement.LEFT_OUT] == 1


def test_a_call_of_unknown_origin_goes_to_whom_the_hazard_suggests() -> None:
    calls = [RealCall(20 * HOUR_MS + 30_000)] * 50

    found = place(history(), calls, rng())

    # One just tapped the number on the contact page, the other left 20 hours ago.
    assert found.visit.tolist().count(1) > 45
    assert found.counts[Placement.BY_HAZARD] == 50


def test_who_calls_again_is_the_same_visitor() -> None:
    calls = [RealCall(5 * HOUR_MS, "c1"), *[RealCall(20 * HOUR_MS + 30_000, "c1")] * 5]

    assert place(history(), calls, rng()).visit.tolist() == [0] * 6


def test_nobody_calls_before_the_first_visit_or_after_the_window() -> None:
    calls = [RealCall(-1), RealCall(40 * HOUR_MS + WINDOW_MS + 1)]

    assert place(history(), calls, rng()).counts[Placement.LEFT_OUT] == 2


def test_the_same_seed_places_alike() -> None:
    calls = [RealCall(21 * HOUR_MS + n) for n in range(50)]

    first, again = (place(history(), calls, rng(7)).visit.tolist() for _ in range(2))

    assert first == again
