"""The line between a worker and its keeper: frames over a pair of sockets.

A frame is its length and a number (both 32 bits, big-endian), one letter for its kind, and what is
said, in MessagePack. `t`: news for the others. `q`: a question; its number comes back with the
answer, `a`; 0: none is wanted. Nobody ever waits for a line to take what is said: to a process that
does not read, news is dropped.
"""

import asyncio
import functools
import itertools
import logging
import socket
import struct
from collections.abc import Callable
from typing import Final, TypeAlias, cast

log = logging.getLogger(__name__)

_HEAD: Final = struct.Struct(">IIc")
_TELL, _ASK, _ANSWER = b"t", b"q", b"a"
_MOST_UNREAD: Final = 8 * 2**20
"""Bytes that wait for a process that does not read, before news is dropped."""


Reply: TypeAlias = Callable[[bytes], None]


class Line(asyncio.Protocol):
    """`told` hears news, `asked` a question and how to answer it (None: nobody wants to know)."""

    def __init__(
        self,
        told: Callable[[bytes], None],
        asked: Callable[[bytes, Reply | None], None],
        lost: Callable[[], None],
    ) -> None:
        self._told = told
        self._asked = asked
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._read = bytearray()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[bytes | None]] = {}
        self._dropped = False

    async def open(self, end: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        end.setblocking(False)
        await loop.create_connection(lambda: self, sock=end)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def tell(self, news: bytes) -> None:
        self._send(_TELL, 0, news)

    def post(self, question: bytes) -> None:
        self._send(_ASK, 0, question)

    async def ask(self, question: bytes, seconds: float) -> bytes | None:
        """None: no answer within `seconds`."""
        if self._transport is None:
            return None
        number = next(self._numbers) % 2**32
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._send(_ASK, number, question)
        try:
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            log.warning("neighbours_not_in_time seconds=%g", seconds)
            return None
        finally:
            self._waiting.pop(number, None)

    def _send(self, kind: bytes, number: int, said: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > _MOST_UNREAD:
            if not self._dropped:
                log.warning("neighbour_does_not_listen")
            self._dropped = True
            return
        self._dropped = False
        transport.write(_HEAD.pack(len(said), number, kind) + said)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        start = 0
        while len(self._read) - start >= _HEAD.size:
            length, number, kind = _HEAD.unpack_from(self._read, start)
            end = start + _HEAD.size + length
            if len(self._read) < end:
                break
            self._take(kind, number, bytes(self._read[start + _HEAD.size : end]))
            start = end
        del self._read[:start]

    def _take(self, kind: bytes, number: int, said: bytes) -> None:
        if kind == _TELL:
            self._told(said)
        elif kind == _ASK:
            self._asked(said, functools.partial(self._send, _ANSWER, number) if number else None)
        elif (future := self._waiting.get(number)) is not None and not future.done():
            future.set_result(said)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        for future in self._waiting.values():
            if not future.done():
                future.set_result(None)
        self._lost()
