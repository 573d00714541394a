"""The store port over one SQLite file.

One thread owns the writing connection. It drains what is queued, writes it in one transaction and
resolves all futures after the commit, so that one fsync serves every request of the moment
(WAL with synchronous = FULL: what was acknowledged survives a power loss).
"""

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

from ringtrace.services import commands
from ringtrace.services.commands import Command
from ringtrace.services.errors import RefusedError, StoreAwayError
from ringtrace.services.ports import ChannelReports
from ringtrace.store.marks import call_of
from ringtrace.store.sqlite import marks
from ringtrace.store.sqlite.calls import CallWriter
from ringtrace.store.sqlite.connection import connect, migrate
from ringtrace.store.sqlite.corrections import CorrectionWriter
from ringtrace.store.sqlite.listings import ListingWriter
from ringtrace.store.sqlite.notices import NoticeWriter
from ringtrace.store.sqlite.reader import SqliteReader
from ringtrace.store.sqlite.setup import SetupWriter
from ringtrace.store.sqlite.sounds import SoundWriter
from ringtrace.store.sqlite.spam import SpamWriter
from ringtrace.store.sqlite.tags import TagWriter
from ringtrace.store.sqlite.visits import VisitWriter

log = logging.getLogger(__name__)

R = TypeVar("R")
_ENOUGH_A_BATCH = 512
_QUIET_SECONDS = 10.0

_Job = tuple[Command[Any], "asyncio.Future[Any]"]


class SqliteStore(SqliteReader):
    """Open with `SqliteStore.open(path)`, end with `close()`; belongs to one event loop.

    `waiting` is how many commands were submitted and are not durable yet; `away` says whether the
    newest write has failed.
    """

    def __init__(self, path: Path, reports: ChannelReports | None = None) -> None:
        super().__init__(path, reports)
        self.waiting = 0
        self.away = False
        self._gathered: list[_Job] = []
        self._quiet_until = 0.0
        self._jobs: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._connection = connect(path)
        self.schema_version = migrate(self._connection)
        self._visits = VisitWriter(self._connection)
        writer, setup = CallWriter(self._connection), SetupWriter(self._connection)
        corrections, notices = CorrectionWriter(self._connection), NoticeWriter(self._connection)
        tags = TagWriter(self._connection)
        listings, spam = ListingWriter(self._connection), SpamWriter(self._connection)
        sounds = SoundWriter(self._connection)
        self._handlers: dict[type[Command[Any]], Callable[[Any], Any]] = {
            commands.ShowNumber: self._visits.show_number,
            commands.NoteHit: self._visits.note_hit,
            commands.KeepModel: self._visits.keep_model,
            commands.NoteArrival: writer.note_arrival,
            commands.KeepReport: writer.keep_report,
            commands.NoteRecording: writer.note_recording,
            commands.KeepAttribution: writer.keep_attribution,
            commands.KeepCorrection: corrections.keep,
            commands.TakeBackCorrection: corrections.take_back,
            commands.ListCallers: listings.add,
            commands.UnlistCaller: listings.remove,
            commands.MarkSpam: spam.mark,
            commands.KeepSound: sounds.keep,
            commands.DropSound: sounds.drop,
            commands.AddTag: tags.add,
            commands.RemoveTag: tags.remove,
            commands.OpenAccount: setup.open_account,
            commands.ApplySetup: setup.apply_setup,
            commands.AddToken: setup.add_token,
            commands.KeepSecret: notices.keep_secret,
            commands.SetStanding: notices.set_standing,
            commands.AddDelivery: notices.add,
            commands.BeginTry: notices.begin_try,
            commands.KeepTry: notices.keep_try,
            commands.SendAgain: notices.send_again,
            commands.DropDeliveries: notices.drop,
        }
        self._thread = threading.Thread(
            target=self._write_for_ever, name="sqlite-write", daemon=True
        )
        self._thread.start()

    @classmethod
    def open(cls, path: Path, reports: ChannelReports | None = None) -> "SqliteStore":
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(path, reports)

    def close(self) -> None:
        """Write what is queued, then let go of the file."""
        if self._closed:
            return
        super().close()
        self._hand_over()
        self._jobs.put(None)
        self._thread.join()
        self._connection.close()

    async def submit(self, command: Command[R]) -> R:
        if self._closed:
            raise StoreAwayError("the store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        if not self._gathered:
            loop.call_soon(self._hand_over)
        self._gathered.append((command, future))
        self.waiting += 1
        try:
            return await future
        finally:
            self.waiting -= 1

    @contextlib.asynccontextmanager
    async def alone(self, job: str) -> AsyncIterator[bool]:  # noqa: ARG002 - there are no others
        yield True

    async def watch(
        self,
        changed: Callable[[], None],  # noqa: ARG002 - nobody else writes
        extension_shown: Callable[[str, int], None],  # noqa: ARG002 - nor shows
    ) -> None:
        await asyncio.get_running_loop().create_future()

    def _hand_over(self) -> None:
        """What one turn of the loop has gathered goes over at once: waking a thread is dear."""
        if self._gathered:
            self._jobs.put(self._gathered)
            self._gathered = []

    def _write_for_ever(self) -> None:
        while True:
            batch, ended = self._drain()
            if batch:
                self._resolve(batch, self._write(batch))
            if ended:
                return

    def _drain(self) -> tuple[list[_Job], bool]:
        batch: list[_Job] = []
        jobs = self._jobs.get()
        while jobs is not None:
            batch += jobs
            if len(batch) >= _ENOUGH_A_BATCH:
                return batch, False
            try:
                jobs = self._jobs.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _write(self, batch: list[_Job]) -> list[Any]:
        """The result of each command; when one fails, each gets a transaction of its own."""
        try:
            return self._transaction([command for command, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the one who asked
            if len(batch) == 1:
                return [self._told(error)]
        return [self._write([job])[0] for job in batch]

    def _transaction(self, batch: list[Command[Any]]) -> list[Any]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            results = [self._carry_out(command) for command in batch]
            self._visits.flush()
            self._connection.execute("COMMIT")
            self.away = False
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._visits.forget()
            raise
        for command in batch:
            if isinstance(command, commands.ApplySetup):
                self._visits.forget_pools(command.account_id)
        return results

    def _carry_out(self, command: Command[Any]) -> Any:
        key = call_of(command)
        if key is None:
            return self._handlers[type(command)](command)
        marks.call(self._connection, key)
        result = self._handlers[type(command)](command)
        marks.call(self._connection, key)
        return result

    def _told(self, error: Exception) -> Exception:
        if isinstance(error, RefusedError):
            return error
        self.away = True
        # On a full disk everything fails, and its log must not be what fills it.
        if time.monotonic() >= self._quiet_until:
            log.error("store_write_failed", exc_info=error)
            self._quiet_until = time.monotonic() + _QUIET_SECONDS
        away = StoreAwayError("the store cannot write")
        away.__cause__ = error
        return away

    @staticmethod
    def _resolve(batch: list[_Job], results: list[Any]) -> None:
        loop = batch[0][1].get_loop()
        try:
            loop.call_soon_threadsafe(_settle, batch, results)
        except RuntimeError:
            log.warning("nobody_waits_for_results count=%d", len(batch))


def _settle(batch: list[_Job], results: list[Any]) -> None:
    for (_, future), result in zip(batch, results, strict=True):
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
