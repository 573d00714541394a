"""Plans from outside, and what this node can do of them."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from ringtrace.domain.flow import is_target
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

RING_SECONDS: Final = 300
"""The most: an INVITE lives no longer."""

_MOST_STEPS: Final = 500
_MOST_LEGS: Final = 100
_MOST_AT_ONCE: Final = 20
_MOST_CALLS: Final = 1000
_DIGITS: Final = 20
_KEY_SECONDS: Final = 60
_TRIES: Final = 10
_MESSAGE_SECONDS: Final = 3600
_CALL_SECONDS: Final = 86_400
_LETTERS: Final = 2000
_CALLER_ID = re.compile(r"\+?[0-9A-Za-z*#._-]{1,32}")
_KEY = re.compile(r"[0-9*#]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._ -]{0,127}")
_LINK = re.compile(r"/[A-Za-z0-9][!-~]{0,500}")


class PlanInvalidError(ValueError):
    """The backend's answer is not a plan this node can follow."""


def parse_plan(document: bytes) -> Plan:
    """Raises `PlanInvalidError` naming the field."""
    try:
        plan = msgspec.json.decode(document, type=Plan)
        _check(0 < plan.max_seconds <= _CALL_SECONDS, f"max_seconds: 0 to {_CALL_SECONDS}")
        steps = tuple(steps_of(plan.steps))
        _check(len(steps) <= _MOST_STEPS, f"steps: more than {_MOST_STEPS}")
        for step in steps:
            _check_step(step)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise PlanInvalidError(str(error)) from None
    return plan


def fallback_plan(number: str, target: str, ring_seconds: float) -> Plan:
    """The node's own plan: no recording, as nobody said that this number's callers consent."""
    dial = Dial((Target(target, ring_seconds),), caller_id=number, record=False)
    return Plan(number=number, steps=(dial,), max_seconds=7200, cacheable=False)


def steps_of(steps: Sequence[Step]) -> Iterator[Step]:
    """All of them, at any depth."""
    for step in steps:
        yield step
        if isinstance(step, Menu):
            for below in (*step.keys.values(), step.otherwise):
                yield from steps_of(below)


def prompts_of(plan: Plan) -> dict[Prompt, bool]:
    """All prompts of a plan, and whether they ask for a key."""
    found: dict[Prompt, bool] = {}
    for step in steps_of(plan.steps):
        if isinstance(step, Menu | Collect):
            found[step.prompt] = True
        elif isinstance(step, Dial) and step.whisper is not None:
            found.setdefault(step.whisper, step.accept is not None)
        elif isinstance(step, Announce | Voicemail):
            found.setdefault(step.prompt, False)
    return found


def has_one_target(plan: Plan) -> bool:
    """Whether the caller can meet nobody but one target, and the node says nothing to anybody."""
    dials = [step for step in steps_of(plan.steps) if isinstance(step, Dial)]
    return (
        all(isinstance(step, Dial | HangUp) for step in plan.steps)
        and sum(len(dial.targets) for dial in dials) == 1
        and all(dial.whisper is None and dial.accept is None for dial in dials)
    )


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise PlanInvalidError(message)


def _check_step(step: Step) -> None:
    match step:
        case Dial():
            _check_dial(step)
        case Menu():
            _check_seconds(step.seconds, _KEY_SECONDS)
            _check(1 <= step.tries <= _TRIES, f"tries: must be 1 to {_TRIES}")
            _check(all(map(_KEY.fullmatch, step.keys)), "keys: must be 0 to 9, * or #")
        case Collect():
            _check_seconds(step.seconds, _KEY_SECONDS)
            _check(1 <= step.digits <= _DIGITS, f"digits: must be 1 to {_DIGITS}")
        case Voicemail():
            _check_seconds(step.seconds, _MESSAGE_SECONDS)
        case HangUp():
            _check(400 <= step.code <= 699, "code: must be 400 to 699")  # noqa: PLR2004 - SIP's failure classes
        case Announce():
            pass
    for prompt in (getattr(step, "prompt", None), getattr(step, "whisper", None)):
        if prompt is not None:
            _check_prompt(prompt)


def _check_dial(dial: Dial) -> None:
    count = len(dial.targets)
    _check(count <= (_MOST_AT_ONCE if dial.at_once else _MOST_LEGS), "targets: too many")
    for target in dial.targets:
        _check(is_target(target.to), "to: must be +E.164 or sip:user@host")
        in_range = 1 <= target.ring_seconds <= RING_SECONDS
        _check(in_range, f"ring_seconds: must be 1 to {RING_SECONDS}")
        has_cap = target.most_calls is None or 1 <= target.most_calls <= _MOST_CALLS
        _check(has_cap, f"most_calls: must be 1 to {_MOST_CALLS}")
    _check(bool(_CALLER_ID.fullmatch(dial.caller_id)), "caller_id: must be a telephone number")
    accepts = dial.accept is None or _KEY.fullmatch(dial.accept)
    _check(bool(accepts), "accept: must be 0 to 9, * or #")


def _check_seconds(seconds: float, most: float) -> None:
    _check(1 <= seconds <= most, f"seconds: must be 1 to {most:.0f}")


def _check_prompt(prompt: Prompt) -> None:
    _check(len(prompt.text) <= _LETTERS, f"text: longer than {_LETTERS} characters")
    _check(bool(_LANGUAGE.fullmatch(prompt.language)), "language: must be a BCP 47 tag")
    is_name = prompt.file is None or _FILE.fullmatch(prompt.file)
    _check(bool(is_name), "file: must be the name of a file")
    is_path = prompt.link is None or _LINK.fullmatch(prompt.link)
    _check(bool(is_path), "link: must be a path")
