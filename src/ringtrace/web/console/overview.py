"""The first page: how the calls of the last days went, and where they came from."""

from dataclasses import dataclass
from urllib.parse import urlencode

from litestar import Router, get
from litestar.params import FromQuery
from litestar.response import Template

from ringtrace.services.call_records import CallFilter
from ringtrace.services.spam_records import Spam
from ringtrace.web.console.call_view import call_view
from ringtrace.web.console.channel_view import channel_table, kpis
from ringtrace.web.console.page import page
from ringtrace.web.console.period import Period, chosen, last_days
from ringtrace.web.console.session import AnyRequest, viewer
from ringtrace.web.uses import Uses

_SPANS = (1, 7, 30, 90)
_USUAL_SPAN = 30
_LATEST = 6


@get("/")
async def show_overview(uses: Uses, request: AnyRequest, days: FromQuery[str] = "") -> Template:
    who = viewer(request)
    span = next((one for one in _SPANS if str(one) == days), _USUAL_SPAN)
    period = last_days(span, uses.clock(), who.zone)
    account_id = who.account.account_id
    rows = await uses.store.channels(account_id, within(period))
    earlier = await uses.store.channels(account_id, within(period.before()))
    spam = await spam_line(uses, account_id, period, Spam.WITHOUT)
    latest = await uses.store.calls(account_id, CallFilter(), _LATEST, 0)
    return page(
        "overview",
        who,
        section="overview",
        spans=_SPANS,
        span=span,
        period=period,
        kpis=kpis(rows, earlier),
        table=channel_table(rows, period),
        spam=spam,
        latest=[call_view(uses, who, record) for record in latest.calls],
        steps=first_steps(uses, account_id) if latest.total == 0 else None,
    )


@get("/channels")
async def show_channels(uses: Uses, request: AnyRequest) -> Template:
    who = viewer(request)
    query = request.query_params
    period = chosen(query.get("from", ""), query.get("to", ""), who.zone)
    if period.first is None and period.last is None:
        period = last_days(_USUAL_SPAN, uses.clock(), who.zone)
    spam = Spam.WITH if query.get("spam") == Spam.WITH else Spam.WITHOUT
    account_id = who.account.account_id
    rows = await uses.store.channels(account_id, within(period, spam))
    return page(
        "channels",
        who,
        section="channels",
        period=period,
        table=channel_table(rows, period),
        spam=await spam_line(uses, account_id, period, spam),
    )


def within(period: Period, spam: Spam = Spam.WITHOUT) -> CallFilter:
    return CallFilter(since=period.since, until=period.until, spam=spam)


@dataclass(frozen=True, slots=True)
class SpamLine:
    """How many calls of a period are spam, whether they are `counted`, and where to look."""

    calls: int
    counted: bool
    other_way: str
    log: str


async def spam_line(uses: Uses, account_id: int, period: Period, spam: Spam) -> SpamLine | None:
    """None where there is no spam: nothing is left out."""
    calls = await uses.store.count_calls(account_id, within(period, Spam.ONLY))
    if calls == 0:
        return None
    days = {
        name: day.isoformat() for name, day in (("from", period.first), ("to", period.last)) if day
    }
    counted = spam is Spam.WITH
    other = days if counted else days | {"spam": Spam.WITH.value}
    return SpamLine(
        calls=calls,
        counted=counted,
        other_way=f"/channels?{urlencode(other)}",
        log=f"/calls?{urlencode(days | {'spam': Spam.ONLY.value})}",
    )


def first_steps(uses: Uses, account_id: int) -> tuple[tuple[str, str, bool], ...]:
    """What is to be done before the first call: title, how, whether it is done."""
    numbers = uses.directory.numbers_of(account_id)
    sites = uses.directory.sites_of(account_id)
    return (
        (
            "Name your numbers and sites",
            "Write them in a file and send it with ringtrace apply, or PUT it to the API.",
            bool(numbers),
        ),
        (
            "Put the tag on your site",
            "Copy one line from Set-up into your pages; visitors then see the pool's numbers.",
            any(uses.directory.pool_size(site.key) > 0 for site in sites),
        ),
        (
            "Connect a gateway",
            "Issue a token under Set-up and give it to Voximplant or to your SIP node.",
            False,
        ),
        ("Call one of your numbers", "The call appears here the moment it rings.", False),
    )


router = Router("/", route_handlers=[show_overview, show_channels])
