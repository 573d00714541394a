"""Cases are run: what was expected against what happened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from ringtrace.domain.call import Leg
from ringtrace.domain.flow import Flow
from ringtrace.domain.gate import guarded
from ringtrace.domain.plan import Plan
from ringtrace.domain.rehearsal import Rehearsal, rehearse
from ringtrace.domain.resolve import resolve, resume
from ringtrace.flowtest.cases import NONE, Case, Cases, Expectation, ExpectedLeg

TOLERANCE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of the expectation that was not met, in words."""

    field: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a case went; it passed when nothing was different."""

    name: str
    rehearsal: Rehearsal
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        return not self.differences


def run(cases: Cases) -> Sequence[Verdict]:
    """Each case on a clock of its own; the same cases always come to the same."""
    return [
        _judged(case.name or f"case[{i}]", case, played(cases.flow, case))
        for i, case in enumerate(cases.case)
    ]


def played(flow: Flow, case: Case) -> Rehearsal:
    now = case.circumstances(flow.language)

    def reply(_digits: str) -> Plan | None:
        if case.away:
            return None
        known = msgspec.structs.replace(case, visit=case.keyed)
        return resume(flow, known.circumstances(flow.language))

    plan = guarded(resolve(flow, now), case.finding(), flow.language)
    return rehearse(plan, case.caller_does(), case.parties(), reply)


def _judged(name: str, case: Case, rehearsal: Rehearsal) -> Verdict:
    return Verdict(name, rehearsal, tuple(_differences(case.expect, rehearsal)))


def _differences(expect: Expectation, rehearsal: Rehearsal) -> Iterator[Difference]:
    result = rehearsal.result
    for field in ("outcome", "reason", "code", "target", "digits"):
        expected, actual = getattr(expect, field), getattr(result, field)
        shown = NONE if actual is None else actual
        if expected is not msgspec.UNSET and expected != shown:
            yield Difference(field, str(expected), str(shown))
    if isinstance(expect.legs, tuple) and not _are_legs(expect.legs, result.legs):
        yield Difference(
            "legs",
            _listed([_expected_leg(leg) for leg in expect.legs]),
            _listed([f"{leg.target} {leg.reason or NONE}" for leg in result.legs]),
        )
    if isinstance(expect.heard, tuple) and not _is_heard(expect.heard, rehearsal.heard):
        yield Difference("heard", _listed(expect.heard), _listed(rehearsal.heard))
    yield from _length_differences(expect, rehearsal)


def _length_differences(expect: Expectation, rehearsal: Rehearsal) -> Iterator[Difference]:
    recorded = rehearsal.recorded
    if isinstance(expect.recorded, bool):
        if expect.recorded != (recorded > 0):
            yield Difference("recorded", str(expect.recorded).lower(), f"{recorded:.1f} s")
    elif isinstance(expect.recorded, float) and not _is_about(expect.recorded, recorded):
        yield Difference("recorded", f"{expect.recorded:.1f} s", f"{recorded:.1f} s")
    ends = expect.ends_after
    if isinstance(ends, float) and not _is_about(ends, rehearsal.seconds):
        yield Difference("ends_after", f"{ends:.1f} s", f"{rehearsal.seconds:.1f} s")


def _is_about(expected: float, actual: float) -> bool:
    return abs(expected - actual) <= TOLERANCE_SECONDS


def _are_legs(expected: Sequence[ExpectedLeg], actual: Sequence[Leg]) -> bool:
    return len(expected) == len(actual) and all(
        want.to == leg.target and want.reason in (msgspec.UNSET, leg.reason or NONE)
        for want, leg in zip(expected, actual, strict=True)
    )


def _is_heard(expected: Sequence[str], actual: Sequence[str]) -> bool:
    return len(expected) == len(actual) and all(
        part in said for part, said in zip(expected, actual, strict=True)
    )


def _expected_leg(leg: ExpectedLeg) -> str:
    return leg.to if isinstance(leg.reason, msgspec.UnsetType) else f"{leg.to} {leg.reason}"


def _listed(lines: Sequence[str]) -> str:
    return " | ".join(lines) or "nothing"
