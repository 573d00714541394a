"""A finished recording on its way: the name of its file says what it is and what is in it.

CALL.SHA256.EXTENSION: the digest was made when the file was, and arrives with it or not at all.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ringtrace.domain.audio import AudioFormat
from ringtrace.gateways.sip.durable import TEMPORARY, flush_file, flush_folder, remove


@dataclass(frozen=True, slots=True)
class OutgoingRecording:
    """`sha256` (hex) of the bytes as they were written; the file at `path` may be damaged since."""

    path: Path
    format: AudioFormat
    sha256: str


def outgoing(outbox: Path, call: str) -> OutgoingRecording | None:
    """The recording of `call` that waits in `outbox`."""
    for path in sorted(outbox.glob(f"{call}.*.*")):
        if path.suffix != TEMPORARY:
            _, sha256, extension = path.name.rsplit(".", 2)
            return OutgoingRecording(path, AudioFormat(extension), sha256)
    return None


def put_out(file: Path, outbox: Path, call: str, kind: AudioFormat) -> None:
    """Move `file` into the outbox as the recording of `call`; survives a power loss."""
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    flush_file(file)
    take_back(outbox, call)  # of an earlier try that a crash ended
    file.replace(outbox / f"{call}.{sha256}.{kind}")
    flush_folder(outbox)


def take_back(outbox: Path, call: str) -> None:
    """The recording of `call` is not to be sent (any more)."""
    while (old := outgoing(outbox, call)) is not None:
        remove(old.path)
