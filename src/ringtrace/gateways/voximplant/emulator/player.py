"""Audio players of a scenario: those that play a ToneScript or a file."""

import io
import re
import wave
from collections.abc import Callable
from typing import Any

from ringtrace.gateways.voximplant.emulator.agenda import Agenda, Appointment
from ringtrace.gateways.voximplant.emulator.http import (
    TIMED_OUT,
    TOO_LARGE,
    USER_AGENT,
    Backend,
    Reply,
    Request,
)

FILE_BYTES = 10 * 1024 * 1024
DOWNLOAD_SECONDS = 12.0
FILE_SECONDS = 5.0
"""How long a file is taken to last whose length cannot be read."""

_CONNECT_SECONDS = 6.0
_STARTS = 0.02
_OK = 200
_FORMATS = (b"RIFF", b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa")
"""How WAV, MP3, Ogg and FLAC begin: other files are not played."""

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

    def __init__(self, agenda: Agenda, backend: Backend, emit: Emit) -> None:
        self._agenda = agenda
        self._backend = backend
        self._emit = emit
        self._due: dict[str, list[Appointment]] = {}

    def is_playing(self, player: str) -> bool:
        return player in self._due

    def play_tones(self, player: str, script: str, *, loop: bool) -> None:
        """Play `script`; one that is none is told of as a playback that ended with an error."""
        self._due[player] = []
        try:
            seconds = tone_seconds(script)
        except ToneScriptError as error:
            self._fail(player, _STARTS, str(error))
            return
        self._later(player, 0, "Player.Created", {})
        self._sound(player, 0, None if loop else seconds)

    def play_file(self, player: str, url: str, *, loop: bool) -> None:
        """Fetch and play a file, within the platform's limits; each player fetches anew."""
        self._due[player] = []
        self._later(player, 0, "Player.Created", {})
        headers = (("User-Agent", USER_AGENT), ("Accept", "*/*"))
        asked = Request(
            "GET", url, headers, None, DOWNLOAD_SECONDS, _CONNECT_SECONDS, most_bytes=FILE_BYTES
        )
        reply = self._backend(asked, self._agenda.now)
        why = _refusal(reply)
        if why is not None:
            self._fail(player, min(reply.delay, DOWNLOAD_SECONDS), why)
        else:
            self._sound(player, reply.delay, None if loop else file_seconds(reply.content))

    def _sound(self, player: str, after: float, seconds: float | None) -> None:
        """It can be heard `after` so many seconds, None: for ever."""
        after += _STARTS
        self._later(player, after, "Player.PlaybackReady", {})
        length = {} if seconds is None else {"duration": round(seconds * 1000)}
        self._later(player, after, "Player.Started", length)
        if seconds is not None:
            ends = self._agenda.after(after + seconds, lambda: self._finish(player, {}))
            self._due[player].append(ends)

    def _later(self, player: str, seconds: float, name: str, fields: dict[str, Any]) -> None:
        tell = self._agenda.after(seconds, lambda: self._emit(player, name, fields))
        self._due[player].append(tell)

    def _fail(self, player: str, after: float, message: str) -> None:
        ends = self._agenda.after(after, lambda: self._finish(player, {"error": message}))
        self._due[player].append(ends)

    def stop(self, player: str) -> None:
        """It is gone; that what it played is over is not told."""
        for appointment in self._due.pop(player, ()):
            appointment.cancelled = True
        self._agenda.after(0, lambda: self._emit(player, "Player.Stopped", {}))

    def _finish(self, player: str, fields: dict[str, Any]) -> None:
        if self._due.pop(player, None) is not None:
            self._emit(player, "Player.PlaybackFinished", fields)


def _refusal(reply: Reply) -> str | None:
    """Why the platform does not play what it got; the words are its own only for the time-out."""
    if reply.code == TIMED_OUT or reply.delay > DOWNLOAD_SECONDS:
        return "Timeout is reached"
    if reply.code == TOO_LARGE or len(reply.content) > FILE_BYTES:
        return "the file is larger than 10 MB"
    if reply.code != _OK:
        return f"the file was not found ({reply.code})"
    return None if reply.content.startswith(_FORMATS) else "the format is not supported"


def file_seconds(content: bytes) -> float:
    """Of a WAV file what its header says; others are taken for FILE_SECONDS."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            return float(file.getnframes() / file.getframerate())
    except (wave.Error, EOFError):
        return FILE_SECONDS
