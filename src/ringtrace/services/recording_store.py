"""Where the audio of calls is kept: a folder, or a bucket elsewhere."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.call import GatewayKind


@dataclass(frozen=True, slots=True)
class RecordingName:
    """Names the audio of a call; `call` is a valid call id, which holds no slash."""

    account_id: int
    gateway: GatewayKind
    call: str
    format: AudioFormat

    @property
    def path(self) -> str:
        return f"{self.account_id}/{self.gateway}/{self.call}.{self.format}"

    @classmethod
    def read(cls, path: str) -> "RecordingName | None":
        """`None` for what is no recording's path."""
        try:
            account, gateway, file = path.split("/")
            call, _, extension = file.rpartition(".")
            return cls(int(account), GatewayKind(gateway), call, AudioFormat(extension))
        except ValueError:
            return None


class RecordingStore(Protocol):
    """Every method raises RecordingsAwayError when the place cannot be reached or refuses us."""

    staging: Path
    """A local folder in which a file is put together before it is kept; the server makes it."""

    async def keep(self, name: RecordingName, file: Path, sha256: str) -> None:
        """Move a local `file` there, replacing what has the name; durable when this returns."""
        ...

    async def size(self, name: RecordingName) -> int | None:
        """Bytes; `None` when there is no such file."""
        ...

    def read(self, name: RecordingName, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes [start, stop) of a file that is there, piece by piece."""
        ...

    async def delete(self, name: RecordingName) -> None:
        """Durable when this returns; a file that is not there is deleted already."""
        ...

    def names(self) -> AsyncIterator[RecordingName]:
        """All that is kept, in no order."""
        ...
