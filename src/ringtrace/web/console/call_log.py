"""The call log: every call, newest first, with what it sounded like and what made it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from litestar import get
from litestar.response import Template

from ringtrace.domain.call import Outcome
from ringtrace.services.call_records import CallFilter
from ringtrace.services.spam_records import Spam
from ringtrace.web.console import wording
from ringtrace.web.console.call_view import call_view
from ringtrace.web.console.overview import first_steps
from ringtrace.web.console.page import page
from ringtrace.web.console.period import Period, chosen
from ringtrace.web.console.session import AnyRequest, Viewer, viewer
from ringtrace.web.uses import Uses

PAGE = 50
_MOST_DIGITS = 6
_UNKNOWN = " unknown"
"""The choice beside the channels; no channel's name begins with a space."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What the form above the log says; what it does not know is left out."""

    channel: str
    unknown: bool
    outcome: str
    spam: Spam
    tag: str
    period: Period
    page: int

    @property
    def in_use(self) -> bool:
        period = self.period
        chosen_one = self.channel or self.unknown or self.outcome or self.tag
        return bool(chosen_one or period.first or period.last) or self.spam is not Spam.WITH

    def where(self) -> CallFilter:
        return CallFilter(
            since=self.period.since,
            until=self.period.until,
            channel=self.channel or None,
            outcome=self.outcome or None,
            unknown=self.unknown,
            spam=self.spam,
            tag=self.tag or None,
        )

    def href(self, page: int) -> str:
        first, last = self.period.first, self.period.last
        query = {
            "channel": _UNKNOWN if self.unknown else self.channel,
            "outcome": self.outcome,
            "spam": "" if self.spam is Spam.WITH else self.spam.value,
            "tag": self.tag,
            "from": first.isoformat() if first else "",
            "to": last.isoformat() if last else "",
            "page": str(page) if page > 1 else "",
        }
        said = urlencode({name: value for name, value in query.items() if value})
        return f"/calls?{said}" if said else "/calls"


@get("/calls")
async def show_calls(uses: Uses, request: AnyRequest) -> Template:
    who = viewer(request)
    account_id = who.account.account_id
    filters = _filters(request, who)
    found = await uses.store.calls(account_id, filters.where(), PAGE, (filters.page - 1) * PAGE)
    first = (filters.page - 1) * PAGE + 1
    last = first + len(found.calls) - 1
    return page(
        "calls",
        who,
        section="calls",
        filters=filters,
        channels=_choices(await uses.store.channel_names(account_id), filters.channel),
        tags=_choices(await uses.store.tag_names(account_id), filters.tag),
        unknown=_UNKNOWN,
        outcomes=[(one.value, wording.OUTCOMES[one]) for one in Outcome],
        spams=[(one.value, name) for one, name in wording.SPAM.items()],
        calls=[call_view(uses, who, record) for record in found.calls],
        total=found.total,
        first=first,
        last=last,
        newer=filters.href(filters.page - 1) if filters.page > 1 else None,
        older=filters.href(filters.page + 1) if last < found.total else None,
        steps=None if filters.in_use or found.total else first_steps(uses, account_id),
    )


def _filters(request: AnyRequest, who: Viewer) -> Filters:
    query = request.query_params
    channel, outcome = query.get("channel", ""), query.get("outcome", "")
    spam = query.get("spam", "")
    return Filters(
        channel="" if channel == _UNKNOWN else channel.strip(),
        unknown=channel == _UNKNOWN,
        outcome=outcome if outcome in Outcome.__members__.values() else "",
        spam=Spam(spam) if spam in Spam.__members__.values() else Spam.WITH,
        tag=query.get("tag", "").strip(),
        period=chosen(query.get("from", ""), query.get("to", ""), who.zone),
        page=page_number(query.get("page", "")),
    )


def page_number(text: str) -> int:
    return max(1, int(text)) if text.isdecimal() and len(text) <= _MOST_DIGITS else 1


def _choices(names: Sequence[str], chosen_one: str) -> Sequence[str]:
    """All there are, and the one that is being looked at."""
    return sorted({*names, chosen_one} - {""})
