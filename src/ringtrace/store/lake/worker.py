"""A process for heavy questions: it can be stopped at any moment, and hits never wait for it."""

import asyncio
import logging
import multiprocessing
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from ringtrace.domain.moment import DAY_MS
from ringtrace.services.call_records import CallFilter, ChannelRow, VisitRecord
from ringtrace.services.ports import Clock
from ringtrace.store.lake.manifest import days_folder
from ringtrace.store.lake.place import Place

if TYPE_CHECKING:
    from ringtrace.store.lake.begun import ReportRows

    class Days(ReportRows, AbstractContextManager["Days"], Protocol):
        """The rows of a store, opened."""


log = logging.getLogger(__name__)

SECONDS: Final = 60.0
"""After this a report is given up, and with it the process."""

LONG_MS: Final = 8 * DAY_MS
"""Of a shorter span the store itself tells as fast."""

_NICE: Final = 5


@dataclass(frozen=True, slots=True)
class Sources:
    """What the process reads."""

    days: Callable[[], "Days"]
    """Opens the rows of the store, in the process that reads them."""
    place: Place
    scratch: Path


class LakeReports:
    """One report at a time; `close` it. The process starts with the first question."""

    def __init__(self, sources: Sources, clock: Clock, seconds: float = SECONDS) -> None:
        # Of its own, so that nothing is left of a report that was stopped: it names callers.
        self._folder = sources.scratch / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._sources = replace(sources, scratch=self._folder)
        self._clock = clock
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None

    async def channels(self, account_id: int, where: CallFilter) -> Sequence[ChannelRow] | None:
        """None: the store itself is to answer. Whoever cancels this stops the work as well."""
        until = self._clock() if where.until is None else where.until
        is_short = where.since is not None and until - where.since < LONG_MS
        # Tags are not in the files.
        if is_short or where.tag is not None:
            return None
        found: Sequence[ChannelRow] | None = await self._answer("channels", account_id, where)
        return found

    async def visits(self, account_id: int, where: CallFilter) -> Mapping[str, int] | None:
        """None: that cannot be told now. Whoever cancels this stops the work as well."""
        found: Mapping[str, int] | None = await self._answer("visits", account_id, where)
        return found

    async def visit(self, account_id: int, visit_id: str) -> VisitRecord | None:
        """None: it is not among those that have left, or that cannot be told now."""
        found: VisitRecord | None = await self._answer("visit", account_id, visit_id)
        return found

    async def _answer(self, question: str, account_id: int, about: object) -> Any:
        async with self._turn:
            try:
                async with asyncio.timeout(self._seconds):
                    if not await asyncio.to_thread(self._has_days, account_id):
                        return None
                    return await self._ask(question, account_id, about)
            except asyncio.CancelledError:
                self.close()
                raise
            except (TimeoutError, EOFError, OSError) as error:
                log.warning("lake_report_failed error=%s", type(error).__name__)
                self.close()
                return None

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _ask(self, question: str, account_id: int, about: object) -> Any:
        starting = asyncio.ensure_future(asyncio.to_thread(self._started))
        try:
            pipe = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Half started it could not be stopped.
            await asyncio.wait([starting])
            raise
        pipe.send((question, account_id, about))
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(pipe.fileno(), ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(pipe.fileno())
        answer, failure = pipe.recv()
        if failure is not None:
            log.warning("lake_report_failed error=%s", failure)
        return answer

    def _has_days(self, account_id: int) -> bool:
        return any(True for _ in self._sources.place.names(days_folder(account_id)))

    def _started(self) -> Connection:
        if self._pipe is None or self._process is None or not self._process.is_alive():
            self.close()
            spawn = multiprocessing.get_context("spawn")
            self._pipe, theirs = spawn.Pipe()
            self._process = spawn.Process(
                target=_answer_for_ever, args=(theirs, self._sources), name="lake", daemon=True
            )
            self._process.start()
            theirs.close()
        return self._pipe


def _answer_for_ever(pipe: Connection, sources: Sources) -> None:
    """Until the other end is closed."""
    # Only this process loads DuckDB.
    import duckdb  # noqa: PLC0415

    from ringtrace.store.lake.begun import visits  # noqa: PLC0415
    from ringtrace.store.lake.channels import channels  # noqa: PLC0415
    from ringtrace.store.lake.visit import visit  # noqa: PLC0415

    questions: Mapping[str, Callable[..., object]] = {
        "channels": channels, "visits": visits, "visit": visit,
    }  # fmt: skip
    os.nice(_NICE)
    with sources.days() as days:
        while True:
            try:
                question, account_id, about = pipe.recv()
            except EOFError:
                return
            try:
                tell = partial(
                    questions[question], days, sources.place, account_id, about, sources.scratch
                )
                try:
                    answer = tell()
                except (OSError, duckdb.IOException):
                    # A day was sealed anew meanwhile, and its old files are gone.
                    answer = tell()
                pipe.send((answer, None))
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends this report alone
                pipe.send((None, f"{type(error).__name__}: {error}"))
