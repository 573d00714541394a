"""One worker: python -m ringtrace.workers.process LISTENER LINE, two descriptors of its keeper."""

import asyncio
import contextlib
import socket
import sys
from typing import Final

import uvloop

from ringtrace.bootstrap import CANNOT_START, open_house
from ringtrace.http_server import HttpServer
from ringtrace.logs import log_to_stderr
from ringtrace.workers import messages
from ringtrace.workers.line import Line, Reply
from ringtrace.workers.neighbours import KeptNeighbours

_HELLO_SECONDS: Final = 30.0
_FAREWELL_SECONDS: Final = 5.0


class KeeperGoneError(RuntimeError):
    """Nobody is at the other end of the line."""


class Worker:
    """Belongs to one event loop; `run` it once."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._line = Line(self._told, self._ordered, self._lost)
        self._neighbours: KeptNeighbours | None = None
        self._server: HttpServer | None = None
        self._is_alone = False

    async def run(self, end: socket.socket) -> int:
        """`end` is ours of the line. Answers the exit status."""
        await self._line.open(end)
        said = await self._line.ask(messages.encode(messages.Hello()), _HELLO_SECONDS)
        if said is None:
            raise KeeperGoneError
        try:
            await self._serve(messages.instructions.decode(said))
        except CANNOT_START as error:
            # Asked, not only told: the process ends, and with it what has not been read.
            failed = messages.encode(messages.Failed(str(error)))
            await self._line.ask(failed, _FAREWELL_SECONDS)
            return 1
        return 0

    async def _serve(self, instructions: messages.Instructions) -> None:
        self._neighbours = KeptNeighbours(self._line, instructions.seed)
        house = await open_house(instructions.settings, neighbours=self._neighbours)
        try:
            if instructions.with_node:
                await house.node_token()
            self._server = HttpServer(house, self._ready)
            if not self._is_alone:
                await self._server.serve(sockets=[self._listener])
        finally:
            await house.close()

    def _ready(self) -> None:
        self._line.post(messages.encode(messages.Ready()))

    def _told(self, said: bytes) -> None:
        if self._neighbours is not None:
            self._neighbours.told(said)

    def _ordered(self, said: bytes, reply: Reply | None) -> None:
        if self._neighbours is not None:
            self._neighbours.ordered(said, reply)

    def _lost(self) -> None:
        """Without a keeper there is nobody to be one server with: answer what is under way."""
        self._is_alone = True
        if self._server is not None:
            self._server.end()


def main() -> None:
    log_to_stderr()
    listener, end = (socket.socket(fileno=int(text)) for text in sys.argv[1:3])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = 1
        with contextlib.suppress(KeeperGoneError):
            status = runner.run(Worker(listener).run(end))
    sys.exit(status)


if __name__ == "__main__":
    main()
