"""Recordings in a local folder: ACCOUNT/GATEWAY/CALL.EXTENSION."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from ringtrace.services.errors import RecordingsAwayError
from ringtrace.services.recording_store import RecordingName

R = TypeVar("R")
log = logging.getLogger(__name__)

_CHUNK: Final = 256 * 1024


class RecordingFolder:
    """Every access is in a thread: a slow disk must not keep a ringing call waiting."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.staging = folder / "incoming"

    async def keep(self, name: RecordingName, file: Path, sha256: str) -> None:  # noqa: ARG002 - the store's signature
        await _in_thread(lambda: _move(file, self._folder / name.path))

    async def size(self, name: RecordingName) -> int | None:
        return await _in_thread(lambda: _size(self._folder / name.path))

    async def read(self, name: RecordingName, start: int, stop: int) -> AsyncIterator[bytes]:
        file = await _in_thread(lambda: (self._folder / name.path).open("rb"))
        with file:
            file.seek(start)
            while start < stop:
                chunk = await _in_thread(partial(file.read, min(_CHUNK, stop - start)))
                if not chunk:
                    raise RecordingsAwayError("the recording is shorter than it was")
                start += len(chunk)
                yield chunk

    async def delete(self, name: RecordingName) -> None:
        await _in_thread(lambda: _remove(self._folder / name.path))

    async def names(self) -> AsyncIterator[RecordingName]:
        for path in await _in_thread(lambda: sorted(self._folder.glob("*/*/*"))):
            name = RecordingName.read(path.relative_to(self._folder).as_posix())
            if name is not None:
                yield name


async def _in_thread(step: Callable[[], R]) -> R:
    def guarded() -> R:
        with _disk_errors():
            return step()

    return await asyncio.to_thread(guarded)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        log.error("recordings_away error=%s", error.strerror)  # noqa: TRY400 - a full disk needs no traceback
        raise RecordingsAwayError("recordings cannot be reached now") from error


def _move(file: Path, path: Path) -> None:
    with file.open("rb+") as content:
        os.fsync(content.fileno())
    path.parent.mkdir(parents=True, exist_ok=True)
    file.replace(path)
    # The gateway deletes its own copy now, so the name must be as safe as the bytes.
    for folder in (path.parent, *list(path.parent.parents)[:2]):
        _flush(folder)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent.exists():
        _flush(path.parent)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
