"""Notices: who is told of calls, and the log of what was delivered."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlencode

from litestar import Router, get, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from ringtrace.domain.notice import CALL_EVENTS, DeliveryState
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.notice_records import DeliveryFilter
from ringtrace.services.setup_form import RecipientForm, SetupForm
from ringtrace.web.console import wording
from ringtrace.web.console.call_log import page_number
from ringtrace.web.console.entry import NO_ENTRY, Entry, refused_entry
from ringtrace.web.console.notice_view import delivery_view, recipient_view, shown_address
from ringtrace.web.console.page import page
from ringtrace.web.console.session import AnyRequest, viewer
from ringtrace.web.uses import Uses

PAGE = 50
_THE_PAGE = "/notices"


@dataclass(frozen=True, slots=True)
class ActionForm:
    action: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """A secret that is shown this once."""

    address: str
    secret: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What the form above the log says; what it does not know is left out."""

    recipient: str | None
    state: DeliveryState | None
    page: int

    def where(self) -> DeliveryFilter:
        return DeliveryFilter(self.recipient, self.state)

    def href(self, page: int) -> str:
        said = {"recipient": self.recipient, "state": self.state, "page": str(page)}
        query = urlencode({name: value for name, value in said.items() if value})
        return f"{_THE_PAGE}?{query}#log"


@get("/notices")
async def show_notices(uses: Uses, request: AnyRequest) -> Template:
    return await _page(uses, request)


@post("/notices/recipients", status_code=200)
async def enter_recipient(uses: Uses, request: AnyRequest) -> Template | Redirect:
    """Add somebody, or change what he is told of."""
    form = await request.form()
    to = str(form.get("to", "")).strip()
    address = f"mail:{to}" if "@" in to and "/" not in to and not to.startswith("mail:") else to
    events = [event.value for event in CALL_EVENTS if event.value in form]
    setup = SetupForm(recipient=[RecipientForm(address, events)])
    try:
        await uses.apply_setup(viewer(request).account.account_id, setup)
    except FieldInvalidError as error:
        typed = {"to": to} | dict.fromkeys(events, "1")
        return await _page(uses, request, entry=refused_entry("recipient", typed, error, "to"))
    return Redirect(_THE_PAGE, status_code=303)


@post("/notices/recipients/{recipient:str}", status_code=200)
async def change_recipient(
    uses: Uses, request: AnyRequest, recipient: FromPath[str], data: URLEncodedBody[ActionForm]
) -> Template | Redirect:
    """`secret` is answered by the page itself: a redirect would have to keep it somewhere."""
    account_id, change = viewer(request).account.account_id, uses.change_recipients
    known = change.own(account_id, recipient)
    if data.action == "secret":
        secret = await change.new_secret(account_id, recipient)
        issued = Issued(shown_address(known), f"whsec_{secret.key}")
        return await _page(uses, request, issued=issued)
    actions = {
        "test": change.test,
        "start": change.start,
        "stop": change.stop,
    }
    if data.action not in actions:
        raise FieldInvalidError("no such action", "action")
    await actions[data.action](account_id, recipient)
    return Redirect(_THE_PAGE, status_code=303)


@post("/notices/deliveries/{delivery:str}", status_code=200)
async def send_again(uses: Uses, request: AnyRequest, delivery: FromPath[str]) -> Redirect:
    await uses.change_recipients.replay(viewer(request).account.account_id, delivery)
    return Redirect(f"{_THE_PAGE}#log", status_code=303)


async def _page(
    uses: Uses, request: AnyRequest, *, issued: Issued | None = None, entry: Entry = NO_ENTRY
) -> Template:
    who = viewer(request)
    account_id = who.account.account_id
    known = await uses.store.recipients(account_id)
    filters = _filters(request, {one.recipient_id for one in known})
    skipped = (filters.page - 1) * PAGE
    found = await uses.store.deliveries(account_id, filters.where(), PAGE, skipped)
    return page(
        "notices",
        who,
        section="notices",
        issued=issued,
        entry=entry,
        events=[(event.value, wording.EVENTS[event]) for event in CALL_EVENTS],
        recipients=[recipient_view(uses.directory, who, one) for one in known],
        recipient=filters.recipient,
        states=[(one.value, wording.DELIVERIES[one][0]) for one in DeliveryState],
        state=filters.state,
        deliveries=[delivery_view(uses.directory, who, one) for one in found.deliveries],
        total=found.total,
        newer=filters.href(filters.page - 1) if filters.page > 1 else None,
        older=filters.href(filters.page + 1) if skipped + PAGE < found.total else None,
    )


def _filters(request: AnyRequest, known: Collection[str]) -> Filters:
    query = request.query_params
    recipient, state = query.get("recipient"), query.get("state")
    return Filters(
        recipient=recipient if recipient in known else None,
        state=next((one for one in DeliveryState if one.value == state), None),
        page=page_number(query.get("page", "")),
    )


router = Router("/", route_handlers=[show_notices, enter_recipient, change_recipient, send_again])
