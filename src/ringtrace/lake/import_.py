"""`ringtrace import`: an export of ours comes back."""

import asyncio
import fcntl
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.progress import Progress, TaskID

from ringtrace.bootstrap import (
    LakeUnusableError,
    RecordingsUnusableError,
    open_lake,
    open_recordings,
)
from ringtrace.config import Settings
from ringtrace.lake.command import progress_bar
from ringtrace.services.lake import Kind, Part
from ringtrace.services.recording_store import RecordingName, RecordingStore
from ringtrace.shell import EXIT_BAD_INPUT, EXIT_FAILED, data_option, database_option, end

if TYPE_CHECKING:
    # DuckDB is an extra, and the other commands need not wait until it is loaded.
    from ringtrace.store.lake.exported import CallLine, DayFile, Export
    from ringtrace.store.sqlite.importing import Imported, SqliteImport


@click.command(name="import")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@data_option
@database_option
@click.option("--account", "account_id", default=1, show_default=True)
def import_(folder: Path, data: Path, database_url: str | None, account_id: int) -> None:
    """Bring back what `ringtrace export` wrote into DIR, into an account that is there.

    Every row is checked before the first is written. A row that is there stays as it is, so that
    what was stopped is run again. The server must not run meanwhile.
    """
    os.umask(0o077)
    if database_url is not None:
        end(EXIT_BAD_INPUT, "an export comes back into the file in the data folder alone so far")
    settings = Settings.of(data)
    if not settings.database.exists():
        end(EXIT_BAD_INPUT, f"no data in {data}: start `ringtrace serve` first")
    try:
        open_lake(settings)
        recordings = open_recordings(settings)
    except (LakeUnusableError, RecordingsUnusableError) as error:
        end(EXIT_BAD_INPUT, str(error))
    from ringtrace.store.lake.exported import Export, ExportInvalidError  # noqa: PLC0415
    from ringtrace.store.sqlite.importing import SqliteImport  # noqa: PLC0415

    has_audio = _has_audio(recordings, account_id)
    try:
        with (
            _server_stopped(settings), progress_bar() as bar,
            SqliteImport(settings.database, has_audio) as store,
        ):  # fmt: skip
            if not store.has_account(account_id):
                end(EXIT_BAD_INPUT, f"--account: there is no account {account_id}")
            found = Export(folder)
            _check(found, store, account_id, bar)
            done = _bring_back(found, store, account_id, bar)
    except ExportInvalidError as error:
        end(EXIT_BAD_INPUT, f"nothing was imported: {error}")
    except BlockingIOError:
        end(EXIT_FAILED, "the server runs: stop it, import, start it again")
    except OSError as error:
        end(EXIT_FAILED, f"not everything was imported, run this again: {error}")
    click.echo(msgspec.json.encode({
        "account": account_id, "files": len(found.files), "rows": done
    }).decode())  # fmt: skip


@contextmanager
def _server_stopped(settings: Settings) -> Iterator[None]:
    """A day is one transaction, for which a server would not wait. Raises BlockingIOError."""
    with (settings.data / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _check(found: "Export", store: "SqliteImport", account_id: int, bar: Progress) -> None:
    """Everything, before anything is written. Raises ExportInvalidError."""
    from ringtrace.store.lake.exported import (  # noqa: PLC0415 - an extra
        CallLine,
        CreditLine,
        ExportInvalidError,
    )

    for one in bar.track(found.files, description="verifying"):
        found.verify(one.file)
    calls: set[tuple[str, str]] = set()
    by_kind = sorted(found.files, key=lambda one: one.kind is Kind.CREDITS)
    for one in bar.track(by_kind, description="checking"):
        for line in found.lines(one):
            if isinstance(line, CallLine):
                calls.add((line.gateway, line.call_id))
            elif isinstance(line, CreditLine):
                key = (line.gateway, line.call_id)
                if key not in calls and not store.has_call(account_id, *key):
                    raise ExportInvalidError(
                        f"{one.file.name}: call_id: there is no call {line.gateway}/{line.call_id},"
                        " in the export or in the account"
                    )


def _bring_back(
    found: "Export", store: "SqliteImport", account_id: int, bar: Progress
) -> dict[str, "Imported"]:
    """Oldest day first."""
    days: dict[tuple[int, Part], list[DayFile]] = defaultdict(list)
    for one in found.files:
        part = next(part for part in Part if one.kind in part.kinds)
        days[one.day, part].append(one)
    done: dict[str, Imported] = {}
    task: TaskID = bar.add_task("importing", total=len(days))
    for (day, part), files in sorted(days.items()):
        lines = {one.kind: found.lines(one) for one in files}
        for kind, rows in store.day(account_id, part, day, lines).items():
            done[kind.value] = done[kind.value] + rows if kind.value in done else rows
        bar.advance(task)
    return done


def _has_audio(recordings: RecordingStore, account_id: int) -> "Callable[[CallLine], bool]":
    """Raises RecordingsAwayError."""

    def has(line: "CallLine") -> bool:
        if line.audio_format is None:
            return False
        name = RecordingName(account_id, line.gateway, line.call_id, line.audio_format)
        return asyncio.run(recordings.size(name)) is not None

    return has
