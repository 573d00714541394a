"""What happened in a call, in words."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import TypeAlias

from ringtrace.domain.cues import (
    CALLER,
    Answer,
    Answered,
    Ask,
    Call,
    Drop,
    End,
    Expired,
    Failed,
    HungUp,
    Join,
    Key,
    Play,
    Record,
    Replied,
    Ringing,
    Tone,
)
from ringtrace.domain.prompt import Prompt

Name: TypeAlias = Callable[[int], str]
"""What a party is called."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, `at` seconds after the call came, in words."""

    at: float
    what: str


def sound_in_words(sound: Prompt | Tone) -> str:
    return sound.value if isinstance(sound, Tone) else sound.words


@singledispatch
def in_words(_said: object, _name: Name) -> str:
    """An event or an action; "" for what nobody would notice."""
    return ""


@in_words.register
def _(_said: Answer, _name: Name) -> str:
    return "caller is answered"


@in_words.register
def _(said: Play, name: Name) -> str:
    words = sound_in_words(said.sound)
    is_tone = isinstance(said.sound, Tone)
    return f"{name(said.party)} hears " + (words if is_tone else f'"{words}"')


@in_words.register
def _(said: Call, name: Name) -> str:
    return f"{name(said.leg)} is dialled"


@in_words.register
def _(said: Drop, name: Name) -> str:
    return f"{name(said.leg)} is dropped"


@in_words.register
def _(said: Join, name: Name) -> str:
    recorded = ", recorded" if said.record else ""
    return f"{name(said.leg)} and {name(CALLER)} are connected{recorded}"


@in_words.register
def _(_said: Record, name: Name) -> str:
    return f"{name(CALLER)} is recorded"


@in_words.register
def _(said: Ask, _name: Name) -> str:
    return f"the backend is asked about {said.digits}"


@in_words.register
def _(said: End, _name: Name) -> str:
    return f"the call ends ({said.code})"


@in_words.register
def _(said: Key, name: Name) -> str:
    return f"{name(said.party)} presses {said.digit}"


@in_words.register
def _(said: Ringing, name: Name) -> str:
    return f"{name(said.leg)} rings"


@in_words.register
def _(said: Answered, name: Name) -> str:
    return f"{name(said.leg)} answers"


@in_words.register
def _(said: Failed, name: Name) -> str:
    return f"{name(said.leg)} fails ({said.code})"


@in_words.register
def _(said: HungUp, name: Name) -> str:
    return f"{name(said.party)} hangs up"


@in_words.register
def _(said: Expired, _name: Name) -> str:
    return f"time is up: {said.timer}"


@in_words.register
def _(said: Replied, _name: Name) -> str:
    return "the backend does not answer" if said.plan is None else "the backend answers"
