"""Heavy work, in processes of its own."""

import asyncio
import logging
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from ringtrace.config import DATABASE_URL, Settings
from ringtrace.domain.model import Model
from ringtrace.domain.past import Past, learn

log = logging.getLogger(__name__)


async def learn_apart(past: Past, at: int) -> Model:
    """In a process of its own, because minutes of arithmetic would keep ringing calls waiting."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as apart:
        loop = asyncio.get_running_loop()
        return Model.of_data(await loop.run_in_executor(apart, _learnt, past, at))


def _learnt(past: Past, at: int) -> dict[str, Any]:
    return learn(past, at).to_data()


async def seal_apart(settings: Settings) -> None:
    """In a process of its own, which gives way to everything else; it dies with us."""
    ended = await _run("seal", settings)
    if ended:
        log.error("days_not_sealed exit=%d", ended)


async def retain_apart(settings: Settings) -> None:
    """In a process of its own, which dies with us.

    It does not give way: servers wait for whoever writes to the same rows, or the same file.
    """
    ended = await _run("retain", settings)
    if ended:
        log.error("rows_not_let_go exit=%d", ended)


async def _run(command: str, settings: Settings) -> int:
    # Not among the arguments, which everybody on the machine can read.
    environment = {name: value for name, value in os.environ.items() if name != DATABASE_URL}
    if settings.database_url is not None:
        environment[DATABASE_URL] = settings.database_url
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringtrace", command, "--data", str(settings.data),
        stdout=asyncio.subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    try:
        return await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
