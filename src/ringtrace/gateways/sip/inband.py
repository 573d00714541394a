"""Keys as tones in the audio (ITU-T Q.23), found by the Goertzel filters of Q.24's limits."""

import numpy as np

from ringtrace.gateways.sip.g711 import RATE, Samples

_LOW = (697, 770, 852, 941)
_HIGH = (1209, 1336, 1477, 1633)
_KEYS = ("123A", "456B", "789C", "*0#D")
_BLOCK = 160  # 20 ms: resolves neighbours 73 Hz apart and forgives 1.5 % of a frequency
_HOP = 80
_HITS = 3  # 40 ms, the shortest tone that must be taken
_MISSES = 2
_QUIETEST = 150.0  # RMS of full scale 32768: about -44 dBm0
_TONAL = 0.55  # share of the two tones in the power; speech is spread wider
_DOMINANCE = 4.0  # of a tone over the others of its group: 6 dB in power
_TWIST = 10.0  # between the two tones: 10 dB

_FILTERS = np.exp(
    -2j * np.pi * np.outer(np.array(_LOW + _HIGH), np.arange(_BLOCK)) / RATE
) * np.sqrt(2 / _BLOCK)


class ToneReader:
    """Keeps the rest of a block between calls; 8 kHz linear samples of full scale 32768."""

    def __init__(self) -> None:
        self._rest: Samples = np.empty(0)
        self._candidate = ""
        self._hits = 0
        self._misses = 0
        self._down = ""

    def read(self, samples: Samples) -> str:
        """The keys that were recognised with these samples."""
        samples = np.concatenate((self._rest, samples))
        keys = ""
        start = 0
        while start + _BLOCK <= len(samples):
            keys += self._step(tone(samples[start : start + _BLOCK]))
            start += _HOP
        self._rest = samples[start:]
        return keys

    def _step(self, found: str) -> str:
        self._misses = 0 if found and found == self._down else self._misses + 1
        if self._misses >= _MISSES:
            self._down = ""
        self._hits = self._hits + 1 if found and found == self._candidate else 1
        self._candidate = found
        if not found or self._hits < _HITS or found == self._down:
            return ""
        self._down, self._misses = found, 0
        return found


def tone(block: Samples) -> str:
    """The key whose tones fill the block of 20 ms, else ""."""
    energy = float(block @ block)
    if energy < _QUIETEST**2 * _BLOCK:
        return ""
    powers = np.abs(_FILTERS @ block) ** 2
    low, high = powers[:4], powers[4:]
    row, column = int(low.argmax()), int(high.argmax())
    first, second = float(low[row]), float(high[column])
    if first + second < _TONAL * energy:
        return ""
    if max(first, second) > _TWIST * min(first, second):
        return ""
    if _DOMINANCE * _second(low) > first or _DOMINANCE * _second(high) > second:
        return ""
    return _KEYS[row][column]


def _second(powers: Samples) -> float:
    return float(np.partition(powers, -2)[-2])
