"""Looking around a data folder."""

import asyncio
import os
import shutil
import stat
import time
from pathlib import Path
from typing import Final

import httpx

from ringtrace.bootstrap import DatabaseUnusableError, NoDataError, open_recordings
from ringtrace.config import Settings
from ringtrace.services.errors import RecordingsAwayError
from ringtrace.services.recording_store import RecordingName, RecordingStore
from ringtrace.upkeep.archived import archived_days, lost_days
from ringtrace.upkeep.diagnosis import Surroundings

_ANSWER_SECONDS: Final = 3.0


def look_around(settings: Settings, *, readable: bool = True) -> Surroundings:
    """A server that does not answer within 3 s counts as one that does not.

    A database that is not `readable` is not asked what the lake has to have.
    Raises RecordingsUnusableError.
    """
    recordings = open_recordings(settings)
    try:
        archived = archived_days(settings) if readable else ()
    except (NoDataError, DatabaseUnusableError):
        archived = ()  # the database has another schema, which is a finding of its own
    address = settings.address_file
    return Surroundings(
        now=time.time_ns() // 1_000_000,
        free_bytes=shutil.disk_usage(settings.data).free,
        writable=_is_writable(settings.data),
        open_to_others=tuple(
            path.name
            for path in (
                settings.data / "secret.key", settings.password_file, settings.api_token_file,
                settings.node_token_file,
            )
            if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        ),
        recordings=_kept(recordings),
        archived=len(archived),
        lost_days=lost_days(settings, archived),
        leftovers=len(list(recordings.staging.glob("*"))),
        running=address.exists(),
        answers=address.exists() and _answers(address.read_text().strip()),
    )  # fmt: skip


def _kept(recordings: RecordingStore) -> frozenset[RecordingName] | None:
    async def names() -> frozenset[RecordingName]:
        return frozenset([name async for name in recordings.names()])

    try:
        return asyncio.run(names())
    except RecordingsAwayError:
        return None


def _is_writable(folder: Path) -> bool:
    """By trying: root may write where the mode forbids it, but not to a read-only disk."""
    probe = folder / f".doctor-{os.getpid()}"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError:
        return False
    return True


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/t/tag.js", timeout=_ANSWER_SECONDS, trust_env=False).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
