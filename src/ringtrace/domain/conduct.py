"""A call, conducted by its plan: what to do next after whatever has happened.

The same for every gateway and for the rehearsal of a flow: the gateway tells what happens and does
what it is told. Nothing here waits, dials or plays.
"""

from collections.abc import Generator, Sequence
from typing import Final, TypeAlias

from ringtrace.domain.attempt import Attempt, Result, result
from ringtrace.domain.cues import (
    CALLER,
    Action,
    Answer,
    Answered,
    Ask,
    Call,
    ClearTimer,
    Drop,
    End,
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
    SetTimer,
    Silence,
    Tone,
    leg_of,
)
from ringtrace.domain.plan import (
    Announce,
    Collect,
    Dial,
    HangUp,
    Menu,
    Plan,
    Step,
    Target,
    Voicemail,
)
from ringtrace.domain.prompt import Prompt

ACCEPT_SECONDS: Final = 15.0
"""So long after the whisper whoever answered may press the key that accepts the call."""

ASK_SECONDS: Final = 3.0
"""So long the backend has to say what the keyed digits lead to."""

BUSY_SECONDS: Final = 3.0
"""So long a caller who was answered already hears that nobody else will be."""

_KEYS, _ASKED, _TALK, _BUSY, _MESSAGE = "keys", "asked", "talk", "busy", "message"

_OK: Final = 200

_Wait: TypeAlias = Generator[None, Event, None]
_Course: TypeAlias = Generator[None, Event, bool]
"""A part of the call; it answers whether the call is over with it."""


class Conduct:
    """`begin`, then `tell` of every event; each answers with what to do at once.

    Moments are ms since 1970 UTC and never decrease. Once there is a `result` nothing more is to
    be told.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._next: Plan | None = plan
        self._now = self._began = 0
        self._actions: list[Action] = []
        self._attempts: list[Attempt] = []
        self._is_answered = self._hears_ringback = False
        self._digits: str | None = None
        self._ending: HangUp | None = None
        self._message_at: int | None = None
        self._gave_up_at: int | None = None
        self.result: Result | None = None
        self._course = self._run()

    @property
    def attempts(self) -> Sequence[Attempt]:
        """The legs so far."""
        return self._attempts

    @property
    def digits(self) -> str | None:
        """What the caller has keyed so far where he was asked for digits."""
        return self._digits

    @property
    def message_at(self) -> int | None:
        """When the caller began to leave a message."""
        return self._message_at

    def begin(self, at: int) -> Sequence[Action]:
        self._now = self._began = at
        return self._advance(None)

    def tell(self, event: Event, at: int) -> Sequence[Action]:
        self._now = max(self._now, at)
        if self.result is not None:
            return [Drop(event.leg)] if isinstance(event, Answered) else []
        if event == HungUp(CALLER):
            self._course.close()
            self._finish(caller_left=True)
            return self._drain()
        if isinstance(event, Answered):
            return self._answered(event)
        if isinstance(event, Failed) and self._attempt(event.leg).is_answered:
            event = HungUp(event.leg)
        elif isinstance(event, Failed):
            self._attempt(event.leg).fail(self._now, event.code)
        return self._advance(event)

    def _answered(self, event: Answered) -> Sequence[Action]:
        """An attempt that is over came too late, and an answer that is told again is no news."""
        attempt = self._attempt(event.leg)
        if attempt.is_over:
            return [Drop(event.leg)]
        if attempt.is_answered:
            return []
        attempt.answer(self._now)
        self._do(ClearTimer(_ringing(event.leg)))
        return self._advance(event)

    def _advance(self, event: Event | None) -> Sequence[Action]:
        try:
            if event is None:
                next(self._course)
            else:
                self._course.send(event)
        except StopIteration:
            self._finish(caller_left=False)
        return self._drain()

    def _drain(self) -> Sequence[Action]:
        actions, self._actions = self._actions, []
        return actions

    def _do(self, *actions: Action) -> None:
        self._actions += actions

    def _attempt(self, leg: int) -> Attempt:
        return self._attempts[leg - 1]

    def _run(self) -> _Wait:
        over = False
        while self._next is not None:
            self._plan, self._next = self._next, None
            over = yield from self._steps(self._plan.steps)
        if not over and self._is_answered:
            self._gave_up_at = self._now
            self._silence()
            self._do(Play(CALLER, Tone.BUSY), SetTimer(_BUSY, BUSY_SECONDS))
            yield from self._until(Expired(_BUSY))

    def _finish(self, *, caller_left: bool) -> None:
        for leg, attempt in enumerate(self._attempts, 1):
            if not attempt.is_over:
                self._do(Drop(leg))
                attempt.leave(self._now)
        self.result = result(
            self._attempts,
            began=self._began,
            now=self._gave_up_at or self._now,
            caller_left=caller_left and self._gave_up_at is None,
            message_at=self._message_at,
            ending=self._ending,
            digits=self._digits,
        )
        if not caller_left:
            self._do(End(self.result.code or _OK))

    def _steps(self, steps: Sequence[Step]) -> _Course:
        for step in steps:
            if (yield from self._step(step)):
                return True
        return False

    def _step(self, step: Step) -> _Course:
        match step:
            case Announce():
                yield from self._announce(step.prompt)
                return False
            case Menu():
                return (yield from self._menu(step))
            case Collect():
                return (yield from self._collect(step))
            case Dial():
                return (yield from self._dial(step))
            case Voicemail():
                yield from self._voicemail(step)
                return True
            case HangUp():
                self._ending = step
                return True

    def _announce(self, prompt: Prompt) -> _Wait:
        self._say(prompt)
        yield from self._until(Played(CALLER))

    def _menu(self, menu: Menu) -> _Course:
        for _ in range(menu.tries):
            self._say(menu.prompt)
            key = yield from self._key(menu.seconds)
            if key in menu.keys:
                return (yield from self._steps(menu.keys[key]))
        return (yield from self._steps(menu.otherwise))

    def _collect(self, collect: Collect) -> _Course:
        self._say(collect.prompt)
        digits = ""
        while len(digits) < collect.digits:
            key = yield from self._key(collect.seconds, is_playing=not digits)
            if not key.isdigit():
                break
            digits += key
            self._digits = digits
        if not digits:
            return False
        self._do(Ask(digits), SetTimer(_ASKED, ASK_SECONDS))
        plan = yield from self._reply()
        self._next = plan
        return plan is not None

    def _dial(self, dial: Dial) -> _Course:
        rounds = [dial.targets] if dial.at_once else [(target,) for target in dial.targets]
        for targets in rounds:
            if (yield from self._ring(dial, targets)):
                return True
        return False

    def _ring(self, dial: Dial, targets: Sequence[Target]) -> _Course:
        """Ring all of them; the first to answer, and to accept where he has to, is joined."""
        self._ringback()
        open_legs = {self._call(target, dial.caller_id) for target in targets}
        while open_legs:
            event = yield
            leg = leg_of(event)
            if leg not in open_legs:
                continue
            attempt = self._attempt(leg)
            if attempt.is_answered and _accepts(event, dial):
                yield from self._talk(leg, record=dial.record and attempt.target.record)
                return True
            if attempt.is_answered and isinstance(event, Answered | Played):
                self._introduce(leg, event, dial)
            elif isinstance(event, Failed | HungUp) or event == self._patience(leg):
                self._close(leg, event)
                open_legs.remove(leg)
        return False

    def _patience(self, leg: int) -> Expired:
        """The time-out that is running for a leg."""
        is_answered = self._attempt(leg).is_answered
        return Expired(_accepting(leg) if is_answered else _ringing(leg))

    def _introduce(self, leg: int, event: Answered | Played, dial: Dial) -> None:
        """Whisper to whoever answered, then wait for him to accept."""
        if isinstance(event, Answered) and dial.whisper is not None:
            self._do(Play(leg, dial.whisper))
        else:
            self._do(SetTimer(_accepting(leg), ACCEPT_SECONDS))

    def _close(self, leg: int, event: Event) -> None:
        """The leg will not be joined."""
        self._do(ClearTimer(_ringing(leg)), ClearTimer(_accepting(leg)))
        if isinstance(event, Failed):
            return
        self._attempt(leg).give_up(self._now)
        if isinstance(event, Expired):
            self._do(Drop(leg))

    def _call(self, target: Target, caller_id: str) -> int:
        self._attempts.append(Attempt(target, self._now))
        leg = len(self._attempts)
        self._do(Call(leg, target, caller_id), SetTimer(_ringing(leg), target.ring_seconds))
        return leg

    def _talk(self, leg: int, *, record: bool) -> _Wait:
        for other, attempt in enumerate(self._attempts, 1):
            if other != leg and not attempt.is_over:
                self._do(ClearTimer(_ringing(other)), ClearTimer(_accepting(other)), Drop(other))
                attempt.lose(self._now)
        self._silence()
        self._answer()
        self._attempt(leg).join(self._now)
        self._do(
            ClearTimer(_accepting(leg)),
            Join(leg, record),
            SetTimer(_TALK, self._plan.max_seconds),
        )
        if (yield from self._until(HungUp(leg), Expired(_TALK))) == HungUp(leg):
            self._attempt(leg).leave(self._now)

    def _voicemail(self, voicemail: Voicemail) -> _Wait:
        yield from self._announce(voicemail.prompt)
        self._do(Play(CALLER, Tone.BEEP))
        yield from self._until(Played(CALLER))
        self._message_at = self._now
        self._do(Record(), SetTimer(_MESSAGE, voicemail.seconds))
        yield from self._until(Key(CALLER, "#"), Expired(_MESSAGE))

    def _key(self, seconds: float, *, is_playing: bool = True) -> Generator[None, Event, str]:
        """The key the caller presses while he hears something or `seconds` after; "": none."""
        if not is_playing:
            self._do(SetTimer(_KEYS, seconds))
        while True:
            event = yield
            if isinstance(event, Key) and event.party == CALLER:
                self._do(Silence(CALLER) if is_playing else ClearTimer(_KEYS))
                return event.digit
            if event == Played(CALLER):
                is_playing = False
                self._do(SetTimer(_KEYS, seconds))
            elif event == Expired(_KEYS):
                return ""

    def _reply(self) -> Generator[None, Event, Plan | None]:
        while True:
            event = yield
            if isinstance(event, Replied):
                self._do(ClearTimer(_ASKED))
                return event.plan
            if event == Expired(_ASKED):
                return None

    def _until(self, *awaited: Event) -> Generator[None, Event, Event]:
        while (event := (yield)) not in awaited:
            pass
        return event

    def _say(self, prompt: Prompt) -> None:
        self._silence()
        self._answer()
        self._do(Play(CALLER, prompt))

    def _answer(self) -> None:
        if not self._is_answered:
            self._is_answered = True
            self._do(Answer())

    def _ringback(self) -> None:
        """Who is not answered yet hears it from his own network."""
        if self._is_answered and not self._hears_ringback:
            self._hears_ringback = True
            self._do(Play(CALLER, Tone.RINGBACK))

    def _silence(self) -> None:
        if self._hears_ringback:
            self._hears_ringback = False
            self._do(Silence(CALLER))


def _ringing(leg: int) -> str:
    return f"ringing {leg}"


def _accepting(leg: int) -> str:
    return f"accepting {leg}"


def _accepts(event: Event, dial: Dial) -> bool:
    """Whether the party is to be joined now."""
    if dial.accept is not None:
        return isinstance(event, Key) and event.digit == dial.accept
    return isinstance(event, Answered if dial.whisper is None else Played)
