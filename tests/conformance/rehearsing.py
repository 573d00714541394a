"""A case on the virtual clock."""

from ringtrace.domain.plan import Plan
from ringtrace.domain.rehearsal import Caller, Party, Rehearsal, rehearse
from tests.conformance.case import Acts, Case


def _party(acts: Acts) -> Party:
    return Party(acts.answers, acts.code, acts.after, acts.talk, acts.keys, acts.calls)


def rehearsed(case: Case) -> Rehearsal:
    def reply(_digits: str) -> Plan | None:
        return case.plan_for_digits

    parties = {acts.to: _party(acts) for acts in case.party}
    return rehearse(case.plan, Caller(case.hangs_up, case.keys), parties, reply)
