"""HTTP responses that leave in one piece.

uvicorn writes the head and the body of a response one after the other, and on a loopback or a fast
network the second system call costs as much as answering the request did.
"""

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_SMALL: Final = 16_384
"""Bytes; to join more costs more than it saves."""


class _Corked:
    """A transport that keeps what is written until more comes or the loop's turn is over."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept: bytes | None = None

    def write(self, data: bytes) -> None:
        if len(data) > _SMALL:
            self._flush()
            self._transport.write(data)
            return
        if self._kept is not None:
            data, self._kept = self._kept + data, None
            self._transport.write(data)
            return
        self._kept = data
        # A stream's head must not wait for its first event.
        self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._kept is not None:
            data, self._kept = self._kept, None
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneWriteProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=…)`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(cast(asyncio.Transport, _Corked(transport, self.loop)))
