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
from dataclasses import dataclass
from pathlib import Path

import uvicorn
import uvloop

from ringtrace.bootstrap import House, open_house
from ringtrace.config import Settings, write_private
from ringtrace.supervisor import Launch, Supervisor
from ringtrace.web.onewrite import OneWriteProtocol

log = logging.getLogger(__name__)
_BACKLOG = 2_048


_DRAIN_MARGIN = 15.0
"""Seconds beyond the drain for the node's last reports."""


@dataclass(frozen=True, slots=True)
class NodeBeside:
    """The SIP node that runs beside the server: its settings file, if any, and where it keeps what.

    `arguments` are more options of `ringtrace sip-node`.
    """

    config: Path | None
    spool: Path
    drain_seconds: float
    arguments: tuple[str, ...] = ()


class _Server(uvicorn.Server):
    """`beside` is drained before the server ends: its last reports need somebody to take them."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], beside: Supervisor | None
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._beside = beside
        self._endings: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in good order: uvicorn's own way raises the signal again before we have closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end, number)
        yield

    def _end(self, number: int) -> None:
        if self._beside is None:
            self.handle_exit(number, None)
            return
        ending = asyncio.create_task(self._end_both(self._beside, number))
        self._endings.add(ending)

    async def _end_both(self, beside: Supervisor, number: int) -> None:
        await beside.stop()
        self.handle_exit(number, None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()
        if self._beside is not None:
            self._beside.start()


def serve(settings: Settings, node: NodeBeside | None = None) -> None:
    """Blocks until SIGINT or SIGTERM. Raises what `open_house` raises, OSError (address in use)."""
    # Callers' numbers and recordings are nobody's business but the owner's.
    os.umask(0o077)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, node))


async def _serve(settings: Settings, node: NodeBeside | None) -> None:
    listener = socket.create_server((settings.host, settings.port), backlog=_BACKLOG)
    with listener:
        url = f"http://{settings.host}:{listener.getsockname()[1]}"
        house = await open_house(settings)
        # What was loaded stays for ever: the collector need not look at it with every hit.
        gc.collect()
        gc.freeze()
        beside = _supervisor(house, listener, node) if node is not None else None
        try:
            await _server(house, url, beside).serve(sockets=[listener])
        finally:
            if beside is not None:
                await beside.stop()
            _withdraw(settings, url)
            await house.close()


def _supervisor(house: House, listener: socket.socket, node: NodeBeside) -> Supervisor:
    host, port = listener.getsockname()[:2]
    url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - compared
    config = () if node.config is None else ("--config", str(node.config))
    command = (
        *(sys.executable, "-m", "ringtrace.gateways.sip", "--supervised", *config),
        *("--backend", url, "--spool", str(node.spool), *node.arguments),
    )

    async def launch() -> Launch:
        own = {name: value for name, value in os.environ.items() if not _is_ours_alone(name)}
        return Launch(command, own | {"RINGTRACE_TOKEN": await house.node_token()})

    return Supervisor("sip-node", launch, node.drain_seconds + _DRAIN_MARGIN)


def _is_ours_alone(name: str) -> bool:
    """Keys to databases, buckets and mail servers, which the node has no business with."""
    return name == "DATABASE_URL" or name.startswith(("AWS_", "PG", "RINGTRACE_SMTP_"))


def _withdraw(settings: Settings, url: str) -> None:
    """Unless another server that shares the folder stands there."""
    file = settings.address_file
    if file.exists() and file.read_text().strip() == url:
        file.unlink()


def _server(house: House, url: str, beside: Supervisor | None) -> _Server:
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
    return _Server(config, ready, beside)
