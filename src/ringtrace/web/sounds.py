"""Sounds, as gateways and people open them through links that expire."""

import re
from urllib.parse import parse_qs

from ringtrace.services.errors import MethodNotAllowedError, NotFoundError, RefusedError
from ringtrace.services.keep_sound import SoundLinks
from ringtrace.web.asgi import Receive, Scope, Send, respond, respond_error

_PATH = re.compile(r"/sounds/(\d{1,18})/([0-9a-f]{64})\.wav").fullmatch


class SoundDoor:
    """`GET /sounds/{account}/{digest}.wav` with a signature."""

    def __init__(self, links: SoundLinks) -> None:
        self._links = links

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            if scope["method"] not in {"GET", "HEAD"}:
                raise MethodNotAllowedError("GET is needed")
            content = await self._opened(scope)
        except RefusedError as error:
            await respond_error(send, error)
            return
        headers = [
            (b"content-type", b"audio/wav"),
            (b"cache-control", b"private, max-age=604800, immutable"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if scope["method"] == "HEAD":
            headers.append((b"content-length", b"%d" % len(content)))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await respond(send, 200, content, headers)

    async def _opened(self, scope: Scope) -> bytes:
        unknown = NotFoundError("no such sound, or the link has expired")
        found = _PATH(scope["path"])
        query = parse_qs(scope["query_string"].decode("latin-1"))
        try:
            expires, signature = int(query["expires"][0]), query["signature"][0]
        except (ValueError, KeyError) as error:
            raise unknown from error
        if found is None:
            raise unknown
        return await self._links.open(int(found[1]), found[2], expires, signature)
