"""Flows: what is to happen to calls, as a user writes it in a file or sends it to the API."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec

from ringtrace.domain.call import Reason
from ringtrace.domain.hours import Hours
from ringtrace.domain.refusal import joined, refusal

DEFAULT_RING_SECONDS: Final = 25
DEFAULT_MAX_SECONDS: Final = 2 * 60 * 60


_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SIP_URI = re.compile(
    r"sip:[^\s<>\"@;?\x00-\x1f]{1,128}@[A-Za-z0-9.-]{1,100}(?::(?P<port>[0-9]{1,5}))?"
    r"(?:;transport=(?:udp|UDP))?"
)
_LAST_PORT: Final = 65_535


def is_phone(text: str) -> bool:
    """Whether `text` is an E.164 number."""
    return _E164.fullmatch(text) is not None


def is_target(text: str) -> bool:
    """Whether every gateway can dial `text`: an E.164 number or `sip:user@host[:port]`."""
    said = _SIP_URI.fullmatch(text)
    return is_phone(text) or (said is not None and is_port(said["port"] or "5060"))


def is_port(digits: str) -> bool:
    """Whether there is a UDP port of that number."""
    return 0 < int(digits) <= _LAST_PORT


class How(StrEnum):
    """In which order targets ring. All but `at_once` go on with the next when one fails."""

    IN_TURN = "in_turn"
    AT_ONCE = "at_once"
    ROUND_ROBIN = "round_robin"
    WEIGHTED = "weighted"


class CallerId(StrEnum):
    """Whose number a target sees."""

    TRACKING = "tracking"
    CALLER = "caller"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class _Step(_Part, frozen=True, tag_field="do", tag="step"):
    pass


class _Spoken(_Step, frozen=True, kw_only=True):
    """A sound that is played, or a text that is spoken where there is no sound or it cannot be."""

    say: str | None = None
    play: str | None = None


class Target(_Part, frozen=True):
    """Where a call is forwarded: an E.164 number or a `sip:` URI.

    It is left out when its `hours` are closed. Its `weight` counts among weighted targets. One
    that has `most_calls` calls already counts as busy.
    """

    to: str
    ring_seconds: int = DEFAULT_RING_SECONDS
    record: bool | None = None
    hours: str | None = None
    weight: int = 1
    most_calls: int | None = None


class When(_Part, frozen=True):
    """Conditions; what is given must hold. Of several values of a condition one suffices.

    What is not known (the country of a withheld number, the channel of an unknown visit) holds
    nowhere. A caller's tags are those of his earlier calls.
    """

    hours: str | None = None
    caller_prefix: tuple[str, ...] | None = None
    caller_country: tuple[str, ...] | None = None
    withheld: bool | None = None
    repeat_caller: bool | None = None
    channel: tuple[str, ...] | None = None
    campaign: tuple[str, ...] | None = None
    tag: tuple[str, ...] | None = None


class Branch(_Step, frozen=True, tag="branch"):
    """Go on with `then` or `otherwise`, and afterwards with the step that follows."""

    when: When
    then: tuple["Step", ...] = ()
    otherwise: tuple["Step", ...] = ()


class Announce(_Spoken, frozen=True, tag="announce"):
    pass


class Menu(_Spoken, frozen=True, kw_only=True, tag="menu"):
    """A wrong key, or none for `seconds`, is a failed try; after all `tries`: `otherwise`."""

    keys: dict[str, tuple["Step", ...]]
    seconds: float = 6
    tries: int = 2
    otherwise: tuple["Step", ...] = ()


class Collect(_Step, frozen=True, tag="collect"):
    """Here the caller is asked for his extension, when there can be one."""


class Dial(_Step, frozen=True, tag="dial"):
    """Ring `targets`.

    With `sticky` the one that a repeat caller last talked to comes first. Who answers hears
    `whisper` and has to press `accept`, where there are such.
    """

    targets: tuple[Target | str, ...]
    how: How = How.IN_TURN
    sticky: bool = False
    caller_id: CallerId = CallerId.TRACKING
    record: bool | None = None
    whisper: str | None = None
    accept: str | None = None

    @property
    def full_targets(self) -> tuple[Target, ...]:
        """The targets, those given as plain strings with the defaults of the rest."""
        return tuple([one if isinstance(one, Target) else Target(one) for one in self.targets])


class Voicemail(_Spoken, frozen=True, kw_only=True, tag="voicemail"):
    """After the prompt and a beep the caller may speak for `seconds`.

    `notify` are told of the message: `mail:NAME@HOST` or the URL of a webhook.
    """

    seconds: int = 120
    notify: tuple[str, ...] = ()


class HangUp(_Step, frozen=True, tag="hang_up"):
    """Reject with a SIP `code` a call that is not answered yet; end any other."""

    code: int = 603
    reason: Reason | None = None


Step: TypeAlias = Branch | Announce | Menu | Collect | Dial | Voicemail | HangUp


class Flow(_Part, frozen=True):
    """The steps of a call, and the opening hours that they name.

    `language` (BCP 47) is that of spoken prompts. Calls are recorded when they are connected,
    unless `record` of the flow, of the dial step or of the target (the last of them given
    decides) says no. `max_seconds` bounds the talk.
    """

    step: tuple[Step, ...] = ()
    name: str = ""
    language: str = "en-US"
    record: bool = True
    max_seconds: int = DEFAULT_MAX_SECONDS
    hours: dict[str, Hours] = {}

    @classmethod
    def ringing(
        cls,
        targets: Sequence[str],
        ring_seconds: int = DEFAULT_RING_SECONDS,
        *,
        record: bool = True,
    ) -> "Flow":
        """The short form: ring the targets one after another."""
        return cls((Dial(tuple(Target(to, ring_seconds) for to in targets)),), record=record)

    @property
    def voicemails(self) -> tuple[Voicemail, ...]:
        """In the order in which they are written; a plan numbers them so."""
        steps = [place.step for place in places_of(self.step)]
        return tuple(step for step in steps if isinstance(step, Voicemail))

    def notified_of(self, box: int | None) -> tuple[str, ...]:
        """Who are told of a message in voicemail `box`; all of them where that is not known."""
        voicemails = self.voicemails
        if box is None or box >= len(voicemails):
            return self.notified
        return voicemails[box].notify

    @property
    def notified(self) -> tuple[str, ...]:
        """All who are told of a message, by whichever voicemail."""
        return tuple(one for step in self.voicemails for one in step.notify)

    @property
    def targets(self) -> tuple[Target, ...]:
        """All that a call may be forwarded to, in the order in which they are written."""
        places = places_of(self.step)
        dials = [place.step for place in places if isinstance(place.step, Dial)]
        return tuple(target for dial in dials for target in dial.full_targets)


def sounds_of(flow: Flow) -> frozenset[str]:
    """The names of the sounds that it plays."""
    steps = (place.step for place in places_of(flow.step))
    spoken = (step for step in steps if isinstance(step, Announce | Menu | Voicemail))
    return frozenset(step.play for step in spoken if step.play is not None)


def revision(flow: Flow) -> str:
    """Sixteen hex digits for what a flow says, the same for the same words in any version."""
    return hashlib.blake2b(msgspec.json.encode(flow), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Place:
    """A step and where it stands: `path` like `step[2].keys.1[0]`, `depth` 1 at the top."""

    path: str
    step: Step
    depth: int


def children(step: Step) -> Mapping[str, Sequence[Step]]:
    """The lists of steps within a step, by their path from it."""
    if isinstance(step, Branch):
        return {"then": step.then, "otherwise": step.otherwise}
    if isinstance(step, Menu):
        return {f"keys.{key}": steps for key, steps in step.keys.items()} | {
            "otherwise": step.otherwise
        }
    return {}


def places_of(steps: Sequence[Step]) -> Iterator[Place]:
    """All steps at any depth, in the order in which they are written."""
    waiting = _places("step", steps, 1)
    while waiting:
        place = waiting.pop()
        yield place
        for name, below in reversed(tuple(children(place.step).items())):
            waiting += _places(f"{place.path}.{name}", below, place.depth + 1)


def _places(path: str, steps: Sequence[Step], depth: int) -> list[Place]:
    """The last one first."""
    return [Place(f"{path}[{i}]", step, depth) for i, step in enumerate(steps)][::-1]


class FlowInvalidError(ValueError):
    """A document is no flow; `path` leads to the field that is wrong, "" to the whole."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


def read_flow(document: object) -> Flow:
    """From what a TOML or JSON parser makes of it. Raises FlowInvalidError.

    This is about the form alone; `validation.faults` tells what is wrong with the contents.
    """
    try:
        return msgspec.convert(document, Flow)
    except msgspec.ValidationError as error:
        message, path = refusal(str(error))
        raise FlowInvalidError(_with_keys(path, document), message) from error
    except RecursionError as error:
        raise FlowInvalidError("step", "steps are nested too deeply") from error


_NAME_OR_INDEX = re.compile(r"(\w+)|\[([0-9]+)\]")
_SOME_KEY: Final = "[...]"
_VALUES: Final[Mapping[str, Any]] = {"keys": tuple[Step, ...], "hours": Hours}


def _with_keys(path: str, document: object) -> str:
    """`path` with the keys of mappings, which msgspec leaves out of it."""
    before, left_out, _ = path.partition(_SOME_KEY)
    if not left_out:
        return path
    mapping: Any = document
    for name, index in _NAME_OR_INDEX.findall(before):
        mapping = mapping[name or int(index)]
    kind = _VALUES[before.rpartition(".")[2]]
    key, value, error = next(
        (key, value, error)
        for key, value in mapping.items()
        if (error := _refusal(value, kind)) is not None
    )
    return joined(f"{before}.{key}", _with_keys(refusal(str(error))[1], value))


def _refusal(value: object, kind: Any) -> msgspec.ValidationError | None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return error
    return None
