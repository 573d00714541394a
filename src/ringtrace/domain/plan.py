"""A plan: the flow of a number resolved for one call, the same for every gateway."""

from typing import TypeAlias

import msgspec

from ringtrace.domain.call import Reason
from ringtrace.domain.prompt import Prompt


class Target(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is dialled, an E.164 number or a `sip:` URI, for so long; `record` him or not.

    With `most_calls` calls of the account it is busy.
    """

    to: str
    ring_seconds: float
    record: bool = True
    most_calls: int | None = None


class Announce(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="do", tag="announce"):
    """Answer and play `prompt`."""

    prompt: Prompt


class Menu(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="do", tag="menu"):
    """Answer, play `prompt`, go on with the steps of the key that is pressed.

    A wrong key, or none for `seconds` after the prompt, is a failed try; after `tries` of them it
    goes on with `otherwise`.
    """

    prompt: Prompt
    keys: dict[str, tuple["Step", ...]]
    seconds: float
    tries: int
    otherwise: tuple["Step", ...] = ()


class Collect(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="do", tag="collect"):
    """Answer, ask with `prompt`, wait `seconds` for each of so many `digits`, ask the backend.

    Without digits, or without its answer, go on with the next step.
    """

    prompt: Prompt
    digits: int
    seconds: float


class Dial(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="do", tag="dial"):
    """Ring the targets one after another, or `at_once` until the first answers.

    They see `caller_id`. Who answers hears `whisper` and has to press `accept` before he is
    connected, where there are such. `record` both sides from then on, unless the target says no.
    """

    targets: tuple[Target, ...]
    caller_id: str
    record: bool
    at_once: bool = False
    whisper: Prompt | None = None
    accept: str | None = None


class Voicemail(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="do", tag="voicemail"):
    """Answer, play `prompt` and a beep, record the caller for up to `seconds`.

    `box` says which voicemail of the flow this is, counted from 0; the report says it again.
    """

    prompt: Prompt
    seconds: float
    box: int = 0


class HangUp(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="do", tag="hang_up"):
    """Reject a call that is not answered yet with a SIP `code` (400 to 699); hang up any other."""

    code: int
    reason: Reason | None = None


Step: TypeAlias = Announce | Menu | Collect | Dial | Voicemail | HangUp


class Plan(msgspec.Struct, frozen=True):
    """What a gateway is to do with one call: `steps` until a target, a voicemail or an end is met.

    A `cacheable` plan says nothing of the caller or of a visitor, so a gateway may use it for
    later calls of the number while the backend is away. `max_seconds` bounds the talk.
    `flow` names the flow and its version, where the flow has a name. `revision` stands for what
    the number's flow says: a plan that was kept of another one is out of date.
    """

    number: str
    steps: tuple[Step, ...]
    max_seconds: float
    cacheable: bool
    flow: str | None = None
    revision: str | None = None
