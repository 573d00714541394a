"""One call: takes the inbound leg, asks for the plan, rings its targets, bridges, reports."""

import functools
import logging
import time
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Any, Concatenate, ParamSpec

from sippy.CCEvents import (
    CCEventConnect,
    CCEventDisconnect,
    CCEventRing,
    CCEventTry,
)
from sippy.MsgBody import MsgBody
from sippy.UA import UA

from ringtrace.gateways.sip.backend import Arrival
from ringtrace.gateways.sip.bridge import Bridge
from ringtrace.gateways.sip.exchange import Exchange
from ringtrace.gateways.sip.invite import Invite
from ringtrace.gateways.sip.leg import Leg, LegListener, destination
from ringtrace.gateways.sip.loop import Timer
from ringtrace.gateways.sip.media import MediaSession
from ringtrace.gateways.sip.plan import Dial, Plan, Target
from ringtrace.gateways.sip.planner import Decision
from ringtrace.gateways.sip.record import CallRecord, LegRecord, new_call_id, rfc3339
from ringtrace.gateways.sip.reply import caller_answer, refusal
from ringtrace.gateways.sip.sdp import SdpError
from ringtrace.gateways.sip.stack import error_place

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")


class _Phase(Enum):
    PLANNING = auto()
    RINGING = auto()
    CONNECTING = auto()
    TALKING = auto()
    OVER = auto()


_Method = Callable[Concatenate["Call", _P], None]


def _guarded(method: _Method[_P]) -> _Method[_P]:
    """A mistake of ours ends this call with 500 and a report, and no other call."""

    def run(self: "Call", /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - see above
            _log.error("call_broken call=%s error=%r", self.id, error_place(error))
            self.abort()

    return run


class Call:
    """Runs on the loop. `over` is called once, when the network part of the call has ended."""

    def __init__(self, exchange: Exchange, invite: Invite, over: Callable[["Call"], None]) -> None:
        self.id = new_call_id()
        self.inbound = UA(exchange.config, self._on_inbound)
        self._exchange = exchange
        self._invite = invite
        self._over = over
        self._began = time.monotonic()
        self._record = CallRecord(
            call=self.id,
            session=invite.session,
            number=invite.number or "",
            caller=invite.caller,
            started_at=time.time(),
            legs=[],
        )
        self._phase = _Phase.PLANNING
        self._media = MediaSession(
            exchange.relay, self.id, exchange.settings.public_ip, self._on_silence
        )
        self._rest: Iterator[tuple[Dial, Target]] = iter(())
        self._max_seconds = 0.0
        self._offer = ""
        self._leg: Leg | None = None
        self._bridge: Bridge | None = None
        self._limit: Timer | None = None

    def end(self) -> None:
        """Hang up on both sides, whatever the state of the call."""
        if self._phase is _Phase.OVER:
            return
        self._hang_up_leg()
        if self._phase is _Phase.TALKING:
            self.inbound.recvEvent(CCEventDisconnect())
        else:
            self.inbound.recvEvent(refusal(500))
        self._finish(lambda at: self._record.ended(at, 500))

    def abort(self) -> None:
        """`end`, even when one of the sides cannot be told."""
        try:
            self.end()
        except Exception as error:  # noqa: BLE001 - the report must be made whatever the stack says
            _log.error("call_not_ended call=%s error=%r", self.id, error_place(error))
            if self._phase is not _Phase.OVER:
                self._finish(lambda at: self._record.ended(at, 500))

    def _now(self) -> float:
        # The wall clock may be set during a call; durations must not notice.
        return self._record.started_at + time.monotonic() - self._began

    @_guarded
    def _on_inbound(self, event: Any, _: Any) -> None:
        if self._phase is _Phase.OVER:
            return
        if isinstance(event, CCEventTry):
            self._start()
        elif isinstance(event, CCEventDisconnect):
            self._caller_left()
        elif self._bridge is not None:
            self._bridge.relay("caller", event)

    def _start(self) -> None:
        self._exchange.spool.journal(self._record)
        _log.info("call_started call=%s", self.id)
        arrival = Arrival(
            call=self.id,
            number=self._record.number,
            caller=self._record.caller,
            started_at=rfc3339(self._record.started_at),
        )
        self._exchange.planner.decide(arrival, self._decided)

    @_guarded
    def _decided(self, decision: Decision) -> None:
        if self._phase is _Phase.OVER:
            return
        if decision.number_unknown:
            self._not_ours()
            return
        self._record.plan_source = decision.source
        if decision.plan is None:
            _log.error("call_without_plan call=%s", self.id)
            self._refuse(500)
            return
        self._follow(decision.plan)

    def _follow(self, plan: Plan) -> None:
        self._record.number = plan.number
        self._max_seconds = plan.max_seconds
        self._rest = ((dial, target) for dial in plan.steps for target in dial.targets)
        self._phase = _Phase.RINGING
        try:
            self._media.offer("caller", self._invite.offer, self._offered)
        except SdpError as error:
            _log.info("offer_refused call=%s error=%s", self.id, error)
            self._refuse(488)

    @_guarded
    def _offered(self, text: str) -> None:
        if self._phase is _Phase.OVER:
            return
        if not text:
            self._refuse(503)
            return
        self._offer = text
        self._ring_next(500)

    def _ring_next(self, last_code: int) -> None:
        dial, target = next(self._rest, (None, None))
        if dial is None or target is None:
            self._refuse(last_code)
            return
        self._phase = _Phase.RINGING
        self._record.legs.append(LegRecord(target=target.to, started_at=self._now()))
        self._exchange.spool.journal(self._record)
        settings = self._exchange.settings
        leg = Leg(
            self._exchange.config,
            self._exchange.loop,
            LegListener(
                ringing=self._ringing,
                answered=functools.partial(self._answered, dial),
                failed=self._leg_failed,
                hung_up=self._agent_left,
                in_call=self._on_agent,
            ),
            ring_seconds=target.ring_seconds,
            no_reply_seconds=settings.no_reply_seconds,
        )
        self._leg = leg
        to = destination(target.to, settings.outbound_proxy)
        if to is None:
            _log.error("outbound_proxy_missing call=%s", self.id)
            self._hang_up_leg()
            self._leg_failed(500)
            return
        self._exchange.resolver.resolve(
            to.host,
            lambda address: leg.dial(
                to,
                address,
                caller_id=dial.caller_id,
                offer=self._offer,
                max_forwards=self._invite.max_forwards,
            ),
        )

    @_guarded
    def _ringing(self) -> None:
        self.inbound.recvEvent(CCEventRing((180, "Ringing", None)))

    @_guarded
    def _leg_failed(self, code: int) -> None:
        self._leg = None
        leg = self._record.legs[-1]
        leg.ended_at, leg.code = self._now(), code
        _log.info("leg_failed call=%s leg=%d code=%d", self.id, len(self._record.legs), code)
        self._ring_next(code)

    @_guarded
    def _answered(self, dial: Dial, text: str) -> None:
        self._phase = _Phase.CONNECTING
        try:
            self._media.answer("agent", text, functools.partial(self._connected, dial, self._leg))
        except SdpError as error:
            _log.info("answer_refused call=%s error=%s", self.id, error)
            self._hang_up_leg()
            self._leg_failed(488)

    @_guarded
    def _connected(self, dial: Dial, leg: Leg | None, text: str) -> None:
        if self._phase is not _Phase.CONNECTING or leg is None or leg is not self._leg:
            return
        if not text:
            self._hang_up_leg()
            self._leg_failed(503)
            return
        self._phase = _Phase.TALKING
        self._record.answered(self._now())
        self._exchange.spool.journal(self._record)
        if dial.record:
            self._media.record()
        self._bridge = Bridge(self._media, self.inbound, leg.ua)
        self.inbound.recvEvent(CCEventConnect((200, "OK", MsgBody(text))))
        self._limit = self._exchange.loop.after(self._max_seconds, self._too_long)
        _log.info("call_answered call=%s leg=%d", self.id, len(self._record.legs))

    @_guarded
    def _on_agent(self, event: Any) -> None:
        if self._bridge is not None:
            self._bridge.relay("agent", event)

    @_guarded
    def _agent_left(self) -> None:
        if self._phase is _Phase.CONNECTING:
            self._leg_failed(480)
            return
        self._leg = None
        self.inbound.recvEvent(CCEventDisconnect())
        self._finish(lambda at: self._record.ended(at, None))

    def _caller_left(self) -> None:
        self._hang_up_leg()
        if self._record.answered_at is None:
            self._finish(self._record.abandoned)
        else:
            self._finish(lambda at: self._record.ended(at, None))

    @_guarded
    def _too_long(self) -> None:
        _log.info("call_too_long call=%s", self.id)
        self.end()

    @_guarded
    def _on_silence(self) -> None:
        _log.info("media_timeout call=%s", self.id)
        self.end()

    def _hang_up_leg(self) -> None:
        leg, self._leg = self._leg, None
        if leg is not None:
            leg.hang_up()

    def _refuse(self, code: int) -> None:
        answer = caller_answer(code)
        self.inbound.recvEvent(refusal(answer))
        self._finish(lambda at: self._record.ended(at, code))

    def _not_ours(self) -> None:
        _log.info("number_unknown call=%s", self.id)
        self._phase = _Phase.OVER
        self._exchange.spool.forget(self.id)
        self.inbound.recvEvent(refusal(404))
        self._over(self)

    def _finish(self, conclude: Callable[[float], None]) -> None:
        self._phase = _Phase.OVER
        if self._limit is not None:
            self._limit.cancel()
        conclude(self._now())
        self._exchange.spool.journal(self._record)
        _log.info(
            "call_ended call=%s outcome=%s code=%s",
            self.id,
            self._record.outcome,
            self._record.code,
        )
        self._media.close(lambda: self._exchange.spool.close_call(self._record))
        self._over(self)
