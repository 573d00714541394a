"""The cases, rehearsed on a virtual clock."""

import pytest

from ringtrace.domain.plan import Plan
from ringtrace.domain.rehearsal import Caller, Party, Rehearsal, rehearse
from tests.conformance.case import Acts, Case, Seen, cases, differences

WHISPER = "whisper.wav"


def party(acts: Acts) -> Party:
    return Party(acts.answers, acts.code, acts.after, acts.talk, acts.keys)


def rehearsed(case: Case) -> Rehearsal:
    def reply(_digits: str) -> Plan | None:
        return case.plan_for_digits

    parties = {acts.to: party(acts) for acts in case.party}
    return rehearse(case.plan, Caller(case.hangs_up, case.keys), parties, reply)


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
        heard=rehearsal.heard,
        whispered=tuple(_who(told, f' hears "{WHISPER}"')),
        connected=tuple(_who([what.partition(",")[0] for what in told], " and caller are connected")),
        is_answered="caller is answered" in told,
    )


def _who(told: list[str], does: str) -> list[str]:
    return [what.removesuffix(does) for what in told if what.endswith(does)]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_the_rehearsal_goes_as_the_case_expects(case: Case) -> None:
    rehearsal = rehearsed(case)
    found = differences(case.expect, seen(rehearsal))
    timeline = "\n".join(f"{moment.at:7.2f}  {moment.what}" for moment in rehearsal.timeline)
    assert not found, "\n".join([*found, timeline])
