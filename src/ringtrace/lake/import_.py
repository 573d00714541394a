"""`ringtrace import`: an export of ours comes back."""

import asyncio
import os
import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.progress import Progress, TaskID

from ringtrace.bootstrap import (
    DatabaseUnusableError,
    LakeUnusableError,
    NoDataError,
    RecordingsUnusableError,
    StoreInUseError,
    open_importing,
    open_lake,
    open_recordings,
)
from ringtrace.config import Settings
from ringtrace.lake.command import progress_bar
from ringtrace.services.errors import RecordingsAwayError, StoreAwayError
from ringtrace.services.lake import Kind, Part
from ringtrace.services.recording_store import RecordingName, RecordingStore
from ringtrace.shell import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    Folder,
    account_option,
    data_option,
    database_option,
    end,
)

if TYPE_CHECKING:
    # DuckDB is an extra, and the other commands need not wait until it is loaded.
    from ringtrace.store.importing import CallKey, HasAudio, Imported, Importing
    from ringtrace.store.lake.exported import CallLine, DayFile, Export


@click.command(name="import")
@click.argument("folder", metavar="DIR", type=Folder())
@data_option
@database_option
@account_option
def import_(folder: Path, data: Path, database_url: str | None, account_id: int) -> None:
    """Bring back what `ringtrace export` wrote into DIR, into an account that is there.

    Every row is checked before the first is written. A row that is there stays as it is, so that
    what was stopped is run again. No server may run meanwhile.
    """
    os.umask(0o077)
    settings = Settings.of(data, database_url)
    try:
        open_lake(settings)
        has_audio = _has_audio(open_recordings(settings), account_id)
    except (LakeUnusableError, RecordingsUnusableError) as error:
        end(EXIT_BAD_INPUT, str(error))
    from ringtrace.store.lake.exported import Export, ExportInvalidError  # noqa: PLC0415

    try:
        with open_importing(settings) as store, progress_bar() as bar:
            if not store.has_account(account_id):
                end(EXIT_BAD_INPUT, f"--account: there is no account {account_id}")
            found = Export(folder)
            _check(found, store, account_id, bar)
            done = _bring_back(found, store, account_id, has_audio, bar)
    except (NoDataError, DatabaseUnusableError) as error:
        end(EXIT_BAD_INPUT, str(error))
    except ExportInvalidError as error:
        end(EXIT_BAD_INPUT, f"nothing was imported: {error}")
    except StoreInUseError as error:
        end(EXIT_FAILED, str(error))
    except (StoreAwayError, RecordingsAwayError, OSError, sqlite3.Error) as error:
        end(EXIT_FAILED, f"not everything was imported, run this again: {error}")
    click.echo(msgspec.json.encode({
        "account": account_id, "files": len(found.files), "rows": done
    }).decode())  # fmt: skip


def _check(found: "Export", store: "Importing", account_id: int, bar: Progress) -> None:
    """Everything, before anything is written. Raises ExportInvalidError."""
    from ringtrace.store.lake.exported import (  # noqa: PLC0415 - an extra
        CallLine,
        CreditLine,
        ExportInvalidError,
    )

    for one in bar.track(found.files, description="verifying"):
        found.verify(one.file)
    calls: set[CallKey] = set()
    by_kind = sorted(found.files, key=lambda one: one.kind is Kind.CREDITS)
    for one in bar.track(by_kind, description="checking"):
        elsewhere: set[CallKey] = set()
        for line in found.lines(one):
            if isinstance(line, CallLine):
                calls.add((line.gateway, line.call_id))
            elif isinstance(line, CreditLine):
                elsewhere.add((line.gateway, line.call_id))
        elsewhere -= calls
        lost = elsewhere.difference(store.calls_there(account_id, elsewhere))
        if lost:
            raise ExportInvalidError(
                f"{one.file.name}: call_id: there is no call {'/'.join(min(lost))},"
                " in the export or in the account"
            )


def _bring_back(
    found: "Export", store: "Importing", account_id: int, has_audio: "HasAudio", bar: Progress
) -> dict[str, "Imported"]:
    """Oldest day first."""
    from ringtrace.store.importing import Imported, bring_back  # noqa: PLC0415 - an extra

    days: dict[tuple[int, Part], list[DayFile]] = defaultdict(list)
    for one in found.files:
        part = next(part for part in Part if one.kind in part.kinds)
        days[one.day, part].append(one)
    done: dict[str, Imported] = defaultdict(Imported)
    task: TaskID = bar.add_task("importing", total=len(days))
    for (day, part), files in sorted(days.items()):
        lines = {one.kind: found.lines(one) for one in files}
        for kind, rows in bring_back(store, account_id, part, day, lines, has_audio).items():
            done[kind.value] += rows
        bar.advance(task)
    return done


def _has_audio(recordings: RecordingStore, account_id: int) -> "HasAudio":
    """It raises RecordingsAwayError."""

    def has(line: "CallLine") -> bool:
        if line.audio_format is None:
            return False
        name = RecordingName(account_id, line.gateway, line.call_id, line.audio_format)
        return asyncio.run(recordings.size(name)) is not None

    return has
