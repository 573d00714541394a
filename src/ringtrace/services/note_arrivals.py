"""Arrivals on their way into the store, behind the caller's back."""

import asyncio
import contextlib
import logging
from collections import deque
from dataclasses import dataclass

from ringtrace.domain.account import TokenOwner
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.screening import Finding
from ringtrace.services.arrival import Arrival
from ringtrace.services.attribute_call import attribute_call
from ringtrace.services.commands import NoteArrival
from ringtrace.services.directory import Directory
from ringtrace.services.errors import RefusedError
from ringtrace.services.ports import Store

log = logging.getLogger(__name__)

# Noting gives way to answering: in a flood of arrivals it takes a tenth of the time.
_NOTES_AT_ONCE = 16
_PAUSE_TO_WORK = 9
_LONGEST_PAUSE_SECONDS = 1.0
_MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Note:
    """`caller`: the arrival's, as it was read."""

    owner: TokenOwner
    arrival: Arrival
    caller: str | None
    number: TrackingNumber
    digits: str | None = None
    finding: Finding | None = None


class ArrivalNotes:
    """Arrivals on their way into the store, by one worker that lives while there are any.

    When too many wait, the newest are let go.
    """

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory
        self._waiting: deque[Note] = deque()
        self._lost = 0
        self._hurry = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def add(self, note: Note) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(note)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    async def settle(self) -> None:
        self._hurry.set()
        while self._worker is not None:
            await self._worker
        self._hurry.clear()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                began = loop.time()
                some = [self._waiting.popleft()
                        for _ in range(min(_NOTES_AT_ONCE, len(self._waiting)))]  # fmt: skip
                noted = await asyncio.gather(*(self._note(one) for one in some))
                self._lost += noted.count(False)
                if self._waiting:
                    worked = loop.time() - began
                    await self._pause(min(_PAUSE_TO_WORK * worked, _LONGEST_PAUSE_SECONDS))
        finally:
            self._worker = None
            if self._lost:
                log.warning("arrivals_not_noted count=%d", self._lost)
                self._lost = 0

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    async def _note(self, note: Note) -> bool:
        owner, arrival, number, caller = note.owner, note.arrival, note.number, note.caller
        try:
            attribution = await attribute_call(
                self._store, self._directory, number, caller, arrival.started_at, note.digits
            )
            await self._store.submit(
                NoteArrival(
                    account_id=owner.account_id,
                    gateway=GatewayKind(owner.kind.value),
                    call=arrival.call,
                    number=number.number,
                    caller=caller,
                    started_at=arrival.started_at,
                    attribution=attribution,
                    digits=note.digits,
                    flow=number.label_of(number.extension(note.digits)),
                    finding=note.finding,
                )
            )
        except RefusedError:
            return False
        return True
