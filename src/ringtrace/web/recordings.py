"""Audio: gateways put it, people open it through links that expire."""

import asyncio
import base64
import binascii
import hashlib
import logging
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Final
from urllib.parse import parse_qs

from ringtrace.domain.audio import LONGEST_BEGINNING, Audio, AudioFormat, format_of
from ringtrace.domain.call import GatewayKind
from ringtrace.services.arrival import call_id_is_valid
from ringtrace.services.directory import Directory
from ringtrace.services.errors import (
    BodyInvalidError,
    BodyTooLargeError,
    DigestMismatchError,
    FieldInvalidError,
    MediaTypeUnsupportedError,
    MethodNotAllowedError,
    NotFoundError,
    RecordingsAwayError,
    RefusedError,
)
from ringtrace.services.keep_recording import KeepRecording, RecordingLink, RecordingLinks
from ringtrace.services.ports import Store
from ringtrace.services.recording_store import RecordingName, RecordingStore
from ringtrace.web.asgi import Header, Receive, Scope, Send, header, respond, respond_error
from ringtrace.web.telephony import PREFIX, gateway_of

log = logging.getLogger(__name__)

MOST_BYTES: Final = 512 * 1024 * 1024
"""Two hours of stereo at 8 kHz and 16 bits are 230 MB."""

_SHA256_BYTES: Final = 32
_RANGE = re.compile(r"bytes=(\d*)-(\d*)").fullmatch
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([^:]*):")


class UploadDoor:
    """`PUT /gateway/v1/calls/{call}/recording`."""

    def __init__(
        self, directory: Directory, keep: KeepRecording, recordings: RecordingStore
    ) -> None:
        self._directory = directory
        self._keep = keep
        self._staging = recordings.staging

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            owner = gateway_of(self._directory, scope)
            if scope["method"] != "PUT":
                raise MethodNotAllowedError("PUT the audio")
            call = scope["path"].removeprefix(PREFIX + "/").removesuffix("/recording")
            if not call_id_is_valid(call):
                raise NotFoundError("no such call", "call")
            kind, digest = _format(scope), _digest(scope)
            await self._keep.expect(owner, call)
            file = await self._begin()
            try:
                with file:
                    sha256 = await _copy(receive, file, kind)
                if digest is not None and digest != sha256:
                    raise DigestMismatchError("the body is not what Content-Digest says", "body")
                await self._keep(owner, call, Path(file.name), Audio(kind, sha256))
            finally:
                await asyncio.to_thread(Path(file.name).unlink, missing_ok=True)
        except RefusedError as error:
            await respond_error(send, error)
            return
        await respond(send, 204)

    async def _begin(self) -> IO[bytes]:
        try:
            return await asyncio.to_thread(
                tempfile.NamedTemporaryFile, dir=self._staging, delete=False
            )
        except OSError as error:
            log.exception("recording_not_kept")
            raise RecordingsAwayError("the recording cannot be kept now") from error


def _format(scope: Scope) -> AudioFormat:
    said = header(scope, b"content-type")
    kind = AudioFormat.WAV if said is None else format_of(said)
    if kind is None:
        known = ", ".join(one.media_type for one in AudioFormat)
        raise MediaTypeUnsupportedError(f"one of {known} is needed", "content-type")
    return kind


def _digest(scope: Scope) -> str | None:
    """The SHA-256 (hex) of `Content-Digest` (RFC 9530), `None` where it says no such."""
    said = _DIGEST.search(header(scope, b"content-digest") or "")
    if said is None:
        return None
    try:
        digest = base64.b64decode(said[1], validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != _SHA256_BYTES:
        raise FieldInvalidError("sha-256 must be 32 bytes in base64", "content-digest")
    return digest.hex()


async def _copy(receive: Receive, file: IO[bytes], kind: AudioFormat) -> str:
    """Write the body to `file`; returns its SHA-256 (hex)."""
    size, more, beginning = 0, True, b""
    digest = hashlib.sha256()
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyInvalidError("the upload broke off", "body")
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        if size > MOST_BYTES:
            raise BodyTooLargeError(f"at most {MOST_BYTES} bytes", "body")
        if len(beginning) < LONGEST_BEGINNING:
            beginning += chunk[:LONGEST_BEGINNING]
            whole = len(beginning) >= LONGEST_BEGINNING or not more
            if whole and not kind.begins(beginning):
                raise BodyInvalidError(f"this is no {kind.media_type}", "body")
        try:
            await asyncio.to_thread(_take, file, digest, chunk)
        except OSError as error:
            log.exception("recording_not_kept")
            raise RecordingsAwayError("the recording cannot be kept now") from error
    return digest.hexdigest()


def _take(file: IO[bytes], digest: "hashlib._Hash", chunk: bytes) -> None:
    digest.update(chunk)
    file.write(chunk)


def make_room(staging: Path) -> None:
    """Have the folder, without what uploads that a kill ended left behind."""
    staging.mkdir(parents=True, exist_ok=True)
    for part in staging.iterdir():
        part.unlink()


class ListenDoor:
    """`GET /recordings/{account}/{gateway}/{call}` with a signature: whole or by range."""

    def __init__(self, links: RecordingLinks, store: Store, recordings: RecordingStore) -> None:
        self._links = links
        self._store = store
        self._recordings = recordings

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            if scope["method"] not in {"GET", "HEAD"}:
                raise MethodNotAllowedError("GET is needed")
            link = self._opened(scope)
            call = await self._store.call(link.account_id, link.gateway, link.call)
            said = call.report.recording if call and call.report else None
            if call is not None and call.audio is not None:
                name = RecordingName(link.account_id, link.gateway, link.call, call.audio.format)
                await self._play(name, call.audio, scope, send)
            elif said is not None and said.url is not None:
                await _send_elsewhere(send, said.url)
            else:
                raise NotFoundError("the recording has not arrived")
        except RefusedError as error:
            await respond_error(send, error)

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

    async def _play(self, name: RecordingName, audio: Audio, scope: Scope, send: Send) -> None:
        size = await self._recordings.size(name)
        if size is None:
            log.error("recording_missing gateway=%s call=%s", name.gateway, name.call)
            raise NotFoundError("the recording is not there any more")
        asked = _asked(scope, audio, size)
        start, stop = asked or (0, size)
        if asked is not None and start >= stop:
            await respond(send, 416, headers=[(b"content-range", b"bytes */%d" % size)])
            return
        headers = [*_headers(name, audio), (b"content-length", b"%d" % (stop - start))]
        if asked is not None:
            headers.append((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, size)))
        is_wanted = scope["method"] == "GET"
        pieces = self._recordings.read(name, start, stop if is_wanted else start)
        # Before anything is answered: a store that is away can still be told by its status.
        first = await anext(pieces, b"")
        status = 200 if asked is None else 206
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await _send_pieces(send, first, pieces)


async def _send_elsewhere(send: Send, url: str) -> None:
    await respond(send, 302, headers=[(b"location", url.encode()), (b"cache-control", b"no-store")])


async def _send_pieces(send: Send, first: bytes, pieces: AsyncIterator[bytes]) -> None:
    await send({"type": "http.response.body", "body": first, "more_body": True})
    try:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except RefusedError:
        return  # the server closes the connection: a shorter answer is no recording
    await send({"type": "http.response.body", "body": b""})


def _headers(name: RecordingName, audio: Audio) -> list[Header]:
    file = f"{name.call}.{name.format}"
    headers = [
        (b"content-type", audio.format.media_type.encode()),
        (b"accept-ranges", b"bytes"),
        (b"cache-control", b"private, no-store"),
        (b"content-disposition", f'inline; filename="{file}"'.encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    if audio.sha256 is not None:
        digest = base64.b64encode(bytes.fromhex(audio.sha256))
        headers.append((b"etag", _etag(audio)))
        headers.append((b"repr-digest", b"sha-256=:%b:" % digest))
    return headers


def _etag(audio: Audio) -> bytes:
    return f'"{audio.sha256}"'.encode()


def _asked(scope: Scope, audio: Audio, size: int) -> tuple[int, int] | None:
    """[start, stop) of the range that is asked for; `None` for the whole."""
    wanted, only_if = header(scope, b"range"), header(scope, b"if-range")
    if wanted is None or (only_if is not None and only_if.encode() != _etag(audio)):
        return None
    return _span(wanted, size)


def _span(text: str, size: int) -> tuple[int, int] | None:
    """[start, stop) of a single byte range (RFC 9110 14.1.2); None when it is not of that form."""
    match = _RANGE(text.strip())
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size
