"""Tells the Conduct of a call what happens, and does what the Conduct says."""

import functools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ringtrace.domain import cues
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
from ringtrace.gateways.sip.booth import Booth
from ringtrace.gateways.sip.exchange import Exchange
from ringtrace.gateways.sip.guard import guarded
from ringtrace.gateways.sip.inbound import Inbound
from ringtrace.gateways.sip.loop import Timer
from ringtrace.gateways.sip.outbound import Outbound, OutboundListener
from ringtrace.gateways.sip.plans import has_one_target, prompts_of
from ringtrace.gateways.sip.reply import caller_answer
from ringtrace.gateways.sip.tones import BEEP, NOTICE, Sound, progress_tones

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PerformanceListener:
    """What the call wants to hear: `changed` after each event, until there is a result.

    `now` is in ms since 1970 UTC; `followed` gets a plan that takes the place of the first one.
    """

    now: Callable[[], int]
    followed: Callable[[Plan], None]
    changed: Callable[[Conduct], None]
    abort: Callable[[], None]


class Performance:
    """Runs on the loop, from `begin` until the Conduct has a result or `stop`."""

    def __init__(
        self,
        exchange: Exchange,
        call: str,
        caller: Inbound,
        listener: PerformanceListener,
        *,
        max_forwards: int,
    ) -> None:
        self.id = call
        self._exchange = exchange
        self._caller = caller
        self._listener = listener
        self._max_forwards = max_forwards
        self._conduct: Conduct | None = None
        self._number = ""
        self._events: deque[Event] = deque()
        self._is_telling = self._has_stopped = False
        self._legs: dict[int, Outbound] = {}
        self._joined: Outbound | None = None
        self._timers: dict[str, Timer] = {}
        self._asks: dict[Prompt, bool] = {}
        self._has_one_target = True

    @property
    def has_begun(self) -> bool:
        return self._conduct is not None

    def abort(self) -> None:
        self._listener.abort()

    def follow(self, plan: Plan) -> None:
        """Make ready for it."""
        self._number = plan.number
        # Once another plan was followed the caller has met the node.
        self._has_one_target = has_one_target(plan) and not self.has_begun
        self._asks |= prompts_of(plan)
        for prompt in self._asks:
            self._exchange.speech.prepare(prompt)

    def begin(self, plan: Plan) -> None:
        conduct = self._conduct = Conduct(plan)
        self._perform(conduct, lambda: conduct.begin(self._listener.now()))
        self._tell_waiting(conduct)

    def relay(self, event: Any) -> None:
        """Take what the caller says in the call."""
        if self._joined is not None:
            self._joined.relay(event)
        else:
            self._caller.relay(event)

    @guarded
    def tell(self, event: Event) -> None:
        """What is done about an event may be the next event: they are told one by one."""
        self._events.append(event)
        if self._conduct is not None and not self._is_telling and not self._has_stopped:
            self._tell_waiting(self._conduct)

    def stop(self) -> None:
        """Nothing is told any more, and no time-out is running."""
        self._has_stopped = True
        for timer in self._timers.values():
            timer.cancel()

    def hang_up(self) -> None:
        """End all legs."""
        for leg in self._legs.values():
            leg.hang_up()

    def _tell_waiting(self, conduct: Conduct) -> None:
        while self._events and not self._has_stopped:
            event = self._events.popleft()
            self._notice(event)
            tell = functools.partial(conduct.tell, event, self._listener.now())
            self._perform(conduct, tell)

    def _notice(self, event: Event) -> None:
        if isinstance(event, Ringing):
            self._caller.ring()
        elif isinstance(event, Failed):
            _log.info("leg_failed call=%s leg=%d code=%d", self.id, event.leg, event.code)
        elif isinstance(event, Replied) and event.plan is not None:
            self.follow(event.plan)
            self._listener.followed(event.plan)

    def _perform(self, conduct: Conduct, step: Callable[[], Sequence[Action]]) -> None:
        self._is_telling = True
        for action in step():
            if not self._has_stopped:
                self._do(action)
        self._is_telling = False
        self._listener.changed(conduct)

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
        played = functools.partial(self.tell, Played(party))
        if isinstance(sound, Tone):
            booth.play(turn, self._tone(sound), played)
            return
        stand_in = self._exchange.prompt if self._asks[sound] else NOTICE
        self._exchange.speech.find(sound, lambda found: booth.play(turn, found or stand_in, played))

    def _booth(self, party: int) -> Booth:
        return self._caller.booth if party == CALLER else self._legs[party].booth

    def _tone(self, tone: Tone) -> Sound:
        tones = progress_tones(self._number)
        return {Tone.RINGBACK: tones.ringback, Tone.BUSY: tones.busy, Tone.BEEP: BEEP}[tone]

    def _call(self, call: cues.Call) -> None:
        number = call.leg
        leg = self._legs[number] = Outbound(
            self._exchange,
            self._caller,
            OutboundListener(
                ringing=lambda: self.tell(Ringing(number)),
                answered=lambda: self.tell(Answered(number)),
                failed=lambda code: self.tell(Failed(number, code)),
                hung_up=lambda: self.tell(HungUp(number)),
                key=lambda key: self.tell(Key(number, key)),
            ),
            own=None if self._has_one_target else f"{self.id}-{number}",
        )
        leg.dial(call, self.id, self._number, self._max_forwards)

    def _join(self, join: cues.Join) -> None:
        leg = self._joined = self._legs[join.leg]
        leg.join(functools.partial(self._on_joined, join))

    @guarded
    def _on_joined(self, join: cues.Join, connected: bool) -> None:
        if not connected:
            self.abort()
            return
        if join.record:
            self._caller.media.record()
        _log.info("call_answered call=%s leg=%d", self.id, join.leg)

    def _ask(self, digits: str) -> None:
        _log.info("digits_collected call=%s count=%d", self.id, len(digits))
        self._exchange.planner.decide_again(self.id, digits, lambda plan: self.tell(Replied(plan)))

    def _set_timer(self, name: str, seconds: float) -> None:
        self._clear_timer(name)
        expired = functools.partial(self.tell, Expired(name))
        self._timers[name] = self._exchange.loop.after(seconds, expired)

    def _clear_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _code_for_caller(self, code: int) -> int:
        """A code that no target gave is what the flow says: the caller gets it as it is."""
        attempts = () if self._conduct is None else self._conduct.attempts
        is_flows_own = all(attempt.code != code for attempt in attempts)
        return code if is_flows_own else caller_answer(code)
