"""Which sounds of a case were heard: each prompt, tone and voice is a frequency of its own."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrace.gateways.sip.wav import write_wav

RATE: Final = 8000
CALLER_HZ: Final = 880.0
_PROMPTS: Final = {
    "greeting.wav": 1300.0,
    "menu.wav": 1500.0,
    "submenu.wav": 1700.0,
    "extension.wav": 1900.0,
    "mailbox.wav": 2100.0,
    "closed.wav": 2300.0,
    "whisper.wav": 2500.0,
}
# The frequency in which a North American tone differs from the others, and what the node plays
# for a text that it cannot speak.
_TONES: Final = {"ringback": 440.0, "busy": 620.0, "beep": 1000.0, "a stand-in": 500.0}
_REPEATING: Final = frozenset({"ringback", "busy"})
_WINDOW: Final = RATE // 10  # all frequencies are multiples of 10 Hz, so none hides in another
_HOP: Final = _WINDOW // 2
_LOUD: Final = 1500.0
_GAP: Final = 3  # windows of silence from which on the same prompt is another one

Samples = npt.NDArray[np.float64]


def voice_hz(party: int) -> float:
    """The tone in which the target that is so-manieth in the case speaks."""
    return 2700.0 + 100 * party


def write_prompts(folder: Path, seconds: float) -> None:
    """Every prompt of the cases, so many seconds of its frequency."""
    time = np.arange(round(seconds * RATE)) / RATE
    for name, hz in _PROMPTS.items():
        write_wav(folder / name, 8000 * np.sin(2 * np.pi * hz * time))


def is_heard(samples: Sequence[int], hz: float) -> bool:
    return bool((_levels(samples, [hz]) > _LOUD).any())


def is_whispered(samples: Sequence[int]) -> bool:
    return is_heard(samples, _PROMPTS["whisper.wav"])


def words(samples: Sequence[int]) -> tuple[str, ...]:
    """The prompts and tones, one after another, in the words of a rehearsal."""
    named = {**_PROMPTS, **_TONES}
    names = list(named)
    levels = _levels(samples, list(named.values()))
    found: list[str] = []
    since = _GAP
    for row in levels:
        name = names[int(row.argmax())] if row.size and row.max() > _LOUD else None
        if name is None:
            since += 1
            continue
        is_new = not found or found[-1] != name
        if is_new or (since >= _GAP and name not in _REPEATING):
            found.append(name)
        since = 0
    return tuple(found)


def _levels(samples: Sequence[int], frequencies: Sequence[float]) -> Samples:
    """Amplitudes by window and frequency."""
    sound = np.array(samples, np.float64)
    if len(sound) < _WINDOW:
        return np.zeros((0, len(frequencies)))
    windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP]
    turns = -2j * math.pi * np.outer(np.arange(_WINDOW), frequencies) / RATE
    amplitudes: Samples = 2 * np.abs(windows @ np.exp(turns)) / _WINDOW
    return amplitudes
