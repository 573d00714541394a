"""`ringtrace forget NUMBER`: a person's telephone number disappears from everything kept here."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from ringtrace.bootstrap import (
    DatabaseUnusableError,
    LakeUnusableError,
    NoDataError,
    RecordingsUnusableError,
    changing_lake,
    open_forgetting,
    open_lake,
    open_recordings,
)
from ringtrace.config import Settings, forget_key
from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.forgotten import pseudonym, spellings
from ringtrace.domain.number import NumberInvalidError, national_digits, normalise
from ringtrace.lake.command import progress_bar
from ringtrace.services.errors import RecordingsAwayError, StoreAwayError
from ringtrace.services.recording_store import RecordingName, RecordingStore
from ringtrace.shell import EXIT_BAD_INPUT, EXIT_FAILED, data_option, database_option, end
from ringtrace.store.forgetting import Forgetting, Listed, SpaceNotCleanError
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake.place import LakeInUseError

_Keys = Collection[tuple[GatewayKind, str]]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was changed in an account; `calls` are those in the store."""

    account: int
    calls: int
    reports: int
    sealed_files: int
    recordings: int
    listings: tuple[Listed, ...]


@click.command()
@click.argument("number")
@data_option
@database_option
@click.option("--account", "account_id", type=int, help="Of this account alone.")
@click.option("--keep-space", is_flag=True,
              help="Leave what old rows left in the database's free space.")  # fmt: skip
def forget(
    number: str, data: Path, database_url: str | None, account_id: int | None, *, keep_space: bool
) -> None:
    """Forget a caller: no number, no recording, nothing that people wrote of him.

    His calls stay as facts of a caller who cannot be named. May be stopped and run again.
    """
    os.umask(0o077)
    settings = Settings.of(data, database_url)
    try:
        with open_forgetting(settings) as store, changing_lake(settings):
            wanted = _numbers(store, number, account_id)
            found = [_forget(settings, store, *one) for one in wanted.items()]
            if not keep_space:
                store.clean_space()
    except (
        NoDataError, RecordingsUnusableError, LakeUnusableError, DatabaseUnusableError
    ) as error:  # fmt: skip
        end(EXIT_BAD_INPUT, str(error))
    except (
        LakeInUseError, RecordingsAwayError, StoreAwayError, SpaceNotCleanError, OSError,
        sqlite3.Error,
    ) as error:  # fmt: skip
        end(EXIT_FAILED, f"not everything is forgotten, run this again: {error}")
    click.echo(msgspec.json.encode({"accounts": found, "space_clean": not keep_space}).decode())


def _numbers(store: Forgetting, said: str, account_id: int | None) -> dict[int, str]:
    """The number (E.164) by account, each in its region; where it is the account's own it ends."""
    numbers = {}
    for one, region in store.accounts():
        if account_id not in {None, one}:
            continue
        try:
            numbers[one] = normalise(said, region)
        except NumberInvalidError as error:
            end(EXIT_BAD_INPUT, f"NUMBER: {error}")
        if store.is_own(one, numbers[one]):
            end(EXIT_BAD_INPUT, f"NUMBER: a tracking number of account {one}, not a caller's")
    if not numbers:
        end(EXIT_BAD_INPUT, f"--account: there is no account {account_id}")
    return numbers


def _forget(settings: Settings, store: Forgetting, account_id: int, number: str) -> Forgotten:
    """First the voice, then the name: while a call still names him its recording can be found."""
    spelled = spellings(number, national_digits(number))
    name = pseudonym(forget_key(settings.data), account_id, number)
    calls = store.calls(account_id, spelled)
    deleted = _delete_recordings(settings, account_id, [(one.gateway, one.call) for one in calls])
    reports = 0
    with progress_bar() as bar:
        for one in bar.track(calls, description="forgetting"):
            reports += store.make_anonymous(account_id, one, name)
    listed = store.unlist(account_id, number)
    files, more = _forget_sealed(settings, account_id, spelled, name)
    return Forgotten(account_id, len(calls), reports, files, deleted + more, tuple(listed))


def _forget_sealed(
    settings: Settings, account_id: int, spelled: Collection[str], name: str
) -> tuple[int, int]:
    """Files that were written anew, and recordings that were deleted."""
    # What a killed run was about to seal, or to report; a report under way is done otherwise.
    for folder in (settings.lake_scratch, settings.report_scratch):
        shutil.rmtree(folder, ignore_errors=True)
    if settings.lake is not None and not settings.lake.exists():
        return 0, 0
    place = open_lake(settings)
    from ringtrace.store.lake.forgetting import LakeForgetting  # noqa: PLC0415 - an extra

    settings.lake_scratch.mkdir()
    lake = LakeForgetting(place, settings.lake_scratch)
    found = lake.find(account_id, spelled)
    deleted = 0
    for one in found:
        deleted += _delete_recordings(settings, account_id, one.calls)
        lake.make_anonymous(one, spelled, name)
    manifests.clear(place, account_id)
    shutil.rmtree(settings.lake_scratch)
    return len(found), deleted


def _delete_recordings(settings: Settings, account_id: int, calls: _Keys) -> int:
    names = [RecordingName(account_id, *one, kind) for one in calls for kind in AudioFormat]
    return asyncio.run(_delete(open_recordings(settings), names)) if names else 0


async def _delete(recordings: RecordingStore, names: Collection[RecordingName]) -> int:
    deleted = 0
    for name in names:
        if await recordings.size(name) is not None:
            await recordings.delete(name)
            deleted += 1
    return deleted
