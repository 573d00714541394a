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
    Answered,
    Ask,
    ClearTimer,
    Drop,
    End,
    Event,
    Expired,
    Failed,
    HungUp,
    Key,
    Play,
    Played,
    Record,
    Replied,
    SetTimer,
    Tone,
    leg_of,
)
from ringtrace.domain.line import Line
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

ASK_SECONDS: Final = 3.0
"""So long the backend has to say what the keyed digits lead to."""

MOST_QUESTIONS: Final = 3
"""So often in a call the backend is asked about digits; then nobody is asked for any."""

ANEW: Final = "*"
"""The key with which a caller begins his entry of digits anew; any other that is no digit ends it.

So it is with telephone services everywhere: "#" is the key that ends an entry (it is called
finishOnKey or termchar there), "*" the one that takes back.
"""

BUSY_SECONDS: Final = 3.0
"""So long a caller who was answered already hears that nobody else will be."""

_ASKED, _TALK, _BUSY, _MESSAGE = "asked", "talk", "busy", "message"

_OK: Final = 200

_Wait: TypeAlias = Generator[None, Event, None]
_Course: TypeAlias = Generator[None, Event, bool]
"""A part of the call; it answers whether the call is over with it."""


class Conduct:
    """`begin`, then `tell` of every event; each answers with what to do at once.

    Moments are ms since 1970 UTC and never decrease. Once there is a `result` nothing more is to
    be told, and no time-out is running any more.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._next: Plan | None = plan
        self._line = Line()
        self._began = 0
        self._digits: str | None = None
        self._questions = 0
        self._ending: HangUp | None = None
        self._message_at: int | None = None
        self._box: int | None = None
        self._gave_up_at: int | None = None
        self.result: Result | None = None
        self._course = self._run()

    @property
    def attempts(self) -> Sequence[Attempt]:
        """The legs so far."""
        return self._line.attempts

    @property
    def digits(self) -> str | None:
        """What the caller has keyed so far where he was asked for digits."""
        return self._digits

    @property
    def message_at(self) -> int | None:
        """When the caller began to leave a message."""
        return self._message_at

    @property
    def box(self) -> int | None:
        """Which of the flow's voicemails has the message."""
        return self._box

    def begin(self, at: int) -> Sequence[Action]:
        self._line.now = self._began = at
        return self._advance(None)

    def tell(self, event: Event, at: int) -> Sequence[Action]:
        line = self._line
        line.now = max(line.now, at)
        if self.result is not None:
            return [Drop(event.leg)] if isinstance(event, Answered) else []
        if event == HungUp(CALLER):
            self._course.close()
            self._finish(caller_left=True)
            return line.take()
        if isinstance(event, Answered):
            return self._answered(event)
        if isinstance(event, Failed) and line.attempt(event.leg).is_answered:
            event = HungUp(event.leg)
        elif isinstance(event, Failed):
            line.attempt(event.leg).fail(line.now, event.code)
        return self._advance(event)

    def _answered(self, event: Answered) -> Sequence[Action]:
        """An attempt that is over came too late, and an answer that is told again is no news."""
        attempt = self._line.attempt(event.leg)
        if attempt.is_over:
            return [Drop(event.leg)]
        if attempt.is_answered:
            return []
        self._line.picked_up(event.leg)
        return self._advance(event)

    def _advance(self, event: Event | None) -> Sequence[Action]:
        try:
            if event is None:
                next(self._course)
            else:
                self._course.send(event)
        except StopIteration:
            self._finish(caller_left=False)
        return self._line.take()

    def _run(self) -> _Wait:
        over = False
        while self._next is not None:
            self._plan, self._next = self._next, None
            over = yield from self._steps(self._plan.steps)
        if not over and self._line.is_answered:
            self._gave_up_at = self._line.now
            self._line.silence()
            self._line.do(Play(CALLER, Tone.BUSY), SetTimer(_BUSY, BUSY_SECONDS))
            yield from _until(Expired(_BUSY))

    def _finish(self, *, caller_left: bool) -> None:
        self._line.leave()
        self.result = result(
            self._line.attempts,
            began=self._began,
            now=self._gave_up_at or self._line.now,
            caller_left=caller_left and self._gave_up_at is None,
            message_at=self._message_at,
            ending=self._ending,
            digits=self._digits,
            box=self._box,
        )
        if not caller_left:
            self._line.do(End(self.result.code or _OK))

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
            case _:
                self._ending = step
                return True

    def _announce(self, prompt: Prompt) -> _Wait:
        self._line.say(prompt)
        yield from _until(Played(CALLER))

    def _menu(self, menu: Menu) -> _Course:
        for _ in range(menu.tries):
            self._line.say(menu.prompt)
            key = yield from self._line.key(menu.seconds)
            if key in menu.keys:
                return (yield from self._steps(menu.keys[key]))
        return (yield from self._steps(menu.otherwise))

    def _collect(self, collect: Collect) -> _Course:
        """A plan that answers digits may ask for digits again, but not for ever."""
        if self._questions >= MOST_QUESTIONS:
            return False
        self._line.say(collect.prompt)
        digits = yield from self._entry(collect)
        if not digits:
            return False
        self._questions += 1
        self._line.do(Ask(digits), SetTimer(_ASKED, ASK_SECONDS))
        self._next = yield from self._reply()
        return self._next is not None

    def _entry(self, collect: Collect) -> Generator[None, Event, str]:
        digits, is_playing = "", True
        while len(digits) < collect.digits:
            key = yield from self._line.key(collect.seconds, is_playing=is_playing)
            is_playing = False
            if key != ANEW and not key.isdigit():
                break
            digits = "" if key == ANEW else digits + key
            self._digits = digits or None
        return digits

    def _reply(self) -> Generator[None, Event, Plan | None]:
        while True:
            event = yield
            if isinstance(event, Replied):
                self._line.do(ClearTimer(_ASKED))
                return event.plan
            if event == Expired(_ASKED):
                return None

    def _dial(self, dial: Dial) -> _Course:
        rounds = [dial.targets] if dial.at_once else [(target,) for target in dial.targets]
        for targets in rounds:
            if (yield from self._ring(dial, targets)):
                return True
        return False

    def _ring(self, dial: Dial, targets: Sequence[Target]) -> _Course:
        """Ring all of them; the first to answer, and to accept where he has to, is joined."""
        line = self._line
        line.ringback()
        open_legs = {line.call(target, dial.caller_id) for target in targets}
        while open_legs:
            event = yield
            leg = leg_of(event)
            if leg not in open_legs:
                continue
            attempt = line.attempt(leg)
            if attempt.is_answered and _accepts(event, dial):
                yield from self._talk(leg, record=dial.record and attempt.target.record)
                return True
            if attempt.is_answered and isinstance(event, Answered | Played):
                line.introduce(leg, event, dial.whisper)
            elif isinstance(event, Failed | HungUp) or event == line.patience(leg):
                line.close(leg, event)
                open_legs.remove(leg)
        return False

    def _talk(self, leg: int, *, record: bool) -> _Wait:
        self._line.join(leg, record=record)
        self._line.do(SetTimer(_TALK, self._plan.max_seconds))
        if (yield from _until(HungUp(leg), Expired(_TALK))) == HungUp(leg):
            self._line.attempt(leg).leave(self._line.now)

    def _voicemail(self, voicemail: Voicemail) -> _Wait:
        yield from self._announce(voicemail.prompt)
        self._line.do(Play(CALLER, Tone.BEEP))
        yield from _until(Played(CALLER))
        self._message_at, self._box = self._line.now, voicemail.box
        self._line.do(Record(), SetTimer(_MESSAGE, voicemail.seconds))
        yield from _until(Key(CALLER, "#"), Expired(_MESSAGE))


def _until(*awaited: Event) -> Generator[None, Event, Event]:
    while (event := (yield)) not in awaited:
        pass
    return event


def _accepts(event: Event, dial: Dial) -> bool:
    """Whether the party is to be joined now."""
    if dial.accept is not None:
        return isinstance(event, Key) and event.digit == dial.accept
    return isinstance(event, Answered if dial.whisper is None else Played)
