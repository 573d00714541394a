"""The audio of a call: which formats there are, and what a file of each begins with."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AudioFormat(StrEnum):
    """A value is the extension of the file's name, too. `OPUS` is Opus in Ogg (RFC 7845)."""

    WAV = "wav"
    FLAC = "flac"
    OPUS = "opus"
    MP3 = "mp3"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]

    def begins(self, head: bytes) -> bool:
        """Whether a file that begins with `head` can be of this format."""
        if self is AudioFormat.MP3 and head[:1] == b"\xff":
            return head[1:2] >= b"\xe0"  # a frame begins with eleven set bits
        return head.startswith(_BEGINNINGS[self])


LONGEST_BEGINNING: Final = 4
"""Bytes of a file by which `AudioFormat.begins` can tell."""

_MEDIA_TYPES: Final = {
    AudioFormat.WAV: "audio/wav",
    AudioFormat.FLAC: "audio/flac",
    AudioFormat.OPUS: "audio/ogg",
    AudioFormat.MP3: "audio/mpeg",
}
_BEGINNINGS: Final = {
    AudioFormat.WAV: b"RIFF",
    AudioFormat.FLAC: b"fLaC",
    AudioFormat.OPUS: b"OggS",
    AudioFormat.MP3: b"ID3",
}
_ALSO_CALLED: Final = {
    "audio/x-wav": AudioFormat.WAV,
    "audio/wave": AudioFormat.WAV,
    "audio/vnd.wave": AudioFormat.WAV,
    "audio/x-flac": AudioFormat.FLAC,
    "audio/opus": AudioFormat.OPUS,
    "audio/mp3": AudioFormat.MP3,
}
_BY_MEDIA_TYPE: Final = {name: kind for kind, name in _MEDIA_TYPES.items()} | _ALSO_CALLED


def format_of(media_type: str) -> AudioFormat | None:
    """The format that a `Content-Type` names; `None` for any other."""
    return _BY_MEDIA_TYPE.get(media_type.partition(";")[0].strip().lower())


@dataclass(frozen=True, slots=True)
class Audio:
    """A file that is kept. `sha256` (hex) is `None` of what came before it was looked at."""

    format: AudioFormat
    sha256: str | None
