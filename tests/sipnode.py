"""A real SIP node process."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from ringtrace.demo.phone import Phone

FALLBACK = "+12025550195"
START_SECONDS = 30.0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def sip_node(
    data: Path, url: str, token: str, agent: Phone, *options: str
) -> AsyncIterator[str]:
    """Its SIP address; it dials `agent`, and FALLBACK while the backend is away."""
    ready = data / "node-ready"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringtrace", "sip-node",
        "--listen", f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}", "--trunk", "127.0.0.0/8",
        "--proxy", f"127.0.0.1:{agent.address[1]}", "--backend", url, "--fallback", FALLBACK,
        "--spool", str(data / "spool"), "--ready-file", str(ready), "--health", "off", *options,
        env=os.environ | {"RINGTRACE_TOKEN": token}, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        assert process.returncode is None, "the node ended instead of starting"
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    try:
        yield ready.read_text().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
