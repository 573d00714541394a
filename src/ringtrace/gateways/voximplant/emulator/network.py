"""The simulated telephone network: the caller, the dialled parties, their media."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ringtrace.gateways.voximplant.emulator.agenda import Agenda
from ringtrace.gateways.voximplant.emulator.case import Answer, CallerDoes
from ringtrace.gateways.voximplant.emulator.leg import Leg, LegState, Recorded

UNANSWERED_SECONDS = 60.0
ATTEMPTS = 50
IN_PROGRESS = 10
TTS_CHARACTERS = 1500

_ANSWER_SECONDS = 0.02
_RECORD_STARTS = 0.02
_RECORD_STOPS = 0.015
_CANCEL_SECONDS = 0.05
_RING_SECONDS = 1.0
_SPOKEN_CHARACTERS_PER_SECOND = 15
# Audio files are not fetched; each is taken to be this long.
_AUDIO_FILE_SECONDS = 5.0
_PROGRESS_TONES = ("US", "RU")
_NORMAL_CLEARING = 16

_REASONS = {
    402: "Insufficient funds",
    403: "Forbidden",
    404: "Invalid number",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    487: "Request Terminated",
    503: "Service Unavailable",
    603: "Decline",
}

Emit = Callable[[Leg, str, dict[str, Any]], None]


class Network:
    """Turns what the parties do into events, given to `emit(leg, name, fields)`.

    `emptied()` is called when the last live leg has ended.
    """

    def __init__(
        self,
        agenda: Agenda,
        answers: Sequence[Answer],
        caller_does: CallerDoes,
        emit: Emit,
        emptied: Callable[[], None],
    ) -> None:
        self.legs: list[Leg] = []
        self._agenda = agenda
        self._answers = answers
        self._caller_does = caller_does
        self._emit = emit
        self._emptied = emptied
        self._recordings = 0

    def leg(self, leg_id: str) -> Leg:
        return next(leg for leg in self.legs if leg.id == leg_id)

    def find(self, leg_id: str) -> Leg | None:
        return next((leg for leg in self.legs if leg.id == leg_id), None)

    def alive(self) -> bool:
        return any(leg.alive for leg in self.legs)

    def arrive(self, leg_id: str, *, sip: bool) -> None:
        """Begin the caller's leg; the platform gives up on it when it stays unanswered."""
        keys = self._caller_does.keys
        leg = Leg(leg_id, "caller", incoming=True, began=self._agenda.now, sip=sip, keys=keys)
        self.legs.append(leg)
        self._agenda.after(UNANSWERED_SECONDS, lambda: self._give_up(leg))
        if self._caller_does.hang_up is not None:
            self._agenda.after(self._caller_does.hang_up, lambda: self._party_leaves(leg))

    def dial(self, leg_id: str, to: str, *, sip: bool) -> None:
        leg = Leg(leg_id, to, incoming=False, began=self._agenda.now, sip=sip)
        self.legs.append(leg)
        dialled = [known for known in self.legs if not known.incoming]
        progressing = [known for known in dialled if known.state is LegState.WAITING]
        if len(dialled) > ATTEMPTS or len(progressing) > IN_PROGRESS:
            self._agenda.after(0, lambda: self._fail(leg, 403, "Call limit reached"))
            return
        self._agenda.after(UNANSWERED_SECONDS, lambda: self._give_up(leg))
        self._behave(leg, self._answer_of(to))

    def _answer_of(self, to: str) -> Answer:
        for answer in self._answers:
            if answer.to == "*" or answer.to.removeprefix("+") == to.removeprefix("+"):
                return answer
        return Answer(to, fail=404)

    def _behave(self, leg: Leg, answer: Answer) -> None:
        leg.keys = answer.keys
        end = answer.after if answer.fail is not None else answer.answer
        ring = answer.ring
        if ring is None and answer.fail is None:
            ring = _RING_SECONDS
        for moment, name in ((ring, "Call.Ringing"), (answer.early_media, "Call.AudioStarted")):
            if moment is not None and (end is None or moment < end):
                self._agenda.after(moment, partial(self._progress, leg, name))
        if answer.fail is not None:
            code = answer.fail
            self._agenda.after(answer.after, lambda: self._fail(leg, code))
        elif answer.answer is not None:
            self._agenda.after(answer.answer, lambda: self._picked_up(leg, answer.talk))

    def _progress(self, leg: Leg, name: str) -> None:
        if leg.state is not LegState.WAITING:
            return
        if name == "Call.AudioStarted":
            leg.early_media = True
            self._emit(leg, name, {"headers": {}, "code": 183})
        else:
            self._emit(leg, name, {"headers": {}})

    def _picked_up(self, leg: Leg, talk: float | None) -> None:
        if leg.state is not LegState.WAITING:
            return
        if not leg.early_media:
            self._emit(leg, "Call.AudioStarted", {"headers": {}, "code": 200})
        if talk is not None:
            self._agenda.after(talk, lambda: self._party_leaves(leg))
        self._connect(leg)

    def _connect(self, leg: Leg) -> None:
        if leg.state is not LegState.WAITING:
            return
        leg.state = LegState.CONNECTED
        leg.connected = self._agenda.now
        for moment, key in leg.keys:
            self._agenda.after(moment, partial(self._key, leg, key))
        if leg.recorded is not None:
            self._start_recording(leg, leg.recorded)
        self._emit(leg, "Call.Connected", {"headers": {}, "displayName": "", "scheme": {}})

    def _key(self, leg: Leg, key: str) -> None:
        if leg.alive and leg.tones_handled:
            self._emit(leg, "Call.ToneReceived", {"tone": key, "type": "1"})

    def answer(self, leg: Leg) -> None:
        if leg.incoming:
            leg.accepted = True
            self._agenda.after(_ANSWER_SECONDS, lambda: self._connect(leg))

    def reject(self, leg: Leg, code: int) -> None:
        if leg.incoming and leg.state is LegState.WAITING:
            self._agenda.after(0, lambda: self._disconnect(leg, code, _reason(code)))

    def hang_up(self, leg: Leg) -> None:
        """Connected legs disconnect; one still being dialled fails, with a little delay."""
        if leg.state is LegState.CONNECTED:
            self._agenda.after(
                0, lambda: self._disconnect(leg, _NORMAL_CLEARING, "Normal call clearing")
            )
        elif leg.incoming:
            self.reject(leg, 603)
        else:
            self._agenda.after(_CANCEL_SECONDS, lambda: self._cancel(leg))

    def record(self, leg: Leg) -> None:
        if leg.recorded is not None:
            return
        self._recordings += 1
        name = f"{leg.id.replace('.', '-')}-{self._recordings}.mp3"
        leg.recorded = Recorded(
            f"https://records.voximplant-emulator.invalid/{name}?record_id={self._recordings}"
        )
        if leg.state is LegState.CONNECTED:
            self._start_recording(leg, leg.recorded)

    def _start_recording(self, leg: Leg, recorded: Recorded) -> None:
        def started() -> None:
            if leg.alive:
                recorded.began = self._agenda.now
                self._emit(leg, "Call.RecordStarted", {"url": recorded.url})

        self._agenda.after(_RECORD_STARTS, started)

    def start_early_media(self, leg: Leg) -> None:
        leg.accepted = leg.accepted or leg.incoming

    def say(self, leg: Leg, text: str) -> str | None:
        """Like all that plays: the reason why nothing is heard, if nothing is."""
        if not _reached(leg):
            return "the call is not answered"
        if len(text) > TTS_CHARACTERS:
            error = f"The text is longer than {TTS_CHARACTERS} characters"
            self._agenda.after(0, lambda: self._playback_ends(leg, {"error": error}))
            return None
        self._play(leg, max(1.0, len(text) / _SPOKEN_CHARACTERS_PER_SECOND))
        return None

    def play(self, leg: Leg, *, loop: bool) -> None:
        self._play(leg, None if loop else _AUDIO_FILE_SECONDS)

    def play_progress_tone(self, leg: Leg, country: str) -> str | None:
        """A tone without end and without events, until another stream takes its place."""
        if country not in _PROGRESS_TONES:
            return f"no tone for {country}, only {' and '.join(_PROGRESS_TONES)}"
        if not _reached(leg):
            return "the call is not answered"
        self.stop_playback(leg)
        return None

    def send_media(self, leg: Leg) -> str | None:
        """Somebody else's sound reaches `leg`, which hears one stream only: the last one."""
        if not _reached(leg):
            return "the call is not answered"
        self.stop_playback(leg)
        return None

    def stop_playback(self, leg: Leg) -> None:
        """The end of a stopped playback is never told."""
        if leg.playback is not None:
            leg.playback.cancelled = True
            leg.playback = None

    def _play(self, leg: Leg, seconds: float | None) -> None:
        self.stop_playback(leg)
        fields = {} if seconds is None else {"duration": int(seconds * 1000)}

        def started() -> None:
            if leg.alive:
                self._emit(leg, "Call.PlaybackStarted", fields)

        leg.playback = self._agenda.after(_ANSWER_SECONDS, started)
        if seconds is not None:
            leg.playback = self._agenda.after(seconds, lambda: self._playback_ends(leg, {}))

    def _playback_ends(self, leg: Leg, fields: dict[str, Any]) -> None:
        leg.playback = None
        if leg.alive:
            self._emit(leg, "Call.PlaybackFinished", fields)

    def end_all(self) -> None:
        """End every leg without a word to the scenario, as terminating does."""
        for leg in self.legs:
            if leg.alive:
                leg.cancelled = leg.connected is None and not leg.incoming
                self._end(leg, 487)

    def _party_leaves(self, leg: Leg) -> None:
        if leg.state is LegState.CONNECTED:
            self._disconnect(leg, _NORMAL_CLEARING, "BYE received")
        elif leg.incoming:
            self._disconnect(leg, 487, "Request Terminated")

    def _give_up(self, leg: Leg) -> None:
        if leg.state is not LegState.WAITING:
            return
        if leg.incoming:
            self._disconnect(leg, 408, _reason(408))
        else:
            self._fail(leg, 408)

    def _cancel(self, leg: Leg) -> None:
        if leg.state is LegState.CONNECTED:
            self._disconnect(leg, _NORMAL_CLEARING, "Normal call clearing")
            return
        leg.cancelled = leg.alive
        self._fail(leg, 487)

    def _fail(self, leg: Leg, code: int, reason: str | None = None) -> None:
        if leg.state is not LegState.WAITING:
            return
        self._end(leg, code)
        fields = {"headers": {}, "code": code, "reason": reason or _reason(code)}
        self._emit(leg, "Call.Failed", fields)
        self._check_emptied()

    def _disconnect(self, leg: Leg, code: int, reason: str) -> None:
        if not leg.alive:
            return
        self._end(leg, code)
        fields = {
            "headers": {},
            "internalCode": code,
            "reason": reason,
            "duration": leg.whole_seconds(self._agenda.now),
            "cost": 0,
            "direction": "SIP Call" if leg.sip else "All numbers",
        }
        self._emit(leg, "Call.Disconnected", fields)
        self._check_emptied()

    def _end(self, leg: Leg, code: int) -> None:
        leg.state = LegState.ENDED
        leg.ended = self._agenda.now
        leg.code = code
        self.stop_playback(leg)
        recorded = leg.recorded
        if recorded is None or recorded.began is None:
            return
        recorded.seconds = self._agenda.now - recorded.began
        fields = {
            "url": recorded.url,
            "cost": "0",
            "duration": int(recorded.seconds),
            "reason": "Stopped by user",
        }
        self._agenda.after(_RECORD_STOPS, lambda: self._emit(leg, "Call.RecordStopped", fields))

    def _check_emptied(self) -> None:
        if not self.alive():
            self._emptied()


def _reached(leg: Leg) -> bool:
    return leg.accepted or leg.state is LegState.CONNECTED


def _reason(code: int) -> str:
    return _REASONS.get(code, f"SIP {code}")
