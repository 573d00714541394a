"""Files on their way into the lake: nobody believes one before a manifest names it."""

import hashlib
from pathlib import Path

from ringtrace.services.lake import Kind, Part
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake import parquet
from ringtrace.store.lake.manifest import SealedFile, SealedPart
from ringtrace.store.lake.place import Place


def put(
    place: Place, account_id: int, kind: Kind, day: int, file: Path, content: tuple[int, str]
) -> SealedFile:
    """`content` is what parquet.examine says of the file."""
    sha256 = parquet.sha256_of(file)
    name = manifests.file_name(account_id, kind, day, sha256)
    place.put(name, file)
    rows, digest = content
    return SealedFile(name, rows, file.stat().st_size, sha256, digest)


def put_made(
    place: Place, account_id: int, part: Part, day: int, what: str, content: bytes | None
) -> str | None:
    """The name of a file that is made of sealed ones; None when there is nothing to put there."""
    if content is None:
        return None
    name = manifests.made_name(account_id, part, day, what, hashlib.sha256(content).hexdigest())
    place.write(name, content)
    return name


def drop_others(
    place: Place, account_id: int, day: int, part: Part, kept: SealedPart | None
) -> None:
    """Delete what no manifest names any more: the files before, and those of a killed run."""
    named = kept.names if kept else frozenset[str]()
    for folder in manifests.folders(account_id, part, day):
        for name in list(place.names(folder)):
            if name not in named:
                place.delete(name)
