"""The cases, rehearsed on a virtual clock."""

import re
from collections import Counter

import pytest

from ringtrace.domain.call import Outcome
from ringtrace.domain.rehearsal import Rehearsal
from tests.conformance.case import Case, Seen, cases, differences
from tests.conformance.rehearsing import rehearsed

WHISPER = "whisper.wav"


def seen(rehearsal: Rehearsal) -> Seen:
    result = rehearsal.result
    told = [moment.what for moment in rehearsal.timeline]
    return Seen(
        outcome=result.outcome,
        reason=result.reason,
        code=result.code,
        target=result.target,
        legs=tuple((leg.target, leg.reason) for leg in result.legs),
        recorded=rehearsal.recorded > 0,
        digits=result.digits,
        box=result.box,
        heard=rehearsal.heard,
        whispered=tuple(_who(told, f' hears "{WHISPER}"')),
        connected=tuple(
            _who([what.partition(",")[0] for what in told], " and caller are connected")
        ),
        left_over=_left_over(told),
        lasts=rehearsal.recorded if result.outcome == Outcome.VOICEMAIL else result.talk_seconds,
        is_answered="caller is answered" in told,
        rejected_with=_rejection(told),
    )


def _left_over(told: list[str]) -> tuple[str, ...]:
    """Who was up beside the talk, or is at the end of the call."""
    up: Counter[str] = Counter()
    beside: list[str] = []
    for what in told:
        if dialled := re.fullmatch(r"(\S+) is dialled", what):
            up[dialled[1]] += 1
        elif ended := re.fullmatch(r"(\S+) (is dropped|hangs up|fails .*)", what):
            up[ended[1]] -= 1
        elif joined := re.match(r"(\S+) and caller are connected", what):
            beside = [who for who, count in up.items() if count > 0 and who != joined[1]]
    return tuple(dict.fromkeys([*beside, *(who for who, count in up.items() if count > 0)]))


def _rejection(told: list[str]) -> int | None:
    ends = re.fullmatch(r"the call ends \((\d+)\)", told[-1])
    return int(ends[1]) if ends and "caller is answered" not in told else None


def _who(told: list[str], does: str) -> list[str]:
    return [what.removesuffix(does) for what in told if what.endswith(does)]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_the_rehearsal_goes_as_the_case_expects(case: Case) -> None:
    rehearsal = rehearsed(case)
    found = differences(case.expect, seen(rehearsal), tolerance=0.01)
    timeline = "\n".join(f"{moment.at:7.2f}  {moment.what}" for moment in rehearsal.timeline)
    assert not found, "\n".join([*found, timeline])
