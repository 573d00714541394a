"""A process beside the server is started again when it ends, and drained at the end."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ringtrace import supervisor as module
from ringtrace.supervisor import Launch, Supervisor

PATIENCE = 15.0
DRAINS = """
import os, signal, sys, time
def drain(*_):
    print('draining', file=sys.stderr, flush=True)
    time.sleep(float(sys.argv[1]))
    sys.exit(0)
signal.signal(signal.SIGTERM, drain)
print('pid', os.getpid(), os.environ['SECRET'], file=sys.stderr, flush=True)
while True: time.sleep(60)
"""


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def supervised(
    program: str, *arguments: str, drain_seconds: float = 10.0
) -> AsyncIterator[tuple[Supervisor, list[int]]]:
    """Each start is noted, with its number, which is the process's secret."""
    starts: list[int] = []

    async def launch() -> Launch:
        starts.append(len(starts))
        environment = {"SECRET": f"s{starts[-1]}"}
        return Launch([sys.executable, "-c", program, *arguments], environment)

    supervisor = Supervisor("child", launch, drain_seconds)
    supervisor.start()
    try:
        yield supervisor, starts
    finally:
        await supervisor.stop()


def pids(said: str) -> list[int]:
    lines = [line for line in said.splitlines() if line.startswith("child | pid")]
    return [int(line.split()[3]) for line in lines]


async def test_a_killed_process_is_started_again_with_what_it_needs_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = ""

    def heard(count: int) -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return len(pids(said)) >= count

    async with supervised(DRAINS, "0") as (_, starts):
        await until(lambda: heard(1))
        os.kill(pids(said)[0], signal.SIGKILL)
        await until(lambda: heard(2))

    assert starts == [0, 1]
    assert [line.split()[-1] for line in said.splitlines() if "pid" in line] == ["s0", "s1"]
    with pytest.raises(ProcessLookupError):
        os.kill(pids(said)[1], 0)


async def test_a_process_that_drains_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    said = ""

    def started() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return bool(pids(said))

    async with supervised(DRAINS, "0.5") as (supervisor, starts):
        await until(started)
        began = time.monotonic()
        await supervisor.stop()

    assert time.monotonic() - began >= 0.5
    assert "child | draining" in capsys.readouterr().err
    assert starts == [0]


async def test_a_process_that_does_not_end_is_killed(capsys: pytest.CaptureFixture[str]) -> None:
    said = ""

    def started() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return bool(pids(said))

    async with supervised(DRAINS, "60", drain_seconds=0.3) as (supervisor, _):
        await until(started)
        await supervisor.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(pids(said)[0], 0)


async def test_a_process_that_ends_at_once_is_started_more_and_more_slowly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.2)
    began = time.monotonic()
    async with supervised("raise SystemExit(2)") as (supervisor, starts):
        await until(lambda: len(starts) >= 5)
        seconds = time.monotonic() - began
        await supervisor.stop()

    assert seconds >= 0.05 + 0.1 + 0.2 + 0.2


async def test_what_cannot_be_started_ends_nobody_else() -> None:
    tried = 0

    async def launch() -> Launch:
        nonlocal tried
        tried += 1
        return Launch([str(Path("/nowhere/at/all"))], {})

    supervisor = Supervisor("child", launch, 1.0)
    supervisor.start()
    await until(lambda: tried >= 2)
    await supervisor.stop()
