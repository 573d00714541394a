"""The cases of a flow, as a user declares them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from ringtrace.domain.call import Outcome, Reason
from ringtrace.domain.circumstances import Circumstances
from ringtrace.domain.extension import DIGITS, KEYING_SECONDS
from ringtrace.domain.flow import Flow, FlowInvalidError, is_phone, read_flow
from ringtrace.domain.plan import Collect
from ringtrace.domain.prompt import for_extension
from ringtrace.domain.refusal import joined, refusal
from ringtrace.domain.rehearsal import Caller, Party
from ringtrace.domain.screening import Finding, Rule
from ringtrace.domain.tag import is_tag

DEFAULT_AT: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""A Monday at noon."""
WITHHELD: Final = "withheld"
NONE: Final = "none"
"""What is not there, in a format without null."""

Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Code = Annotated[int, msgspec.Meta(ge=300, le=699)]
Presses = tuple[tuple[Seconds, Annotated[str, msgspec.Meta(pattern="^[0-9*#]$")]], ...]

ReasonText = Annotated[str, msgspec.Meta(pattern=f"^({'|'.join([NONE, *Reason])})$")]


class CasesInvalidError(ValueError):
    """`path` leads to the field that is wrong, "" to the whole document."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class CaseTarget(_Part, frozen=True):
    """What a target does; seconds after it was dialled, `talk` and `keys` after it answered.

    It `answers`, or fails with a SIP `code`, or rings for ever. Without `talk` it stays until the
    caller leaves. `calls` are those it has already.
    """

    to: str
    answers: Seconds | None = None
    code: Code | None = None
    after: Seconds = 0.1
    talk: Seconds | None = None
    keys: Presses = ()
    calls: Annotated[int, msgspec.Meta(ge=0)] = 0

    def party(self) -> Party:
        return Party(self.answers, self.code, self.after, self.talk, self.keys, self.calls)


class Visit(_Part, frozen=True):
    """What is known of a visit."""

    channel: str | None = None
    campaign: str | None = None
    keyword: str | None = None


class ExpectedLeg(_Part, frozen=True):
    to: str
    reason: ReasonText | msgspec.UnsetType = msgspec.UNSET


class Expectation(_Part, frozen=True):
    """What is given must be so, lengths to half a second.

    `legs` and `heard` are all there are, in their order; of what was heard a part suffices.
    `recorded` is whether, or for how many seconds.
    """

    outcome: Outcome | msgspec.UnsetType = msgspec.UNSET
    reason: ReasonText | msgspec.UnsetType = msgspec.UNSET
    code: int | msgspec.UnsetType = msgspec.UNSET
    target: str | msgspec.UnsetType = msgspec.UNSET
    digits: str | msgspec.UnsetType = msgspec.UNSET
    legs: tuple[ExpectedLeg, ...] | msgspec.UnsetType = msgspec.UNSET
    recorded: bool | Seconds | msgspec.UnsetType = msgspec.UNSET
    heard: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    ends_after: Seconds | msgspec.UnsetType = msgspec.UNSET


class Case(_Part, frozen=True, kw_only=True):
    """One call: what is known of it, what everybody does, what is expected.

    `tags` are those of the caller's earlier calls. `keys` and `hangs_up` are his, seconds after
    his call came. With `asks` there is an
    extension to ask for, and what is keyed stands for the visit `keyed`, unless the backend is
    `away`. A `blocked` caller is rejected, a `suspected` one has to press a key.
    """

    expect: Expectation
    name: str = ""
    at: Annotated[datetime, msgspec.Meta(tz=True)] = DEFAULT_AT
    number: str = "+12025550100"
    caller: str = "+12025550177"
    blocked: bool = False
    suspected: Rule | None = None
    called_before: bool = False
    last_target: str | None = None
    tags: tuple[str, ...] = ()
    visit: Visit = Visit()
    turn: Annotated[int, msgspec.Meta(ge=0)] = 0
    chance: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    keys: Presses = ()
    hangs_up: Seconds | None = None
    asks: bool = False
    keyed: Visit = Visit()
    away: bool = False
    target: tuple[CaseTarget, ...] = ()

    def circumstances(self, language: str) -> Circumstances:
        """`language` (BCP 47) is that of the question for an extension."""
        region = language.partition("-")[2]
        question = Collect(for_extension(region), digits=DIGITS, seconds=KEYING_SECONDS)
        return Circumstances(
            number=self.number,
            at=round(self.at.timestamp() * 1_000),
            caller=None if self.caller == WITHHELD else self.caller,
            called_before=self.called_before or self.last_target is not None or bool(self.tags),
            last_target=self.last_target,
            tags=self.tags,
            channel=self.visit.channel,
            campaign=self.visit.campaign,
            keyword=self.visit.keyword,
            ask=question if self.asks else None,
            turn=self.turn,
            chance=self.chance,
        )

    def finding(self) -> Finding | None:
        """What is held against the caller."""
        rule = Rule.BLOCKED if self.blocked else self.suspected
        return None if rule is None else Finding(rule, "as the case says")

    def caller_does(self) -> Caller:
        return Caller(self.hangs_up, self.keys)

    def parties(self) -> dict[str, Party]:
        return {target.to: target.party() for target in self.target}


class Cases(_Part, frozen=True):
    flow: Flow
    case: tuple[Case, ...]


class _Document(_Part, frozen=True):
    flow: dict[str, object]
    case: Annotated[tuple[Case, ...], msgspec.Meta(min_length=1)]


def read_cases(document: Mapping[str, object]) -> Cases:
    """From what a TOML parser makes of a file: a `flow` and each `case`.

    Raises CasesInvalidError.
    """
    try:
        read = msgspec.convert(document, _Document)
        flow = read_flow(read.flow)
    except msgspec.ValidationError as error:
        message, path = refusal(str(error))
        raise CasesInvalidError(path, message) from error
    except FlowInvalidError as error:
        raise CasesInvalidError(joined("flow", error.path), error.message) from error
    for i, case in enumerate(read.case):
        _refuse_nonsense(f"case[{i}]", case)
    return Cases(flow, read.case)


def _refuse_nonsense(path: str, case: Case) -> None:
    if not is_phone(case.number):
        raise CasesInvalidError(f"{path}.number", "a number like +12025550100 is needed")
    if case.caller != WITHHELD and not is_phone(case.caller):
        raise CasesInvalidError(f"{path}.caller", f'"{WITHHELD}" or a number is needed')
    if case.suspected is Rule.BLOCKED:
        raise CasesInvalidError(f"{path}.suspected", "who is blocked is no suspect: blocked = true")
    for held in ("blocked", "suspected"):
        if getattr(case, held) and case.caller == WITHHELD:
            raise CasesInvalidError(f"{path}.{held}", "nothing is held against a withheld number")
    if case.expect == Expectation():
        raise CasesInvalidError(f"{path}.expect", "it expects nothing, so it could not fail")
    for i, tag in enumerate(case.tags):
        if not is_tag(tag):
            raise CasesInvalidError(f"{path}.tags[{i}]", "a word in lower case is needed")
    _refuse_targets(path, case)


def _refuse_targets(path: str, case: Case) -> None:
    known: set[str] = set()
    for i, target in enumerate(case.target):
        where = f"{path}.target[{i}]"
        if target.to in known:
            raise CasesInvalidError(f"{where}.to", f"{target.to} is there twice")
        if target.answers is not None and target.code is not None:
            raise CasesInvalidError(f"{where}.code", "a target that answers does not fail")
        known.add(target.to)
