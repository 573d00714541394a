"""A call that is only imagined: a plan carried out on a virtual clock, with parties that act."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ringtrace.domain.attempt import FULL, Result
from ringtrace.domain.conduct import Conduct
from ringtrace.domain.cues import (
    CALLER,
    Action,
    Answered,
    Ask,
    Call,
    ClearTimer,
    Drop,
    Event,
    Expired,
    Failed,
    HungUp,
    Join,
    Key,
    Play,
    Played,
    Record,
    Replied,
    Ringing,
    SetTimer,
    Silence,
    Tone,
)
from ringtrace.domain.plan import Plan
from ringtrace.domain.prompt import Prompt
from ringtrace.domain.timeline import Moment, in_words, sound_in_words

BEEP_SECONDS: Final = 0.5
REPLY_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Party:
    """What whoever is dialled does. Seconds after the dialling, `talk` and `keys` after answering.

    Without `answers` he rings for ever, with a `code` he fails. Without `talk` he stays until the
    caller leaves. `calls` are those he has already.
    """

    answers: float | None = None
    code: int | None = None
    after: float = 0.1
    talk: float | None = None
    keys: tuple[tuple[float, str], ...] = ()
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Caller:
    """What the caller does; seconds after his call came."""

    hangs_up: float | None = None
    keys: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`seconds` is how long the call took, `recorded` for how many of them the caller was.

    `heard` is what he was played, one after another.
    """

    result: Result
    seconds: float
    timeline: tuple[Moment, ...]
    heard: tuple[str, ...]
    recorded: float


_UNKNOWN: Final = Party(code=404)


def rehearse(
    plan: Plan,
    caller: Caller,
    parties: Mapping[str, Party],
    reply: Callable[[str], Plan | None] = lambda _: None,
) -> Rehearsal:
    """`parties` by what is dialled; who is not among them does not exist (404).

    `reply` is what the backend says of keyed digits.
    """
    return _Stage(plan, caller, parties, reply).run()


@dataclass(order=True, slots=True)
class _Due:
    at: int
    turn: int
    event: Event = field(compare=False)


class _Stage:
    def __init__(
        self,
        plan: Plan,
        caller: Caller,
        parties: Mapping[str, Party],
        reply: Callable[[str], Plan | None],
    ) -> None:
        self._conduct = Conduct(plan)
        self._parties = parties
        self._reply = reply
        self._now = self._turn = 0
        self._due: list[_Due] = []
        self._timers: dict[str, int] = {}
        self._sounds: dict[int, int] = {}
        self._targets: dict[int, str] = {}
        self._gone: set[int] = set()
        self._timeline: list[Moment] = []
        self._heard: list[str] = []
        self._recording_since: int | None = None
        for seconds, digit in caller.keys:
            self._later(seconds, Key(CALLER, digit))
        if caller.hangs_up is not None:
            self._later(caller.hangs_up, HungUp(CALLER))

    def run(self) -> Rehearsal:
        self._carry_out(self._conduct.begin(0))
        while self._conduct.result is None:
            # A Conduct never waits without a time-out, so something is due until the end.
            due = heapq.heappop(self._due)
            self._now = due.at
            if self._is_real(due):
                self._tell(due.event)
                self._carry_out(self._conduct.tell(due.event, self._now))
        since = self._now if self._recording_since is None else self._recording_since
        return Rehearsal(
            result=self._conduct.result,
            seconds=self._now / 1_000,
            timeline=tuple(self._timeline),
            heard=tuple(self._heard),
            recorded=(self._now - since) / 1_000,
        )

    def _later(self, seconds: float, event: Event) -> int:
        self._turn += 1
        heapq.heappush(self._due, _Due(self._now + round(seconds * 1_000), self._turn, event))
        return self._turn

    def _is_real(self, due: _Due) -> bool:
        """Timers that were cleared, sounds that were stopped and parties that left say nothing."""
        event = due.event
        if isinstance(event, Expired):
            return self._timers.get(event.timer) == due.turn
        if isinstance(event, Played):
            return self._sounds.get(event.party) == due.turn
        if isinstance(event, HungUp | Key):
            return event.party not in self._gone
        if isinstance(event, Ringing | Answered | Failed):
            return event.leg not in self._gone
        return True

    def _carry_out(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Call):
                self._targets[action.leg] = action.target.to
            self._tell(action)
            self._carry(action)

    def _tell(self, said: Event | Action) -> None:
        what = in_words(said, lambda party: self._targets.get(party, "caller"))
        if what:
            self._timeline.append(Moment(self._now / 1_000, what))

    def _carry(self, action: Action) -> None:
        match action:
            case Play():
                self._play(action)
            case Silence():
                self._sounds.pop(action.party, None)
            case Call():
                self._dial(action)
            case Drop():
                self._gone.add(action.leg)
            case Join() | Record():
                self._connect(action)
            case Ask():
                self._later(REPLY_SECONDS, Replied(self._reply(action.digits)))
            case SetTimer():
                self._timers[action.timer] = self._later(action.seconds, Expired(action.timer))
            case ClearTimer():
                self._timers.pop(action.timer, None)

    def _connect(self, action: Join | Record) -> None:
        if isinstance(action, Record) or action.record:
            self._recording_since = self._now

    def _play(self, action: Play) -> None:
        sound = action.sound
        if action.party == CALLER:
            self._heard.append(sound_in_words(sound))
        if sound is Tone.BEEP:
            self._sounds[CALLER] = self._later(BEEP_SECONDS, Played(CALLER))
        elif isinstance(sound, Prompt):
            played = Played(action.party)
            self._sounds[action.party] = self._later(sound.about_seconds, played)

    def _dial(self, action: Call) -> None:
        leg = action.leg
        party = self._parties.get(action.target.to, _UNKNOWN)
        most = action.target.most_calls
        if most is not None and party.calls >= most:
            self._later(0, Failed(leg, FULL))
            return
        if party.code is not None:
            self._later(party.after, Failed(leg, party.code))
            return
        if party.answers is None:
            self._later(party.after, Ringing(leg))
            return
        self._later(min(party.after, party.answers), Ringing(leg))
        self._later(party.answers, Answered(leg))
        for seconds, digit in party.keys:
            self._later(party.answers + seconds, Key(leg, digit))
        if party.talk is not None:
            self._later(party.answers + party.talk, HungUp(leg))
