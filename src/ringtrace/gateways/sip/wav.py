"""Sound files of any usual form become telephone audio."""

import wave
from pathlib import Path
from typing import Final

import numpy as np

from ringtrace.gateways.sip.g711 import RATE, Samples

LONGEST: Final = 120
"""Seconds of a prompt."""

_RATES: Final = range(4_000, 192_001)
_CHANNELS: Final = range(1, 9)
_TAPS: Final = 64  # of the filter, at the lower of the two rates
_FULL_SCALE: Final = 32768.0


class SoundFileError(ValueError):
    """Not a sound file that can be played; the message says why."""


def read_wav(path: Path) -> Samples:
    """Samples of 8 kHz, mono, full scale 32768. Raises `SoundFileError` naming the file.

    Any PCM of 8, 16, 24 or 32 bits with 4 to 192 kHz is taken; channels are mixed.
    """
    try:
        with wave.open(str(path)) as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            if rate not in _RATES or channels not in _CHANNELS:
                raise SoundFileError(f"{path.name} has {rate} Hz and {channels} channels")
            content = file.readframes(min(file.getnframes(), LONGEST * rate + 1))
    except OSError as error:
        raise SoundFileError(f"{path.name} cannot be read: {error.strerror}") from None
    except (wave.Error, EOFError) as error:
        raise SoundFileError(f"{path.name} is no WAV file: {error}") from None
    frames = len(content) // (width * channels)
    if not frames:
        raise SoundFileError(f"{path.name} is empty")
    if frames > LONGEST * rate:
        raise SoundFileError(f"{path.name} is longer than {LONGEST} seconds")
    samples = _linear(content[: frames * width * channels], width).reshape(frames, channels)
    return resampled(samples.mean(axis=1), rate)


def write_wav(path: Path, samples: Samples) -> None:
    """8 kHz, 16 bit, mono."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        clipped = np.clip(np.rint(samples), -_FULL_SCALE, _FULL_SCALE - 1)
        file.writeframes(clipped.astype("<i2").tobytes())


def resampled(samples: Samples, rate: int) -> Samples:
    """From `rate` to 8 kHz. What 8 kHz cannot carry is filtered out first."""
    if rate == RATE:
        return samples
    if rate > RATE:
        samples = np.convolve(samples, _low_pass(rate), "same")
    at = np.arange(int(len(samples) * RATE / rate)) * (rate / RATE)
    smooth: Samples = np.interp(at, np.arange(len(samples)), samples)
    return smooth


def _low_pass(rate: int) -> Samples:
    """A windowed sinc that ends at 3.6 kHz."""
    half = _TAPS * rate // RATE // 2
    time = np.arange(-half, half + 1)
    taps: Samples = np.sinc(2 * 3600 / rate * time) * np.hamming(len(time))
    taps /= taps.sum()
    return taps


def _linear(content: bytes, width: int) -> Samples:
    if width == 1:
        return (np.frombuffer(content, np.uint8).astype(np.float64) - 128) * 256
    if width == 3:  # noqa: PLR2004 - 24 bits
        parts = np.frombuffer(content, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = (parts[:, 0] << 8 | parts[:, 1] << 16 | parts[:, 2] << 24).astype(np.int32)
        return whole.astype(np.float64) / 65536
    samples = np.frombuffer(content, f"<i{width}").astype(np.float64)
    return samples / (1 if width == 2 else 65536)  # noqa: PLR2004 - 16 bits
