"""Turns the packets of both directions into one stereo recording: caller left, agent right.

Both directions were stamped by one clock on arrival; what was lost or never sent is silence.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ringtrace.gateways.sip.capture import Packet, read_packets
from ringtrace.gateways.sip.g711 import LEVELS, RATE
from ringtrace.gateways.sip.playout import Seconds, play_out

Frames = npt.NDArray[np.int16]

_FRAME: Final = 4  # bytes of two channels of 16 bits
_WAV_HEADER: Final = 44
_MAX_SECONDS: Final = 12 * 3600  # a clock set forward during the call must not fill the disk
_DECODE: Final = {kind: np.array(levels, np.int16) for kind, levels in LEVELS.items()}


@dataclass(frozen=True)
class _Direction:
    """A capture, with when each packet of it begins and ends to sound in epoch seconds."""

    capture: Path
    begins: Seconds
    ends: Seconds


def write_wav(caller: Path, agent: Path, wav: Path) -> float | None:
    """Write both directions to `wav` (8 kHz, 16 bit, stereo) and return its length in seconds.

    A missing or torn capture counts as far as it goes; `None` and no file when neither direction
    has audio. Raises `CaptureError` or `OSError`.
    """
    directions = [_direction(path) for path in (caller, agent)]
    sounding = [one for one in directions if len(one.begins)]
    if not sounding:
        return None
    start = min(one.begins.min() for one in sounding)
    length = min(max(one.ends.max() for one in sounding) - start, _MAX_SECONDS)
    frames = round(length * RATE)
    with wav.open("wb+") as file:
        file.truncate(_WAV_HEADER + frames * _FRAME)
        samples = np.memmap(file, "<i2", "r+", offset=_WAV_HEADER, shape=(frames, 2))
        end = max(_write(samples[:, channel], one, start) for channel, one in enumerate(directions))
        samples.flush()
        del samples
        file.truncate(_WAV_HEADER + end * _FRAME)
        file.seek(0)
        file.write(_header(end))
    return end / RATE


def _direction(path: Path) -> _Direction:
    return _Direction(path, *play_out(_packets(path)))


def _packets(path: Path) -> Iterator[Packet]:
    return read_packets(path) if path.exists() else iter(())


def _write(channel: Frames, one: _Direction, start: float) -> int:
    """Returns the first frame behind the last sample."""
    last = 0
    firsts = np.rint((one.begins - start) * RATE).astype(np.int64)
    stops = np.rint((one.ends - start) * RATE).astype(np.int64)
    for packet, first, stop in zip(_packets(one.capture), firsts, stops, strict=True):
        end = min(stop, len(channel))
        if first >= end:
            continue
        sound = _DECODE[packet.payload_type][np.frombuffer(packet.payload, np.uint8)]
        channel[first:end] = _stretched(sound, stop - first)[: end - first]
        last = max(last, end)
    return int(last)


def _stretched(sound: Frames, count: int) -> Frames:
    """As `count` samples: a clock that drifts makes a packet one longer or shorter now and then."""
    if len(sound) == count:
        return sound
    at = np.linspace(0, len(sound) - 1, count)
    return np.rint(np.interp(at, np.arange(len(sound)), sound)).astype(np.int16)


def _header(frames: int) -> bytes:
    data = frames * _FRAME
    riff = struct.pack("<4sI4s", b"RIFF", 36 + data, b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, RATE, RATE * _FRAME, _FRAME, 16)
    return riff + form + struct.pack("<4sI", b"data", data)
