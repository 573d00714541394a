"""What is sealed of a day: readers believe the manifest, and no file that it does not name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from ringtrace.domain.moment import day_name, day_number
from ringtrace.services.lake import Kind, Part
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.schema import VERSION

ROOT: Final = f"v{VERSION}"


@dataclass(frozen=True, slots=True)
class SealedFile:
    """`rows_digest` is that of all rows (store/lake/parquet.py), `sha256` that of the file."""

    name: str
    rows: int
    bytes: int
    sha256: str
    rows_digest: str


@dataclass(frozen=True, slots=True)
class SealedPart:
    """As the store was when the change had this `mark`; a kind without rows has no file.

    `sealed_at` is ms since 1970 UTC. `sums` (store/lake/sums.py) and `repeats` (repeats.py) are
    names of files, where there is something to add up; of repeats only calls tell.
    """

    mark: str
    sealed_at: int
    files: Mapping[Kind, SealedFile]
    sums: str | None = None
    repeats: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """Of all files."""
        made = {one for one in (self.sums, self.repeats) if one is not None}
        return frozenset(made | {one.name for one in self.files.values()})


@dataclass(frozen=True, slots=True)
class Manifest:
    """`day` as ISO 8601 writes it, in UTC."""

    account: int
    day: str
    schema: int = VERSION
    parts: Mapping[Part, SealedPart] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return manifest_name(self.account, self.day)

    @property
    def number(self) -> int:
        """The day, counted since 1970 UTC."""
        return day_number(self.day)

    def files(self) -> Iterator[tuple[Kind, SealedFile]]:
        for part in self.parts.values():
            yield from part.files.items()

    def files_of(self, part: Part) -> Mapping[Kind, SealedFile]:
        return self.parts[part].files if part in self.parts else {}

    def having(self, part: Part, sealed: SealedPart | None) -> "Manifest":
        """The same day with another content of a part; None: without that part."""
        others = {one: it for one, it in self.parts.items() if one is not part}
        return replace(self, parts=others if sealed is None else others | {part: sealed})


class ManifestInvalidError(RuntimeError):
    """A manifest is damaged, or of a newer Ringtrace; the message names it."""


_decode = msgspec.json.Decoder(Manifest).decode


def manifest_name(account_id: int, day: str) -> str:
    return f"{days_folder(account_id)}{day}.json"


def days_folder(account_id: int) -> str:
    return f"{ROOT}/account={account_id}/days/"


def file_name(account_id: int, kind: Kind, day: int, sha256: str) -> str:
    return f"{_day_folder(account_id, kind, day)}part-{sha256[:16]}.parquet"


def made_name(account_id: int, part: Part, day: int, what: str, sha256: str) -> str:
    """Of a file that is made of sealed ones; `what` is in it."""
    return f"{_day_folder(account_id, _sums(part), day)}{what}-{sha256[:16]}.json"


def folders(account_id: int, part: Part, day: int) -> list[str]:
    """Where a day's files of a part are."""
    return [_day_folder(account_id, of, day) for of in (*part.kinds, _sums(part))]


def all_folders(account_id: int) -> list[str]:
    """Where files of any day are."""
    return [f"{ROOT}/account={account_id}/{of}/" for of in (*Kind, *map(_sums, Part))]


def _day_folder(account_id: int, of: str, day: int) -> str:
    return f"{ROOT}/account={account_id}/{of}/day={day_name(day)}/"


def _sums(part: Part) -> str:
    return f"sums/{part}"


def keep(place: Place, manifest: Manifest) -> None:
    """Durable, and in place of the one before, when this returns."""
    place.write(manifest.name, msgspec.json.format(msgspec.json.encode(manifest)))


def read(place: Place, account_id: int, day: int) -> Manifest:
    """An empty one of a day that is not sealed. Raises ManifestInvalidError."""
    name = manifest_name(account_id, day_name(day))
    said = place.read(name)
    return Manifest(account_id, day_name(day)) if said is None else _decoded(name, said)


def read_all(
    place: Place, account_id: int, since: int | None = None, until: int | None = None
) -> list[Manifest]:
    """Of an account's days [since, until), since 1970 UTC, oldest first.

    Raises ManifestInvalidError.
    """
    first = "" if since is None else manifest_name(account_id, day_name(since))
    last = "~" if until is None else manifest_name(account_id, day_name(until))
    found = []
    for name in sorted(place.names(days_folder(account_id))):
        said = place.read(name) if name.endswith(".json") and first <= name < last else None
        if said is not None:
            found.append(_decoded(name, said))
    return found


def clear(place: Place, account_id: int) -> None:
    """Delete the files that no manifest names, which a killed run may have left.

    Raises ManifestInvalidError.
    """
    named = {
        name
        for manifest in read_all(place, account_id)
        for part in manifest.parts.values()
        for name in part.names
    }
    for folder in all_folders(account_id):
        for name in list(place.names(folder)):
            if name not in named:
                place.delete(name)


def _decoded(name: str, said: bytes) -> Manifest:
    try:
        manifest = _decode(said)
    except (msgspec.DecodeError, ValueError) as error:
        raise ManifestInvalidError(f"{name}: {error}") from error
    if manifest.schema > VERSION or manifest.name != name:
        raise ManifestInvalidError(f"{name}: not a manifest that this program can read")
    return manifest
