"""The two servers that are compared, each a process of its own."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 20.0
_UNLIMITED = str(10**9)
_TICK = 1.0 / os.sysconf("SC_CLK_TCK")


class NotStartedError(RuntimeError):
    """A server ended, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    process: "subprocess.Popen[bytes]"

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far; counted in ticks of 10 ms."""
        return _cpu_seconds(Path(f"/proc/{self.process.pid}"))

    def loop_cpu_seconds(self) -> float:
        """The same of its first thread alone, which runs the event loop."""
        return _cpu_seconds(Path(f"/proc/{self.process.pid}/task/{self.process.pid}"))

    def resident_mib(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def kill(self) -> None:
        """End it as a power switch would, without a chance to write anything."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)


def database_cpu_seconds(url: str | None) -> float:
    """User and system time of PostgreSQL's processes that are there now.

    0 without a database, and for one on another machine.
    """
    if url is None:
        return 0.0
    return sum(
        _cpu_seconds(process)
        for process in map(Path, (f"/proc/{one}" for one in asyncio.run(_processes(url))))
        if _is_postgres(process)
    )


async def _processes(url: str) -> list[int]:
    import asyncpg  # noqa: PLC0415 - an extra

    connection = await asyncpg.connect(url)
    try:
        own = connection.get_server_pid()
        found = await connection.fetch("SELECT pid FROM pg_stat_activity")
        return [process for (process,) in found if process != own]
    finally:
        await connection.close()


def _is_postgres(process: Path) -> bool:
    try:
        return (process / "comm").read_text("utf-8").strip() == "postgres"
    except OSError:
        return False


def _cpu_seconds(process: Path) -> float:
    fields = (process / "stat").read_text("ascii").rpartition(")")[2]
    user, system = fields.split()[11:13]
    return (int(user) + int(system)) * _TICK


@contextlib.contextmanager
def echo(folder: Path) -> Iterator[Server]:
    file = folder / "echo-url"
    with _server(["benchmarks.echo", str(file)], file) as server:
        yield server


@contextlib.contextmanager
def ringtrace(data: Path, database_url: str | None = None) -> Iterator[Server]:
    """`ringtrace serve` over `data`; its flood limits would stop a client that is one address."""
    arguments = ["ringtrace", "serve", "--data", str(data), "--port", "0"]
    arguments += ["--hits-per-address", _UNLIMITED, "--hits-per-site", _UNLIMITED]
    with _server(arguments, data / "server-url", {"DATABASE_URL": database_url or ""}) as server:
        yield server


@contextlib.contextmanager
def _server(
    module: Sequence[str], url_file: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    url_file.unlink(missing_ok=True)
    process = subprocess.Popen(  # noqa: S603 - our own arguments
        [sys.executable, "-m", *module], env={**os.environ, **(environment or {})}
    )
    try:
        yield Server(_url(process, url_file), process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _url(process: "subprocess.Popen[bytes]", file: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotStartedError(f"no server: see its log above (exit {process.returncode})")
        time.sleep(0.05)
    return file.read_text("utf-8").strip()


@contextlib.contextmanager
def sip_floor(folder: Path, target: str) -> Iterator[Server]:
    """Its `url` is `IP:PORT`; it rings `target`, of the same form."""
    ready = folder / "floor-ready"
    with _server(["benchmarks.sip_floor", str(ready), target], ready) as server:
        yield server


@contextlib.contextmanager
def sip_node(folder: Path, backend: str, token: str, target: str) -> Iterator[Server]:
    """A node that rings `target` (`IP:PORT`) for all numbers; its `url` is `IP:PORT`, too."""
    ready, config = folder / "node-ready", folder / "node.toml"
    config.write_text(
        f'backend_url = "{backend}"\ntoken = "{token}"\nspool_dir = "spool"\n'
        f'ready_file = "{ready}"\nlisten_port = 0\ntrusted_networks = ["127.0.0.0/8"]\n'
        f'trunks = [{{ host = "{target}" }}]\nrtp_port_min = 20000\nrtp_port_max = 31999\n'
        'max_calls = 3000\nmax_calls_per_second = 1000.0\nhealth_listen = "off"\n',
        "utf-8",
    )
    config.chmod(0o600)
    with _server(["ringtrace.gateways.sip", "--config", str(config)], ready) as server:
        yield server
