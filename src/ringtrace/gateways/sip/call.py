"""One call: asks for the plan, perhaps for digits, rings its targets, bridges, reports."""

import functools
import logging
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from sippy.CCEvents import (
    CCEventConnect,
    CCEventDisconnect,
    CCEventRing,
    CCEventTry,
)
from sippy.MsgBody import MsgBody
from sippy.UA import UA

from ringtrace.domain.call import PlanSource
from ringtrace.gateways.sip.attendant import Attendant, AttendantListener
from ringtrace.gateways.sip.backend import Arrival
from ringtrace.gateways.sip.bridge import Bridge
from ringtrace.gateways.sip.exchange import Exchange
from ringtrace.gateways.sip.guard import guarded
from ringtrace.gateways.sip.hunt import Hunt, HuntListener
from ringtrace.gateways.sip.invite import Invite
from ringtrace.gateways.sip.leg import Leg
from ringtrace.gateways.sip.loop import Timer
from ringtrace.gateways.sip.media import MediaSession
from ringtrace.gateways.sip.plan import Collect, Dial, Plan
from ringtrace.gateways.sip.planner import Decision
from ringtrace.gateways.sip.record import CallRecord, new_call_id, rfc3339
from ringtrace.gateways.sip.reply import caller_answer, refusal
from ringtrace.gateways.sip.sdp import SdpError
from ringtrace.gateways.sip.stack import error_place
from ringtrace.gateways.sip.tones import progress_tones

_log = logging.getLogger(__name__)


class _Phase(Enum):
    STARTING = auto()
    CONNECTING = auto()
    TALKING = auto()
    OVER = auto()


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
        self._phase = _Phase.STARTING
        self._media = MediaSession(
            exchange.relay, self.id, exchange.settings.public_ip, self._on_silence
        )
        self._hunt = Hunt(
            exchange,
            self._record,
            HuntListener(
                offer=self._media.invitation,
                ringing=self._ringing,
                answered=self._answered,
                exhausted=self._refuse,
                hung_up=self._agent_left,
                in_call=self._on_agent,
                abort=self.abort,
            ),
            clock=self._now,
            max_forwards=invite.max_forwards,
        )
        self._max_seconds = 0.0
        self._attendant: Attendant | None = None
        self._bridge: Bridge | None = None
        self._limit: Timer | None = None

    def end(self) -> None:
        """Hang up on both sides, whatever the state of the call."""
        if self._phase is _Phase.OVER:
            return
        self._hunt.hang_up()
        if self._phase is _Phase.TALKING or self._attendant is not None:
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

    @guarded
    def _on_inbound(self, event: Any, _: Any) -> None:
        if self._phase is _Phase.OVER:
            return
        if isinstance(event, CCEventTry):
            self._start()
        elif isinstance(event, CCEventDisconnect):
            self._caller_left()
        elif self._bridge is not None:
            self._bridge.relay("caller", event)
        elif self._attendant is not None:
            self._attendant.relay(event)

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

    @guarded
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
        try:
            self._media.offer("caller", self._invite.offer, functools.partial(self._offered, plan))
        except SdpError as error:
            _log.info("offer_refused call=%s error=%s", self.id, error)
            self._refuse(488)

    @guarded
    def _offered(self, plan: Plan, text: str) -> None:
        if self._phase is _Phase.OVER:
            return
        if not text:
            self._refuse(503)
        elif plan.collect is None:
            self._ring(plan)
        else:
            self._receive(plan, plan.collect)

    def _receive(self, plan: Plan, collect: Collect) -> None:
        listener = AttendantListener(
            refused=self._no_port,
            keyed=self._keyed,
            collected=functools.partial(self._collected, plan),
            abort=self.abort,
        )
        tones = progress_tones(plan.number)
        self._attendant = Attendant(self._exchange, self._media, self.inbound, tones, listener)
        self._attendant.receive(collect)

    @guarded
    def _no_port(self) -> None:
        self._attendant = None
        self._refuse(503)

    @guarded
    def _keyed(self, digits: str) -> None:
        self._record.digits = digits
        self._exchange.spool.journal(self._record)

    @guarded
    def _collected(self, plan: Plan, digits: str) -> None:
        _log.info("digits_collected call=%s count=%d", self.id, len(digits))
        if self._attendant is not None:
            self._attendant.ring()
        if not digits:
            self._ring(plan)
            return
        redirected = functools.partial(self._redirected, plan)
        self._exchange.planner.decide_again(self.id, digits, redirected)

    @guarded
    def _redirected(self, plan: Plan, other: Plan | None) -> None:
        if self._phase is _Phase.OVER:
            return
        if other is None:
            self._ring(plan)
            return
        self._record.number = other.number
        self._record.plan_source = PlanSource.BACKEND
        self._ring(other)

    def _ring(self, plan: Plan) -> None:
        self._max_seconds = plan.max_seconds
        self._hunt.start(plan.dials)

    @guarded
    def _ringing(self) -> None:
        if self._attendant is not None:
            return  # has been answered, and hears the attendant's ringback
        self.inbound.recvEvent(CCEventRing((180, "Ringing", None)))

    @guarded
    def _answered(self, dial: Dial, text: str) -> None:
        self._phase = _Phase.CONNECTING
        connected = functools.partial(self._connected, dial, self._hunt.leg)
        try:
            self._media.answer("agent", text, connected)
        except SdpError as error:
            _log.info("answer_refused call=%s error=%s", self.id, error)
            self._hunt.skip(488)

    @guarded
    def _connected(self, dial: Dial, leg: Leg | None, text: str) -> None:
        if self._phase is not _Phase.CONNECTING or leg is None or leg is not self._hunt.leg:
            return
        if not text:
            self._hunt.skip(503)
            return
        self._phase = _Phase.TALKING
        self._record.answered(self._now())
        self._exchange.spool.journal(self._record)
        attendant, self._attendant = self._attendant, None
        if attendant is not None:
            attendant.leave()
        if dial.record:
            self._media.record()
        self._bridge = Bridge(self._media, self.inbound, leg.ua)
        if attendant is None:
            self.inbound.recvEvent(CCEventConnect((200, "OK", MsgBody(text))))
        self._limit = self._exchange.loop.after(self._max_seconds, self._too_long)
        _log.info("call_answered call=%s leg=%d", self.id, len(self._record.legs))

    @guarded
    def _on_agent(self, event: Any) -> None:
        if self._bridge is not None:
            self._bridge.relay("agent", event)

    @guarded
    def _agent_left(self) -> None:
        if self._phase is _Phase.CONNECTING:
            self._hunt.skip(480)
            return
        self.inbound.recvEvent(CCEventDisconnect())
        self._finish(lambda at: self._record.ended(at, None))

    def _caller_left(self) -> None:
        self._hunt.hang_up()
        if self._record.answered_at is None:
            self._finish(self._record.abandoned)
        else:
            self._finish(lambda at: self._record.ended(at, None))

    @guarded
    def _too_long(self) -> None:
        _log.info("call_too_long call=%s", self.id)
        self.end()

    @guarded
    def _on_silence(self) -> None:
        _log.info("media_timeout call=%s", self.id)
        self.end()

    def _refuse(self, code: int) -> None:
        if self._attendant is not None:
            # The caller was answered, so a code would not reach him.
            self._record.ended(self._now(), code)
            self._exchange.spool.journal(self._record)
            self._attendant.regret(self._regretted)
            return
        self.inbound.recvEvent(refusal(caller_answer(code)))
        self._finish(lambda at: self._record.ended(at, code))

    @guarded
    def _regretted(self) -> None:
        self.end()

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
        if self._attendant is not None:
            self._attendant.leave()
        if self._record.outcome is None:
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
