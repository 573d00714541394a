"""A case: who calls whom, who answers how, and what the web says meanwhile."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ringtrace.gateways.voximplant.emulator.table import CaseError, Table

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Answer:
    """How a dialled party behaves; times are virtual seconds.

    `to`: number, `user:NAME`, SIP URI or `*`. `ring`: until 180. `early_media`: until 183.
    `answer`: after dialling, None = never. `talk`: after answering until it hangs up,
    None = stays. `fail`: final SIP code, sent `after` dialling. `keys`: (seconds after answering,
    key).
    """

    to: str
    ring: float | None = None
    early_media: float | None = None
    answer: float | None = None
    talk: float | None = None
    fail: int | None = None
    after: float = 1.0
    keys: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CallerDoes:
    """`hang_up`: seconds after arrival; `keys`: (seconds after being answered, key)."""

    hang_up: float | None = None
    keys: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Stub:
    """The answer to requests whose URL fits the glob `url`, `delay` seconds later."""

    url: str
    method: str | None = None
    status: int = 200
    text: str = ""
    delay: float = 0.05


@dataclass(frozen=True, slots=True)
class ExpectedLeg:
    to: str
    result: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Expect:
    """What a case demands of its result; None demands nothing."""

    outcome_log: tuple[str, ...] = ()
    finish_reason: str | None = None
    legs: tuple[ExpectedLeg, ...] | None = None
    http_count: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One incoming call; `destination` and `caller` as the network delivers them."""

    destination: str
    caller: str = ""
    display_name: str | None = None
    custom_data: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    answers: tuple[Answer, ...] = ()
    caller_does: CallerDoes = CallerDoes()
    http: tuple[Stub, ...] | Literal["real"] = ()
    http_hosts: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    storage: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    expect: Expect = Expect()


def load(path: Path) -> Case:
    """Read a case from TOML; `CaseError` names the field that is wrong."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CaseError(str(path), f"cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CaseError(str(path), f"is not TOML: {error}") from None
    return parse(content)


def parse(content: Mapping[str, object]) -> Case:
    """Make a case of TOML's plain data."""
    case = Table(content)
    result = Case(
        destination=case.text("destination"),
        caller=case.text("caller", ""),
        display_name=case.optional_text("display_name"),
        custom_data=case.text("custom_data", ""),
        headers=case.texts_by_name("headers"),
        answers=tuple(_answer(entry) for entry in case.tables("answers")),
        caller_does=_caller_does(case.table("caller_does")),
        http="real" if case.raw("http") == "real" else tuple(map(_stub, case.tables("http"))),
        http_hosts=case.texts("http_hosts"),
        secrets=case.texts_by_name("secrets"),
        storage=case.texts_by_name("storage"),
        expect=_expect(case.table("expect")),
    )
    case.nothing_else()
    if result.http == "real" and not result.http_hosts:
        raise CaseError("http_hosts", 'must list the hosts that http = "real" may contact')
    return result


def _answer(entry: Table) -> Answer:
    answer = Answer(
        to=entry.text("to"),
        ring=entry.seconds("ring"),
        early_media=entry.seconds("early_media"),
        answer=entry.seconds("answer"),
        talk=entry.seconds("talk"),
        fail=entry.whole("fail", 300, 699),
        after=entry.seconds("after", 1.0),
        keys=entry.keys("keys"),
    )
    entry.nothing_else()
    if answer.fail is not None and answer.answer is not None:
        raise CaseError(entry.at("fail"), "contradicts answer: a party answers or fails")
    return answer


def _caller_does(entry: Table) -> CallerDoes:
    does = CallerDoes(hang_up=entry.seconds("hang_up"), keys=entry.keys("keys"))
    entry.nothing_else()
    return does


def _stub(entry: Table) -> Stub:
    stub = Stub(
        url=entry.text("url"),
        method=entry.optional_text("method"),
        status=entry.whole("status", -9, 599, 200),
        text=entry.text("text", ""),
        delay=entry.seconds("delay", 0.05),
    )
    entry.nothing_else()
    return stub


def _expect(entry: Table) -> Expect:
    expect = Expect(
        outcome_log=entry.patterns("outcome_log"),
        finish_reason=entry.optional_text("finish_reason"),
        legs=tuple(map(_expected_leg, entry.tables("legs")))
        if entry.raw("legs") is not None
        else None,
        http_count=entry.whole("http_count", 0, 1000),
    )
    entry.nothing_else()
    return expect


def _expected_leg(entry: Table) -> ExpectedLeg:
    leg = ExpectedLeg(entry.text("to"), entry.text("result"), entry.whole("code", 200, 699))
    entry.nothing_else()
    return leg
