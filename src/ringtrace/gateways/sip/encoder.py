"""Makes recordings smaller by the programs that are installed for it."""

import logging
import shutil
import subprocess
from pathlib import Path
from typing import Final

from ringtrace.domain.audio import LONGEST_BEGINNING, AudioFormat
from ringtrace.gateways.sip.durable import remove

_log = logging.getLogger(__name__)

_BITRATE: Final = "48"  # kbit/s of both channels: telephone sound, transparent at half of that
_LEAST_SECONDS: Final = 10.0
_SPEED: Final = 20  # times real time; the programs reach some hundred
_PLAIN_FFMPEG: Final = (
    *("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", "{wav}", "-map_metadata", "-1"),
    *("-fflags", "+bitexact", "-flags:a", "+bitexact"),
)
# The first one that is installed. All of them make the same file of the same sound, so a report
# that is made again after a crash has the same recording; and the channels stay apart.
_COMMANDS: Final[dict[AudioFormat, tuple[tuple[str, ...], ...]]] = {
    AudioFormat.WAV: (),
    AudioFormat.FLAC: (
        ("flac", "--silent", "--force", "-o", "{file}", "{wav}"),
        (*_PLAIN_FFMPEG, "-c:a", "flac", "-f", "flac", "{file}"),
    ),
    AudioFormat.OPUS: (
        ("opusenc", "--quiet", "--serial", "1", "--bitrate", _BITRATE, "{wav}", "{file}"),
        (*_PLAIN_FFMPEG, "-c:a", "libopus", "-b:a", f"{_BITRATE}k", "-f", "ogg", "{file}"),
    ),
    AudioFormat.MP3: (
        ("lame", "--silent", "-m", "s", "-b", _BITRATE, "{wav}", "{file}"),
        (
            *(*_PLAIN_FFMPEG, "-c:a", "libmp3lame", "-b:a", f"{_BITRATE}k"),
            *("-joint_stereo", "0", "-f", "mp3", "{file}"),
        ),
    ),
}


class Encoder:
    """Of one format. Without a program for it, or when that fails, a recording stays WAV."""

    def __init__(self, kind: AudioFormat) -> None:
        self.kind = kind
        commands = (one for one in _COMMANDS[kind] if shutil.which(one[0]))
        self._command: tuple[str, ...] = next(commands, ())
        if _COMMANDS[kind] and not self._command:
            names = ",".join(command[0] for command in _COMMANDS[kind])
            _log.error("encoder_missing format=%s programs=%s", kind, names)

    def encode(self, wav: Path, seconds: float, file: Path) -> bool:
        """Write the sound of `wav`, `seconds` long, to `file`; `False` and no file otherwise.

        The program has 10 s and 3 s for a minute of sound, and gives way to calls.
        """
        if not self._command:
            return False
        limit = _LEAST_SECONDS + seconds / _SPEED
        command = [part.format(wav=wav, file=file) for part in self._command]
        try:
            subprocess.run(  # noqa: S603 - a command of ours, no shell
                ["nice", "-n", "10", *command],  # noqa: S607 - where the system has it
                check=True,
                timeout=limit,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if _is(self.kind, file):
                return True
            said = "other_format"
        except (OSError, subprocess.SubprocessError) as error:
            said = type(error).__name__
        _log.warning("encoder_failed program=%s error=%s", command[0], said)
        remove(file)
        return False


def _is(kind: AudioFormat, file: Path) -> bool:
    with file.open("rb") as content:
        return kind.begins(content.read(LONGEST_BEGINNING))
