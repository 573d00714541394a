"""A flow becomes the plan of one call."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

import msgspec

from ringtrace.domain import flow, plan
from ringtrace.domain.call import Reason
from ringtrace.domain.circumstances import Circumstances, is_personal, meets
from ringtrace.domain.flow import Flow, How, is_phone
from ringtrace.domain.hours import is_open
from ringtrace.domain.number import written
from ringtrace.domain.plan import Plan
from ringtrace.domain.prompt import Prompt, for_unknown

_NOTHING: Final = plan.HangUp(480, Reason.NO_ACTIVE_FLOW)
"""When nothing of a flow is left for a call."""

PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
PLACEHOLDERS: Final = frozenset({"channel", "campaign", "keyword", "number"})
"""What a whisper may name."""


def resolve(of: Flow, now: Circumstances) -> Plan:
    """What is to happen to the call, with nothing left to decide but by what the parties do.

    The flow is one without faults; the same arguments make the same plan. It is cacheable when
    nothing of it was decided by the caller, a known visit or the moment.
    Where the flow does not say where to ask for an extension, that is first.
    """
    resolving = _Resolving(of, now)
    steps = resolving.steps(of.step) or [_NOTHING]
    if now.ask is not None and not _asks(of):
        steps.insert(0, now.ask)
    return resolving.made(steps)


def _asks(of: Flow) -> bool:
    return any(isinstance(place.step, flow.Collect) for place in flow.places_of(of.step))


def resume(of: Flow, now: Circumstances) -> Plan:
    """What is to happen after the caller keyed the extension that the flow had him asked for.

    It goes on behind the question, so nothing is heard twice; what is known of the visit may have
    grown. The plan is this caller's alone.
    """
    resolving = _Resolving(of, replace(now, ask=None))
    steps = resolving.after_question(of.step)
    if steps is None:
        steps = resolving.steps(of.step)
    return msgspec.structs.replace(resolving.made(steps or [_NOTHING]), cacheable=False)


class _Resolving:
    def __init__(self, of: Flow, now: Circumstances) -> None:
        self._flow = of
        self._now = now
        self._is_cacheable = True

    def made(self, steps: Sequence[plan.Step]) -> Plan:
        return Plan(self._now.number, tuple(steps), self._flow.max_seconds, self._is_cacheable)

    def steps(self, steps: Sequence[flow.Step]) -> list[plan.Step]:
        return [resolved for step in steps for resolved in self._step(step)]

    def after_question(self, steps: Sequence[flow.Step]) -> list[plan.Step] | None:
        """What follows the question for an extension; None: it is not among these steps."""
        for i, step in enumerate(steps):
            if isinstance(step, flow.Collect):
                return self.steps(steps[i + 1 :])
            for below in flow.children(step).values():
                rest = self.after_question(below)
                if rest is not None:
                    return rest + self.steps(steps[i + 1 :])
        return None

    def _step(self, step: flow.Step) -> Sequence[plan.Step]:
        resolved: Sequence[plan.Step]
        match step:
            case flow.Branch():
                resolved = self._branch(step)
            case flow.Announce():
                resolved = [plan.Announce(self._prompt(step))]
            case flow.Menu():
                resolved = [self._menu(step)]
            case flow.Collect():
                resolved = [] if self._now.ask is None else [self._now.ask]
            case flow.Dial():
                resolved = self._dial(step)
            case flow.Voicemail():
                resolved = [plan.Voicemail(self._prompt(step), step.seconds, self._box(step))]
            case _:
                resolved = [plan.HangUp(step.code, step.reason)]
        return resolved

    def _box(self, step: flow.Voicemail) -> int:
        """Two voicemails may say the same and notify others: it is this one that counts."""
        return next(i for i, one in enumerate(self._flow.voicemails) if one is step)

    def _prompt(self, step: flow.Announce | flow.Menu | flow.Voicemail) -> Prompt:
        link = self._now.sounds.get(step.play or "")
        return Prompt(step.say or "", self._flow.language, step.play, link)

    def _branch(self, branch: flow.Branch) -> Sequence[plan.Step]:
        if is_personal(self._now, branch.when):
            self._is_cacheable = False
        holds = meets(self._now, branch.when, self._flow.hours)
        return self.steps(branch.then if holds else branch.otherwise)

    def _menu(self, menu: flow.Menu) -> plan.Menu:
        return plan.Menu(
            prompt=self._prompt(menu),
            keys={key: tuple(self.steps(steps)) for key, steps in menu.keys.items()},
            seconds=menu.seconds,
            tries=menu.tries,
            otherwise=tuple(self.steps(menu.otherwise)),
        )

    def _dial(self, dial: flow.Dial) -> Sequence[plan.Step]:
        targets = self._in_order(dial, [one for one in dial.full_targets if self._is_on_duty(one)])
        if not targets:
            return []
        resolved = [
            plan.Target(one.to, one.ring_seconds, self._records(one, dial), one.most_calls)
            for one in targets
        ]
        return [
            plan.Dial(
                targets=tuple(resolved),
                caller_id=self._caller_id(dial),
                record=any(one.record for one in resolved),
                at_once=dial.how is How.AT_ONCE,
                whisper=None if dial.whisper is None else self._whisper(dial.whisper),
                accept=dial.accept,
            )
        ]

    def _is_on_duty(self, target: flow.Target) -> bool:
        if target.hours is None:
            return True
        self._is_cacheable = False
        return is_open(self._flow.hours[target.hours], self._now.at)

    def _records(self, target: flow.Target, dial: flow.Dial) -> bool:
        if target.record is not None:
            return target.record
        return self._flow.record if dial.record is None else dial.record

    def _caller_id(self, dial: flow.Dial) -> str:
        """A caller who withholds his number, or has none that can be called, shows ours."""
        caller = self._now.caller
        if dial.caller_id is flow.CallerId.TRACKING:
            return self._now.number
        self._is_cacheable = False
        return caller if caller is not None and is_phone(caller) else self._now.number

    def _in_order(self, dial: flow.Dial, targets: Sequence[flow.Target]) -> Sequence[flow.Target]:
        if targets and dial.how is How.ROUND_ROBIN:
            first = self._now.turn % len(targets)
            targets = [*targets[first:], *targets[:first]]
        elif dial.how is How.WEIGHTED:
            targets = weighted(targets, self._now.chance)
        if not dial.sticky or all(one.to != self._now.last_target for one in targets):
            return targets
        self._is_cacheable = False
        return sorted(targets, key=lambda one: one.to != self._now.last_target)

    def _whisper(self, text: str) -> Prompt:
        now, language = self._now, self._flow.language
        unknown = for_unknown(language)
        known = {"channel": now.channel, "campaign": now.campaign, "keyword": now.keyword}
        values = {
            "channel": now.channel or unknown.source,
            "campaign": now.campaign or unknown.other,
            "keyword": now.keyword or unknown.other,
            "number": written(now.number).national,
        }
        if any(known.get(name) for name in PLACEHOLDER.findall(text)):
            self._is_cacheable = False
        return Prompt(PLACEHOLDER.sub(lambda found: values[found[1]], text), language)


def weighted(targets: Sequence[flow.Target], chance: float) -> list[flow.Target]:
    """All of them in an order that `chance` (0 to 1) decides.

    Each place is given to one of those left with a probability in proportion to its weight; what
    remains of the chance decides the next.
    """
    left, ordered = list(targets), []
    while left:
        sums = list(accumulate((one.weight for one in left), initial=0))
        mark = chance * sums[-1]
        index = min(bisect_right(sums, mark) - 1, len(left) - 1)
        chance = min((mark - sums[index]) / left[index].weight, 1.0)
        ordered.append(left.pop(index))
    return ordered
