"""The HTTP server of one process."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import uvicorn

from ringtrace.bootstrap import House
from ringtrace.web.onewrite import OneWriteProtocol

_GARBAGE_LOOKS: Final = (50_000, 20, 50)
"""New objects before a look at the young ones, such looks before one at the middle-aged, and such
before one at all. The interpreter's own are 700, 10 and 10."""


class HttpServer(uvicorn.Server):
    """`ready` hears when requests are taken; `before_end` comes before they are taken no more.

    SIGINT and SIGTERM end it in good order: what is under way is answered.
    """

    def __init__(
        self,
        house: House,
        ready: Callable[[], None],
        before_end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(_config(house))
        self._ready = ready
        self._before_end = before_end
        self._endings: set[asyncio.Task[None]] = set()
        collect_garbage_rarely()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in good order: uvicorn's own way raises the signal again before we have closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.end, number)
        yield

    def end(self, number: int = signal.SIGTERM) -> None:
        if self._before_end is None:
            self.handle_exit(number, None)
            return
        ending = asyncio.create_task(self._end_after(self._before_end, number))
        self._endings.add(ending)

    async def _end_after(self, before: Callable[[], Awaitable[None]], number: int) -> None:
        await before()
        self.handle_exit(number, None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def collect_garbage_rarely() -> None:
    """A look at all objects stops every answer, the longer the more visits are in memory.

    What was loaded stays for ever and is not looked at again. Requests leave next to no cycles
    behind, so a full look every fifty million objects is enough.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE_LOOKS)


def _config(house: House) -> uvicorn.Config:
    settings = house.settings
    return uvicorn.Config(
        house.app,
        loop="none",
        http=OneWriteProtocol,
        ws="none",
        lifespan="on",
        # Paths and queries name callers and tokens: they are not written to logs.
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )
