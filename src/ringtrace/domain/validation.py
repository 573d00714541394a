"""What is wrong with a flow, before a call meets it."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from phonenumbers import SUPPORTED_REGIONS

from ringtrace.domain import hours as opening
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.fault import Fault, Severity
from ringtrace.domain.flow import (
    Announce,
    Branch,
    Collect,
    Dial,
    Flow,
    HangUp,
    How,
    Menu,
    Place,
    Target,
    Voicemail,
    When,
    is_target,
    places_of,
)
from ringtrace.domain.notice import AddressInvalidError, read_recipient_address
from ringtrace.domain.reach import idle, too_long, unreachable
from ringtrace.domain.resolve import PLACEHOLDER, PLACEHOLDERS
from ringtrace.domain.sound import is_sound_name
from ringtrace.domain.tag import TagInvalidError, read_tag

MOST_STEPS: Final = 100
MOST_DEPTH: Final = 8
MOST_TARGETS: Final = 20
MOST_TARGETS_IN_ALL: Final = 100
"""A report has room for so many legs."""
MOST_LETTERS: Final = 1_000
MOST_NOTIFIED: Final = 10
MOST_WEIGHT: Final = 1_000
MOST_CALLS: Final = (1, 1_000)
RING_SECONDS: Final = (5, 120)
MENU_SECONDS: Final = (1, 60)
TRIES: Final = (1, 5)
VOICEMAIL_SECONDS: Final = (5, 600)
TALK_SECONDS: Final = (10, 86_400)
CODES: Final = (400, 699)
KEYS: Final = frozenset("0123456789*#")

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")


def faults(
    flow: Flow,
    own_numbers: Collection[str] = (),
    gateways: Collection[GatewayKind] = tuple(GatewayKind),
    sounds: Collection[str] = (),
) -> Sequence[Fault]:
    """All of them, by the places where they stand; a flow without errors can be saved.

    `own_numbers` are the account's tracking numbers (E.164): a flow that dials one would call us
    for ever. `gateways` are those that carry the flow out, with limits of their own; `sounds` are
    the names of those that were uploaded.
    """
    found = [*_flow_faults(flow)]
    places = tuple(places_of(flow.step))
    for place in places:
        found += _Check(place, flow, own_numbers).faults()
    found += _shape_faults(places)
    if any(place.depth > MOST_DEPTH for place in places):
        return found
    found += [*unreachable(flow), *idle(flow)]
    if GatewayKind.VOXIMPLANT in gateways:
        found += [*too_long(flow), *_unplayable(places, sounds)]
    return found


def _unplayable(places: Sequence[Place], sounds: Collection[str]) -> Iterator[Fault]:
    """A notice that nobody hears is worse than none."""
    for place in places:
        step = place.step
        if not isinstance(step, Announce | Menu | Voicemail) or step.play is None:
            continue
        if step.play not in sounds and step.say is None:
            message = f"Voximplant gateways play what was uploaded: upload {step.play}, or say it"
            yield Fault(f"{place.path}.play", message)


def _flow_faults(flow: Flow) -> Iterator[Fault]:
    if not _LANGUAGE.fullmatch(flow.language):
        yield Fault("language", "a language tag like en-US or de is needed")
    yield from _range("max_seconds", flow.max_seconds, TALK_SECONDS)
    for name, hours in flow.hours.items():
        yield from (fault.under(f"hours.{name}") for fault in opening.faults(hours))


def _shape_faults(places: Sequence[Place]) -> Iterator[Fault]:
    if len(places) > MOST_STEPS:
        yield Fault("step", f"{len(places)} steps; {MOST_STEPS} are the most")
    deep = next((place for place in places if place.depth > MOST_DEPTH), None)
    if deep is not None:
        yield Fault(deep.path, f"steps are nested more than {MOST_DEPTH} deep")
    targets = sum(len(place.step.targets) for place in places if isinstance(place.step, Dial))
    if targets > MOST_TARGETS_IN_ALL:
        yield Fault("step", f"{targets} targets; {MOST_TARGETS_IN_ALL} are the most in a flow")
    questions = [place.path for place in places if isinstance(place.step, Collect)]
    for path in questions[1:]:
        yield Fault(path, f"the extension is asked for once, and {questions[0]} does already")


def _range(path: str, value: float, bounds: tuple[int, int]) -> Iterator[Fault]:
    low, high = bounds
    if not low <= value <= high:
        yield Fault(path, f"{value} is not from {low} to {high}")


def _warning(path: str, message: str) -> Fault:
    return Fault(path, message, Severity.WARNING)


class _Check:
    def __init__(self, place: Place, flow: Flow, own_numbers: Collection[str]) -> None:
        self._place = place
        self._hours = flow.hours
        self._own_numbers = own_numbers

    def faults(self) -> Iterator[Fault]:
        path, step = self._place.path, self._place.step
        match step:
            case Announce():
                yield from _spoken_faults(path, step)
            case Menu():
                yield from _spoken_faults(path, step)
                yield from _menu_faults(path, step)
            case Voicemail():
                yield from _spoken_faults(path, step)
                yield from _range(f"{path}.seconds", step.seconds, VOICEMAIL_SECONDS)
                yield from _notify_faults(path, step)
            case Branch():
                yield from self._branch_faults(path, step)
            case Dial():
                yield from self._dial_faults(path, step)
            case HangUp():
                yield from _range(f"{path}.code", step.code, CODES)

    def _branch_faults(self, path: str, branch: Branch) -> Iterator[Fault]:
        when = branch.when
        yield from self._hours_faults(f"{path}.when.hours", when.hours)
        yield from _when_faults(f"{path}.when", when)
        if not branch.then and not branch.otherwise:
            yield Fault(path, "neither then nor otherwise has a step")

    def _hours_faults(self, path: str, name: str | None) -> Iterator[Fault]:
        if name is not None and name not in self._hours:
            known = ", ".join(self._hours) or "none"
            yield Fault(path, f"no hours are called {name!r} (there are: {known})")

    def _dial_faults(self, path: str, dial: Dial) -> Iterator[Fault]:
        if not 1 <= len(dial.targets) <= MOST_TARGETS:
            message = f"{len(dial.targets)} targets; 1 to {MOST_TARGETS} are needed"
            yield Fault(f"{path}.targets", message)
        for i, target in enumerate(dial.full_targets):
            is_plain = isinstance(dial.targets[i], str)
            yield from self._target_faults(f"{path}.targets[{i}]", target, is_plain=is_plain)
        if dial.sticky and dial.how is How.AT_ONCE:
            yield _warning(f"{path}.sticky", "targets that ring at once have no first one")
        yield from _whisper_faults(path, dial)

    def _target_faults(self, path: str, target: Target, *, is_plain: bool) -> Iterator[Fault]:
        to = path if is_plain else f"{path}.to"
        if not is_target(target.to):
            yield Fault(to, "a number like +12025550100 or a sip:user@host is needed")
        if target.to in self._own_numbers:
            yield Fault(to, f"{target.to} is itself a tracking number: it would call for ever")
        yield from self._hours_faults(f"{path}.hours", target.hours)
        yield from _range(f"{path}.ring_seconds", target.ring_seconds, RING_SECONDS)
        yield from _range(f"{path}.weight", target.weight, (1, MOST_WEIGHT))
        if target.most_calls is not None:
            yield from _range(f"{path}.most_calls", target.most_calls, MOST_CALLS)


def _spoken_faults(path: str, step: Announce | Menu | Voicemail) -> Iterator[Fault]:
    if step.say is None and step.play is None:
        yield Fault(f"{path}.say", "say (a text) or play (a sound) is needed")
    if step.say is not None:
        yield from _text_faults(f"{path}.say", step.say)
    if step.play is not None and not is_sound_name(step.play):
        message = "a file name is needed: up to 100 of A-Z a-z 0-9 . _ -, no folder"
        yield Fault(f"{path}.play", message)


def _notify_faults(path: str, step: Voicemail) -> Iterator[Fault]:
    if len(step.notify) > MOST_NOTIFIED:
        yield Fault(f"{path}.notify", f"{len(step.notify)}; {MOST_NOTIFIED} are the most")
    for i, address in enumerate(step.notify):
        try:
            read_recipient_address(address)
        except AddressInvalidError as error:
            yield Fault(f"{path}.notify[{i}]", str(error))


def _text_faults(path: str, text: str) -> Iterator[Fault]:
    if not text.strip():
        yield Fault(path, "there is nothing to say")
    if len(text) > MOST_LETTERS:
        yield Fault(path, f"{len(text)} characters; {MOST_LETTERS} are the most")


def _menu_faults(path: str, menu: Menu) -> Iterator[Fault]:
    if not menu.keys:
        yield Fault(f"{path}.keys", "a key is needed")
    for key in menu.keys:
        if key not in KEYS:
            yield Fault(f"{path}.keys.{key}", "a key is one of 0-9 * #")
    yield from _range(f"{path}.seconds", menu.seconds, MENU_SECONDS)
    yield from _range(f"{path}.tries", menu.tries, TRIES)


def _whisper_faults(path: str, dial: Dial) -> Iterator[Fault]:
    if dial.whisper is not None:
        yield from _text_faults(f"{path}.whisper", dial.whisper)
        for name in PLACEHOLDER.findall(dial.whisper):
            if name not in PLACEHOLDERS:
                known = " ".join(f"{{{one}}}" for one in sorted(PLACEHOLDERS))
                yield Fault(f"{path}.whisper", f"{{{name}}} is unknown (there are: {known})")
    if dial.accept is None:
        return
    if dial.accept not in KEYS:
        yield Fault(f"{path}.accept", "a key is one of 0-9 * #")
    if dial.whisper is None:
        yield _warning(f"{path}.accept", "nobody is told to press it: there is no whisper")


def _when_faults(path: str, when: When) -> Iterator[Fault]:
    if when == When():
        yield Fault(path, "a condition is needed")
    for name in ("caller_prefix", "caller_country", "channel", "campaign", "tag"):
        if getattr(when, name) == ():
            yield Fault(f"{path}.{name}", "a value is needed")
    for i, prefix in enumerate(when.caller_prefix or ()):
        if not _PREFIX.fullmatch(prefix):
            yield Fault(f"{path}.caller_prefix[{i}]", "a prefix like +49 or +1202 is needed")
    for i, country in enumerate(when.caller_country or ()):
        if country not in SUPPORTED_REGIONS:
            yield Fault(f"{path}.caller_country[{i}]", "two letters like DE are needed")
    for i, tag in enumerate(when.tag or ()):
        yield from _tag_faults(f"{path}.tag[{i}]", tag)


def _tag_faults(path: str, tag: str) -> Iterator[Fault]:
    try:
        read = read_tag(tag)
    except TagInvalidError as error:
        yield Fault(path, str(error))
        return
    if read != tag:
        yield Fault(path, f"calls are tagged in lower case: {read}")
