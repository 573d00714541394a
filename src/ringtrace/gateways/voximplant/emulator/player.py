"""Audio players of a scenario: only those that play a ToneScript are emulated."""

import re
from collections.abc import Callable
from typing import Any

from ringtrace.gateways.voximplant.emulator.agenda import Agenda, Appointment

_STARTS = 0.02

_FREQUENCY = re.compile(r"[0-9]+(\.[0-9]+)?@-?[0-9]+(\.[0-9]+)?")
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
_SECTION = re.compile(r"(?P<length>[^()]+)\((?P<segments>[^()]+)\)")

Emit = Callable[[str, str, dict[str, Any]], None]


class ToneScriptError(ValueError):
    """A text is no ToneScript."""


def tone_seconds(script: str) -> float | None:
    """How long a ToneScript sounds, None for ever. Raises ToneScriptError.

    It is `hertz@level,…;seconds(on/off/tones,…);…`: seconds may be `*` (for ever), `tones` are
    places in the list of frequencies joined by `+`, or 0 for silence.
    """
    frequencies, *sections = script.split(";")
    known = frequencies.split(",")
    if not all(_FREQUENCY.fullmatch(one) for one in known):
        raise ToneScriptError(f"{frequencies!r} is not a list of frequencies like 425@-19")
    if not sections:
        raise ToneScriptError("there is no section like 3(.5/.5/1)")
    lengths = [_section_seconds(section, len(known)) for section in sections]
    return None if None in lengths else sum(length or 0.0 for length in lengths)


def _section_seconds(section: str, tones: int) -> float | None:
    parts = _SECTION.fullmatch(section)
    if parts is None:
        raise ToneScriptError(f"{section!r} is not a section like 3(.5/.5/1)")
    for segment in parts["segments"].split(","):
        _check_segment(segment, tones)
    return _seconds(parts["length"])


def _check_segment(segment: str, tones: int) -> None:
    match segment.split("/"):
        case [on, off, mixed]:
            _seconds(on)
            _seconds(off)
        case _:
            raise ToneScriptError(f"{segment!r} is not a segment like .5/.5/1+2")
    for place in mixed.split("+"):
        if not place.isdigit() or int(place) > tones:
            raise ToneScriptError(f"{segment!r} has no tone {place!r}")


def _seconds(text: str) -> float | None:
    if text == "*":
        return None
    if not _SECONDS.fullmatch(text):
        raise ToneScriptError(f"{text!r} is not a number of seconds")
    return float(text)


class Players:
    """Tells `emit(player, name, fields)` of what they play; each begins when it is made."""

    def __init__(self, agenda: Agenda, emit: Emit) -> None:
        self._agenda = agenda
        self._emit = emit
        self._due: dict[str, list[Appointment]] = {}

    def is_playing(self, player: str) -> bool:
        return player in self._due

    def play_tones(self, player: str, script: str, *, loop: bool) -> None:
        """Play `script`; one that is none is told of as a playback that ended with an error."""
        due = self._due[player] = []

        def later(seconds: float, name: str, fields: dict[str, Any]) -> None:
            due.append(self._agenda.after(seconds, lambda: self._emit(player, name, fields)))

        try:
            seconds = tone_seconds(script)
        except ToneScriptError as error:
            message = str(error)
            self._agenda.after(_STARTS, lambda: self._finish(player, {"error": message}))
            return
        if loop:
            seconds = None
        later(0, "Player.Created", {})
        later(_STARTS, "Player.PlaybackReady", {})
        length = {} if seconds is None else {"duration": round(seconds * 1000)}
        later(_STARTS, "Player.Started", length)
        if seconds is not None:
            due.append(self._agenda.after(_STARTS + seconds, lambda: self._finish(player, {})))

    def stop(self, player: str) -> None:
        """It is gone; that what it played is over is not told."""
        for appointment in self._due.pop(player, ()):
            appointment.cancelled = True
        self._agenda.after(0, lambda: self._emit(player, "Player.Stopped", {}))

    def _finish(self, player: str, fields: dict[str, Any]) -> None:
        if self._due.pop(player, None) is not None:
            self._emit(player, "Player.PlaybackFinished", fields)
