"""Calls of which the truth is known, beside what the engine said without knowing it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ringtrace.domain.attribution import Attribution, Candidate, verdict
from ringtrace.domain.calibration import Outcome

TAP_MS: Final = 10_000
"""A tap on the number so shortly before a call to it was that call."""


class ProofKind(StrEnum):
    """How the truth came to light, the strongest first."""

    CORRECTION = "correction"
    EXTENSION = "extension"
    TAP = "tap"


@dataclass(frozen=True, slots=True)
class Proof:
    """`visit_id` called, None: none of the visits that were shown the number.

    `stated_visit` is the visit the engine named without the proof and `stated` its probability;
    where it named nobody, `stated` is the probability it gave that.
    """

    kind: ProofKind
    visit_id: str | None
    stated_visit: str | None
    stated: float

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.stated, right=self.stated_visit == self.visit_id)


def proof(kind: ProofKind, visit_id: str | None, blind: Attribution) -> Proof:
    """`blind` is what the engine says of the call without the proof."""
    said = verdict(blind)
    return Proof(kind, visit_id, said.visit_id, said.probability)


def tapped(candidates: Sequence[Candidate], at: int) -> str | None:
    """The only candidate who tapped the number right before a call at `at` (ms since 1970)."""
    found = [
        one.visit_id
        for one in candidates
        if one.tapped_at is not None and 0 <= at - one.tapped_at < TAP_MS
    ]
    return found[0] if len(found) == 1 else None


def untapped(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates as if nobody had ever tapped; a tap remains a sign of life."""
    return [replace(one, tapped_at=None) for one in candidates]
