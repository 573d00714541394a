"""HTTP responses that leave in one piece, and arrive although the request was not read to its end.

uvicorn writes the head and the body of a response one after the other, and on a loopback or a fast
network the second system call costs as much as answering the request did. Responses of one turn of
the event loop leave together when it is over: to wake a reader who sleeps is what costs most, and
one who gets several at once has to be woken once.

It closes a connection that is not kept alive with the answer. While the client is still sending,
as with an upload that was refused for its size, the operating system then resets the connection and
throws the answer away. So only our side is closed first (RFC 9112 9.6).
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_SMALL: Final = 16_384
"""Bytes; to join more costs more than it saves."""


_LINGER_SECONDS: Final = 30.0
"""So long a client may go on sending what nobody reads."""


class _Lingering(asyncio.Protocol):
    """Drops what a client still sends, until it has read the answer and closes, or time is up."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        lost: Callable[[Exception | None], None],
    ) -> None:
        self._lost = lost
        self._timer = loop.call_later(_LINGER_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._lost(exc)


class _Corked:
    """A transport that keeps what is written until the loop's turn is over."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        protocol: "OneWriteProtocol",
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._protocol = protocol
        self._kept: bytes | None = None
        self._lingers = False

    def write(self, data: bytes) -> None:
        if len(data) > _SMALL:
            self._flush()
            self._transport.write(data)
        elif self._kept is None:
            self._kept = data
            self._loop.call_soon(self._flush)
        else:
            self._kept += data

    def close(self) -> None:
        """The second time for good."""
        self._flush()
        if (
            self._lingers
            or not self._protocol.is_being_sent_to
            or not self._transport.can_write_eof()
        ):
            self._transport.close()
            return
        self._lingers = True
        lost = self._protocol.connection_lost
        self._transport.set_protocol(_Lingering(self._transport, self._loop, lost))
        self._transport.write_eof()
        self._transport.resume_reading()

    def is_closing(self) -> bool:
        return self._lingers or self._transport.is_closing()

    def _flush(self) -> None:
        if self._kept is not None:
            data, self._kept = self._kept, None
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneWriteProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=…)`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        corked = _Corked(transport, self.loop, self)
        super().connection_made(cast(asyncio.Transport, corked))

    @property
    def is_being_sent_to(self) -> bool:
        """Whether the request that was answered has not come to its end."""
        cycle: RequestResponseCycle | None = self.cycle  # there is none before the first request
        return cycle is not None and cycle.response_complete and cycle.more_body
