"""A real server process."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from ringtrace.config import Settings

START_SECONDS = 30.0


@contextlib.asynccontextmanager
async def server(
    data: Path,
    port: int = 0,
    *options: str,
    log: Path | None = None,
    database_url: str = "",
    under: Sequence[str] = (),
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A real server process over `data`, or over a database, with more `options`.

    Whoever uses it may kill it. `under` is a program that runs it.
    """
    ready = Settings(data).address_file
    ready.unlink(missing_ok=True)
    with Path(log or os.devnull).open("ab") as said:  # noqa: ASYNC230 - a small local file
        process = await asyncio.create_subprocess_exec(
            *under, sys.executable, "-m", "ringtrace", "serve",
            "--data", str(data), "--port", str(port),
            "--hits-per-address", "1000000", *options, stderr=said,
            env=os.environ | {"DATABASE_URL": database_url},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            assert process.returncode is None, "the server ended instead of starting"
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        yield process, ready.read_text().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
