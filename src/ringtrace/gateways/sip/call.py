"""One call: tells its Conduct what happens and does what the Conduct says; reports."""

import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sippy.CCEvents import CCEventDisconnect, CCEventTry

from ringtrace.domain import cues
from ringtrace.domain.call import PlanSource
from ringtrace.domain.conduct import Conduct
from ringtrace.domain.cues import (
    CALLER,
    Action,
    Answered,
    Event,
    Expired,
    Failed,
    HungUp,
    Key,
    Played,
    Replied,
    Ringing,
    Tone,
)
from ringtrace.domain.plan import Plan
from ringtrace.domain.prompt import Prompt
from ringtrace.gateways.sip.backend import Arrival
from ringtrace.gateways.sip.booth import Booth
from ringtrace.gateways.sip.exchange import Exchange
from ringtrace.gateways.sip.guard import guarded
from ringtrace.gateways.sip.inbound import Inbound
from ringtrace.gateways.sip.invite import Invite
from ringtrace.gateways.sip.loop import Timer
from ringtrace.gateways.sip.outbound import Outbound, OutboundListener
from ringtrace.gateways.sip.planner import Decision
from ringtrace.gateways.sip.plans import needs_own_lines, prompts_of
from ringtrace.gateways.sip.record import CallRecord, new_call_id, rfc3339
from ringtrace.gateways.sip.reply import caller_answer
from ringtrace.gateways.sip.sdp import SdpError
from ringtrace.gateways.sip.stack import error_place
from ringtrace.gateways.sip.tones import BEEP, NOTICE, Sound, progress_tones

_log = logging.getLogger(__name__)


class Call:
    """Runs on the loop. `over` is called once, when the network part of the call has ended."""

    def __init__(self, exchange: Exchange, invite: Invite, over: Callable[["Call"], None]) -> None:
        self.id = new_call_id()
        self._exchange = exchange
        self._invite = invite
        self._over = over
        self._began = time.monotonic()
        self._record = CallRecord(
            call=self.id,
            session=invite.session,
            number=invite.number or "",
            caller=invite.caller,
            started_at=time.time_ns() // 1_000_000,
        )
        self._caller = Inbound(
            exchange,
            self.id,
            on_event=self._on_inbound,
            on_silence=self._on_silence,
            on_key=lambda key: self._tell(Key(CALLER, key)),
        )
        self._conduct: Conduct | None = None
        self._conducted_at = 0
        self._events: deque[Event] = deque()
        self._is_telling = self._is_over = False
        self._legs: dict[int, Outbound] = {}
        self._joined: Outbound | None = None
        self._timers: dict[str, Timer] = {}
        self._asks: dict[Prompt, bool] = {}
        self._has_own_lines = False

    @property
    def inbound(self) -> Any:
        """The caller's user agent."""
        return self._caller.ua

    def end(self) -> None:
        """Hang up on all sides, whatever the state of the call."""
        if self._is_over:
            return
        self._is_telling = True  # nothing that follows from hanging up is news
        for leg in self._legs.values():
            leg.hang_up()
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
        elif self._joined is not None:
            self._joined.relay(event)
        else:
            self._caller.relay(event)

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
        if decision.plan is None:
            _log.error("call_without_plan call=%s", self.id)
            self._refuse(500)
            return
        self._follow(decision.plan)
        offered = functools.partial(self._offered, decision.plan)
        try:
            self._caller.media.caller.offer(self._invite.offer, offered)
        except SdpError as error:
            _log.info("offer_refused call=%s error=%s", self.id, error)
            self._refuse(488)

    def _follow(self, plan: Plan) -> None:
        self._record.number = plan.number
        self._has_own_lines = needs_own_lines(plan)
        self._asks |= prompts_of(plan)
        for prompt in self._asks:
            self._exchange.speech.prepare(prompt)

    @guarded
    def _offered(self, plan: Plan, text: str) -> None:
        if self._is_over:
            return
        if not text:
            self._refuse(503)
            return
        conduct = self._conduct = Conduct(plan)
        self._record.attempts = conduct.attempts
        self._conducted_at = self._now()
        self._is_telling = True
        self._perform(conduct, conduct.begin(self._conducted_at))
        self._is_telling = False
        self._tell_waiting(conduct)

    @guarded
    def _tell(self, event: Event) -> None:
        """What is done about an event may be the next event: they are told one by one."""
        self._events.append(event)
        if self._conduct is not None and not self._is_telling:
            self._tell_waiting(self._conduct)

    def _tell_waiting(self, conduct: Conduct) -> None:
        self._is_telling = True
        try:
            while self._events and not self._is_over:
                event = self._events.popleft()
                self._notice(event)
                self._perform(conduct, conduct.tell(event, self._now()))
        finally:
            self._is_telling = False

    def _notice(self, event: Event) -> None:
        if isinstance(event, Ringing):
            self._caller.ring()
        elif isinstance(event, Failed):
            _log.info("leg_failed call=%s leg=%d code=%d", self.id, event.leg, event.code)
        elif isinstance(event, Replied) and event.plan is not None:
            self._record.plan_source = PlanSource.BACKEND
            self._follow(event.plan)

    def _perform(self, conduct: Conduct, actions: Sequence[Action]) -> None:
        for action in actions:
            if not self._is_over:
                self._do(action)
        if self._is_over:
            return
        self._record.digits = conduct.digits
        self._record.message_at = conduct.message_at
        if conduct.result is not None:
            waited = (self._conducted_at - self._record.started_at) / 1_000
            ring_seconds = conduct.result.ring_seconds + waited
            self._record.result = replace(conduct.result, ring_seconds=ring_seconds)
            self._finish()
        else:
            self._exchange.spool.journal(self._record)

    def _do(self, action: Action) -> None:  # noqa: C901 - one line for each of the words
        match action:
            case cues.Play():
                self._play(action.party, action.sound)
            case cues.Silence():
                self._booth(action.party).next_turn()
            case cues.Call():
                self._call(action)
            case cues.Drop():
                self._legs[action.leg].hang_up()
            case cues.Join():
                self._join(action)
            case cues.Record():
                self._caller.media.record(both=False)
            case cues.Ask():
                self._ask(action.digits)
            case cues.SetTimer():
                self._set_timer(action.timer, action.seconds)
            case cues.ClearTimer():
                self._clear_timer(action.timer)
            case cues.End():
                self._caller.end(self._code_for_caller(action.code))
            case cues.Answer():
                pass  # the sound or the target that comes next answers the caller

    def _play(self, party: int, sound: Prompt | Tone) -> None:
        booth = self._booth(party)
        turn = booth.next_turn()
        if party == CALLER:
            self._caller.pick_up(self.abort)
        played = functools.partial(self._tell, Played(party))
        if isinstance(sound, Tone):
            booth.play(turn, self._tone(sound), played)
            return
        stand_in = self._exchange.prompt if self._asks[sound] else NOTICE
        self._exchange.speech.find(sound, lambda found: booth.play(turn, found or stand_in, played))

    def _booth(self, party: int) -> Booth:
        return self._caller.booth if party == CALLER else self._legs[party].booth

    def _tone(self, tone: Tone) -> Sound:
        tones = progress_tones(self._record.number)
        return {Tone.RINGBACK: tones.ringback, Tone.BUSY: tones.busy, Tone.BEEP: BEEP}[tone]

    def _call(self, call: cues.Call) -> None:
        number = call.leg
        leg = self._legs[number] = Outbound(
            self._exchange,
            self._caller,
            OutboundListener(
                ringing=lambda: self._tell(Ringing(number)),
                answered=lambda: self._tell(Answered(number)),
                failed=lambda code: self._tell(Failed(number, code)),
                hung_up=lambda: self._tell(HungUp(number)),
                key=lambda key: self._tell(Key(number, key)),
            ),
            own=f"{self.id}-{number}" if self._has_own_lines else None,
        )
        leg.dial(call, self._invite.max_forwards)

    def _join(self, join: cues.Join) -> None:
        leg = self._joined = self._legs[join.leg]
        leg.join(functools.partial(self._on_joined, join))

    @guarded
    def _on_joined(self, join: cues.Join, connected: bool) -> None:
        if self._is_over:
            return
        if not connected:
            self.end()
            return
        if join.record:
            self._caller.media.record()
        _log.info("call_answered call=%s leg=%d", self.id, join.leg)

    def _ask(self, digits: str) -> None:
        _log.info("digits_collected call=%s count=%d", self.id, len(digits))
        self._exchange.planner.decide_again(self.id, digits, lambda plan: self._tell(Replied(plan)))

    def _set_timer(self, name: str, seconds: float) -> None:
        self._clear_timer(name)
        expired = functools.partial(self._tell, Expired(name))
        self._timers[name] = self._exchange.loop.after(seconds, expired)

    def _clear_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _code_for_caller(self, code: int) -> int:
        """A code that no target gave is what the flow says: the caller gets it as it is."""
        is_flows_own = all(attempt.code != code for attempt in self._record.attempts)
        return code if is_flows_own else caller_answer(code)

    def _caller_left(self) -> None:
        self._caller.leave()
        if self._conduct is not None:
            self._tell(HungUp(CALLER))
            return
        self._record.abandoned(self._now())
        self._finish()

    @guarded
    def _on_silence(self) -> None:
        _log.info("media_timeout call=%s", self.id)
        self.end()

    def _refuse(self, code: int) -> None:
        """There will be no Conduct."""
        self._caller.end(caller_answer(code))
        self._record.failed(self._now(), code)
        self._finish()

    def _not_ours(self) -> None:
        _log.info("number_unknown call=%s", self.id)
        self._is_over = True
        self._exchange.spool.forget(self.id)
        self._caller.end(404)
        self._over(self)

    def _finish(self) -> None:
        self._is_over = True
        for timer in self._timers.values():
            timer.cancel()
        self._caller.leave()
        self._exchange.spool.journal(self._record)
        result = self._record.result
        _log.info(
            "call_ended call=%s outcome=%s code=%s",
            self.id,
            None if result is None else result.outcome,
            None if result is None else result.code,
        )
        self._caller.media.close(lambda: self._exchange.spool.close_call(self._record))
        self._over(self)
