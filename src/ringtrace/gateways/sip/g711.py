"""G.711: telephone audio of 8 kHz, one companded byte a sample."""

import numpy as np
import numpy.typing as npt

RATE = 8000
PCMU = 0
PCMA = 8
Samples = npt.NDArray[np.float64]


def decode(payload: bytes, payload_type: int) -> Samples:
    """Linear samples of full scale 32768; `payload_type` is `PCMU` or `PCMA`."""
    return _LINEAR[payload_type][np.frombuffer(payload, np.uint8)]


def encode(samples: Samples, payload_type: int) -> bytes:
    """The nearest codes to linear `samples`; what is louder than the scale is clipped."""
    codes, borders = _QUANTISER[payload_type]
    # Silence lies on a border; from above it becomes the usual 0xFF and 0xD5.
    return codes[np.searchsorted(borders, samples, side="right")].tobytes()


def _mulaw(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def _alaw(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 0x0F
    magnitude = (mantissa << 4) + 8
    if exponent:
        magnitude = magnitude + 0x100 << exponent - 1
    return magnitude if code & 0x80 else -magnitude


LEVELS = {
    PCMU: tuple(_mulaw(code) for code in range(256)),
    PCMA: tuple(_alaw(code) for code in range(256)),
}
"""The linear sample of every code."""

_LINEAR = {kind: np.array(levels, np.float64) for kind, levels in LEVELS.items()}


def _quantiser(levels: Samples) -> tuple[npt.NDArray[np.uint8], Samples]:
    """The codes in the order of their levels, and the borders between neighbours."""
    codes = np.argsort(levels, kind="stable")
    ordered = levels[codes]
    return codes.astype(np.uint8), (ordered[1:] + ordered[:-1]) / 2


_QUANTISER = {kind: _quantiser(levels) for kind, levels in _LINEAR.items()}
