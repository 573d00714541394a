"""Who is suspected, by which rule and why; what came of asking him."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.blocklist import Listing, Treatment
from ringtrace.domain.call import Leg, Outcome, PlanSource, Reason, Report
from ringtrace.domain.moment import DAY_MS, MINUTE_MS
from ringtrace.domain.screening import (
    BOUNDS,
    MEMORY_MS,
    Passage,
    PastCall,
    Rule,
    SpamRules,
    is_spam,
    passage,
    rule_faults,
    screen,
)

NUMBER, CALLER = "+12025550101", "+12025550177"
NOW = 1_790_000_000_000
ON = SpamRules(silent=True, too_many=True, many_numbers=True)
OFF = SpamRules(blocked=False, known_robots=False, silent=False, too_many=False, many_numbers=False)


def listed(treatment: Treatment, note: str = "") -> Listing:
    return Listing(CALLER, treatment, note, NOW - DAY_MS, "admin")


def earlier(minutes: float, talk: float | None = None, number: str = NUMBER) -> PastCall:
    return PastCall(number, round(NOW - minutes * MINUTE_MS), talk)


def found(
    *past: PastCall, rules: SpamRules = ON, listing: Listing | None = None
) -> tuple[Rule, str] | None:
    said = screen(rules, listing, past, NUMBER, NOW)
    return None if said is None else (said.rule, said.evidence)


def rules(**changes: Any) -> SpamRules:
    return msgspec.structs.replace(ON, **changes)


def test_nobody_is_suspected_of_whom_nothing_is_known() -> None:
    assert found() is None


def test_a_blocked_caller_is_blocked_and_the_note_says_why() -> None:
    assert found(listing=listed(Treatment.BLOCK)) == (
        Rule.BLOCKED,
        f"on the blocklist as {CALLER}",
    )
    said = found(listing=listed(Treatment.BLOCK, "sells windows"))
    assert said == (Rule.BLOCKED, f"on the blocklist as {CALLER} (sells windows)")


def test_the_finding_names_the_listing() -> None:
    listing = listed(Treatment.BLOCK)

    said = screen(ON, listing, (), NUMBER, NOW)

    assert said is not None
    assert said.listing == listing


def test_a_listed_robot_is_asked() -> None:
    assert found(listing=listed(Treatment.ASK)) == (
        Rule.KNOWN_ROBOT,
        f"on the list of known robots as {CALLER}",
    )


def test_a_trusted_caller_is_never_suspected() -> None:
    calls = [earlier(minutes, 1.0) for minutes in range(1, 40)]
    robot = replace(earlier(60), kept_silent=True, marked=True)

    assert found(*calls, robot) is not None
    assert found(*calls, robot, listing=listed(Treatment.TRUST)) is None


@pytest.mark.parametrize("treatment", list(Treatment))
def test_a_rule_that_is_off_acts_on_nobody(treatment: Treatment) -> None:
    calls = [earlier(m, 1.0, f"+1202555{m:04}") for m in range(1, 40)]
    robot = replace(earlier(60), kept_silent=True, marked=True)

    assert found(*calls, robot, rules=OFF) is None
    assert found(*calls, robot, rules=OFF, listing=listed(treatment)) is None


def test_who_pressed_no_key_is_a_known_robot_for_a_while() -> None:
    silent = replace(earlier(60), kept_silent=True)

    assert found(silent) == (Rule.KNOWN_ROBOT, "pressed no key when asked before")
    assert found(replace(silent, at=NOW - MEMORY_MS - 1)) is None


def test_whose_call_was_marked_as_spam_is_a_known_robot() -> None:
    assert found(replace(earlier(60), marked=True)) == (
        Rule.KNOWN_ROBOT,
        "an earlier call was marked as spam",
    )


def test_answered_calls_that_are_over_at_once_are_suspect() -> None:
    short = [earlier(100, 2.0), earlier(200, 4.9), earlier(300, 0.0)]

    assert found(*short) == (
        Rule.SILENT,
        "3 answered calls within 7 days, all shorter than 5 seconds",
    )
    assert found(*short[:2]) is None
    assert found(*short[:2], earlier(300)) is None, "nobody answered: that says nothing"
    assert found(*short, earlier(400, 5.0)) is None, "he talked"
    assert found(*short[:2], earlier(7 * 24 * 60 + 1, 1.0)) is None, "too long ago"


def test_many_calls_in_a_short_time_are_suspect() -> None:
    calls = [earlier(minutes) for minutes in range(1, 8)]

    assert found(*calls) == (Rule.TOO_MANY_CALLS, "8 calls within 10 minutes")
    assert found(*calls[:6]) is None
    assert found(*calls[:6], earlier(10)) is None, "a window is open at its beginning"
    assert found(*calls, rules=rules(too_many_minutes=1, too_many_calls=3)) is None


def test_one_caller_who_walks_through_the_numbers_is_suspect() -> None:
    calls = [earlier(minutes, number=f"+1202555010{minutes}") for minutes in (2, 3, 4)]

    assert found(*calls) == (Rule.MANY_NUMBERS, "called 4 of your numbers within 60 minutes")
    assert found(*calls[:2]) is None
    assert found(*calls[:2], earlier(5)) is None, "the number he calls now counts once"
    once = rules(many_numbers_minutes=1, many_numbers_called=2)
    assert found(replace(calls[0], at=NOW), rules=once) == (
        Rule.MANY_NUMBERS,
        "called 2 of your numbers within 1 minute",
    )


def test_what_happened_later_does_not_count() -> None:
    assert found(replace(earlier(-1), kept_silent=True)) is None


@given(
    st.lists(
        st.builds(
            PastCall,
            st.sampled_from([NUMBER, "+12025550102"]),
            st.integers(NOW - 100 * DAY_MS, NOW),
            st.none() | st.floats(0, 600),
            st.booleans(),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_nobody_is_blocked_but_by_the_list(past: list[PastCall]) -> None:
    said = screen(ON, None, past, NUMBER, NOW)

    assert said is None or (said.rule is not Rule.BLOCKED and said.evidence)


def test_thresholds_out_of_range_are_named() -> None:
    assert not list(rule_faults(ON))
    for name, (low, high) in BOUNDS.items():
        assert not list(rule_faults(rules(**{name: low})))
        assert [one.path for one in rule_faults(rules(**{name: low - 1}))] == [name]
        assert [one.path for one in rule_faults(rules(**{name: high + 1}))] == [name]
    assert [one.path for one in rule_faults(rules(silent_seconds=float("nan")))] == [
        "silent_seconds"
    ]


LEG = Leg("+12025550191", NOW, 3.0, 0.0, 486, Reason.OPERATOR_BUSY)


def report(outcome: Outcome, reason: Reason | None = None, **changes: Any) -> Report:
    said = Report(
        number=NUMBER,
        caller=CALLER,
        started_at=NOW,
        outcome=outcome,
        reason=reason,
        code=None,
        target=None,
        ring_seconds=1.0,
        talk_seconds=0.0,
        legs=(),
        recording=None,
        session=None,
        plan_source=PlanSource.BACKEND,
    )
    return replace(said, **changes)


@pytest.mark.parametrize(
    ("rule", "said", "came"),
    [
        (Rule.BLOCKED, report(Outcome.REJECTED, Reason.BLACKLISTED), Passage.STOPPED),
        (Rule.BLOCKED, report(Outcome.ANSWERED), None),
        (Rule.SILENT, report(Outcome.REJECTED, Reason.SPAM_LIST), Passage.FAILED),
        (Rule.KNOWN_ROBOT, report(Outcome.REJECTED, Reason.SPAM_LIST), Passage.FAILED),
        (
            Rule.TOO_MANY_CALLS,
            report(Outcome.REJECTED, Reason.TOO_MANY_IDENTICAL_INCOMING_CALLS),
            Passage.FAILED,
        ),
        (
            Rule.MANY_NUMBERS,
            report(Outcome.REJECTED, Reason.TOO_MANY_IDENTICAL_INCOMING_CALLS),
            Passage.FAILED,
        ),
        (Rule.SILENT, report(Outcome.ABANDONED, Reason.CALLER_DISCONNECTS), Passage.LEFT),
        (Rule.SILENT, report(Outcome.ABANDONED, legs=(LEG,)), Passage.PASSED),
        (Rule.SILENT, report(Outcome.ABANDONED, digits="6179"), Passage.PASSED),
        (Rule.SILENT, report(Outcome.ANSWERED), Passage.PASSED),
        (Rule.SILENT, report(Outcome.VOICEMAIL), Passage.PASSED),
        (Rule.SILENT, report(Outcome.BUSY, legs=(LEG,)), Passage.PASSED),
        (Rule.SILENT, report(Outcome.REJECTED, Reason.LIMIT_EXCEEDED), Passage.PASSED),
        (Rule.SILENT, report(Outcome.FAILED, Reason.INTERNAL_ERROR), None),
    ],
)
def test_what_came_of_it(rule: Rule, said: Report, came: Passage | None) -> None:
    assert passage(rule, said) is came


@pytest.mark.parametrize("source", [PlanSource.CACHE, PlanSource.FALLBACK])
def test_who_was_never_asked_neither_passed_nor_failed(source: PlanSource) -> None:
    assert passage(Rule.SILENT, report(Outcome.ANSWERED, plan_source=source)) is None
    assert passage(Rule.SILENT, report(Outcome.ABANDONED, plan_source=source)) is None


def test_a_platform_that_does_not_say_where_the_plan_is_from_had_it_from_us() -> None:
    assert passage(Rule.SILENT, report(Outcome.ANSWERED, plan_source=None)) is Passage.PASSED


@pytest.mark.parametrize(
    ("rule", "came", "spam"),
    [
        (None, None, False),
        (Rule.BLOCKED, Passage.STOPPED, True),
        (Rule.BLOCKED, None, True),
        (Rule.SILENT, None, False),
        (Rule.SILENT, Passage.PASSED, False),
        (Rule.SILENT, Passage.FAILED, True),
        (Rule.SILENT, Passage.LEFT, True),
    ],
)
def test_what_a_user_says_of_a_call_outweighs_every_rule(
    rule: Rule | None, came: Passage | None, *, spam: bool
) -> None:
    assert is_spam(rule, came, None) is spam
    assert is_spam(rule, came, marked=True)
    assert not is_spam(rule, came, marked=False)
