"""Keeps a process running beside the server: started again when it ends, drained at the end."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
_STEADY_SECONDS: Final = 60.0
"""A process that lived so long is started again without a pause to speak of."""
_CHUNK: Final = 65_536
_LONGEST_LINE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Launch:
    """`environment` is the whole of it; it may hold secrets, the command line may not.

    `descriptors` are open files that are handed over: the process has them under the same numbers,
    and nobody here any more.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    descriptors: Sequence[int] = ()


class Supervisor:
    """`launch` is asked before each start. What the process writes to stderr is passed on.

    The process has a session of its own: a Ctrl-C in the server's terminal is the server's, which
    then drains the process in its own time. After `stop` it has `drain_seconds` to end by itself.
    """

    def __init__(
        self, name: str, launch: Callable[[], Awaitable[Launch]], drain_seconds: float
    ) -> None:
        self._name = name
        self._launch = launch
        self._drain_seconds = drain_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Returns when the process is gone. Called again meanwhile, it asks for more haste."""
        self._stopping.set()
        if self._keeper is None:
            return
        self._signal(signal.SIGTERM)
        _, still = await asyncio.wait({self._keeper}, timeout=self._drain_seconds)
        if still:
            log.error("child_killed name=%s seconds=%g", self._name, self._drain_seconds)
            self._signal(signal.SIGKILL)
            await self._keeper

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                code = await self._run()
            except Exception:  # whatever keeps the child from starting must not end the server
                log.exception("child_not_started name=%s", self._name)
                code = None
            if self._stopping.is_set():
                return
            if time.monotonic() - began >= _STEADY_SECONDS:
                pause = FIRST_PAUSE
            log.error("child_ended name=%s code=%s restart_seconds=%g", self._name, code, pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _run(self) -> int:
        launch = await self._launch()
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *launch.command,
                env=dict(launch.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                pass_fds=launch.descriptors,
            )
        finally:
            for descriptor in launch.descriptors:
                os.close(descriptor)
        log.info("child_started name=%s pid=%d", self._name, process.pid)
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        assert process.stderr is not None  # noqa: S101 - it is a pipe
        await self._pass_on(process.stderr)
        code = await process.wait()
        self._process = None
        return code

    async def _pass_on(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stream.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                sys.stderr.write(f"{self._name} | {line.decode('utf-8', 'replace')}\n")
            sys.stderr.flush()

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
