"""A key to be pressed before anybody is rung: people do, robots do not."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ringtrace.domain.plan import Dial, HangUp, Menu, Plan, Step, Voicemail
from ringtrace.domain.prompt import for_gate
from ringtrace.domain.screening import Finding, Rule, refusal_reason

DECLINED: Final = 603
KEYS: Final = "1234567890*#"
"""Any of them will do: who mishears the question gets through as well."""
SECONDS: Final = 6.0
TRIES: Final = 2


def guarded(plan: Plan, finding: Finding | None, language: str) -> Plan:
    """`plan` for a caller of whom there is a `finding`; the gate is spoken in `language` (BCP 47).

    It is the very same plan where nothing is held against him, or where nobody would be reached
    without a key pressed anyway. Any other is this caller's alone.
    """
    if finding is None:
        return plan
    refusal = HangUp(DECLINED, refusal_reason(finding.rule))
    if finding.rule is Rule.BLOCKED:
        return msgspec.structs.replace(plan, steps=(refusal,), cacheable=False)
    if not _reaches_somebody(plan.steps):
        return plan
    gate = Menu(for_gate(language), dict.fromkeys(KEYS, ()), SECONDS, TRIES, (refusal,))
    return msgspec.structs.replace(plan, steps=(gate, *plan.steps), cacheable=False)


def _reaches_somebody(steps: Sequence[Step]) -> bool | None:
    """Whether who presses nothing gets to a person or a voicemail; None: he is led on behind."""
    for step in steps:
        match step:
            case Dial() | Voicemail():
                return True
            case HangUp():
                return False
            case Menu() if (found := _reaches_somebody(step.otherwise)) is not None:
                return found
    return None
