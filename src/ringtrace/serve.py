"""Running the server: one process and its event loop, or several workers and their keeper."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from ringtrace.bootstrap import open_house
from ringtrace.config import Settings, write_private
from ringtrace.http_server import HttpServer
from ringtrace.supervisor import Launch, Supervisor
from ringtrace.workers.keeper import Keeper

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


def serve(settings: Settings, node: NodeBeside | None = None, workers: int = 1) -> None:
    """Blocks until SIGINT or SIGTERM.

    Raises what `open_house` raises, OSError (address in use), with workers WorkerFailedError.
    """
    # Callers' numbers and recordings are nobody's business but the owner's.
    os.umask(0o077)
    run = _serve(settings, node) if workers == 1 else _serve_by(workers, settings, node)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run)


async def _serve(settings: Settings, node: NodeBeside | None) -> None:
    listener = _listener(settings)
    with listener:
        url = _url(settings, listener)
        opening = asyncio.ensure_future(open_house(settings))
        if await _ends_first(opening, _told_to_end()):
            with contextlib.suppress(asyncio.CancelledError):
                await (await opening).close()
            return
        house = opening.result()
        beside = None if node is None else _supervisor(house.node_token, listener, node)

        def ready() -> None:
            _announce(settings, url)
            if beside is not None:
                beside.start()

        try:
            # The node is drained first: its last reports need somebody to take them.
            server = HttpServer(house, ready, None if beside is None else beside.stop)
            await server.serve(sockets=[listener])
        finally:
            if beside is not None:
                await beside.stop()
            _withdraw(settings, url)
            await house.close()


async def _serve_by(workers: int, settings: Settings, node: NodeBeside | None) -> None:
    listener = _listener(settings)
    with listener:
        url = _url(settings, listener)
        keeper = Keeper(settings, listener, url, workers, with_node=node is not None)
        beside = None if node is None else _supervisor(_reader(settings), listener, node)
        end = _told_to_end()
        try:
            if await _ends_first(keeper.start(), end):
                return
            _announce(settings, url)
            if beside is not None:
                beside.start()
            await end.wait()
        finally:
            if beside is not None:
                await beside.stop()
            _withdraw(settings, url)
            # From now on nobody is kept waiting for workers that are going.
            listener.close()
            await keeper.stop()


def _listener(settings: Settings) -> socket.socket:
    """Raises OSError; its message names the options."""
    try:
        return socket.create_server((settings.host, settings.port), backlog=_BACKLOG)
    except OSError as error:
        why = (error.strerror or str(error)).partition(" (while")[0]
        raise OSError(f"--host {settings.host} --port {settings.port}: {why}") from error


def _told_to_end() -> asyncio.Event:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    return end


async def _ends_first(start: Awaitable[object], end: asyncio.Event) -> bool:
    """Whether it is the `end` before all is started. Raises what `start` raises."""
    starting, ending = asyncio.ensure_future(start), asyncio.ensure_future(end.wait())
    try:
        await asyncio.wait((starting, ending), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        return end.is_set()
    finally:
        starting.cancel()
        ending.cancel()


def _url(settings: Settings, listener: socket.socket) -> str:
    return f"http://{settings.host}:{listener.getsockname()[1]}"


def _reader(settings: Settings) -> Callable[[], Awaitable[str]]:
    async def token() -> str:
        """The workers have seen to it before they were ready."""
        return settings.node_token_file.read_text().strip()

    return token


def _supervisor(
    token: Callable[[], Awaitable[str]], listener: socket.socket, node: NodeBeside
) -> Supervisor:
    host, port = listener.getsockname()[:2]
    url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - compared
    config = () if node.config is None else ("--config", str(node.config))
    command = (
        *(sys.executable, "-m", "ringtrace.gateways.sip", "--supervised", *config),
        *("--backend", url, "--spool", str(node.spool), *node.arguments),
    )

    async def launch() -> Launch:
        own = {name: value for name, value in os.environ.items() if not _is_ours_alone(name)}
        return Launch(command, own | {"RINGTRACE_TOKEN": await token()})

    return Supervisor("sip-node", launch, node.drain_seconds + _DRAIN_MARGIN)


def _is_ours_alone(name: str) -> bool:
    """Keys to databases, buckets and mail servers, which the node has no business with."""
    return name == "DATABASE_URL" or name.startswith(("AWS_", "PG", "RINGTRACE_SMTP_"))


def _announce(settings: Settings, url: str) -> None:
    write_private(settings.address_file, url)
    sys.stderr.write(
        f"Ringtrace runs at {url}\n"
        f"Console: {url}/  login: admin  password: see {settings.password_file}\n"
    )


def _withdraw(settings: Settings, url: str) -> None:
    """Unless another server that shares the folder stands there."""
    file = settings.address_file
    if file.exists() and file.read_text().strip() == url:
        file.unlink()
