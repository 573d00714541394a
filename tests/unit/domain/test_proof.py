"""Calls of which the truth is known, and what was said of them without it."""

from dataclasses import replace

import pytest

from ringtrace.domain.attribution import Candidate, to_exposures, to_nothing
from ringtrace.domain.calibration import Outcome
from ringtrace.domain.proof import TAP_MS, Proof, ProofKind, proof, tapped, untapped
from ringtrace.domain.source import Source

NOW = 30 * 86_400_000


def seen(visit: str, ago: int, tapped_ago: int | None = None) -> Candidate:
    return Candidate(
        visit_id=visit,
        shown_at=NOW - ago - 60_000,
        seen_at=NOW - ago,
        left_at=NOW - ago,
        tapped_at=None if tapped_ago is None else NOW - tapped_ago,
        source=Source("Paid Search"),
    )


@pytest.mark.parametrize(
    ("ago", "found"), [(0, "v"), (TAP_MS - 1, "v"), (TAP_MS, None), (-1, None), (None, None)]
)
def test_a_tap_right_before_the_call_proves_who_called(ago: int | None, found: str | None) -> None:
    assert tapped([seen("v", 0, ago), seen("w", 5_000)], NOW) == found


def test_two_taps_prove_nothing() -> None:
    assert tapped([seen("v", 0, 3_000), seen("w", 0, 9_000)], NOW) is None


def test_an_old_tap_of_another_does_not_weaken_the_proof() -> None:
    assert tapped([seen("v", 0, 3_000), seen("w", 60_000, 60_000)], NOW) == "v"


def test_without_taps_they_are_weighed_as_if_nobody_had_tapped() -> None:
    candidates = [seen("v", 300_000, 3_000), seen("w", 0)]

    blind = to_exposures(untapped(candidates), NOW)

    assert blind == to_exposures([seen("v", 300_000), seen("w", 0)], NOW)
    assert to_exposures(candidates, NOW).credits[0].visit_id == "v"
    assert blind.credits[0].visit_id == "w"


def test_the_statement_is_the_visit_named_and_its_probability() -> None:
    said = to_exposures([seen("v", 0), seen("w", 7_200_000)], NOW)

    found = proof(ProofKind.TAP, "w", said)

    assert (found.visit_id, found.stated_visit) == ("w", "v")
    assert found.stated == said.credits[0].probability
    assert found.outcome == Outcome(found.stated, right=False)
    assert replace(found, visit_id="v").outcome.right


def test_naming_nobody_is_a_statement_too() -> None:
    right = proof(ProofKind.CORRECTION, None, to_nothing())

    assert right == Proof(ProofKind.CORRECTION, None, None, 1.0)
    assert right.outcome == Outcome(1.0, right=True)
    assert proof(ProofKind.CORRECTION, "v", to_nothing()).outcome == Outcome(1.0, right=False)
