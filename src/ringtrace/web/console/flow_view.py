"""A flow in words, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ringtrace.domain.flow import (
    Announce,
    Branch,
    CallerId,
    Collect,
    Dial,
    HangUp,
    How,
    Menu,
    Step,
    Target,
    Voicemail,
    When,
)
from ringtrace.domain.hours import WEEKDAYS, Hours
from ringtrace.services.directory import Directory
from ringtrace.services.setup_records import KeptFlow
from ringtrace.web.console import wording
from ringtrace.web.console.call_view import shown_target
from ringtrace.web.console.session import Viewer


@dataclass(frozen=True, slots=True)
class StepView:
    """`parts` are the lists of steps below it, each with what leads there."""

    words: str
    parts: tuple[tuple[str, tuple["StepView", ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class FlowView:
    """`numbers` follow it."""

    name: str
    version: int
    made_at: datetime
    steps: tuple[StepView, ...]
    hours: tuple[tuple[str, str], ...]
    numbers: tuple[str, ...]


def flow_view(directory: Directory, viewer: Viewer, kept: KeptFlow) -> FlowView:
    own = directory.numbers_of(kept.account_id)
    return FlowView(
        name=kept.name,
        version=kept.version,
        made_at=wording.moment(kept.made_at, viewer.zone),
        steps=_steps(directory, kept.flow.step),
        hours=tuple((name, _hours(hours)) for name, hours in kept.flow.hours.items()),
        numbers=tuple(
            directory.written(one.number).international for one in own if one.flow_name == kept.name
        ),
    )


def _steps(directory: Directory, steps: Sequence[Step]) -> tuple[StepView, ...]:
    return tuple(_step(directory, step) for step in steps)


def _step(directory: Directory, step: Step) -> StepView:
    match step:
        case Branch():
            ways = [("Then", step.then), ("Otherwise", step.otherwise)]
            view = StepView(f"If {_when(step.when)}", _parts(directory, ways))
        case Announce():
            view = StepView(f"Say {_spoken(step)}")
        case Menu():
            ways = [(f"Key {key}", steps) for key, steps in step.keys.items()]
            ways.append(("No key", step.otherwise))
            view = StepView(f"Ask {_spoken(step)}", _parts(directory, ways))
        case Collect():
            view = StepView("Ask for the extension, where there can be one")
        case Dial():
            view = StepView(_dial(directory, step))
        case Voicemail():
            view = StepView(f"Voicemail, {step.seconds} s: {_spoken(step)}{_told(step)}")
        case HangUp():
            view = StepView(f"Hang up ({step.code})")
    return view


def _told(step: Voicemail) -> str:
    said = " and ".join(one.removeprefix("mail:") for one in step.notify)
    return f"; tells {said}" if said else ""


def _parts(
    directory: Directory, ways: Sequence[tuple[str, Sequence[Step]]]
) -> tuple[tuple[str, tuple[StepView, ...]], ...]:
    return tuple((name, _steps(directory, steps)) for name, steps in ways if steps)


def _spoken(step: Announce | Menu | Voicemail) -> str:
    return f"the sound {step.play}" if step.play else f"“{step.say}”"


_BETWEEN = {
    How.IN_TURN: ", then ",
    How.AT_ONCE: " and ",
    How.ROUND_ROBIN: ", ",
    How.WEIGHTED: ", ",
}
_HOW = {
    How.IN_TURN: "Ring",
    How.AT_ONCE: "Ring at once",
    How.ROUND_ROBIN: "Ring by turns",
    How.WEIGHTED: "Ring by weight",
}


def _dial(directory: Directory, dial: Dial) -> str:
    targets = _BETWEEN[dial.how].join(_target(directory, one) for one in dial.full_targets)
    more = (
        ("a repeat caller's last one first", dial.sticky),
        ("showing the caller's number", dial.caller_id is CallerId.CALLER),
        (f"whispering “{dial.whisper}”", dial.whisper),
        (f"to be accepted with {dial.accept}", dial.accept),
        ("not recorded", dial.record is False),
    )
    said = "; ".join(words for words, holds in more if holds)
    return f"{_HOW[dial.how]} {targets}" + (f" ({said})" if said else "")


def _target(directory: Directory, target: Target) -> str:
    when = f" when {target.hours}" if target.hours else ""
    most = f" (at most {target.most_calls} at a time)" if target.most_calls else ""
    return shown_target(directory, target.to) + when + most


def _when(when: When) -> str:
    asked = (
        (when.hours, f"it is {when.hours}"),
        (when.caller_prefix, f"the caller begins with {_any(when.caller_prefix)}"),
        (when.caller_country, f"the caller is from {_any(when.caller_country)}"),
        (when.withheld is not None, f"the number is {'' if when.withheld else 'not '}withheld"),
        (
            when.repeat_caller is not None,
            f"the caller has {'' if when.repeat_caller else 'not '}called before",
        ),
        (when.channel, f"the channel is {_any(when.channel)}"),
        (when.campaign, f"the campaign is {_any(when.campaign)}"),
        (when.tag, f"the caller is tagged {_any(when.tag)}"),
    )
    return " and ".join(words for holds, words in asked if holds) or "anything"


def _any(values: Sequence[str] | None) -> str:
    return " or ".join(values or ())


def _hours(hours: Hours) -> str:
    """Days with the same spans together: `mon-fri 09:00-18:00, sat 10:00-14:00`."""
    runs: list[tuple[list[str], tuple[str, ...]]] = []
    for day, spans in zip(WEEKDAYS, hours.week, strict=True):
        if runs and runs[-1][1] == spans:
            runs[-1][0].append(day)
        else:
            runs.append(([day], spans))
    said = [
        f"{days[0]}{'-' + days[-1] if len(days) > 1 else ''} {' and '.join(spans)}"
        for days, spans in runs
        if spans
    ]
    closed = f"; {len(hours.holidays)} holidays" if hours.holidays else ""
    return f"{', '.join(said)} ({hours.time_zone}){closed}"
