"""The sounds that the node makes itself: ringback, busy, the beep, and what stands for a text."""

from dataclasses import dataclass, field

import numpy as np

from ringtrace.gateways.sip.g711 import RATE, Samples, encode

FRAME = 160  # samples in a packet: 20 ms
_AMPLITUDE = 3000.0  # of each frequency: about -17 dBm0 with two of them
_RAMP = 40  # samples; an abrupt beginning clicks
LEAD_IN = 0.3
"""Seconds in which phones behind NAT become reachable."""


@dataclass(frozen=True, eq=False)
class Sound:
    """Linear samples of 8 kHz, whole frames; `repeats` for ever or is played once."""

    samples: Samples
    repeats: bool = False

    _frames: dict[int, tuple[bytes, ...]] = field(default_factory=dict, init=False, repr=False)

    def frames(self, payload_type: int) -> tuple[bytes, ...]:
        """Payloads of 20 ms in G.711; made once."""
        if payload_type not in self._frames:
            codes = encode(self.samples, payload_type)
            frames = tuple(codes[at : at + FRAME] for at in range(0, len(codes), FRAME))
            self._frames[payload_type] = frames
        return self._frames[payload_type]


@dataclass(frozen=True)
class Tones:
    """A country's call progress tones."""

    ringback: Sound
    busy: Sound


def progress_tones(number: str) -> Tones:
    """The tones that callers of `number` (E.164) are used to; 425 Hz where we know no better."""
    for prefix, tones in _COUNTRIES.items():
        if number.startswith(prefix):
            return tones
    return _CEPT


def silence(payload_type: int) -> bytes:
    """A frame of it."""
    return encode(np.zeros(FRAME), payload_type)


def spoken(samples: Samples) -> Sound:
    """What somebody says, of 8 kHz and full scale 32768, so that its beginning is not lost."""
    return Sound(_whole_frames(np.concatenate((_part((), LEAD_IN), samples))))


def _cadence(*parts: tuple[tuple[float, ...], float]) -> Samples:
    """Each part is the frequencies that sound together (none: silence) and for how long."""
    return _whole_frames(np.concatenate([_part(hz, seconds) for hz, seconds in parts]))


def _part(frequencies: tuple[float, ...], seconds: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    samples = np.zeros(len(time))
    for hz in frequencies:
        samples += _AMPLITUDE * np.sin(2 * np.pi * hz * time)
    ramp = np.minimum(1.0, np.arange(len(time)) / _RAMP)
    return samples * ramp * ramp[::-1]


def _whole_frames(samples: Samples) -> Samples:
    return np.pad(samples, (0, -len(samples) % FRAME))


def _tones(
    ringing: tuple[tuple[tuple[float, ...], float], ...],
    busy: tuple[tuple[tuple[float, ...], float], ...],
) -> Tones:
    times = max(1, round(3.0 / sum(seconds for _, seconds in busy)))
    return Tones(Sound(_cadence(*ringing), repeats=True), Sound(_cadence(*busy * times)))


# ITU-T E.180, supplement 2.
_CEPT = _tones((((425,), 1.0), ((), 4.0)), (((425,), 0.5), ((), 0.5)))
_COUNTRIES = {
    "+1": _tones((((440, 480), 2.0), ((), 4.0)), (((480, 620), 0.5), ((), 0.5))),
    "+44": _tones(
        (((400, 450), 0.4), ((), 0.2), ((400, 450), 0.4), ((), 2.0)),
        (((400,), 0.375), ((), 0.375)),
    ),
    "+7": _tones((((425,), 0.8), ((), 3.2)), (((425,), 0.4), ((), 0.4))),
}

# Neither tone is one of a key's, so an echo of it is not taken for a key.
PLEASE_KEY = Sound(_cadence(((), LEAD_IN), ((600,), 0.2), ((), 0.1), ((800,), 0.2)))
NOTICE = Sound(_cadence(((), LEAD_IN), ((500,), 0.4)))
"""Stands for a text that cannot be spoken and asks for nothing."""

BEEP = Sound(_cadence(((), 0.1), ((1000,), 0.4)))
"""Before a caller leaves a message."""
