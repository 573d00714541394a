"""Recipients of notices, and the log of what was delivered to them."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from ringtrace.domain.notice import Delivery, DeliveryState, Recipient, Try
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.notice_records import DeliveryFilter
from ringtrace.web.api.attribution import SinceForm
from ringtrace.web.api.bearer import account_id
from ringtrace.web.api.calls import gateway_kind
from ringtrace.web.api.errors import described
from ringtrace.web.api.setup_answers import RecipientAnswer
from ringtrace.web.times import milliseconds, utc
from ringtrace.web.uses import Uses

_MOST_ROWS = 250
_MOST_SKIPPED = 1_000_000_000

AnyRequest = Request[object, object, State]


class RecipientsAnswer(msgspec.Struct, frozen=True):
    recipients: list[RecipientAnswer]


class SecretAnswer(msgspec.Struct, frozen=True):
    """Shown once."""

    recipient: str
    secret: str


class TryAnswer(msgspec.Struct, frozen=True):
    """`code` is what HTTP or SMTP answered; without a `failure` the try succeeded."""

    at: datetime
    seconds: float
    code: int | None
    failure: str | None
    detail: str | None


class DeliveryAnswer(msgspec.Struct, frozen=True):
    """`tries` are the latest, oldest first; `next_try_at` is null when none is to come."""

    delivery: str
    recipient: str
    event: str
    gateway: str | None
    call: str | None
    occurred_at: datetime
    state: str
    next_try_at: datetime | None
    tries: list[TryAnswer]


class DeliveriesAnswer(msgspec.Struct, frozen=True):
    """Newest first; `total` counts all that match."""

    deliveries: list[DeliveryAnswer]
    total: int
    limit: int
    offset: int


class SentAgainAnswer(msgspec.Struct, frozen=True):
    sent: int


@get("/recipients", summary="Who is told of calls", responses=described())
async def list_recipients(uses: Uses, request: AnyRequest) -> RecipientsAnswer:
    """They are added and changed by `PUT /setup`."""
    known = await uses.store.recipients(account_id(request))
    return RecipientsAnswer([recipient_answer(one) for one in known])


@post("/recipients/{recipient:str}/secret", summary="Issue a secret", responses=described(404))
async def issue_secret(uses: Uses, request: AnyRequest, recipient: FromPath[str]) -> SecretAnswer:
    """A webhook is signed with it from now on, and with the one before for another day."""
    secret = await uses.change_recipients.new_secret(account_id(request), recipient)
    return SecretAnswer(recipient, f"whsec_{secret.key}")


@post("/recipients/{recipient:str}/test", summary="Send a test", responses=described(404))
async def send_test(uses: Uses, request: AnyRequest, recipient: FromPath[str]) -> DeliveryAnswer:
    """Puts a notice of the event `test` on its way; how it went is in its delivery."""
    return delivery_answer(await uses.change_recipients.test(account_id(request), recipient))


@post(
    "/recipients/{recipient:str}/start",
    summary="Send notices to a recipient again",
    status_code=200,
    responses=described(404),
)
async def start_recipient(
    uses: Uses, request: AnyRequest, recipient: FromPath[str]
) -> RecipientAnswer:
    """Whatever his standing was; what was held for him is sent."""
    return recipient_answer(await uses.change_recipients.start(account_id(request), recipient))


@post(
    "/recipients/{recipient:str}/stop",
    summary="Send a recipient no more notices",
    status_code=200,
    responses=described(404),
)
async def stop_recipient(
    uses: Uses, request: AnyRequest, recipient: FromPath[str]
) -> RecipientAnswer:
    """What is on its way to him is held."""
    return recipient_answer(await uses.change_recipients.stop(account_id(request), recipient))


@post(
    "/recipients/{recipient:str}/replay",
    summary="Send again what was given up",
    status_code=200,
    responses=described(404),
)
async def replay_lost(
    uses: Uses, request: AnyRequest, recipient: FromPath[str], data: JSONBody[SinceForm]
) -> SentAgainAnswer:
    """All dead deliveries of what happened at `since` or later, with the ids that they had."""
    since = milliseconds(data.since)
    return SentAgainAnswer(
        await uses.change_recipients.replay_lost(account_id(request), recipient, since)
    )


@get("/deliveries", summary="The log of notices, newest first", responses=described())
async def list_deliveries(
    uses: Uses,
    request: AnyRequest,
    recipient: FromQuery[str | None] = None,
    delivery_state: Annotated[DeliveryState | None, QueryParameter(name="state")] = None,
    gateway: FromQuery[str | None] = None,
    call: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=_MOST_ROWS)] = 50,
    offset: Annotated[int, QueryParameter(ge=0, le=_MOST_SKIPPED)] = 0,
) -> DeliveriesAnswer:
    """`gateway` and `call` together name one call."""
    if (gateway is None) != (call is None):
        raise FieldInvalidError("gateway and call name a call together", "call")
    about = None if gateway is None or call is None else (gateway_kind(gateway), call)
    where = DeliveryFilter(recipient, delivery_state, about)
    page = await uses.store.deliveries(account_id(request), where, limit, offset)
    return DeliveriesAnswer(
        [delivery_answer(one) for one in page.deliveries], page.total, limit, offset
    )


@get("/deliveries/{delivery:str}", summary="One delivery", responses=described(404))
async def show_delivery(uses: Uses, request: AnyRequest, delivery: FromPath[str]) -> DeliveryAnswer:
    return delivery_answer(await uses.change_recipients.delivery(account_id(request), delivery))


@post(
    "/deliveries/{delivery:str}/replay",
    summary="Deliver once more",
    status_code=200,
    responses=described(404),
)
async def replay(uses: Uses, request: AnyRequest, delivery: FromPath[str]) -> DeliveryAnswer:
    """With the id that it had, whether it was delivered before or given up."""
    return delivery_answer(await uses.change_recipients.replay(account_id(request), delivery))


def recipient_answer(one: Recipient) -> RecipientAnswer:
    return RecipientAnswer(
        recipient=one.recipient_id,
        to=one.address,
        kind=one.kind.value,
        events=[event.value for event in one.events],
        standing=one.standing.value,
        failing_since=None if one.failing_since is None else utc(one.failing_since),
        secret_made_at=utc(one.secrets[0].made_at) if one.secrets else None,
    )


def delivery_answer(one: Delivery) -> DeliveryAnswer:
    return DeliveryAnswer(
        delivery=one.delivery_id,
        recipient=one.recipient_id,
        event=one.event.value,
        gateway=one.gateway.value if one.gateway else None,
        call=one.call,
        occurred_at=utc(one.occurred_at),
        state=one.state.value,
        next_try_at=None if one.next_try_at is None else utc(one.next_try_at),
        tries=[_try(each) for each in one.tries],
    )


def _try(one: Try) -> TryAnswer:
    failure = one.failure.value if one.failure else None
    return TryAnswer(utc(one.at), one.seconds, one.code, failure, one.detail)


router = Router(
    "/",
    route_handlers=[
        list_recipients,
        issue_secret,
        send_test,
        start_recipient,
        stop_recipient,
        replay_lost,
        list_deliveries,
        show_delivery,
        replay,
    ],
    tags=["Notices"],
)
