"""What gateways ask and report (docs/gateways.md)."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from ringtrace.domain.account import TokenKind, TokenOwner
from ringtrace.domain.call import Leg, Outcome, PlanSource, Reason, Recording, Report
from ringtrace.domain.plan import Plan, Step
from ringtrace.services.arrival import Arrival
from ringtrace.services.directory import Directory
from ringtrace.services.errors import (
    MethodNotAllowedError,
    NotFoundError,
    RefusedError,
    TokenUnknownError,
)
from ringtrace.services.gateway_signs import GatewaySigns
from ringtrace.services.occupy_target import OccupyTarget
from ringtrace.services.record_call import RecordCall
from ringtrace.services.route_call import RouteCall
from ringtrace.web.asgi import (
    Receive,
    Scope,
    Send,
    bearer,
    decode,
    read_body,
    respond,
    respond_error,
    respond_json,
)

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Length = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Code = Annotated[int, msgspec.Meta(ge=0, le=999)]
Text = Annotated[str, msgspec.Meta(max_length=256)]
PREFIX = "/gateway/v1/calls"
FLOW = r"^[A-Za-z0-9_-]{1,64} [0-9]{1,9}\Z"
ALIVE = "/gateway/v1/alive"
URL = r"^https?://[!-~]{1,2000}\Z"
"""Printable ASCII alone: it goes into a header again."""


class ArrivalForm(msgspec.Struct):
    call: str
    number: Text
    caller: Text | None
    started_at: Moment
    headers: dict[str, str] | None = None


class LegForm(msgspec.Struct):
    target: Text
    started_at: Moment
    ring_seconds: Length = 0.0
    talk_seconds: Length = 0.0
    code: Code | None = None
    reason: Reason | None = None


class RecordingForm(msgspec.Struct):
    url: Annotated[str, msgspec.Meta(pattern=URL)] | None = None
    seconds: Length | None = None
    channels: Literal[1, 2] | None = None


class ReportForm(msgspec.Struct):
    number: Text
    caller: Text | None
    started_at: Moment
    outcome: Outcome
    reason: Reason | None = None
    code: Code | None = None
    target: Text | None = None
    ring_seconds: Length | None = None
    talk_seconds: Length | None = None
    legs: Annotated[list[LegForm], msgspec.Meta(max_length=100)] = []
    recording: RecordingForm | None = None
    session: Text | None = None
    plan_source: PlanSource | None = None
    digits: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,20}\Z")] | None = None
    box: Annotated[int, msgspec.Meta(ge=0, le=999)] | None = None
    node: Text | None = None
    flow: Annotated[str, msgspec.Meta(pattern=FLOW)] | None = None


class DigitsForm(msgspec.Struct):
    digits: str


class LegNoteForm(msgspec.Struct):
    """A leg that is to ring a target, with `most_calls`; that is up, without; that is over."""

    leg: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    target: Text | None = None
    most_calls: Annotated[int, msgspec.Meta(ge=1, le=1_000)] | None = None


class PlanForm(msgspec.Struct):
    call: str
    number: str
    steps: tuple[Step, ...]
    max_seconds: float
    cacheable: bool
    flow: str | None = None
    revision: str | None = None


arrival_decoder = msgspec.json.Decoder(ArrivalForm)
leg_decoder = msgspec.json.Decoder(LegNoteForm)
digits_decoder = msgspec.json.Decoder(DigitsForm)
report_decoder = msgspec.json.Decoder(ReportForm)
GATEWAYS = (TokenKind.SIP, TokenKind.VOXIMPLANT, TokenKind.NODE)


def gateway_of(directory: Directory, scope: Scope) -> TokenOwner:
    """The account and gateway that speak. Raises TokenUnknownError."""
    owner = directory.owner(bearer(scope), *GATEWAYS)
    if owner is None:
        raise TokenUnknownError("no gateway has this token")
    if owner.kind is TokenKind.NODE:
        return TokenOwner(owner.account_id, TokenKind.SIP)
    return owner


class GatewayDoor:
    """`POST /gateway/v1/calls`, and of each call `…/{call}/digits`, `…/legs` and `…/report`."""

    def __init__(
        self,
        directory: Directory,
        route_call: RouteCall,
        record_call: RecordCall,
        occupy_target: OccupyTarget,
        signs: GatewaySigns,
    ) -> None:
        self._directory = directory
        self._signs = signs
        self._route_call = route_call
        self._record_call = record_call
        self._occupy_target = occupy_target

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            owner = gateway_of(self._directory, scope)
            self._signs.note(owner)
            if scope["method"] != "POST":
                raise MethodNotAllowedError("POST is needed")
            path: str = scope["path"]
            if path == PREFIX:
                answer = await self._arrived(owner, receive)
            else:
                call, _, verb = path.removeprefix(PREFIX + "/").rpartition("/")
                if verb == "digits":
                    answer = await self._keyed(owner, call, receive)
                elif verb == "legs":
                    answer = await self._leg(owner, call, receive)
                elif verb == "report":
                    answer = await self._ended(owner, call, receive)
                else:
                    raise NotFoundError("no such route")
        except RefusedError as error:
            await respond_error(send, error)
            return
        await respond_json(send, answer)

    async def _arrived(self, owner: TokenOwner, receive: Receive) -> object:
        form = decode(arrival_decoder, await read_body(receive))
        arrival = Arrival(form.call, form.number, form.caller, ms(form.started_at))
        return plan_form(form.call, await self._route_call(owner, arrival))

    async def _keyed(self, owner: TokenOwner, call: str, receive: Receive) -> object:
        form = decode(digits_decoder, await read_body(receive))
        return plan_form(call, await self._route_call.keyed(owner, call, form.digits))

    async def _leg(self, owner: TokenOwner, call: str, receive: Receive) -> object:
        form = decode(leg_decoder, await read_body(receive))
        if form.target is None:
            self._occupy_target.vacate(owner, call, form.leg)
            return {"free": True}
        free = await self._occupy_target(owner, call, form.leg, form.target, form.most_calls)
        return {"free": free}

    async def _ended(self, owner: TokenOwner, call: str, receive: Receive) -> object:
        # Even if the report cannot be kept now.
        self._occupy_target.end(owner, call)
        report = report_of(decode(report_decoder, await read_body(receive)))
        return {"result": await self._record_call(owner, call, report)}


class AliveDoor:
    """`GET /gateway/v1/alive`: a gateway that says that it is there, and learns that we are."""

    def __init__(self, directory: Directory, signs: GatewaySigns) -> None:
        self._directory = directory
        self._signs = signs

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            owner = gateway_of(self._directory, scope)
            if scope["method"] != "GET":
                raise MethodNotAllowedError("GET is needed")
        except RefusedError as error:
            await respond_error(send, error)
            return
        self._signs.note(owner)
        await respond(send, 204)


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def plan_form(call: str, plan: Plan) -> PlanForm:
    return PlanForm(
        call=call,
        number=plan.number,
        steps=plan.steps,
        max_seconds=plan.max_seconds,
        cacheable=plan.cacheable,
        flow=plan.flow,
        revision=plan.revision,
    )


def report_of(form: ReportForm) -> Report:
    recording = form.recording
    return Report(
        number=form.number,
        caller=form.caller,
        started_at=ms(form.started_at),
        outcome=form.outcome,
        reason=form.reason,
        code=form.code,
        target=form.target,
        ring_seconds=form.ring_seconds,
        talk_seconds=form.talk_seconds,
        legs=tuple(
            Leg(
                target=leg.target,
                started_at=ms(leg.started_at),
                ring_seconds=leg.ring_seconds,
                talk_seconds=leg.talk_seconds,
                code=leg.code,
                reason=leg.reason,
            )
            for leg in form.legs
        ),
        recording=(
            Recording(recording.url, recording.seconds, recording.channels) if recording else None
        ),
        session=form.session,
        plan_source=form.plan_source,
        digits=form.digits,
        box=form.box,
        node=form.node,
        flow=form.flow,
    )
