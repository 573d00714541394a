"""The gate before a plan: who presses a key gets through, who does not reaches nobody."""

from collections.abc import Sequence

import pytest

from ringtrace.domain.blocklist import Listing, Treatment
from ringtrace.domain.call import Outcome, Reason
from ringtrace.domain.gate import KEYS, guarded
from ringtrace.domain.plan import Announce, Dial, HangUp, Menu, Plan, Step, Target, Voicemail
from ringtrace.domain.prompt import Prompt
from ringtrace.domain.rehearsal import Caller, Party, Rehearsal, rehearse
from ringtrace.domain.screening import Finding, Rule

NUMBER, TARGET = "+12025550101", "+12025550191"
SAID = Prompt("Welcome.", "en-US")
DIAL = Dial((Target(TARGET, 20),), NUMBER, record=True)
SUSPECTED = Finding(Rule.SILENT, "so")
BLOCKED = Finding(Rule.BLOCKED, "so", Listing("+12025550177", Treatment.BLOCK, "", 0, None))


def plan(*steps: Step) -> Plan:
    return Plan(NUMBER, steps, 3600, cacheable=True)


def called(of: Plan, caller: Caller) -> Rehearsal:
    return rehearse(of, caller, {TARGET: Party(answers=2, talk=30)})


def test_nothing_is_changed_for_a_caller_against_whom_nothing_is_held() -> None:
    assert guarded(plan(DIAL), None, "en-US") == plan(DIAL)


@pytest.mark.parametrize("key", KEYS)
def test_whoever_presses_any_key_is_connected(key: str) -> None:
    rehearsal = called(guarded(plan(DIAL), SUSPECTED, "en-US"), Caller(keys=((1, key),)))

    assert (rehearsal.result.outcome, rehearsal.result.target) == (Outcome.ANSWERED, TARGET)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (Rule.KNOWN_ROBOT, Reason.SPAM_LIST),
        (Rule.SILENT, Reason.SPAM_LIST),
        (Rule.TOO_MANY_CALLS, Reason.TOO_MANY_IDENTICAL_INCOMING_CALLS),
        (Rule.MANY_NUMBERS, Reason.TOO_MANY_IDENTICAL_INCOMING_CALLS),
    ],
)
def test_who_presses_nothing_is_asked_twice_and_reaches_nobody(rule: Rule, reason: Reason) -> None:
    rehearsal = called(guarded(plan(DIAL), Finding(rule, "so"), "en-US"), Caller())

    result = rehearsal.result
    assert (result.outcome, result.reason, result.legs) == (Outcome.REJECTED, reason, ())
    assert len(rehearsal.heard) == 2


def test_a_blocked_caller_is_rejected_before_anything_is_answered() -> None:
    rehearsal = called(guarded(plan(DIAL), BLOCKED, "en-US"), Caller())

    result = rehearsal.result
    assert (result.outcome, result.reason, result.code) == (
        Outcome.REJECTED,
        Reason.BLACKLISTED,
        603,
    )
    assert (rehearsal.heard, rehearsal.seconds) == ((), 0)


@pytest.mark.parametrize("finding", [SUSPECTED, BLOCKED])
def test_the_plan_is_kept_for_nobody_else(finding: Finding) -> None:
    assert not guarded(plan(DIAL), finding, "en-US").cacheable


@pytest.mark.parametrize(
    ("language", "spoken", "word"),
    [
        ("en-GB", "en-GB", "press"),
        ("de-AT", "de-AT", "Taste"),
        ("fr", "fr", "touche"),
        ("es-MX", "es-MX", "tecla"),
        ("ru-RU", "ru-RU", "клавишу"),
        ("fi-FI", "en-US", "press"),
    ],
)
def test_the_question_is_in_the_flows_language(language: str, spoken: str, word: str) -> None:
    (gate, _) = guarded(plan(DIAL), SUSPECTED, language).steps

    assert isinstance(gate, Menu)
    assert gate.prompt.language == spoken
    assert word in gate.prompt.text


def menu(*keyed: Step, otherwise: Sequence[Step] = ()) -> Menu:
    return Menu(SAID, {"1": keyed}, 5, 1, tuple(otherwise))


@pytest.mark.parametrize(
    "steps",
    [
        (DIAL,),
        (Announce(SAID), DIAL),
        (Voicemail(SAID, 60),),
        (menu(DIAL), DIAL),
        (menu(DIAL, otherwise=[DIAL]), HangUp(603)),
        (menu(DIAL, otherwise=[Announce(SAID)]), Voicemail(SAID, 60)),
    ],
)
def test_a_robot_would_reach_somebody_so_there_is_a_gate(steps: Sequence[Step]) -> None:
    made = guarded(plan(*steps), SUSPECTED, "en-US")

    assert made.steps[1:] == tuple(steps)
    assert not called(made, Caller()).result.legs


@pytest.mark.parametrize(
    "steps",
    [
        (HangUp(480), DIAL),
        (Announce(SAID),),
        (menu(DIAL),),
        (menu(DIAL), HangUp(603)),
        (menu(DIAL, otherwise=[HangUp(603)]), DIAL),
    ],
)
def test_where_a_key_is_needed_anyway_nobody_is_asked_twice(steps: Sequence[Step]) -> None:
    of = plan(*steps)

    assert guarded(of, SUSPECTED, "en-US") is of
    assert not called(of, Caller()).result.legs
