"""An account's days for other programs; a file for each kind and day."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Container, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from ringtrace.domain.moment import day_name
from ringtrace.services.lake import DayRows, Kind, Part
from ringtrace.store.lake import parquet
from ringtrace.store.lake.manifest import SealedFile
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.schema import TABLES, VERSION, Type
from ringtrace.store.lake.span import Span, span
from ringtrace.store.lake.staging import stage

CONTENTS: Final = "export.json"
"""Names all files of an export; written last."""

_DAYS_AT_ONCE: Final = 31


class Format(StrEnum):
    """A value is the extension of the files' names, too."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """`name` is KIND/DAY.EXTENSION."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    schema: int
    account: int
    format: Format
    files: tuple[ExportedFile, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Days since 1970 UTC, [since, until)."""

    account_id: int
    kinds: Collection[Kind]
    format: Format
    since: int | None = None
    until: int | None = None


class Exporter:
    """`scratch` is for files on their way."""

    def __init__(self, rows: DayRows, place: Place, scratch: Path) -> None:
        self._rows = rows
        self._place = place
        self._scratch = scratch

    def export(
        self, wanted: Wanted, folder: Path, progress: Callable[[int, int], None]
    ) -> Contents:
        """Into an existing `folder`, each file whole or not at all; `progress` counts files.

        Each part of a day is as of one moment. Raises ManifestInvalidError, SealMismatchError,
        RowsLostError, OSError.
        """
        files: list[ExportedFile] = []
        parts = [one for one in Part if any(kind in wanted.kinds for kind in one.kinds)]
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            for part in parts:
                for file, total in self._part(wanted, part, folder, Path(name)):
                    files.append(file)
                    progress(len(files), total)
        contents = Contents(VERSION, wanted.account_id, wanted.format, tuple(files))
        with _replacing(folder / CONTENTS) as whole:
            whole.write_bytes(msgspec.json.format(msgspec.json.encode(contents)))
        return contents

    def _part(
        self, wanted: Wanted, part: Part, folder: Path, work: Path
    ) -> Iterator[tuple[ExportedFile, int]]:
        kinds = [kind for kind in part.kinds if kind in wanted.kinds]
        with self._rows.snapshot(), parquet.connect(work) as database:
            found = span(
                self._rows, self._place, wanted.account_id, part, wanted.since, wanted.until
            )
            total = len(kinds) * (len(found.sealed) + len(found.open))
            for kind in kinds:
                for day, files in sorted(found.sealed.items()):
                    if kind in files:
                        source = self._place.fetch(files[kind].name)
                        yield _written(database, wanted, kind, day, source, folder), total
            for days in _some(found):
                staged = stage(self._rows, wanted.account_id, kinds, days, work)
                for (kind, day), one in staged.items():
                    source = one.path.with_suffix(".parquet")
                    file = found.archived.get(day, {}).get(kind)
                    if file is None:
                        parquet.write(database, one, source)
                    else:
                        sealed = self._place.fetch(file.name)
                        parquet.write_merged(database, one, sealed, source)
                    one.path.unlink()
                    yield _written(database, wanted, kind, day, source, folder), total
                    source.unlink()
                for kind, day, file in _only_archived(found, kinds, days, staged):
                    source = self._place.fetch(file.name)
                    yield _written(database, wanted, kind, day, source, folder), total


def _some(found: Span) -> Iterator[Collection[int]]:
    days = sorted(found.open)
    for start in range(0, len(days), _DAYS_AT_ONCE):
        yield set(days[start : start + _DAYS_AT_ONCE])


def _only_archived(
    found: Span, kinds: Collection[Kind], days: Collection[int], staged: Container[tuple[Kind, int]]
) -> Iterator[tuple[Kind, int, SealedFile]]:
    """Of these days what nothing of is in the store any more."""
    for day in sorted(found.archived.keys() & days):
        for kind, file in found.archived[day].items():
            if kind in kinds and (kind, day) not in staged:
                yield kind, day, file


def _written(
    database: duckdb.DuckDBPyConnection, wanted: Wanted, kind: Kind, day: int, source: Path,
    folder: Path,
) -> ExportedFile:  # fmt: skip
    name = f"{kind}/{day_name(day)}.{wanted.format}"
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    with _replacing(target) as part:
        if wanted.format is Format.PARQUET:
            shutil.copyfile(source, part)
        else:
            _as_text(database, wanted.format, kind, source, part)
        rows, _ = parquet.examine(database, kind, source)
        return ExportedFile(name, rows, part.stat().st_size, parquet.sha256_of(part))


def _as_text(
    database: duckdb.DuckDBPyConnection, form: Format, kind: Kind, source: Path, target: Path
) -> None:
    """Times as RFC 3339 writes them."""
    columns = ", ".join(_column(form, name, type_) for name, type_ in TABLES[kind].columns.items())
    how = "FORMAT csv, HEADER" if form is Format.CSV else "FORMAT json"
    database.execute(
        f"COPY (SELECT {columns} FROM {parquet.sealed_source([source])}"
        f" ORDER BY {', '.join(TABLES[kind].order)}) TO {parquet.literal(target)} ({how})"
    )


def _column(form: Format, name: str, kind: Type) -> str:
    if kind is Type.TIME:
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%gZ') AS {name}"
    if kind is Type.SHARES and form is Format.CSV:
        return f"to_json({name}) AS {name}"
    return name


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A file of another name, which takes the target's place when it is whole."""
    part = target.with_name(f".{target.name}.part")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
