"""What callers, their earlier calls and proof say of who made the phone ring."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain import hazard, repeat
from ringtrace.domain.attribution import (
    NAMED,
    Attribution,
    Basis,
    Caller,
    Candidate,
    Credit,
    EarlierCall,
    keyword_of,
    to_corrected,
    to_exposures,
    to_extension,
    to_nothing,
    verdict,
)
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS, HOUR_MS, MINUTE_MS
from ringtrace.domain.posterior import STRANGER
from ringtrace.domain.source import Source
from ringtrace.domain.visit import Device

SECOND = 1_000
NOW = 30 * DAY_MS
MODEL = replace(
    SHIPPED, name="site-1", channels={"Email": 0.05}, keywords={"shoes": 3.0}, devices=(0.5, 2.0)
)


def gone(
    visit: str, ago: int = HOUR_MS, channel: str = "Direct", term: str | None = None
) -> Candidate:
    return Candidate(
        visit,
        NOW - ago - MINUTE_MS,
        NOW - ago,
        NOW - ago,
        None,
        Source(channel, term=term),
        f"c{visit}",
    )


def shares(found: Attribution) -> dict[str | None, float]:
    return {credit.visit_id: credit.probability for credit in found.credits}


def earlier(ago: int, *credits_: Credit) -> EarlierCall:
    unknown = 1.0 - sum(credit.probability for credit in credits_)
    return EarlierCall(NOW - ago, Attribution(Basis.EXPOSURES, "m", credits_, unknown))


def test_a_visit_is_grouped_by_its_term_else_by_its_campaign() -> None:
    assert keyword_of(Source("a", term="t", campaign="c")) == "t"
    assert keyword_of(Source("a", campaign="c")) == "c"
    assert keyword_of(Source("a")) is None


def test_what_a_user_corrected_is_certain() -> None:
    named, none = to_corrected(gone("v"), "site-1"), to_corrected(None, "site-1")

    assert (named.basis, named.model, named.unknown) == (Basis.CORRECTED, "site-1", 0.0)
    assert shares(named) == {"v": 1.0}
    assert (none.basis, none.credits, none.unknown) == (Basis.CORRECTED, (), 1.0)


def test_an_extension_proves_the_visit_that_was_shown_it() -> None:
    found = to_extension(gone("p", 9 * DAY_MS), MODEL)

    assert shares(found) == {"p": 1.0}
    assert (found.basis, found.model, found.unknown) == (Basis.EXTENSION, "site-1", 0.0)


def test_a_visit_that_has_called_before_is_less_probable() -> None:
    fresh = shares(to_exposures([gone("a"), gone("b")], NOW))

    called = shares(to_exposures([replace(gone("a"), called=0.5), gone("b")], NOW))

    assert called["a"] / called["b"] == pytest.approx(fresh["a"] / fresh["b"] / 2)


def test_a_visit_that_surely_called_gets_nothing() -> None:
    assert to_exposures([replace(gone("a"), called=1.0)], NOW).basis is Basis.NOTHING


def test_a_known_caller_is_the_visitor_he_was_before() -> None:
    caller = Caller(True, own={"ca": 0.9})

    found = shares(to_exposures([gone("a", DAY_MS), gone("b", MINUTE_MS)], NOW, SHIPPED, caller))

    assert found["a"] > 0.9


def test_a_new_caller_is_no_visitor_who_is_somebody_else() -> None:
    caller = Caller(False, others={"ca": 1.0})

    assert set(shares(to_exposures([gone("a"), gone("b")], NOW, SHIPPED, caller))) == {"b"}


def test_ties_say_nothing_of_a_caller_who_withholds_his_number() -> None:
    """All weigh alike less than without a memory of callers, and so does noise."""
    candidates = [gone("a"), gone("b", DAY_MS)]

    found = to_exposures(candidates, NOW, SHIPPED, Caller(None, {"ca": 1.0}, {"cb": 1.0}))

    plain = shares(to_exposures(candidates, NOW))
    assert shares(found) == pytest.approx(plain)
    why = found.credits[0].why
    assert why is not None
    assert (why.known, why.caller) == (None, SHIPPED.withheld)


def test_a_caller_who_calls_again_is_credited_with_what_his_earlier_call_was() -> None:
    first = earlier(HOUR_MS, Credit("old", 0.8, Source("Email")))

    found = to_exposures([], NOW, SHIPPED, Caller(True, calls=[first]))

    noise = SHIPPED.noise * STRANGER
    again = SHIPPED.repeat * repeat.density(3_600.0)
    assert found.repeat == pytest.approx(again / (again + noise))
    assert shares(found) == {"old": pytest.approx(0.8 * found.repeat)}
    assert verdict(found).channel == "Email"


def test_a_repeat_of_a_candidates_call_adds_to_its_credit() -> None:
    first = earlier(HOUR_MS, Credit("a", 1.0, Source("Direct")))

    found = to_exposures(
        [gone("a", 2 * HOUR_MS)], NOW, SHIPPED, Caller(True, {"ca": 1.0}, calls=[first])
    )

    (credit,) = found.credits
    assert credit.visit_id == "a"
    assert credit.why is not None
    assert credit.probability > found.repeat > 0


def test_earlier_calls_of_one_source_without_a_visit_are_credited_together() -> None:
    calls = [earlier(ago, Credit(None, 1.0, Source("Radio"))) for ago in (HOUR_MS, DAY_MS)]

    found = to_exposures([], NOW, SHIPPED, Caller(True, calls=calls))

    assert shares(found) == {None: pytest.approx(found.repeat)}


def test_a_later_call_is_not_repeated() -> None:
    later = EarlierCall(NOW, Attribution(Basis.EXPOSURES, "m", (Credit("x", 1.0, Source("a")),), 0))

    assert to_exposures([], NOW, SHIPPED, Caller(True, calls=[later])) == to_nothing()


def test_candidates_beyond_the_named_ones_are_credited_by_source() -> None:
    count = NAMED + 10
    candidates = [gone(f"v{n:02}", HOUR_MS + n * MINUTE_MS, term="t") for n in range(count)]
    candidates = [
        replace(one, source=replace(one.source, landing_page=f"/{one.visit_id}", content="x"))
        for one in candidates
    ]

    found = to_exposures(candidates, NOW)

    named = [credit for credit in found.credits if credit.visit_id is not None]
    (rest,) = [credit for credit in found.credits if credit.visit_id is None]
    assert {credit.visit_id for credit in named} == {f"v{n:02}" for n in range(NAMED)}
    assert (rest.source, rest.why) == (Source("Direct", term="t"), None)
    assert sum(shares(found).values()) + found.unknown == pytest.approx(1.0)


def test_the_best_visit_is_named_even_when_the_rest_together_weighs_more() -> None:
    found = to_exposures([gone(f"v{n:02}") for n in range(9 * NAMED)], NOW)

    assert found.credits[0].visit_id is None
    assert verdict(found).visit_id is not None


@pytest.mark.parametrize(
    ("device", "contact", "tapped", "cell"),
    [
        (Device.DESKTOP, None, None, (0.5, 0.8)),
        (Device.MOBILE, NOW - 2 * HOUR_MS, None, (2.0, 4.0)),
        (Device.MOBILE, NOW + 1, NOW - 3 * SECOND, (2.0, 0.8)),
    ],
)
def test_a_credit_says_which_factors_make_its_weight(
    device: Device, contact: int | None, tapped: int | None, cell: tuple[float, float]
) -> None:
    candidate = replace(
        gone("v", channel="Email", term="shoes"),
        device=device, contact_at=contact, tapped_at=tapped, called=0.25,
    )  # fmt: skip

    (credit,) = to_exposures([candidate], NOW, MODEL, Caller(True, {"cv": 0.5})).credits

    why = credit.why
    assert why is not None
    assert (why.device, why.contact) == cell
    assert (why.channel, why.keyword, why.free, why.known) == (0.05, 3.0, 0.75, True)
    assert why.tap == pytest.approx(0.0 if tapped is None else float(hazard.PRIOR_TAP[1]))
    plain = why.hazard * why.channel * why.keyword * why.device * why.contact
    assert why.weight == pytest.approx((plain + why.tap) * why.free * why.caller)
    assert why.state.startswith("left ")


def test_a_leave_after_the_call_is_not_looked_at() -> None:
    there = replace(
        gone("v"), seen_at=NOW + MINUTE_MS, left_at=NOW + MINUTE_MS, device=Device.MOBILE
    )

    (credit,) = to_exposures([there], NOW).credits

    assert credit.why is not None
    assert credit.why.state == "on page (mobile)"


UNIT = st.floats(0, 1)
AGO = st.integers(0, 13 * DAY_MS)
CANDIDATES = st.lists(
    st.builds(
        lambda visit, ago, channel, called, tapped: replace(
            gone(visit, ago, channel), called=called, tapped_at=tapped and NOW - tapped
        ),
        visit=st.sampled_from("abcdefgh"),
        ago=AGO,
        channel=st.sampled_from(["Direct", "Email"]),
        called=UNIT,
        tapped=st.none() | st.integers(1, 60 * SECOND),
    ),
    max_size=8,
    unique_by=lambda one: one.visit_id,
)
CALLS = st.lists(
    st.builds(
        lambda ago, visit, share: earlier(ago, Credit(visit, share, Source("Email"))),
        ago=st.integers(1, 13 * DAY_MS),
        visit=st.none() | st.sampled_from("abxy"),
        share=UNIT,
    ),
    max_size=3,
)
TIES = st.dictionaries(st.sampled_from(["ca", "cb", "cc"]), UNIT)
CALLERS = st.none() | st.builds(
    Caller, st.sampled_from([True, False, None]), own=TIES, others=TIES, calls=CALLS
)


@given(CANDIDATES, CALLERS)
def test_credits_of_any_caller_and_unknown_sum_to_one(
    candidates: list[Candidate], caller: Caller | None
) -> None:
    found = to_exposures(candidates, NOW, MODEL, caller)

    assert sum(credit.probability for credit in found.credits) + found.unknown == pytest.approx(1)
    assert all(credit.probability > 0 for credit in found.credits)
    assert 0.0 <= found.repeat <= 1.0 + 1e-9


@given(CANDIDATES, CALLERS, st.randoms(use_true_random=False))
def test_the_order_of_candidates_changes_no_total(
    candidates: list[Candidate], caller: Caller | None, random: object
) -> None:
    shuffled = candidates[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    one, other = (to_exposures(some, NOW, MODEL, caller) for some in (candidates, shuffled))

    assert one == other


@given(CANDIDATES, CALLERS, AGO)
def test_a_tap_never_lowers_the_credit_of_a_visit(
    candidates: list[Candidate], caller: Caller | None, ago: int
) -> None:
    mine = replace(gone("z"), tapped_at=None)
    before = shares(to_exposures([*candidates, mine], NOW, MODEL, caller)).get("z", 0.0)

    tapper = replace(mine, tapped_at=NOW - ago)

    after = shares(to_exposures([*candidates, tapper], NOW, MODEL, caller)).get("z", 0.0)
    assert after >= before - 1e-12


@given(CANDIDATES, CALLERS, AGO, AGO)
def test_longer_gone_never_raises_the_credit_of_a_visit(
    candidates: list[Candidate], caller: Caller | None, ago: int, more: int
) -> None:
    sooner, later = (
        shares(to_exposures([*candidates, gone("z", at)], NOW, MODEL, caller)).get("z", 0.0)
        for at in (ago, ago + more)
    )

    assert later <= sooner + 1e-12


@given(CANDIDATES, CALLERS, st.lists(st.integers(1, DAY_MS), min_size=8, max_size=8))
def test_signs_of_life_after_the_call_say_no_more_than_that_a_visit_was_there(
    candidates: list[Candidate], caller: Caller | None, later: list[int]
) -> None:
    there = [replace(one, seen_at=NOW, left_at=None) for one in candidates]
    learnt = [
        replace(one, seen_at=NOW + after, left_at=NOW + after, contact_at=NOW + after)
        for one, after in zip(candidates, later, strict=False)
    ]

    assert to_exposures(learnt, NOW, MODEL, caller) == to_exposures(there, NOW, MODEL, caller)
