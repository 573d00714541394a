"""One call, from its INVITE to its report."""

import functools
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sippy.CCEvents import CCEventDisconnect, CCEventTry

from ringtrace.domain.call import PlanSource
from ringtrace.domain.conduct import Conduct
from ringtrace.domain.cues import CALLER, HungUp, Key
from ringtrace.domain.plan import Plan
from ringtrace.gateways.sip.backend import Arrival
from ringtrace.gateways.sip.exchange import Exchange
from ringtrace.gateways.sip.guard import guarded
from ringtrace.gateways.sip.inbound import Inbound
from ringtrace.gateways.sip.invite import Invite
from ringtrace.gateways.sip.performance import Performance, PerformanceListener
from ringtrace.gateways.sip.planner import Decision
from ringtrace.gateways.sip.record import CallRecord, new_call_id, rfc3339
from ringtrace.gateways.sip.reply import caller_answer
from ringtrace.gateways.sip.sdp import SdpError
from ringtrace.gateways.sip.stack import error_place

_log = logging.getLogger(__name__)


class Call:
    """Runs on the loop. `over` is called once, when the network part of the call has ended."""

    def __init__(self, exchange: Exchange, invite: Invite, over: Callable[["Call"], None]) -> None:
        self.id = new_call_id()
        self.dialled = invite.number or ""
        self._exchange = exchange
        self._invite = invite
        self._over = over
        self._began = time.monotonic()
        self._record = CallRecord(
            call=self.id,
            session=invite.session,
            number=self.dialled,
            caller=invite.caller,
            started_at=time.time_ns() // 1_000_000,
            node=exchange.settings.node,
        )
        self._caller = Inbound(
            exchange,
            self.id,
            on_event=self._on_inbound,
            on_silence=self._on_silence,
            on_key=lambda key: self._performance.tell(Key(CALLER, key)),
        )
        self._performance = Performance(
            exchange,
            self.id,
            self._caller,
            PerformanceListener(
                now=self._now, followed=self._redirected, changed=self._changed, abort=self.abort
            ),
            max_forwards=invite.max_forwards,
        )
        self._planned_at = 0
        self._is_over = False

    @property
    def inbound(self) -> Any:
        """The caller's user agent."""
        return self._caller.ua

    def end(self) -> None:
        """Hang up on all sides, whatever the state of the call."""
        if self._is_over:
            return
        self._performance.stop()
        self._performance.hang_up()
        self._caller.end(500)
        self._record.cut_off(self._now(), 500)
        self._finish()

    def abort(self) -> None:
        """`end`, even when one of the sides cannot be told."""
        try:
            self.end()
        except Exception as error:  # noqa: BLE001 - the report must be made whatever the stack says
            _log.error("call_not_ended call=%s error=%r", self.id, error_place(error))
            if not self._is_over:
                self._record.cut_off(self._now(), 500)
                self._finish()

    def _now(self) -> int:
        # The wall clock may be set during a call; durations must not notice.
        return self._record.started_at + round((time.monotonic() - self._began) * 1_000)

    @guarded
    def _on_inbound(self, event: Any, _: Any) -> None:
        if self._is_over:
            return
        if isinstance(event, CCEventTry):
            self._start()
        elif isinstance(event, CCEventDisconnect):
            self._caller_left()
        else:
            self._performance.relay(event)

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
        if self._is_over:
            return
        if decision.number_unknown:
            self._not_ours()
            return
        self._record.plan_source = decision.source
        self._exchange.metrics.plan.labels(decision.source or "none").observe(
            time.monotonic() - self._began
        )
        if decision.plan is None:
            _log.error("call_without_plan call=%s", self.id)
            self._refuse(500)
            return
        self._record.number, self._record.flow = decision.plan.number, decision.plan.flow
        self._performance.follow(decision.plan)
        offered = functools.partial(self._offered, decision.plan)
        try:
            self._caller.media.caller.offer(self._invite.offer, offered)
        except SdpError as error:
            _log.info("offer_refused call=%s error=%s", self.id, error)
            self._refuse(488)

    @guarded
    def _offered(self, plan: Plan, text: str) -> None:
        if self._is_over:
            return
        if not text:
            self._refuse(503)
            return
        self._planned_at = self._now()
        self._performance.begin(plan)

    def _redirected(self, plan: Plan) -> None:
        self._record.number, self._record.flow = plan.number, plan.flow
        self._record.plan_source = PlanSource.BACKEND

    def _changed(self, conduct: Conduct) -> None:
        if self._is_over:
            return
        self._record.attempts = conduct.attempts
        self._record.digits = conduct.digits
        self._record.message_at, self._record.box = conduct.message_at, conduct.box
        if conduct.result is None:
            self._exchange.spool.journal(self._record)
            return
        waited = (self._planned_at - self._record.started_at) / 1_000
        ring_seconds = round(conduct.result.ring_seconds + waited, 3)
        self._record.result = replace(conduct.result, ring_seconds=ring_seconds)
        self._finish()

    def _caller_left(self) -> None:
        self._caller.leave()
        if self._performance.has_begun:
            self._performance.tell(HungUp(CALLER))
            return
        self._record.abandoned(self._now())
        self._finish()

    @guarded
    def _on_silence(self) -> None:
        _log.info("media_timeout call=%s", self.id)
        self.end()

    def _refuse(self, code: int) -> None:
        """There is nothing to conduct."""
        self._caller.end(caller_answer(code))
        self._record.failed(self._now(), code)
        self._finish()

    def _not_ours(self) -> None:
        _log.info("number_unknown call=%s", self.id)
        self._exchange.metrics.refuse("number_unknown")
        self._is_over = True
        self._exchange.spool.forget(self.id)
        self._caller.end(404)
        self._over(self)

    def _finish(self) -> None:
        self._is_over = True
        self._performance.stop()
        self._caller.leave()
        self._exchange.spool.journal(self._record)
        result = self._record.result
        self._exchange.metrics.ended.labels(result.outcome if result else "unknown").inc()
        _log.info(
            "call_ended call=%s outcome=%s code=%s",
            self.id,
            None if result is None else result.outcome,
            None if result is None else result.code,
        )
        self._caller.media.close(lambda: self._exchange.spool.close_call(self._record))
        self._over(self)
