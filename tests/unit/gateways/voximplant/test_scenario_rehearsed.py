"""The scenario carries plans out as the domain's Conduct does: both meet the same parties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import msgspec
import pytest

from ringtrace.domain.attempt import Result as Ending
from ringtrace.domain.call import Outcome, Reason
from ringtrace.domain.plan import (
    Announce,
    Collect,
    Dial,
    HangUp,
    Menu,
    Plan,
    Step,
    Target,
    Voicemail,
)
from ringtrace.domain.prompt import Prompt
from ringtrace.domain.rehearsal import Caller, Party, Rehearsal, rehearse
from ringtrace.gateways.voximplant.emulator import Answer, CallerDoes, Reply, Result
from tests.unit.gateways.voximplant.conftest import NUMBER, FakeBackend, Phone

FIRST, SECOND, THIRD = (f"+1555019900{n}" for n in (1, 2, 3))
DESK = "sip:desk@pbx.example.com"
TARGETS = (FIRST, SECOND, THIRD, DESK)
ANSWERS = Party(answers=3, talk=20)
NEVER = Party()
BUSY = Party(code=486, after=1)
NOT_THERE = Answer("*", fail=404, after=0.1)
LATENCY = 0.06
"""What the emulator's backend and network take until a caller is answered."""

Keys = tuple[tuple[float, str], ...]


def said(text: str, seconds: float = 3) -> Prompt:
    return Prompt(text.ljust(round(seconds * 15), "."), "en-US")


HELLO, ASK, WHISPER, LEAVE = said("Hello"), said("Press"), said("A call"), said("Speak")
ANNOUNCE = Announce(HELLO)
VOICEMAIL = Voicemail(LEAVE, 30)
COLLECT = Collect(ASK, 4, 8)


def dial(*targets: str | Target, **changes: Any) -> Dial:
    full = tuple(one if isinstance(one, Target) else Target(one, 10) for one in targets or (FIRST,))
    given: dict[str, Any] = {"targets": full, "caller_id": f"+{NUMBER}", "record": True}
    return Dial(**(given | changes))


def menu(otherwise: Sequence[Step] = (), tries: int = 2, **keys: Sequence[Step]) -> Menu:
    by_key = {key.removeprefix("k"): tuple(steps) for key, steps in keys.items()}
    return Menu(ASK, by_key, 5, tries, tuple(otherwise))


@dataclass(frozen=True)
class Try:
    """`keys` are seconds after the caller is answered, which is `answered` after he calls.

    `reply` are the steps that the backend has for keyed digits; None: it does not know them.
    """

    steps: Sequence[Step]
    parties: Mapping[str, Party] = field(default_factory=lambda: {FIRST: ANSWERS})
    keys: Keys = ()
    hangs_up: float | None = None
    answered: float = 0.0
    max_seconds: float = 7200
    reply: Sequence[Step] | None = None

    @property
    def plan(self) -> Plan:
        return Plan(f"+{NUMBER}", tuple(self.steps), self.max_seconds, cacheable=True)

    @property
    def replied(self) -> Plan | None:
        if self.reply is None:
            return None
        return msgspec.structs.replace(self.plan, steps=tuple(self.reply))


TRIES: Final = {
    "one target answers": Try([dial()]),
    "one target is busy": Try([dial()], {FIRST: BUSY}),
    "one target does not exist": Try([dial()], {}),
    "one target never answers": Try([dial()], {FIRST: NEVER}),
    "the second answers": Try([dial(FIRST, SECOND)], {FIRST: NEVER, SECOND: ANSWERS}),
    "a sip uri answers": Try([dial(DESK)], {DESK: ANSWERS}),
    "the caller leaves while it rings": Try([dial()], {FIRST: NEVER}, hangs_up=4),
    "the caller leaves the talk": Try([dial()], {FIRST: Party(answers=3)}, hangs_up=30),
    "the talk is too long": Try([dial()], {FIRST: Party(answers=3)}, max_seconds=40),
    "nothing is recorded": Try([dial(record=False)]),
    "a target is not recorded": Try([dial(Target(FIRST, 10, record=False))]),
    "an announcement comes first": Try([ANNOUNCE, dial()]),
    "the caller leaves the announcement": Try([ANNOUNCE, dial()], hangs_up=1.5),
    "nobody after an announcement": Try([ANNOUNCE, dial()], {FIRST: BUSY}),
    "the caller leaves the busy tone": Try([ANNOUNCE, dial()], {FIRST: BUSY}, hangs_up=5.5),
    "only an announcement": Try([ANNOUNCE]),
    "a menu's key": Try([menu(k1=[dial()], k2=[dial(SECOND)])], {SECOND: ANSWERS}, ((1, "2"),)),
    "a menu's key after the prompt": Try([menu(k1=[dial()])], keys=((4, "1"),)),
    "a menu's key at the second try": Try([menu(k1=[dial()])], keys=((1, "9"), (2, "1"))),
    "a menu's key too late": Try([menu([HangUp(603)], k1=[dial()])], keys=((17, "1"),)),
    "a menu without a key": Try([menu([dial()], k1=[dial(SECOND)])]),
    "a menu that leads to nothing": Try([menu(k1=[])], keys=((1, "1"),)),
    "after a menu the next step": Try([menu(k1=[ANNOUNCE]), dial()], keys=((1, "1"),)),
    "a menu in a menu": Try([menu(k1=[menu(k2=[dial()], tries=1)])], keys=((1, "1"), (2, "2"))),
    "a menu after a target": Try(
        [dial(), menu(k1=[dial(SECOND)])],
        {FIRST: BUSY, SECOND: ANSWERS},
        ((1, "1"),),
        answered=1,
    ),
    "digits that are known": Try(
        [COLLECT, dial()], {SECOND: ANSWERS}, ((1, "4"), (2, "2"), (3, "#")), reply=[dial(SECOND)]
    ),
    "digits that are unknown": Try([COLLECT, dial()], keys=((1, "4"), (2, "2"), (3, "#"))),
    "digits in time": Try([COLLECT, dial()], keys=((4, "4"), (11, "2"), (20, "1"))),
    "no digits": Try([COLLECT, dial()]),
    "the caller leaves after a digit": Try([COLLECT, dial()], keys=((1, "4"),), hangs_up=2),
    "digits lead to a question": Try(
        [COLLECT, dial()], keys=((1, "4"), (2, "#"), (3, "7"), (4, "#")), reply=[COLLECT, dial()]
    ),
    "all at once": Try(
        [dial(*TARGETS[:3], at_once=True)],
        {FIRST: NEVER, SECOND: ANSWERS, THIRD: BUSY},
    ),
    "none at once": Try(
        [dial(*TARGETS[:3], at_once=True)],
        {FIRST: NEVER, SECOND: Party(code=603), THIRD: BUSY},
    ),
    "the caller leaves all at once": Try(
        [dial(*TARGETS[:2], at_once=True)], {FIRST: NEVER, SECOND: NEVER}, hangs_up=4
    ),
    "a whisper": Try([dial(whisper=WHISPER)]),
    "a whisper that is not waited for": Try([dial(whisper=WHISPER)], {FIRST: Party(1, talk=2)}),
    "the caller leaves the whisper": Try([dial(whisper=WHISPER)], hangs_up=4.5),
    "accepted during the whisper": Try(
        [dial(whisper=WHISPER, accept="1")], {FIRST: Party(2, talk=20, keys=((1, "1"),))}
    ),
    "accepted after the whisper": Try(
        [dial(whisper=WHISPER, accept="1")],
        {FIRST: Party(2, talk=40, keys=((1, "2"), (12, "1")))},
    ),
    "accepted without a whisper": Try(
        [dial(accept="*")], {FIRST: Party(2, talk=40, keys=((10, "*"),))}
    ),
    "not accepted": Try([dial(whisper=WHISPER, accept="1")], {FIRST: Party(2)}),
    "not accepted, the next one does": Try(
        [dial(FIRST, SECOND, whisper=WHISPER, accept="1")],
        {FIRST: Party(2, talk=4), SECOND: Party(1, talk=20, keys=((4, "1"),))},
    ),
    "the second of two accepts": Try(
        [dial(FIRST, SECOND, THIRD, at_once=True, whisper=WHISPER, accept="1")],
        {
            FIRST: Party(2, talk=60),
            SECOND: Party(4, talk=20, keys=((5, "1"),)),
            THIRD: NEVER,
        },
    ),
    "a message": Try([dial(), VOICEMAIL], {FIRST: BUSY}),
    "a message that is ended": Try([VOICEMAIL], keys=((10, "1"), (14, "#"))),
    "the caller leaves after his message": Try([VOICEMAIL], hangs_up=12),
    "the caller leaves no message": Try([dial(), VOICEMAIL], {FIRST: BUSY}, hangs_up=3),
    "a rejection": Try([HangUp(603, Reason.BLACKLISTED)]),
    "a rejection without a reason": Try([HangUp(486)]),
    "closed": Try([HangUp(480, Reason.NO_ACTIVE_FLOW)]),
    "an answered caller is hung up": Try([ANNOUNCE, HangUp(480, Reason.NO_ACTIVE_FLOW)]),
    "a rejection after a target": Try([dial(), HangUp(404)], {FIRST: BUSY}),
}


@pytest.mark.parametrize("one", list(TRIES.values()), ids=list(TRIES))
def test_a_call_goes_as_it_was_rehearsed(scenario: str, one: Try) -> None:
    check(scenario, one)


@pytest.mark.parametrize("seed", range(40))
def test_any_call_goes_as_it_was_rehearsed(scenario: str, seed: int) -> None:
    check(scenario, anything(Random(seed)))  # noqa: S311 - the same calls each time


def rehearsed(one: Try) -> Rehearsal:
    keys = tuple((one.answered + seconds, key) for seconds, key in one.keys)
    caller = Caller(one.hangs_up, keys)
    return rehearse(one.plan, caller, one.parties, lambda _: one.replied)


def check(scenario: str, one: Try) -> None:
    rehearsal, replied = rehearsed(one), one.replied
    keyed = Reply(404) if replied is None else Reply(200, msgspec.json.encode(replied))
    phone = Phone(scenario, FakeBackend(Reply(200, msgspec.json.encode(one.plan)), keyed))
    result = phone.call(
        answers=(*(answer(to, party) for to, party in one.parties.items()), NOT_THERE),
        caller_does=CallerDoes(one.hangs_up and one.hangs_up + LATENCY, one.keys),
    )
    report = phone.backend.acknowledged()
    assert told(report) == expected(rehearsal.result), result.log
    assert lengths(report) == pytest.approx(expected_lengths(rehearsal.result), abs=0.5)
    assert heard(result) == list(rehearsal.heard)
    assert (report["recording"] is not None) == (rehearsal.recorded > 0)
    assert result.finish_reason == "Normal termination"


def answer(to: str, party: Party) -> Answer:
    return Answer(
        to,
        ring=party.after if party.code is None else None,
        answer=party.answers,
        talk=party.talk,
        fail=party.code,
        after=party.after,
        keys=party.keys,
    )


def expected(result: Ending) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "reason": result.reason,
        "code": result.code,
        "target": result.target,
        "legs": [(leg.target, leg.code, leg.reason) for leg in result.legs],
        "digits": result.digits,
    }


def told(report: dict[str, Any]) -> dict[str, Any]:
    legs = [(leg["target"], leg["code"], leg["reason"]) for leg in report["legs"]]
    named = {name: report[name] for name in ("outcome", "reason", "code", "target", "digits")}
    return named | {"legs": legs}


def lengths(report: dict[str, Any]) -> list[float]:
    legs = [leg[name] for leg in report["legs"] for name in ("ring_seconds", "talk_seconds")]
    return [report["ring_seconds"], report["talk_seconds"], *legs]


def expected_lengths(result: Ending) -> list[float]:
    legs = [length for leg in result.legs for length in (leg.ring_seconds, leg.talk_seconds)]
    return [result.ring_seconds, result.talk_seconds, *legs]


def heard(result: Result) -> list[str]:
    """What the caller was played, in the rehearsal's words."""
    words = []
    for moment in result.timeline:
        data = moment.data
        if moment.name == "Say" and data["id"].endswith(".0"):
            words.append(data["text"])
        elif moment.name == "PlayProgressTone":
            words.append("ringback")
        elif moment.name == "CreateToneScriptPlayer":
            words.append("beep" if data["script"].startswith("1000@") else "busy")
    return words


def anything(random: Random) -> Try:
    """A plan of any steps, met by parties that do anything; less than the platform's minute."""
    steps = some_steps(random, 0)
    return Try(
        [ANNOUNCE, *steps] if random.random() < 0.7 else [*steps[:1], VOICEMAIL],
        {to: some_party(random) for to in TARGETS if random.random() < 0.9},
        tuple(sorted((some_time(random, 40), random.choice("0123#*")) for _ in range(6))),
        random.choice((None, some_time(random, 60), some_time(random, 200))),
        max_seconds=random.choice((15, 7200)),
        reply=random.choice((None, some_steps(random, 1))),
    )


def some_steps(random: Random, depth: int) -> list[Step]:
    return [some_step(random, depth) for _ in range(random.randint(1, 3))]


def some_step(random: Random, depth: int) -> Step:
    """Menus end, and so does being asked for digits."""
    kinds = ["dial", "dial", "announce", "voicemail", "hang up"]
    match random.choice(kinds if depth > 1 else [*kinds, "menu", "collect"]):
        case "dial":
            return some_dial(random)
        case "announce":
            return ANNOUNCE
        case "voicemail":
            return VOICEMAIL
        case "menu":
            keys = {f"k{key}": some_steps(random, depth + 1) for key in random.sample("0123", 2)}
            return menu(some_steps(random, depth + 1), random.randint(1, 3), **keys)
        case "collect":
            return COLLECT
        case _:
            return HangUp(random.choice((486, 603)), random.choice((None, Reason.BLACKLISTED)))


def some_dial(random: Random) -> Dial:
    targets = [
        Target(to, random.randint(5, 12), record=random.random() < 0.7)
        for to in random.sample(TARGETS, random.randint(1, 4))
    ]
    return dial(
        *targets,
        record=random.random() < 0.7,
        at_once=random.random() < 0.5,
        whisper=random.choice((None, WHISPER)),
        accept=random.choice((None, "1")),
    )


def some_party(random: Random) -> Party:
    if random.random() < 0.3:
        return Party(code=random.choice((404, 480, 486, 503, 603)), after=some_time(random, 8))
    keys = tuple(sorted((some_time(random, 18), random.choice("12")) for _ in range(3)))
    return Party(
        answers=random.choice((None, some_time(random, 15))),
        talk=random.choice((None, some_time(random, 30))),
        keys=keys,
    )


def some_time(random: Random, most: float) -> float:
    """Rarely at the same moment as anything else."""
    return round(random.uniform(0.3, most), 3)


def test_the_tries_meet_every_step_and_outcome() -> None:
    """Else the rehearsals above prove less than they seem to."""
    steps = {type(step) for one in TRIES.values() for step in one.steps}
    assert steps == {Announce, Collect, Dial, HangUp, Menu, Voicemail}
    assert {rehearsed(one).result.outcome for one in TRIES.values()} == set(Outcome)
