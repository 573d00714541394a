"""Recordings in an S3-compatible bucket: PREFIX/ACCOUNT/GATEWAY/CALL.EXTENSION.

Credentials, region and endpoint come from the environment under the usual names of AWS. The
store signs the SHA-256 of what it sends, so a service that takes it has the bytes that were meant.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from ringtrace.services.errors import RecordingsAwayError
from ringtrace.services.recording_store import RecordingName
from ringtrace.store.s3 import open_s3

log = logging.getLogger(__name__)

_UPLOAD_SECONDS: Final = 240.0  # of all parts; gateways wait for 300
_PART: Final = 8 * 1024 * 1024
_PARTS_AT_ONCE: Final = 2
_CHUNK: Final = 1024 * 1024  # read with one request
_SAID: Final = 300  # characters of the service's answer that are logged


class RecordingBucket:
    """Nothing is retried for longer than a gateway waits: it keeps its own copy and comes again."""

    def __init__(self, store: S3Store, staging: Path) -> None:
        self._store = store
        self.staging = staging

    @classmethod
    def open(cls, url: str, staging: Path) -> "RecordingBucket":
        """`url` is s3://BUCKET or s3://BUCKET/PREFIX. Raises ValueError; nothing is sent yet."""
        return cls(open_s3(url, "recordings"), staging)

    async def keep(self, name: RecordingName, file: Path, sha256: str) -> None:
        with _answers("keep"):
            async with asyncio.timeout(_UPLOAD_SECONDS):
                await obstore.put_async(
                    self._store,
                    name.path,
                    file,
                    attributes={"Content-Type": name.format.media_type, "sha256": sha256},
                    chunk_size=_PART,
                    max_concurrency=_PARTS_AT_ONCE,
                )
        await asyncio.to_thread(file.unlink)

    async def size(self, name: RecordingName) -> int | None:
        with _answers("size"):
            try:
                return (await obstore.head_async(self._store, name.path))["size"]
            except (NotFoundError, FileNotFoundError):
                return None

    async def read(self, name: RecordingName, start: int, stop: int) -> AsyncIterator[bytes]:
        while start < stop:
            end = min(start + _CHUNK, stop)
            with _answers("read"):
                chunk = await obstore.get_range_async(self._store, name.path, start=start, end=end)
            yield bytes(chunk)
            start = end

    async def delete(self, name: RecordingName) -> None:
        with _answers("delete"):
            await obstore.delete_async(self._store, name.path)

    async def names(self) -> AsyncIterator[RecordingName]:
        with _answers("list"):
            async for page in obstore.list(self._store):
                for one in page:
                    name = RecordingName.read(one["path"])
                    if name is not None:
                        yield name


@contextmanager
def _answers(verb: str) -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError, TimeoutError) as error:
        said = " ".join(str(error).split())[:_SAID]
        log.error("recordings_away verb=%s error=%s said=%r", verb, type(error).__name__, said)  # noqa: TRY400 - the service's answer says it all
        raise RecordingsAwayError("recordings cannot be reached now") from error
