"""Keeps the workers: starts them behind one listening socket, again when one dies, ends all."""

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import Iterable
from typing import Final

from ringtrace.bootstrap.clock import now
from ringtrace.config import Settings
from ringtrace.services.neighbours import SEED_BYTES
from ringtrace.supervisor import Launch, Supervisor
from ringtrace.workers.hub import Hub, Seat
from ringtrace.workers.messages import Instructions

DRAIN_SECONDS: Final = 30.0
"""So long a worker may take to answer what is under way and to write what is queued."""


class WorkerFailedError(RuntimeError):
    """A worker did not start; the message says why."""


class Keeper:
    """All workers take connections from `listener`, which is open for as long as any of them lives.

    So a connection that a dead worker had not taken is taken by another. `with_node`: they see to
    the token of the node beside them.
    """

    def __init__(
        self, settings: Settings, listener: socket.socket, url: str, wanted: int, *, with_node: bool
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._url = url
        self._with_node = with_node
        self._seed = secrets.token_bytes(SEED_BYTES)
        self._changed = asyncio.Event()
        self._hub = Hub(wanted, now, self._changed.set)
        self._seats: dict[int, Seat] = {}
        self._workers = {number: self._worker(number) for number in range(1, wanted + 1)}

    async def start(self) -> None:
        """Returns when all take requests. Raises WorkerFailedError."""
        first, *others = self._workers
        # Alone: it may have a schema to make and an account to open.
        await self._start([first])
        await self._start(others)

    async def stop(self) -> None:
        """Returns when all are gone. Called again meanwhile, it asks for more haste."""
        await asyncio.gather(*(worker.stop() for worker in self._workers.values()))

    async def _start(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._workers[number].start()
        while not all(map(self._is_ready, numbers)):
            await self._changed.wait()
            self._changed.clear()

    def _is_ready(self, number: int) -> bool:
        """Raises WorkerFailedError."""
        seat = self._seats.get(number)
        if seat is None:
            return False
        if seat.failure is not None:
            raise WorkerFailedError(seat.failure)
        if seat.has_ended:
            raise WorkerFailedError(f"worker {number} ended instead of starting: see its log")
        return seat.is_ready

    def _worker(self, number: int) -> Supervisor:
        async def launch() -> Launch:
            ours, theirs = socket.socketpair()
            instructions = Instructions(
                number, self._settings, self._url, self._seed, self._with_node
            )
            seat = self._seats[number] = self._hub.seat(instructions)
            await seat.line.open(ours)
            handed = (os.dup(self._listener.fileno()), theirs.detach())
            module = (sys.executable, "-m", "ringtrace.workers.process")
            return Launch((*module, *map(str, handed)), os.environ, handed)

        return Supervisor(f"worker-{number}", launch, DRAIN_SECONDS)
