"""A real Kamailio with the configuration that we ship."""

import asyncio
import contextlib
import shutil
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

SHIPPED = Path(__file__).parent.parent / "deploy" / "kamailio" / "kamailio.cfg"
IP = "127.0.0.1"
START_SECONDS = 10.0


@dataclass(frozen=True)
class Edge:
    """Where it listens (ip:port), and its files."""

    udp: str
    tcp: str
    tls: str
    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "edge.crt"

    @property
    def log(self) -> str:
        return (self.folder / "edge.log").read_text()


def planned(folder: Path) -> Edge:
    """An edge that does not run yet: nodes have to know its address, and it has to know theirs."""
    udp, tcp, tls = (f"{IP}:{port}" for port in _free_ports(3))
    return Edge(udp, tcp, tls, folder)


@contextlib.asynccontextmanager
async def running(
    made: Edge, nodes: list[str], trunks: list[str], *, flood: int = 10_000
) -> AsyncIterator[Edge]:
    """Before `nodes` (ip:port), for calls of `trunks` (networks)."""
    await _write(made, nodes, trunks, flood)
    folder = made.folder
    with (folder / "edge.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "kamailio",
            *("-f", str(folder / "kamailio.cfg"), "-DD", "-E", "-Y", str(folder)),
            *("-n", "2", "-m", "32", "-M", "4"),
            stdout=log,
            stderr=log,
        )
    try:
        await _listening(made, process)
        yield made
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _write(made: Edge, nodes: list[str], trunks: list[str], flood: int) -> None:
    folder = made.folder
    shutil.copy(SHIPPED, folder / "kamailio.cfg")
    await _make_certificate(made)
    lines = [
        f"listen=udp:{made.udp}",
        f"listen=tcp:{made.tcp}",
        f"listen=tls:{made.tls}",
        "#!define WITH_TLS",
        f'#!define TLS_CERTIFICATE "{made.certificate}"',
        f'#!define TLS_KEY "{folder / "edge.key"}"',
        f'#!define NODE_LIST "{folder / "nodes.list"}"',
        f'#!define TRUNK_LIST "{folder / "trunks.list"}"',
        f"#!define FLOOD {flood}",
    ]
    (folder / "edge.cfg").write_text("\n".join(lines) + "\n")
    (folder / "nodes.list").write_text("".join(f"1 sip:{node}\n" for node in nodes))
    rows = (f"1 {network.replace('/', ' ')}\n" for network in trunks)
    (folder / "trunks.list").write_text("".join(rows))


async def _make_certificate(made: Edge) -> None:
    """Signed by itself."""
    process = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=edge.example", "-addext", f"subjectAltName=IP:{IP}"),
        *("-keyout", str(made.folder / "edge.key"), "-out", str(made.certificate)),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0


async def _listening(made: Edge, process: asyncio.subprocess.Process) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.returncode is None, made.log
        try:
            for address in (made.tcp, made.tls):
                host, _, port = address.partition(":")
                _, writer = await asyncio.open_connection(host, int(port))
                writer.close()
                await writer.wait_closed()
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError(made.log)


def _free_ports(count: int) -> list[int]:
    """Free for UDP and TCP alike."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            tcp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            udp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            tcp.bind((IP, 0))
            try:
                udp.bind((IP, tcp.getsockname()[1]))
            except OSError:
                continue
            ports.append(tcp.getsockname()[1])
        return ports
