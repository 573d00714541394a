"""A site's past is learnt from as it happened."""

from dataclasses import replace

import pytest

from ringtrace.domain.model import SHIPPED
from ringtrace.domain.past import BEAT_MS, MOST_BEATS, Past, PastCall, PastVisit, _signs, learn

DAY = 86_400_000
FIRST = 20_000 * DAY
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
    model = learn(past(3), FIRST + 4 * DAY)

    assert model.channel_rate("Paid Search") > 3 * model.channel_rate("Email")
    assert set(model.keywords) <= {"implants", "may"}
    assert "implants" in model.keywords
    assert model.name != SHIPPED.name


def test_the_same_past_makes_the_same_model() -> None:
    assert learn(past(2), FIRST + 3 * DAY) == learn(past(2), FIRST + 3 * DAY)


def test_what_comes_after_the_last_midnight_is_left_for_the_next_night() -> None:
    whole = past(3)
    until = FIRST + 2 * DAY
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

    assert learn(with_gone, FIRST + 2 * DAY) == learn(whole, FIRST + 2 * DAY)


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
    forgotten = replace(visit(0, "Email"), signs=(), seen_at=FIRST + 9 * DAY, left=False)

    beats = list(_signs(forgotten))

    assert len(beats) == MOST_BEATS + 1
    assert beats[-2][0] == FIRST + MOST_BEATS * BEAT_MS
