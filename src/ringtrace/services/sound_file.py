"""Sound files that people upload become one form that every gateway plays."""

import io
import wave
from dataclasses import dataclass
from typing import Final

import miniaudio

from ringtrace.domain.sound import LONGEST_SECONDS
from ringtrace.services.errors import BodyInvalidError

MOST_BYTES: Final = 10 * 1024 * 1024
"""Of an upload: two minutes in stereo at 22 kHz as WAV, or as any MP3."""

RATE: Final = 16_000
"""What the best telephone lines carry; a SIP node takes half of it."""

_WIDTH: Final = 2
_MP3_WITH_TAGS: Final = b"ID3"
_MP3_FRAME: Final = 0xFFE0


@dataclass(frozen=True, slots=True)
class SoundFile:
    """WAV: 16 kHz, 16 bits, mono."""

    wav: bytes
    seconds: float


def sound_file(content: bytes) -> SoundFile:
    """From WAV or MP3 of any usual kind. Takes a while for long ones: run it in a thread.

    Raises BodyInvalidError.
    """
    if not (_is_wav(content) or _is_mp3(content)):
        raise BodyInvalidError("a WAV or MP3 file is needed", "body")
    samples = _decoded(content)
    frames = len(samples) // _WIDTH
    if not frames:
        raise BodyInvalidError("the file has no sound in it", "body")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, _WIDTH, RATE, frames, "NONE", ""))
        file.writeframes(samples)
    return SoundFile(out.getvalue(), round(frames / RATE, 3))


def _decoded(content: bytes) -> bytes:
    """A small file can unfold to hours, so it is given up as soon as it is too long."""
    samples = bytearray()
    try:
        for chunk in miniaudio.stream_memory(
            content,
            output_format=miniaudio.SampleFormat.SIGNED16,
            nchannels=1,
            sample_rate=RATE,
            frames_to_read=RATE,
        ):
            samples += chunk.tobytes()
            if len(samples) > LONGEST_SECONDS * RATE * _WIDTH:
                raise BodyInvalidError(f"longer than {LONGEST_SECONDS} seconds", "body")
    except miniaudio.MiniaudioError as error:
        raise BodyInvalidError("the file cannot be decoded", "body") from error
    return bytes(samples)


def _is_wav(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WAVE"


def _is_mp3(content: bytes) -> bool:
    """An ID3 tag, or the eleven set bits with which a frame begins (ISO 11172-3)."""
    begins = int.from_bytes(content[:2], "big")
    return content[:3] == _MP3_WITH_TAGS or begins & _MP3_FRAME == _MP3_FRAME
