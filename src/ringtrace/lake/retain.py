"""`ringtrace retain`: what is old leaves the database for the lake, or is deleted."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

import click
import msgspec

from ringtrace.bootstrap import (
    DatabaseUnusableError,
    LakeUnusableError,
    NoDataError,
    RecordingsUnusableError,
    changing_lake,
    open_days,
    open_lake,
    open_leaving,
    open_recordings,
    open_retention,
)
from ringtrace.config import Settings
from ringtrace.domain.moment import DAY_MS, day_name
from ringtrace.lake.command import now, progress_bar
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.lake import Part
from ringtrace.services.recording_store import RecordingName, RecordingStore
from ringtrace.services.seal_days import open_since
from ringtrace.shell import EXIT_BAD_INPUT, EXIT_FAILED, data_option, database_option, end
from ringtrace.store.lake.place import LakeInUseError, Place
from ringtrace.store.retention import OldCall, OldRows

log = logging.getLogger(__name__)

_CALLS_AT_ONCE: Final = 50
_UNUSABLE: Final = (
    DatabaseUnusableError, LakeUnusableError, NoDataError, RecordingsUnusableError
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Retained:
    """What one run did; `left` are days that are in the lake alone by now, the others are gone."""

    left_days: int = 0
    left_rows: int = 0
    calls: int = 0
    recordings: int = 0
    traffic_rows: int = 0
    sealed_days: int = 0

    def __add__(self, other: "Retained") -> "Retained":
        return Retained(*map(sum, zip(astuple(self), astuple(other), strict=True)))


@click.command()
@data_option
@database_option
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
def retain(data: Path, database_url: str | None, *, dry_run: bool) -> None:
    """Let visits leave the database for the lake, and delete what is kept no longer.

    For how long what is kept the server was told (`serve --visits-in-store`, `--keep-...`); it does
    this every night, and may run meanwhile. What is stopped half-way goes on with the next run.
    """
    os.umask(0o077)
    settings = Settings.of(data, database_url)
    try:
        place, recordings = _lake(settings), open_recordings(settings)
        store = open_retention(settings)
    except _UNUSABLE as error:
        end(EXIT_BAD_INPUT, str(error))
    except StoreAwayError as error:
        end(EXIT_FAILED, f"nothing was done: {error}")
    try:
        with store, changing_lake(settings):
            work = _Work(settings, store, place, recordings, open_since(now()))
            done = work.said() if dry_run else work.done()
    except LakeInUseError as error:
        end(EXIT_FAILED, str(error))
    except Exception as error:
        log.exception("retain_failed")
        end(EXIT_FAILED, f"not everything was done: {error}")
    click.echo(msgspec.json.encode(done).decode())


def _lake(settings: Settings) -> Place | None:
    """None: there is none. Raises LakeUnusableError."""
    try:
        return open_lake(settings)
    except LakeUnusableError:
        # Without DuckDB, or told to have none: what is kept in the database can be deleted.
        if settings.lake is not None and not settings.lake.exists():
            return None
        raise


class _Work:
    """`today` is the first day that is not closed, since 1970 UTC."""

    def __init__(
        self,
        settings: Settings,
        store: OldRows,
        place: Place | None,
        recordings: RecordingStore,
        today: int,
    ) -> None:
        self._settings = settings
        self._retention = settings.retention
        self._store = store
        self._place = place
        self._recordings = recordings
        self._today = today

    def said(self) -> Retained:
        """What would be done; rows of visits are not counted."""
        retention, store = self._retention, self._store
        done = Retained(left_days=self._leaving())
        for account_id in store.accounts():
            done += Retained(
                calls=self._count(store.calls, account_id, retention.calls),
                recordings=self._count(store.recorded, account_id, retention.recordings),
                sealed_days=self._expired(account_id, Part.CALLS, retention.calls)
                + self._expired(account_id, Part.TRAFFIC, retention.visits),
            )
        return done

    def done(self) -> Retained:
        """What is deleted need not leave first."""
        retention = self._retention
        done = Retained()
        for account_id in self._store.accounts():
            done += self._delete_calls(account_id, retention.calls)
            done += self._delete_recordings(account_id, retention.recordings)
            done += self._delete_visits(account_id, retention.visits)
        return done + self._leave()

    def _delete_calls(self, account_id: int, days: int | None) -> Retained:
        """The voice first: while a call is known its recording can be found."""
        if days is None:
            return Retained()
        before = self._today - days
        calls = recordings = 0
        for one in self._store.days(account_id, Part.CALLS, before):
            for some in _some(self._store.calls(account_id, one.day)):
                recordings += self._delete_audio(account_id, some)
                self._store.drop_calls(account_id, some)
                calls += len(some)
        # That a call was deleted marks its day: these are the marks after that.
        done = self._store.days(account_id, Part.CALLS, before)
        self._store.drop_days([one for one in done if not self._store.calls(account_id, one.day)])
        sealed = self._expire(account_id, Part.CALLS, before)
        if calls or sealed:
            log.info("calls_deleted account=%d before=%s calls=%d sealed_days=%d",
                     account_id, day_name(before), calls, sealed)  # fmt: skip
        return Retained(calls=calls, recordings=recordings, sealed_days=sealed)

    def _delete_recordings(self, account_id: int, days: int | None) -> Retained:
        if days is None:
            return Retained()
        before = self._today - days
        recordings = 0
        for one in self._store.days(account_id, Part.CALLS, before):
            for some in _some(self._store.recorded(account_id, one.day)):
                self._delete_audio(account_id, some)
                self._store.drop_recordings(account_id, some)
                recordings += len(some)
        if recordings:
            log.info("recordings_deleted account=%d before=%s recordings=%d",
                     account_id, day_name(before), recordings)  # fmt: skip
        return Retained(recordings=recordings)

    def _delete_visits(self, account_id: int, days: int | None) -> Retained:
        if days is None:
            return Retained()
        before = self._today - days
        rows = 0
        old = self._store.days(account_id, Part.TRAFFIC, before)
        if old:
            rows = self._store.drop_traffic(account_id, before)
            self._store.drop_days(old)
        sealed = self._expire(account_id, Part.TRAFFIC, before)
        if rows or sealed:
            log.info("visits_deleted account=%d before=%s rows=%d sealed_days=%d",
                     account_id, day_name(before), rows, sealed)  # fmt: skip
        return Retained(traffic_rows=rows, sealed_days=sealed)

    def _delete_audio(self, account_id: int, some: Sequence[OldCall]) -> int:
        """Raises RecordingsAwayError."""
        names = [
            RecordingName(account_id, one.gateway, one.call, one.audio)
            for one in some
            if one.audio is not None
        ]

        async def delete() -> None:
            for name in names:
                await self._recordings.delete(name)

        asyncio.run(delete())
        return len(names)

    def _leave(self) -> Retained:
        days = self._retention.visits_in_store
        if self._place is None or days is None:
            return Retained()
        # DuckDB is an extra, and what only deletes need not wait until it is loaded.
        from ringtrace.store.lake.leave import Leaver  # noqa: PLC0415

        before = self._today - days
        self._settings.lake_scratch.mkdir(exist_ok=True)
        with (
            open_days(self._settings) as rows,
            open_leaving(self._settings, before * DAY_MS) as store,
            progress_bar() as bar,
        ):
            task = bar.add_task("leaving", total=None)
            left = Leaver(rows, store, self._place, self._settings.lake_scratch).leave(
                before, lambda done, total: bar.update(task, completed=done, total=total)
            )
        return Retained(left_days=left.days, left_rows=left.rows)

    def _leaving(self) -> int:
        days = self._retention.visits_in_store
        if self._place is None or days is None:
            return 0
        from ringtrace.store.lake.leave import leaving  # noqa: PLC0415 - an extra

        with open_days(self._settings) as rows:
            return len(leaving(rows, self._place, self._today - days))

    def _expire(self, account_id: int, part: Part, before: int) -> int:
        if self._place is None:
            return 0
        from ringtrace.store.lake.expire import expire  # noqa: PLC0415 - an extra

        return expire(self._place, account_id, part, before)

    def _expired(self, account_id: int, part: Part, days: int | None) -> int:
        if self._place is None or days is None:
            return 0
        from ringtrace.store.lake.expire import expired  # noqa: PLC0415 - an extra

        return len(expired(self._place, account_id, part, self._today - days))

    def _count(
        self, old: Callable[[int, int], Sequence[OldCall]], account_id: int, days: int | None
    ) -> int:
        if days is None:
            return 0
        known = self._store.days(account_id, Part.CALLS, self._today - days)
        return sum(len(old(account_id, one.day)) for one in known)


def _some(calls: Sequence[OldCall]) -> Iterator[Sequence[OldCall]]:
    for start in range(0, len(calls), _CALLS_AT_ONCE):
        yield calls[start : start + _CALLS_AT_ONCE]
