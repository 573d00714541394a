"""A site's past is learnt from as it happened."""

from dataclasses import replace

import numpy as np
import pytest

from ringtrace.domain import hazard
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS, HOUR_MS
from ringtrace.domain.past import (
    BEAT_MS,
    MOST_BEATS,
    Past,
    PastCall,
    PastCanary,
    PastVisit,
    _signs,
    learn,
)

FIRST = 20_000 * DAY_MS
NUMBERS = ("+12025550111", "+12025550112")


def visit(n: int, channel: str, *, keyword: str | None = None, mobile: bool = False) -> PastVisit:
    """The n-th visit: every half hour one, three minutes on page, then gone."""
    at = FIRST + n * 1_800_000
    return PastVisit(
        visit_id=f"v{n}",
        visitor_id=f"c{n}",
        number=NUMBERS[n % 2],
        shown_at=at,
        seen_at=at + 180_000,
        left=True,
        channel=channel,
        keyword=keyword,
        mobile=mobile,
        signs=((at + 60_000, "contact"), (at + 180_000, "leave")),
    )


def past(days: int) -> Past:
    """Every second visit comes by the ad, and calls after a minute and a half."""
    visits = [
        visit(n, "Email", keyword=None if n % 4 == 1 else "may", mobile=n % 3 == 0)
        if n % 2
        else visit(n, "Paid Search", keyword="implants")
        for n in range(48 * days)
    ]
    calls = [
        PastCall(one.shown_at + 90_000, one.number, None if n % 10 == 0 else f"caller {n}")
        for n, one in enumerate(visits)
        if one.channel == "Paid Search"
    ]
    return Past(NUMBERS, tuple(visits), tuple(calls))


def test_who_calls_more_is_learnt_to_and_keywords_keep_their_names() -> None:
    model = learn(past(3), FIRST + 4 * DAY_MS)

    assert model.channel_rate("Paid Search") > 3 * model.channel_rate("Email")
    assert set(model.keywords) <= {"implants", "may"}
    assert "implants" in model.keywords
    assert model.name != SHIPPED.name


def test_the_same_past_makes_the_same_model() -> None:
    assert learn(past(2), FIRST + 3 * DAY_MS) == learn(past(2), FIRST + 3 * DAY_MS)


def test_what_comes_after_the_last_midnight_is_left_for_the_next_night() -> None:
    whole = past(3)
    until = FIRST + 2 * DAY_MS
    known = Past(
        NUMBERS,
        tuple(one for one in whole.visits if one.shown_at < until),
        tuple(one for one in whole.calls if one.at < until),
    )

    assert learn(whole, until + 5_000).channels == pytest.approx(learn(known, until).channels)


def test_numbers_that_left_the_pool_teach_nothing() -> None:
    whole = past(1)
    gone = replace(whole.visits[0], visit_id="gone", number="+12025550199")
    stray = PastCall(FIRST + 5_000, "+12025550199", None)
    with_gone = Past(NUMBERS, (*whole.visits, gone), (*whole.calls, stray))

    assert learn(with_gone, FIRST + 2 * DAY_MS) == learn(whole, FIRST + 2 * DAY_MS)


# What is known for sure


def gone(days: int) -> Past:
    """Visits of three keywords; two hours after each of every sixth somebody calls its number.

    Nobody is on page then, and four visits had its number in between: whose call it is is open.
    """
    words = ("implants", "crowns", "bleaching")
    visits = [visit(n, "Paid Search", keyword=words[n % 3]) for n in range(48 * days)]
    calls = [
        PastCall(one.seen_at + 7_200_000, one.number, f"caller {n}")
        for n, one in enumerate(visits)
        if n % 6 == 0
    ]
    return Past(NUMBERS, tuple(visits), tuple(calls))


def corrected(past: Past) -> Past:
    """Users say that each of the calls was that of the visit two hours before: of implants."""
    by_moment = {one.seen_at + 7_200_000: one.visit_id for one in past.visits}
    calls = tuple(replace(one, proven=by_moment[one.at]) for one in past.calls)
    return replace(past, calls=calls)


def test_a_keyword_whose_calls_are_proven_is_learnt_to_call_more() -> None:
    open_, known = learn(gone(5), FIRST + 6 * DAY_MS), learn(corrected(gone(5)), FIRST + 6 * DAY_MS)

    assert known.keyword_factor("implants") > 1.5 * open_.keyword_factor("implants")
    assert known.keyword_factor("crowns") < open_.keyword_factor("crowns")


def test_corrections_of_late_calls_raise_the_late_hazard() -> None:
    open_, known = learn(gone(5), FIRST + 6 * DAY_MS), learn(corrected(gone(5)), FIRST + 6 * DAY_MS)
    two_hours = hazard.AGES + int(hazard.age_bins(np.array([7_200_000]))[0])

    assert known.hazard[two_hours] > 1.3 * open_.hazard[two_hours]


def test_calls_that_no_visit_made_raise_the_noise() -> None:
    past = gone(5)
    nobody = tuple(replace(one, nobody=True) for one in past.calls)

    corrected_ = learn(replace(past, calls=nobody), FIRST + 6 * DAY_MS)

    assert corrected_.noise > 3 * learn(past, FIRST + 6 * DAY_MS).noise


def test_a_proof_of_a_visit_that_is_not_kept_is_none() -> None:
    past = gone(2)
    stray = tuple(replace(one, proven="another") for one in past.calls)

    assert learn(replace(past, calls=stray), FIRST + 3 * DAY_MS) == learn(past, FIRST + 3 * DAY_MS)


CANARY = "+12025550119"


def ringing(past: Past, since: int, *callers: str | None) -> Past:
    """The same with a canary that these called, one an hour from its second day on."""
    calls = tuple(
        PastCall(FIRST + DAY_MS + n * HOUR_MS, CANARY, caller) for n, caller in enumerate(callers)
    )
    return replace(past, calls=(*past.calls, *calls), canaries=(PastCanary(CANARY, since),))


def test_a_canary_that_is_called_raises_the_noise_and_a_silent_one_lowers_it() -> None:
    noise = learn(past(3), FIRST + 4 * DAY_MS).noise

    called = learn(ringing(past(3), FIRST, *map(str, range(20))), FIRST + 4 * DAY_MS).noise
    silent = learn(ringing(past(3), FIRST), FIRST + 4 * DAY_MS).noise

    assert silent < noise < called


def test_a_caller_of_a_canary_counts_once_and_withheld_ones_each() -> None:
    def noise(*callers: str | None) -> float:
        return learn(ringing(past(3), FIRST, *callers), FIRST + 4 * DAY_MS).noise

    assert noise("a", "a", "a") == noise("a") < noise(None, None) == noise("a", "b")


def test_a_canary_does_not_count_before_it_was_one() -> None:
    late = ringing(past(3), FIRST + 2 * DAY_MS, *map(str, range(20)))
    silent = ringing(past(3), FIRST + 2 * DAY_MS)

    assert learn(late, FIRST + 4 * DAY_MS).noise == learn(silent, FIRST + 4 * DAY_MS).noise


def test_a_site_without_a_past_starts_from_what_was_shipped() -> None:
    model = learn(Past((), (), ()), FIRST)

    assert model.channels == {}
    assert model.calls_per_visit == pytest.approx(SHIPPED.calls_per_visit, rel=0.01)


def test_a_visitor_who_did_not_leave_was_visible_between_his_signs() -> None:
    stayed = replace(
        visit(0, "Email"), signs=((FIRST + 70_000, "contact"),), seen_at=FIRST + 100_000, left=False
    )

    assert [(at - FIRST, str(kind)) for at, kind in _signs(stayed)] == [
        (30_000, "beat"),
        (60_000, "beat"),
        (70_000, "contact"),
        (100_000, "beat"),
        (100_000, "beat"),
    ]


def test_while_he_was_gone_there_are_no_beats() -> None:
    back = replace(
        visit(0, "Email"),
        signs=((FIRST + 10_000, "leave"), (FIRST + 500_000, "beat")),
        seen_at=FIRST + 510_000,
        left=False,
    )

    assert [at - FIRST for at, _ in _signs(back)] == [10_000, 500_000, 510_000]


def test_a_page_left_open_for_days_is_not_counted_beat_by_beat() -> None:
    forgotten = replace(visit(0, "Email"), signs=(), seen_at=FIRST + 9 * DAY_MS, left=False)

    beats = list(_signs(forgotten))

    assert len(beats) == MOST_BEATS + 1
    assert beats[-2][0] == FIRST + MOST_BEATS * BEAT_MS
