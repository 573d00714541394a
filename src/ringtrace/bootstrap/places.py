"""Where recordings and the lake are kept."""

from importlib.util import find_spec
from pathlib import Path

import msgspec

from ringtrace.config import Settings, write_private
from ringtrace.services.recording_store import RecordingStore
from ringtrace.store.lake.place import LakeFolder, Place
from ringtrace.store.recordings.folder import RecordingFolder

NO_LAKE = "off"
"""Said in place of where the lake is."""


class RecordingsUnusableError(RuntimeError):
    """`recordings_at` cannot be used as it is; the message says why."""


class LakeUnusableError(RuntimeError):
    """`lake_at` cannot be used as it is; the message says why."""


def open_recordings(settings: Settings) -> RecordingStore:
    """Raises RecordingsUnusableError."""
    if not settings.recordings_in_bucket:
        return RecordingFolder(settings.recordings)
    try:
        from ringtrace.store.recordings.bucket import RecordingBucket  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise RecordingsUnusableError(
            "recordings in a bucket need the extra: pip install 'ringtrace[s3]'"
        ) from error
    try:
        return RecordingBucket.open(settings.recordings_at, settings.recordings / "incoming")
    except ValueError as error:
        raise RecordingsUnusableError(str(error)) from error


def open_lake(settings: Settings) -> Place:
    """Raises LakeUnusableError."""
    if settings.lake_at == NO_LAKE:
        raise LakeUnusableError("the server runs without a lake: `serve --lake`")
    if find_spec("duckdb") is None:
        raise LakeUnusableError("the lake needs the extra: pip install 'ringtrace[lake]'")
    if settings.lake is not None:
        return LakeFolder(settings.lake)
    try:
        from ringtrace.store.lake.bucket import LakeBucket  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise LakeUnusableError(
            "a lake in a bucket needs the extra: pip install 'ringtrace[s3]'"
        ) from error
    try:
        return LakeBucket(settings.lake_at, settings.lake_cache)
    except ValueError as error:
        raise LakeUnusableError(str(error)) from error


def note_places(settings: Settings) -> None:
    """For the commands that look after what the server keeps, and where."""
    for note, said in (
        (settings.recordings_note, settings.recordings_at),
        (settings.lake_note, settings.lake_at),
    ):
        if said:
            is_folder = not said.startswith("s3:") and said != NO_LAKE
            write_private(note, str(Path(said).absolute()) if is_folder else said)
        else:
            note.unlink(missing_ok=True)
    write_private(settings.retention_note, msgspec.json.encode(settings.retention).decode())
