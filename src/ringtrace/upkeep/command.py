"""`ringtrace backup`, `ringtrace restore`, `ringtrace doctor`."""

import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from ringtrace.bootstrap import (
    DatabaseUnusableError,
    NoDataError,
    RecordingsUnusableError,
    StoreDamagedError,
    inspected,
)
from ringtrace.config import Settings
from ringtrace.listing import show
from ringtrace.services.errors import StoreAwayError
from ringtrace.shell import EXIT_BAD_INPUT, EXIT_FAILED, data_option, database_option, end
from ringtrace.store.copying import (
    DatabaseDamagedError,
    DatabaseNotEmptyError,
    ProgramMissingError,
)
from ringtrace.store.lake.place import LakeInUseError
from ringtrace.upkeep import backup as backups
from ringtrace.upkeep.archive import ArchiveInvalidError, Member
from ringtrace.upkeep.backup import FolderNotEmptyError, LakeIncompleteError
from ringtrace.upkeep.diagnosis import Finding, Level, diagnose, diagnose_closed
from ringtrace.upkeep.surroundings import look_around

_BAD_INPUT: Final = (ValueError, NoDataError, DatabaseUnusableError, ProgramMissingError)
_FAILURES: Final = (DatabaseDamagedError, StoreAwayError, OSError, sqlite3.DatabaseError)
_COLOURS: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}


@click.command()
@click.argument("target", metavar="FILE.tar[.gz|.xz]", type=click.Path(path_type=Path))
@data_option
@database_option
@click.option("--without-recordings", is_flag=True, help="The database and the keys alone.")
@click.option("--without-database", is_flag=True,
              help="The data folder alone: the database was backed up otherwise.")  # fmt: skip
def backup(
    target: Path,
    data: Path,
    database_url: str | None,
    *,
    without_recordings: bool,
    without_database: bool,
) -> None:
    """Put everything a server needs to go on elsewhere into one file, while it runs.

    A PostgreSQL database is dumped by its own pg_dump. The file holds keys and callers' numbers:
    keep it as you keep the data folder.
    """
    settings = Settings.of(data, database_url)
    if without_database and database_url is None:
        end(EXIT_BAD_INPUT, "--without-database: the database is in the data folder")
    try:
        with _Shown("backing up") as shown:
            manifest = backups.backup(
                settings, target, shown,
                recordings=not without_recordings, database=not without_database,
            )  # fmt: skip
    except (*_BAD_INPUT, FileExistsError, FileNotFoundError) as error:
        end(EXIT_BAD_INPUT, str(error))
    except LakeIncompleteError as error:
        end(EXIT_FAILED, f"no backup was made: the lake misses days that it alone had: {error}")
    except (*_FAILURES, LakeInUseError) as error:
        end(EXIT_FAILED, f"no backup was made: {error}")
    click.echo(msgspec.json.encode({
        "backup": str(target), "files": len(manifest.files),
        "bytes": sum(one.size for one in manifest.files), "schema": manifest.schema,
    }).decode())  # fmt: skip


@click.command()
@click.argument("source", metavar="FILE",
                type=click.Path(path_type=Path, exists=True, dir_okay=False))  # fmt: skip
@data_option
@database_option
def restore(source: Path, data: Path, database_url: str | None) -> None:
    """Put a backup back into an empty or a new folder, checked against its digests.

    That of a PostgreSQL database goes into the empty one that --database-url names.
    """
    try:
        with _Shown("restoring") as shown:
            manifest = backups.restore(source, Settings(data, database_url=database_url), shown)
    except (
        *_BAD_INPUT, FolderNotEmptyError, DatabaseNotEmptyError, ArchiveInvalidError
    ) as error:  # fmt: skip
        end(EXIT_BAD_INPUT, str(error))
    except _FAILURES as error:
        end(EXIT_FAILED, f"nothing was restored: {error}")
    click.echo(msgspec.json.encode({
        "data": str(data), "files": shown.files, "database": manifest.database is not None,
    }).decode())  # fmt: skip


@click.command()
@data_option
@database_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each finding.")
def doctor(data: Path, database_url: str | None, *, as_json: bool) -> None:
    """Look the data folder over: disk, database, routes, recordings, gateways, server.

    Exits with 1 when something is broken; a warning alone is none.
    """
    settings = Settings.of(data, database_url)
    try:
        findings = _found(settings)
    except (NoDataError, DatabaseUnusableError, RecordingsUnusableError) as error:
        end(EXIT_BAD_INPUT, str(error))
    if as_json:
        for finding in findings:
            click.echo(msgspec.json.encode(finding).decode())
    else:
        show(_table(findings))
    if any(finding.level is Level.ERROR for finding in findings):
        sys.exit(EXIT_FAILED)


def _found(settings: Settings) -> Sequence[Finding]:
    """Raises NoDataError, DatabaseUnusableError, RecordingsUnusableError."""
    try:
        # The database first: what it tells of is there by then, also while a server runs.
        inspection = inspected(settings, time.time_ns() // 1_000_000)
        return diagnose(inspection, look_around(settings))
    except StoreDamagedError as error:
        why, advice = f"cannot be read: {error}", "restore the last backup"
    except StoreAwayError as error:
        why, advice = str(error), "look at its server, and at --database-url"
    return diagnose_closed(why, advice, look_around(settings, readable=False))


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(title="Ringtrace doctor", show_edge=False)
    table.add_column("check")
    table.add_column("")
    table.add_column("what was found; what to do", overflow="fold")
    for one in findings:
        colour = _COLOURS[one.level]
        said = escape(one.message) + (f"\n[dim]{escape(one.advice)}[/dim]" if one.advice else "")
        table.add_row(one.check, f"[{colour}]{one.level}[/{colour}]", said)
    return table


class _Shown:
    """A line on stderr that counts files and bytes."""

    def __init__(self, what: str) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            SpinnerColumn(), TextColumn("{task.description} {task.fields[files]} files"),
            DownloadColumn(), console=console, transient=True,
            disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task(what, total=None, files=0)
        self.files = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, member: Member) -> None:
        self.files += 1
        self._bar.update(self._task, advance=member.size, files=self.files)
