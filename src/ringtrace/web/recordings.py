"""Audio: gateways put it, people open it through links that expire."""

import asyncio
import logging
import os
import re
import tempfile
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs

from ringtrace.domain.call import GatewayKind
from ringtrace.services.arrival import call_id_is_valid
from ringtrace.services.directory import Directory
from ringtrace.services.errors import (
    BodyInvalidError,
    BodyTooLargeError,
    MethodNotAllowedError,
    NotFoundError,
    RefusedError,
    StoreAwayError,
)
from ringtrace.services.keep_recording import KeepRecording, RecordingLink, RecordingLinks
from ringtrace.services.ports import Store
from ringtrace.web.asgi import Receive, Scope, Send, header, respond, respond_error
from ringtrace.web.telephony import PREFIX, gateway_of

log = logging.getLogger(__name__)

MOST_BYTES = 512 * 1024 * 1024
"""Two hours of stereo at 8 kHz and 16 bits are 230 MB."""

_CHUNK = 256 * 1024
_WAV = b"RIFF"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)").fullmatch


def audio_path(folder: Path, account_id: int, gateway: str, call: str) -> Path:
    """Where the audio of a call lies; `call` is a valid call id, which holds no slash."""
    return folder / str(account_id) / gateway / f"{call}.wav"


class UploadDoor:
    """`PUT /gateway/v1/calls/{call}/recording`."""

    def __init__(self, directory: Directory, keep: KeepRecording, folder: Path) -> None:
        self._directory = directory
        self._keep = keep
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            owner = gateway_of(self._directory, scope)
            if scope["method"] != "PUT":
                raise MethodNotAllowedError("PUT the audio")
            call = scope["path"].removeprefix(PREFIX + "/").removesuffix("/recording")
            if not call_id_is_valid(call):
                raise NotFoundError("no such call", "call")
            await self._keep.expect(owner, call)
            path = audio_path(self._folder, owner.account_id, owner.kind.value, call)
            await _receive_file(path, receive)
            await self._keep(owner, call)
        except RefusedError as error:
            await respond_error(send, error)
            return
        await respond(send, 204)


async def _receive_file(path: Path, receive: Receive) -> None:
    """Complete and on disk under its name, or not there at all. Raises StoreAwayError."""
    try:
        part = await asyncio.to_thread(_begin, path)
        try:
            await _copy(receive, part)
            await asyncio.to_thread(_finish, part, path)
        except BaseException:
            await asyncio.to_thread(_abandon, part)
            raise
    except OSError as error:
        log.exception("recording_not_kept")
        raise StoreAwayError("the recording cannot be kept now") from error


def _begin(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False)


def _finish(part: IO[bytes], path: Path) -> None:
    with part:
        part.flush()
        os.fsync(part.fileno())
    Path(part.name).replace(path)
    # The gateway deletes its own copy now, so the name must be as safe as the bytes.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _abandon(part: IO[bytes]) -> None:
    part.close()
    Path(part.name).unlink(missing_ok=True)


async def _copy(receive: Receive, part: IO[bytes]) -> None:
    size, more, beginning = 0, True, b""
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyInvalidError("the upload broke off", "body")
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        if size > MOST_BYTES:
            raise BodyTooLargeError(f"at most {MOST_BYTES} bytes", "body")
        if len(beginning) < len(_WAV):
            beginning += chunk[: len(_WAV)]
            if not _WAV.startswith(beginning[: len(_WAV)]) or (not more and size < len(_WAV)):
                raise BodyInvalidError("a WAV file is needed", "body")
        await asyncio.to_thread(part.write, chunk)


def sweep(folder: Path) -> None:
    """Remove what uploads that a kill ended left behind."""
    for part in folder.glob("*/*/*.part"):
        part.unlink()


class ListenDoor:
    """`GET /recordings/{account}/{gateway}/{call}` with a signature: whole or by range."""

    def __init__(self, links: RecordingLinks, store: Store, folder: Path) -> None:
        self._links = links
        self._store = store
        self._folder = folder

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            if scope["method"] not in {"GET", "HEAD"}:
                raise MethodNotAllowedError("GET is needed")
            link = self._opened(scope)
            path = audio_path(self._folder, link.account_id, link.gateway.value, link.call)
            size = await asyncio.to_thread(_size, path)
            if size is not None:
                await _send_file(path, size, scope, send)
                return
            url = await self._elsewhere(link)
        except RefusedError as error:
            await respond_error(send, error)
            return
        await respond(
            send, 302, headers=[(b"location", url.encode()), (b"cache-control", b"no-store")]
        )

    def _opened(self, scope: Scope) -> RecordingLink:
        unknown = NotFoundError("no such recording, or the link has expired")
        parts = scope["path"].split("/")[2:]
        query = parse_qs(scope["query_string"].decode("latin-1"))
        try:
            account, gateway, call = parts
            link = RecordingLink(int(account), GatewayKind(gateway), call)
            expires, signature = int(query["expires"][0]), query["signature"][0]
        except (ValueError, KeyError) as error:
            raise unknown from error
        self._links.open(link, expires, signature)
        return link

    async def _elsewhere(self, link: RecordingLink) -> str:
        call = await self._store.call(link.account_id, link.gateway, link.call)
        recording = call.report.recording if call and call.report else None
        if recording is None or recording.url is None:
            raise NotFoundError("the recording has not arrived")
        return recording.url


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


async def _send_file(path: Path, size: int, scope: Scope, send: Send) -> None:
    wanted = header(scope, b"range")
    start, stop, status = 0, size, 200
    if wanted is not None and (asked := _span(wanted, size)) is not None:
        (start, stop), status = asked, 206
        if start >= stop:
            await respond(send, 416, headers=[(b"content-range", b"bytes */%d" % size)])
            return
    headers = [
        (b"content-type", b"audio/wav"),
        (b"content-length", b"%d" % (stop - start)),
        (b"accept-ranges", b"bytes"),
        (b"cache-control", b"private, no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status == 206:  # noqa: PLR2004 - HTTP's own number
        headers.append((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, size)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if scope["method"] == "HEAD":
        await send({"type": "http.response.body", "body": b""})
        return
    # In a thread: a slow disk must not keep a ringing call waiting.
    file = await asyncio.to_thread(path.open, "rb")
    with file:
        file.seek(start)
        while start < stop:
            chunk = await asyncio.to_thread(file.read, min(_CHUNK, stop - start))
            start += len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": start < stop})


def _span(text: str, size: int) -> tuple[int, int] | None:
    """[start, stop) of a single byte range (RFC 9110 14.1.2); None when it is not of that form."""
    match = _RANGE(text.strip())
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size
