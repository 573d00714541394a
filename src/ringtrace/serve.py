"""Running the server: one process, one event loop."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import uvicorn
import uvloop

from ringtrace.bootstrap import House, open_house
from ringtrace.config import Settings, write_private

log = logging.getLogger(__name__)
_BACKLOG = 2_048


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in good order: uvicorn's own way raises the signal again before we have closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def serve(settings: Settings) -> None:
    """Blocks until SIGINT or SIGTERM. Raises what `open_house` raises, OSError (address in use)."""
    # Callers' numbers and recordings are nobody's business but the owner's.
    os.umask(0o077)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    listener = socket.create_server((settings.host, settings.port), backlog=_BACKLOG)
    with listener:
        url = f"http://{settings.host}:{listener.getsockname()[1]}"
        house = await open_house(settings)
        # What was loaded stays for ever: the collector need not look at it with every hit.
        gc.collect()
        gc.freeze()
        try:
            await _server(house, url).serve(sockets=[listener])
        finally:
            _withdraw(settings, url)
            await house.close()


def _withdraw(settings: Settings, url: str) -> None:
    """Unless another server that shares the folder stands there."""
    file = settings.address_file
    if file.exists() and file.read_text().strip() == url:
        file.unlink()


def _server(house: House, url: str) -> _Server:
    settings = house.settings

    def ready() -> None:
        write_private(settings.address_file, url)
        sys.stderr.write(
            f"Ringtrace runs at {url}\n"
            f"Console: {url}/  login: admin  password: see {settings.password_file}\n"
        )

    config = uvicorn.Config(
        house.app,
        loop="none",
        http="httptools",
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
    return _Server(config, ready)
