"""The blocklist: who is blocked, asked or trusted, and the rules that suspect callers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from litestar import Router, get, post
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template

from ringtrace.domain.blocklist import ANY, Treatment
from ringtrace.domain.screening import BOUNDS, Rule, SpamRules
from ringtrace.services.caller_csv import read_callers
from ringtrace.services.errors import ConfirmationNeededError, FieldInvalidError
from ringtrace.services.list_callers import Wanted
from ringtrace.services.setup_form import read_setup
from ringtrace.services.spam_records import ListingFilter, ListingRecord
from ringtrace.web.console import wording
from ringtrace.web.console.call_log import page_number
from ringtrace.web.console.call_view import Badge, shown_caller
from ringtrace.web.console.entry import NO_ENTRY, Entry, refused_entry
from ringtrace.web.console.page import page
from ringtrace.web.console.session import AnyRequest, Viewer, viewer
from ringtrace.web.uses import Uses

PAGE = 50
_WHOLE = BOUNDS.keys() - {"silent_seconds"}
_SPACING = re.compile(r"[\s().-]")
_MOST_LETTERS = 16
_REMOVED = "removed"
_SHOWN = {
    "": "All",
    "block": "Blocked",
    "ask": "Asked",
    "trust": "Trusted",
    _REMOVED: "Removed",
}


@dataclass(frozen=True, slots=True)
class CallersForm:
    """`confirm` are the beginnings that somebody has seen to be wide, and means."""

    callers: str = ""
    treatment: str = ""
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class RemovalForm:
    caller: str = ""


@dataclass(frozen=True, slots=True)
class ListingView:
    """`calls` is None where the entry stops nobody."""

    pattern: str
    shown: str
    treatment: Badge
    note: str
    by: str
    at: datetime
    calls: str | None
    removed_by: str | None
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class RuleView:
    """A switch; `says` are words, each with the name of the threshold behind them or nothing."""

    switch: str
    name: str
    on: bool
    says: tuple[tuple[str, str], ...]


@get("/blocklist")
async def show_blocklist(uses: Uses, request: AnyRequest) -> Template:
    return await _page(uses, request)


async def _page(uses: Uses, request: AnyRequest, entry: Entry = NO_ENTRY) -> Template:
    """With the `entry` that was refused."""
    who = viewer(request)
    query = request.query_params
    show = query.get("show", "") if query.get("show", "") in _SHOWN else ""
    search = _SPACING.sub("", query.get("caller", ""))[:_MOST_LETTERS]
    number = page_number(query.get("page", ""))
    account_id = who.account.account_id
    where = ListingFilter(
        treatment=Treatment(show) if show in Treatment.__members__.values() else None,
        removed=show == _REMOVED,
        pattern=search or None,
    )
    found = await uses.store.listings(account_id, where, PAGE, (number - 1) * PAGE)
    rules = uses.directory.spam_rules(account_id)
    return page(
        "blocklist",
        who,
        section="calls",
        entry=entry,
        show=show,
        search=search,
        segments=[(one, name, _href(one, search)) for one, name in _SHOWN.items()],
        listings=[_view(uses, who, one) for one in found.listings],
        total=found.total,
        number=number,
        newer=_href(show, search, number - 1) if number > 1 else None,
        older=_href(show, search, number + 1) if number * PAGE < found.total else None,
        rules=_rules(rules),
        whole=_WHOLE,
        thresholds={name: (getattr(rules, name), *bounds) for name, bounds in BOUNDS.items()},
        treatments=[(one.value, _CHOICES[one]) for one in Treatment],
    )


@post("/blocklist")
async def add_callers(
    uses: Uses, request: AnyRequest, data: URLEncodedBody[CallersForm]
) -> Redirect | Template:
    who = viewer(request)
    if data.treatment not in Treatment.__members__.values():
        raise FieldInvalidError("block, ask or trust", "treatment")
    try:
        wanted = _meant(read_callers(data.callers, Treatment(data.treatment)), data.confirm)
        await uses.keep_list.add(who.account.account_id, wanted, who.login)
    except ConfirmationNeededError as error:
        typed = {"callers": data.callers, "treatment": data.treatment,
                 "confirm": " ".join(error.patterns)}  # fmt: skip
        return await _page(uses, request, refused_entry("callers", typed, error, "confirm"))
    except FieldInvalidError as error:
        typed = {"callers": data.callers, "treatment": data.treatment}
        return await _page(uses, request, refused_entry("callers", typed, error, "callers"))
    return Redirect("/blocklist", status_code=303)


def _meant(wanted: Sequence[Wanted], confirmed: str) -> Sequence[Wanted]:
    patterns = set(confirmed.split())
    return [replace(one, confirmed=_SPACING.sub("", one.caller) in patterns) for one in wanted]


@post("/blocklist/remove")
async def remove_caller(
    uses: Uses, request: AnyRequest, data: URLEncodedBody[RemovalForm]
) -> Redirect:
    who = viewer(request)
    await uses.keep_list.remove(who.account.account_id, data.caller, who.login)
    return Redirect("/blocklist", status_code=303)


@post("/blocklist/rules")
async def change_rules(uses: Uses, request: AnyRequest) -> Redirect | Template:
    """A switch that is off is not sent; a threshold always is."""
    who = viewer(request)
    form = await request.form()
    typed = {name: str(form[name]) for name in (*_SWITCHES, *BOUNDS) if name in form}
    spam: dict[str, object] = {switch: switch in typed for switch in _SWITCHES}
    try:
        for name in BOUNDS:
            spam[name] = _number(name, typed.get(name, ""))
        await uses.apply_setup(who.account.account_id, read_setup({"spam": spam}), who.login)
    except FieldInvalidError as error:
        name = (error.field or "").removeprefix("spam.")
        return await _page(uses, request, refused_entry("rules", typed, error, name))
    return Redirect("/blocklist#rules", status_code=303)


_SWITCHES: Mapping[str, tuple[Rule, tuple[tuple[str, str], ...]]] = {
    "blocked": (Rule.BLOCKED, (("reject who is blocked on the list", ""),)),
    "known_robots": (
        Rule.KNOWN_ROBOT,
        (("on the list as robots, marked as spam, or pressed no key when asked before", ""),),
    ),
    "silent": (
        Rule.SILENT,
        (
            ("", "silent_calls"),
            ("answered calls within", "silent_days"),
            ("days, all shorter than", "silent_seconds"),
            ("seconds", ""),
        ),
    ),
    "too_many": (
        Rule.TOO_MANY_CALLS,
        (
            ("", "too_many_calls"),
            ("calls of one caller within", "too_many_minutes"),
            ("minutes", ""),
        ),
    ),
    "many_numbers": (
        Rule.MANY_NUMBERS,
        (
            ("", "many_numbers_called"),
            ("of your numbers called within", "many_numbers_minutes"),
            ("minutes", ""),
        ),
    ),
}
"""By switch: its rule, and words each with the threshold behind them."""

_CHOICES = {
    Treatment.BLOCK: "Block: reject their calls",
    Treatment.ASK: "Ask: robots, who have to press a key",
    Treatment.TRUST: "Trust: never ask them",
}


def _rules(rules: SpamRules) -> Sequence[RuleView]:
    return [
        RuleView(switch, wording.RULES[rule], getattr(rules, switch), says)
        for switch, (rule, says) in _SWITCHES.items()
    ]


def _view(uses: Uses, who: Viewer, record: ListingRecord) -> ListingView:
    one = record.listing
    removed = record.removed_at
    by = "the caller himself" if one.by_gate else one.added_by or wording.THE_API
    return ListingView(
        pattern=one.pattern,
        shown=one.pattern
        if one.pattern.endswith(ANY)
        else shown_caller(uses.directory, one.pattern),
        treatment=Badge(*wording.TREATMENTS[one.treatment]),
        note=one.note,
        by=by,
        at=wording.moment(one.added_at, who.zone),
        calls=None if one.treatment is Treatment.TRUST else f"{record.calls:,}",
        removed_by=None if removed is None else record.removed_by or wording.THE_API,
        removed_at=None if removed is None else wording.moment(removed, who.zone),
    )


def _href(show: str, search: str, number: int = 1) -> str:
    query = {"show": show, "caller": search, "page": str(number) if number > 1 else ""}
    said = urlencode({name: value for name, value in query.items() if value})
    return f"/blocklist?{said}" if said else "/blocklist"


def _number(name: str, text: str) -> float | int:
    try:
        value = float(text)
    except ValueError as error:
        raise FieldInvalidError("a number is needed", name) from error
    if value.is_integer():
        return int(value)
    if name in _WHOLE:
        raise FieldInvalidError("a whole number is needed", name)
    return value


router = Router("/", route_handlers=[show_blocklist, add_callers, remove_caller, change_rules])
