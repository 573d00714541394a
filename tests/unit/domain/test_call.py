"""Reports of one call become one truth."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.call import (
    Leg,
    MergeResult,
    Outcome,
    PlanSource,
    Reason,
    Recording,
    Report,
    failure,
    merge,
    presumed,
)

ANSWERED = Report(
    number="+12025550101",
    caller="+12025550177",
    started_at=1_000,
    outcome=Outcome.ANSWERED,
    reason=None,
    code=200,
    target="+12025550199",
    ring_seconds=2.0,
    talk_seconds=30.0,
    legs=(Leg("+12025550199", 1_100, 2.0, 30.0, 200, None),),
    recording=Recording("https://example.com/a.mp3", 30.0, 2),
    session="s1",
    plan_source=PlanSource.BACKEND,
)
MISSED = replace(
    ANSWERED,
    outcome=Outcome.MISSED,
    reason=Reason.OPERATOR_NOT_RESPONSIVE,
    code=480,
    talk_seconds=0.0,
    legs=(),
    recording=None,
)


def test_the_first_report_makes_the_call() -> None:
    assert merge(None, MISSED) == (MergeResult.CREATED, MISSED)


def test_the_same_report_again_changes_nothing() -> None:
    assert merge(ANSWERED, ANSWERED) == (MergeResult.UNCHANGED, ANSWERED)


def test_a_later_report_fills_what_was_absent() -> None:
    early = replace(ANSWERED, recording=None, talk_seconds=None, legs=())

    assert merge(early, ANSWERED) == (MergeResult.UPDATED, ANSWERED)


def test_a_poorer_report_takes_nothing_away() -> None:
    poor = replace(ANSWERED, recording=None, caller=None, legs=(), session=None)

    assert merge(ANSWERED, poor) == (MergeResult.UNCHANGED, ANSWERED)


def test_an_answered_call_replaces_one_believed_missed_and_keeps_what_only_that_knew() -> None:
    result, merged = merge(MISSED, replace(ANSWERED, session=None))

    assert result is MergeResult.UPDATED
    assert merged == ANSWERED


def test_an_answered_call_takes_nothing_of_the_belief_that_it_was_missed() -> None:
    """Else the code and the talk time of the failure would contradict the full report later."""
    sparse = replace(ANSWERED, code=None, target=None, talk_seconds=None, ring_seconds=None)

    _, merged = merge(MISSED, sparse)

    assert (merged.code, merged.target, merged.talk_seconds) == (None, None, None)
    assert merge(merged, ANSWERED) == (MergeResult.UPDATED, ANSWERED)


@pytest.mark.parametrize(
    "later",
    [
        MISSED,
        replace(ANSWERED, number="+12025550102"),
        replace(ANSWERED, started_at=2_000),
        replace(ANSWERED, talk_seconds=31.0),
        replace(ANSWERED, caller="+12025550178"),
    ],
)
def test_a_report_that_changes_a_fact_contradicts_and_the_known_one_stays(later: Report) -> None:
    assert merge(ANSWERED, later) == (MergeResult.CONTRADICTS, ANSWERED)


def test_a_recording_gains_what_it_lacked() -> None:
    bare = replace(ANSWERED, recording=Recording(None, None, 2))
    later = replace(ANSWERED, recording=Recording("https://example.com/a.mp3", 30.0, None))

    assert merge(bare, later) == (MergeResult.UPDATED, ANSWERED)
    assert merge(ANSWERED, bare) == (MergeResult.UNCHANGED, ANSWERED)


PRESUMED = presumed(MISSED.number, MISSED.caller, MISSED.started_at + 7)


def test_what_was_presumed_gives_way_to_any_report() -> None:
    for report in (ANSWERED, MISSED):
        assert merge(PRESUMED, report) == (MergeResult.UPDATED, report)


def test_what_is_known_is_not_presumed_away() -> None:
    for known in (ANSWERED, MISSED):
        assert merge(known, PRESUMED) == (MergeResult.UNCHANGED, known)
    assert merge(PRESUMED, replace(PRESUMED, started_at=9)) == (MergeResult.UNCHANGED, PRESUMED)


def test_a_presumed_call_does_not_become_one_to_another_number() -> None:
    other = replace(ANSWERED, number="+12025550102")
    assert merge(PRESUMED, other) == (MergeResult.CONTRADICTS, PRESUMED)


REPORTS = st.builds(
    Report,
    number=st.just("+12025550101"),
    caller=st.sampled_from([None, "+1", "+2"]),
    started_at=st.just(0),
    outcome=st.sampled_from(Outcome),
    reason=st.sampled_from([None, *Reason]),
    code=st.sampled_from([None, 200, 486]),
    target=st.sampled_from([None, "+3"]),
    ring_seconds=st.sampled_from([None, 1.0]),
    talk_seconds=st.sampled_from([None, 0.0, 5.0]),
    legs=st.just(()),
    recording=st.sampled_from([None, Recording(None, 1.0, 2), Recording("https://x/", None, None)]),
    session=st.sampled_from([None, "s"]),
    plan_source=st.sampled_from([None, *PlanSource]),
    node=st.sampled_from([None, "a", "b"]),
)


@given(st.lists(REPORTS, min_size=1, max_size=6))
def test_no_sequence_of_reports_unanswers_a_call_and_repeating_it_changes_nothing(
    reports: list[Report],
) -> None:
    known: Report | None = None
    for report in reports:
        answered = known is not None and known.outcome is Outcome.ANSWERED
        _, known = merge(known, report)
        if answered:
            assert known.outcome is Outcome.ANSWERED
        result, again = merge(known, known)
        assert (result, again) == (MergeResult.UNCHANGED, known)


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        (486, "busy", "operator_busy"),
        (480, "missed", "operator_not_responsive"),
        (603, "rejected", "operator_disconnects"),
        (404, "failed", "operator_number_problems"),
        (503, "failed", "operator_channels_busy"),
        (488, "failed", "internal_error"),
    ],
)
def test_a_final_sip_code_has_one_meaning(code: int, outcome: str, reason: str) -> None:
    assert failure(code) == (outcome, reason)
