"""What a demo day consists of: numbers, visits, calls. Read from TOML."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from ringtrace.domain.flow import is_target
from ringtrace.domain.number import NumberInvalidError, normalise
from ringtrace.domain.source import Source, UrlInvalidError, classify

MOST_TALK = 3_600
REGION = "US"

Tone = Annotated[int, msgspec.Meta(ge=100, le=3_000)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=MOST_TALK)]


class ScriptInvalidError(ValueError):
    """The script cannot be played; the message names the field."""


class NumberPart(msgspec.Struct, forbid_unknown_fields=True):
    number: str
    channel: str
    target: str
    campaign: str | None = None
    keyword: str | None = None


class PoolPart(msgspec.Struct, forbid_unknown_fields=True):
    numbers: list[str]
    target: str


class VisitPart(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    url: str
    referrer: str | None = None


class CallPart(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one of `from_visit` and `number`. Tones in Hz, `talk` in seconds."""

    gateway: Literal["sip", "voximplant"]
    caller: str
    agent: Literal["answers", "busy", "no_answer"]
    from_visit: str | None = None
    number: str | None = None
    caller_tone: Tone = 440
    agent_tone: Tone = 660
    talk: Seconds = 2.0


class Script(msgspec.Struct, forbid_unknown_fields=True):
    call: list[CallPart]
    number: list[NumberPart] = []
    pool: PoolPart | None = None
    visit: list[VisitPart] = []

    def visit_of(self, call: CallPart) -> VisitPart | None:
        return next((one for one in self.visit if one.id == call.from_visit), None)

    def static(self, number: str | None) -> NumberPart | None:
        return next((one for one in self.number if one.number == number), None)


def load(path: Path | None) -> Script:
    """The script of a file, or the day that ships with the program. Raises ScriptInvalidError."""
    source = path or files("ringtrace.demo") / "day.toml"
    try:
        script = msgspec.toml.decode(source.read_bytes(), type=Script)
    except msgspec.ValidationError as error:
        raise ScriptInvalidError(str(error)) from error
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ScriptInvalidError(f"not TOML: {error}") from error
    script = _normalised(script)
    _check(script)
    return script


def _normalised(script: Script) -> Script:
    """Every number in E.164, as the system will show it."""

    def number(text: str, field: str) -> str:
        try:
            return normalise(text, REGION)
        except NumberInvalidError as error:
            raise ScriptInvalidError(f"{field}: {text!r} is no telephone number") from error

    def target(text: str, field: str) -> str:
        return text if is_target(text) else number(text, field)

    pool = script.pool
    return Script(
        number=[
            msgspec.structs.replace(
                one,
                number=number(one.number, f"number[{i}].number"),
                target=target(one.target, f"number[{i}].target"),
            )
            for i, one in enumerate(script.number)
        ],
        pool=pool
        and PoolPart(
            numbers=[number(one, f"pool.numbers[{i}]") for i, one in enumerate(pool.numbers)],
            target=target(pool.target, "pool.target"),
        ),
        visit=script.visit,
        call=[
            msgspec.structs.replace(
                one,
                caller=number(one.caller, f"call[{i}].caller"),
                number=number(one.number, f"call[{i}].number") if one.number else None,
            )
            for i, one in enumerate(script.call)
        ],
    )


def _check(script: Script) -> None:
    for i, visit in enumerate(script.visit):
        try:
            classify(visit.url, visit.referrer)
        except UrlInvalidError as error:
            raise ScriptInvalidError(f"visit[{i}].url: {error}") from error
    if script.visit and script.pool is None:
        raise ScriptInvalidError("pool: visits need a pool")
    ids = [visit.id for visit in script.visit]
    if len(set(ids)) < len(ids):
        raise ScriptInvalidError("visit: every id once")
    for i, call in enumerate(script.call):
        if (call.from_visit is None) is (call.number is None):
            raise ScriptInvalidError(f"call[{i}]: either from_visit or number")
        if call.from_visit is not None and script.visit_of(call) is None:
            raise ScriptInvalidError(f"call[{i}].from_visit: no such visit")
        if call.number is not None and script.static(call.number) is None:
            raise ScriptInvalidError(f"call[{i}].number: not one of the numbers")


_OUTCOMES = {"answers": "answered", "busy": "busy", "no_answer": "missed"}


class Expected(msgspec.Struct, frozen=True):
    """What the script says a call must come to."""

    outcome: str
    target: str
    channel: str
    campaign: str | None
    keyword: str | None


def expected(script: Script, call: CallPart) -> Expected:
    said, target = _truth(script, call)
    return Expected(_OUTCOMES[call.agent], target, str(said.channel), said.campaign, said.term)


def _truth(script: Script, call: CallPart) -> tuple[Source, str]:
    visit, static = script.visit_of(call), script.static(call.number)
    if visit is not None and script.pool is not None:
        return classify(visit.url, visit.referrer), script.pool.target
    assert static is not None  # noqa: S101 - checked when the script was read
    source = Source(static.channel, campaign=static.campaign, term=static.keyword)
    return source, static.target
