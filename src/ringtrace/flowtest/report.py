"""What became of the cases, for a person and for a program."""

from collections.abc import Iterator, Sequence

from ringtrace.domain.fault import Fault
from ringtrace.flowtest.run import Verdict


def lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """A line a case; a failed one with what differs and with everything that happened."""
    for verdict in verdicts:
        yield f"{'ok  ' if verdict.passed else 'FAIL'} {verdict.name}"
        if not verdict.passed:
            yield from _failure(verdict)
    failed = sum(not verdict.passed for verdict in verdicts)
    yield f"{len(verdicts) - failed} passed, {failed} failed"


def _failure(verdict: Verdict) -> Iterator[str]:
    for one in verdict.differences:
        yield f"     {one.field}: expected {one.expected}"
        yield f"     {'':{len(one.field)}}  happened {one.actual}"
    for moment in verdict.rehearsal.timeline:
        yield f"     {moment.at:8.2f} s  {moment.what}"


def data(verdicts: Sequence[Verdict], warnings: Sequence[Fault]) -> dict[str, object]:
    """As JSON values; lengths are seconds."""
    passed = sum(verdict.passed for verdict in verdicts)
    return {
        "passed": passed,
        "failed": len(verdicts) - passed,
        "warnings": [{"path": one.path, "message": one.message} for one in warnings],
        "cases": [_case_data(verdict) for verdict in verdicts],
    }


def _case_data(verdict: Verdict) -> dict[str, object]:
    rehearsal = verdict.rehearsal
    result = rehearsal.result
    return {
        "name": verdict.name,
        "passed": verdict.passed,
        "differences": verdict.differences,
        "outcome": result.outcome,
        "reason": result.reason,
        "code": result.code,
        "target": result.target,
        "digits": result.digits,
        "ring_seconds": result.ring_seconds,
        "talk_seconds": result.talk_seconds,
        "recorded": rehearsal.recorded,
        "ends_after": rehearsal.seconds,
        "legs": [
            {
                "to": leg.target,
                "started_after": leg.started_at / 1_000,
                "ring_seconds": leg.ring_seconds,
                "talk_seconds": leg.talk_seconds,
                "code": leg.code,
                "reason": leg.reason,
            }
            for leg in result.legs
        ],
        "heard": rehearsal.heard,
        "timeline": rehearsal.timeline,
    }
