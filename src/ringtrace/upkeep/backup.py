"""Everything a server needs to go on elsewhere, in one file."""

import contextlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ringtrace import __version__
from ringtrace.bootstrap import changing_lake
from ringtrace.config import Settings
from ringtrace.gateways.sip.durable import TEMPORARY
from ringtrace.upkeep import archive
from ringtrace.upkeep.archive import ArchiveInvalidError, Entry, Manifest, Member
from ringtrace.upkeep.archived import archived_days, lost_days
from ringtrace.upkeep.copies import DUMP, copy_of

RECORDINGS: Final = "recordings"
LAKE: Final = "lake"
OUTBOX: Final = "sip-node/outbox"
_REPORT: Final = ".json"

Progress = Callable[[Member], None]
"""Is told of each file that is done."""


class LakeIncompleteError(RuntimeError):
    """The lake misses days that it alone had; the message names them."""


class FolderNotEmptyError(RuntimeError):
    """There is something where the data are to be restored to."""


class WrongDatabaseError(ValueError):
    """The backup is of another kind of database than the one that is named."""


def backup(
    settings: Settings,
    target: Path,
    progress: Progress,
    *,
    recordings: bool = True,
    database: bool = True,
) -> Manifest:
    """Write `target`, whole or not at all, also while a server runs over the folder.

    The outbox of the node beside the server first, then the database: what is delivered meanwhile
    is in both, and the server takes it once. The recordings last: those the database tells of are
    all there, but for those in a bucket. Sessions are left out: people sign in again. Without
    `database` that is backed up otherwise, and was before this. Nothing is sealed, and no row
    leaves, meanwhile. Raises ValueError (`target`'s name), FileExistsError, LakeInUseError,
    LakeIncompleteError, OSError, what `open_days` and what `DatabaseCopy.take` raise.
    """
    mode = archive.mode_of(target)
    if target.exists():
        raise FileExistsError(f"{target} exists")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target}: there is no folder {target.parent}")
    if settings.database_url is None and not settings.database.exists():
        raise FileNotFoundError(f"no database {settings.database}")
    # Beside the target, where there is room for a backup: the data's own disk may be full.
    with (
        changing_lake(settings),
        tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder,
    ):
        work = Path(folder)
        _copy_outbox(settings.node_spool / "outbox", work / OUTBOX, recordings=recordings)
        copy = copy_of(settings) if database else None
        schema = None if copy is None else copy.take(work, compressed=mode == "w:")
        part, name = work / "archive", copy.name if copy else None
        entries = _entries(settings, work, name, recordings=recordings)
        with tarfile.open(part, mode) as out:
            members = []
            for member in archive.write(out, entries):
                progress(member)
                members.append(member)
            made_at = datetime.now(UTC).isoformat(timespec="seconds")
            manifest = Manifest(__version__, made_at, schema, tuple(members), name)
            archive.seal(out, manifest)
        _sync(part)
        part.chmod(0o600)
        part.replace(target)
    _sync(target.parent)
    return manifest


def _entries(
    settings: Settings, work: Path, database: str | None, *, recordings: bool
) -> Iterator[Entry]:
    if database is not None:
        yield Entry(database, work / database)
    yield from _archived(settings)
    for path in (
        settings.data / "secret.key", settings.data / "forget.key", settings.password_file,
        settings.api_token_file,
    ):  # fmt: skip
        if path.exists():
            yield Entry(path.name, path)
    for path in sorted((work / OUTBOX).glob("*")):
        yield Entry(f"{OUTBOX}/{path.name}", path)
    if not recordings:
        return
    for path in sorted(settings.recordings.glob("*/*/*")):
        if path.is_file():
            yield Entry(f"{RECORDINGS}/{path.relative_to(settings.recordings).as_posix()}", path)


def _copy_outbox(outbox: Path, target: Path, *, recordings: bool) -> None:
    """What the backend has taken is deleted there, at any moment; what lies there is whole."""
    target.mkdir(parents=True)
    for path in outbox.glob("[!.]*"):
        if path.name.endswith(TEMPORARY) or not (recordings or path.suffix == _REPORT):
            continue
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(path, target / path.name)


def _archived(settings: Settings) -> Iterator[Entry]:
    """The lake, once it alone has days; one in a bucket stays there. Raises LakeIncompleteError."""
    archived = archived_days(settings)
    if not archived or settings.lake is None:
        return
    lost = lost_days(settings, archived)
    if lost is None or lost:
        raise LakeIncompleteError(", ".join(lost or ("it cannot be reached",)))
    for path in sorted(settings.lake.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield Entry(f"{LAKE}/{path.relative_to(settings.lake).as_posix()}", path)


def restore(source: Path, settings: Settings, progress: Progress) -> Manifest:
    """Put everything back as it was, checked against the manifest; whole or not at all.

    A dump goes into the database that the settings name, which must be empty. Raises
    FolderNotEmptyError, ArchiveInvalidError, WrongDatabaseError, OSError, and what
    `DatabaseCopy.expect` and `put_back` raise.
    """
    data = settings.data
    if data.exists() and any(data.iterdir()):
        raise FolderNotEmptyError(f"{data} is not empty: restore to another folder, or move it")
    data.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data.parent, prefix=f".{data.name}.") as name:
        work = Path(name) / "data"
        work.mkdir(mode=0o700)
        with _opened(source) as found:
            manifest = archive.unpack(found, work, progress)
        _put_database_back(manifest, settings, work)
        for path in work.rglob("*"):
            _sync(path)
        _sync(work)
        # An empty folder may be in its place; one that was filled meanwhile stays.
        work.replace(data)
    _sync(data.parent)
    return manifest


def _put_database_back(manifest: Manifest, settings: Settings, work: Path) -> None:
    name, schema = manifest.database, manifest.schema
    if name is None or schema is None:
        return
    copy = copy_of(settings)
    if name != copy.name:
        raise WrongDatabaseError(
            "the backup is of a PostgreSQL database: name an empty one with --database-url"
            if name == DUMP
            else "the backup is of a file in the data folder: leave --database-url out"
        )
    if not (work / name).is_file():
        raise ArchiveInvalidError("there is no database in it")
    copy.expect(schema)
    copy.put_back(work)


def _opened(source: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(source, "r:*")
    except tarfile.TarError as error:
        raise ArchiveInvalidError(f"{source} is no archive") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
