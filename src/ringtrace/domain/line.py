"""The caller and the legs of one call: how it stands with them, and what is to be done next."""

from collections.abc import Generator, Sequence
from typing import Final

from ringtrace.domain.attempt import Attempt
from ringtrace.domain.cues import (
    CALLER,
    Action,
    Answer,
    Answered,
    Call,
    ClearTimer,
    Drop,
    Event,
    Expired,
    Failed,
    Join,
    Key,
    Play,
    Played,
    SetTimer,
    Silence,
    Tone,
)
from ringtrace.domain.plan import Target
from ringtrace.domain.prompt import Prompt

ACCEPT_SECONDS: Final = 15.0
"""So long after the whisper whoever answered may press the key that accepts the call."""

_KEYS: Final = "keys"


class Line:
    """Actions are kept in order until they are taken. Moments are ms since 1970 UTC."""

    def __init__(self) -> None:
        self.now = 0
        self.is_answered = False
        self.attempts: list[Attempt] = []
        self._hears_ringback = False
        self._actions: list[Action] = []

    def do(self, *actions: Action) -> None:
        self._actions += actions

    def take(self) -> Sequence[Action]:
        actions, self._actions = self._actions, []
        return actions

    def attempt(self, leg: int) -> Attempt:
        return self.attempts[leg - 1]

    def answer(self) -> None:
        """The caller, unless he is answered already."""
        if not self.is_answered:
            self.is_answered = True
            self.do(Answer())

    def say(self, prompt: Prompt) -> None:
        """To the caller, who is answered for it."""
        self.silence()
        self.answer()
        self.do(Play(CALLER, prompt))

    def ringback(self) -> None:
        """Who is not answered yet hears it from his own network."""
        if self.is_answered and not self._hears_ringback:
            self._hears_ringback = True
            self.do(Play(CALLER, Tone.RINGBACK))

    def silence(self) -> None:
        """Stop the ringback."""
        if self._hears_ringback:
            self._hears_ringback = False
            self.do(Silence(CALLER))

    def key(self, seconds: float, *, is_playing: bool = True) -> Generator[None, Event, str]:
        """The key the caller presses while he hears something or `seconds` after; "": none."""
        if not is_playing:
            self.do(SetTimer(_KEYS, seconds))
        while True:
            event = yield
            if isinstance(event, Key) and event.party == CALLER:
                self.do(Silence(CALLER) if is_playing else ClearTimer(_KEYS))
                return event.digit
            if event == Played(CALLER):
                is_playing = False
                self.do(SetTimer(_KEYS, seconds))
            elif event == Expired(_KEYS):
                return ""

    def call(self, target: Target, caller_id: str) -> int:
        """A new leg."""
        self.attempts.append(Attempt(target, self.now))
        leg = len(self.attempts)
        self.do(Call(leg, target, caller_id), SetTimer(_ringing(leg), target.ring_seconds))
        return leg

    def patience(self, leg: int) -> Expired:
        """The time-out that is running for a leg."""
        is_answered = self.attempt(leg).is_answered
        return Expired(_accepting(leg) if is_answered else _ringing(leg))

    def picked_up(self, leg: int) -> None:
        self.attempt(leg).answer(self.now)
        self.do(ClearTimer(_ringing(leg)))

    def introduce(self, leg: int, event: Answered | Played, whisper: Prompt | None) -> None:
        """Whisper to whoever answered, then wait for him to accept."""
        if isinstance(event, Answered) and whisper is not None:
            self.do(Play(leg, whisper))
        else:
            self.do(SetTimer(_accepting(leg), ACCEPT_SECONDS))

    def close(self, leg: int, event: Event) -> None:
        """The leg failed, hung up or ran out of time before it was joined."""
        self.do(ClearTimer(_ringing(leg)), ClearTimer(_accepting(leg)))
        if isinstance(event, Failed):
            return
        self.attempt(leg).give_up(self.now)
        if isinstance(event, Expired):
            self.do(Drop(leg))

    def join(self, leg: int, *, record: bool) -> None:
        """The others have lost; their answers come too late from now on."""
        for other, attempt in enumerate(self.attempts, 1):
            if other != leg and not attempt.is_over:
                self.do(ClearTimer(_ringing(other)), ClearTimer(_accepting(other)), Drop(other))
                attempt.lose(self.now)
        self.silence()
        self.answer()
        self.attempt(leg).join(self.now)
        self.do(ClearTimer(_accepting(leg)), Join(leg, record))

    def leave(self) -> None:
        """The call is over for every leg that is left."""
        for leg, attempt in enumerate(self.attempts, 1):
            if not attempt.is_over:
                self.do(Drop(leg))
                attempt.leave(self.now)


def _ringing(leg: int) -> str:
    return f"ringing {leg}"


def _accepting(leg: int) -> str:
    return f"accepting {leg}"
