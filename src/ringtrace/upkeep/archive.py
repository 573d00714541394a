"""A backup: a tar file whose last member says what must be in it.

The manifest comes last because the digests are made while the files are written; an archive that
was cut off has none and is refused.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final, Literal

import msgspec

MANIFEST: Final = "MANIFEST.json"
_MODES: Final[dict[str, Literal["w:", "w:gz", "w:xz"]]] = {
    ".tar": "w:",
    ".tar.gz": "w:gz",
    ".tgz": "w:gz",
    ".tar.xz": "w:xz",
}
_CHUNK: Final = 1 << 20
_MOST_MANIFEST: Final = 1 << 30


class ArchiveInvalidError(ValueError):
    """The file is no whole backup; the message says why."""


class Member(msgspec.Struct, frozen=True):
    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """`made_at` is RFC 3339 UTC; `schema` the version of the database's schema.

    `database` is the file that it is in; None: it was backed up otherwise.
    """

    ringtrace: str
    made_at: str
    schema: int | None
    files: tuple[Member, ...]
    database: str | None = "ringtrace.db"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file on its way into an archive, under the name `path`."""

    path: str
    source: Path


def mode_of(target: Path) -> Literal["w:", "w:gz", "w:xz"]:
    """How to write `target`, by its name. Raises ValueError."""
    for ending, mode in _MODES.items():
        if target.name.endswith(ending):
            return mode
    raise ValueError(f"{target.name}: must end in {', '.join(_MODES)}")


class _Hashing(io.RawIOBase):
    """Reads a file and digests what was read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        self.digest.update(chunk)
        return chunk


def write(out: tarfile.TarFile, entries: Iterable[Entry]) -> Iterator[Member]:
    """Put the files in, one after another; a file that is gone by now is left out."""
    for entry in entries:
        try:
            source = entry.source.open("rb")
        except FileNotFoundError:
            continue
        with source:
            facts = out.gettarinfo(arcname=entry.path, fileobj=source)
            # Whose files they were on the old machine says nothing on the new one.
            facts.uid = facts.gid = 0
            facts.uname = facts.gname = ""
            facts.mode = 0o600
            reader = _Hashing(source)
            out.addfile(facts, reader)
            yield Member(entry.path, facts.size, reader.digest.hexdigest())


def seal(out: tarfile.TarFile, manifest: Manifest) -> None:
    """The last member."""
    body = msgspec.json.format(msgspec.json.encode(manifest))
    facts = tarfile.TarInfo(MANIFEST)
    facts.size, facts.mode = len(body), 0o600
    out.addfile(facts, io.BytesIO(body))


def unpack(archive: tarfile.TarFile, folder: Path, progress: Callable[[Member], None]) -> Manifest:
    """Write the files below `folder`; the manifest is checked at the end.

    Raises ArchiveInvalidError: a name that leads elsewhere, no manifest, another content.
    """
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    for facts in _members(archive):
        if manifest is not None:
            raise ArchiveInvalidError(f"{facts.name} comes after the manifest")
        source = archive.extractfile(facts) if facts.isfile() else None
        if source is None or not _is_below(facts.name):
            raise ArchiveInvalidError(f"{facts.name!r} is no file of a backup")
        if facts.name == MANIFEST:
            manifest = _manifest(source.read(_MOST_MANIFEST))
            continue
        found[facts.name] = _copy(source, folder / facts.name, facts.name)
        progress(found[facts.name])
    if manifest is None:
        raise ArchiveInvalidError("there is no manifest: the archive is not whole")
    for said in manifest.files:
        if found.pop(said.path, None) != said:
            raise ArchiveInvalidError(f"{said.path} is missing or is not what was backed up")
    if found:
        raise ArchiveInvalidError(f"{min(found)} is not in the manifest")
    return manifest


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    try:
        yield from archive
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArchiveInvalidError(f"the archive is not whole: {error}") from error


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def _manifest(body: bytes) -> Manifest:
    try:
        return msgspec.json.decode(body, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ArchiveInvalidError(f"the manifest: {error}") from error


def _copy(source: IO[bytes], target: Path, name: str) -> Member:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    # Callers' numbers and recordings are nobody's business but the owner's.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        try:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
        except (tarfile.TarError, EOFError) as error:
            raise ArchiveInvalidError(f"{name} is cut off") from error
    return Member(name, size, digest.hexdigest())
