"""`ringtrace seal`: closed days to Parquet, by hand."""

import contextlib
import logging
import os
import time
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from ringtrace.bootstrap import (
    DatabaseUnusableError,
    LakeUnusableError,
    NoDataError,
    changing_lake,
    open_days,
    open_lake,
)
from ringtrace.config import Settings
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.seal_days import open_since
from ringtrace.shell import EXIT_BAD_INPUT, EXIT_FAILED, data_option, database_option, end
from ringtrace.store.lake.place import LakeInUseError

_NICE: Final = 19

UNUSABLE: Final = (LakeUnusableError, DatabaseUnusableError, NoDataError)
"""What keeps a lake, or the store it is made of, from being opened."""


@click.command()
@data_option
@database_option
def seal(data: Path, database_url: str | None) -> None:
    """Seal the days that have ended, and those that changed since they were sealed.

    The server does so every night; it may run meanwhile. What is stopped half-way is done again.
    """
    os.umask(0o077)
    _give_way()
    settings = Settings.of(data, database_url)
    try:
        place, days = open_lake(settings), open_days(settings)
    except UNUSABLE as error:
        end(EXIT_BAD_INPUT, str(error))
    except StoreAwayError as error:
        end(EXIT_FAILED, f"nothing was sealed: {error}")
    # DuckDB is an extra, and the other commands need not wait until it is loaded.
    from ringtrace.store.lake.seal import Sealer  # noqa: PLC0415

    with days, progress_bar() as bar:
        task = bar.add_task("sealing", total=None)
        try:
            with changing_lake(settings):
                sealed = Sealer(days, place, settings.lake_scratch, now).seal(
                    open_since(now()),
                    lambda done, total: bar.update(task, completed=done, total=total),
                )
        except LakeInUseError as error:
            end(EXIT_FAILED, str(error))
        except Exception as error:
            logging.getLogger(__name__).exception("seal_failed")
            end(EXIT_FAILED, f"not everything was sealed: {error}")
    click.echo(msgspec.json.encode(sealed).decode())


def _give_way() -> None:
    """Hits come first: this takes what they leave of the processors."""
    os.nice(_NICE)
    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it, and may forbid it
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def now() -> int:
    """Ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def progress_bar() -> Progress:
    """On stderr, where that is a terminal: a log has no use for it."""
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
