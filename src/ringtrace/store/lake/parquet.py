"""Parquet through DuckDB: rows become a file, and a file is read back to be compared.

The digest of rows does not depend on their order: each row's exact columns as text, joined, give
an MD5; the lower halves of these, as numbers, are added up. It finds rows that were lost, doubled
or mixed up on the way; it is no protection against forgers, which the files' SHA-256 is.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import duckdb

from ringtrace.services.lake import Kind
from ringtrace.store.lake.schema import TABLES, VERSION, Type, checked
from ringtrace.store.lake.staging import Staged

MEMORY: Final = "512MB"
_LONGEST: Final = 32 * 1024**2  # bytes of a row


class SealMismatchError(RuntimeError):
    """What was read back is not what was written: the file is thrown away."""


def connect(scratch: Path, *, memory: str = MEMORY, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """Over nothing; what does not fit into `memory` goes to files in `scratch`."""
    return duckdb.connect(
        ":memory:",
        config={
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": str(scratch),
            # No extension is loaded from the network.
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        },
    )


Content = tuple[int, str]
"""The number of rows, and their digest."""


def write(database: duckdb.DuckDBPyConnection, staged: Staged, target: Path) -> Content:
    """The staged rows as Parquet, compared with them. Raises SealMismatchError."""
    copy(database, f"SELECT * FROM {staged_source(staged)}", staged.kind, target)
    return _compared(database, staged.kind, target, (staged.rows, staged.digest))


def write_merged(
    database: duckdb.DuckDBPyConnection, staged: Staged, sealed: Path, target: Path
) -> Content:
    """The staged rows and what else was sealed, as Parquet, compared with both.

    Of a row that both have the staged one counts. Raises SealMismatchError.
    """
    others = f"SELECT * FROM {others_source(staged, sealed)}"
    copy(
        database, f"SELECT * FROM {staged_source(staged)} UNION ALL BY NAME {others}",
        staged.kind, target,
    )  # fmt: skip
    rows, digest = _examined(database, staged.kind, others)
    before, _ = examine(database, staged.kind, sealed)
    wanted = staged.rows + rows, f"{int(staged.digest, 16) + int(digest, 16):x}"
    if wanted[0] < before:
        raise SealMismatchError(f"{staged.kind}: {wanted[0]} rows, {before} were sealed before")
    return _compared(database, staged.kind, target, wanted)


def others_source(staged: Staged, sealed: Path) -> str:
    """The rows of a sealed file that are not among the staged ones."""
    key = ", ".join(TABLES[staged.kind].key)
    return (
        f"(SELECT * FROM {sealed_source([sealed])} ANTI JOIN {staged_source(staged)} USING ({key}))"
    )


def _compared(
    database: duckdb.DuckDBPyConnection, kind: Kind, target: Path, wanted: Content
) -> Content:
    found = examine(database, kind, target)
    if found != wanted:
        raise SealMismatchError(f"{kind}: {found[0]} of {wanted[0]} rows, or others")
    return found


def staged_source(staged: Staged) -> str:
    """The staged rows, as a statement reads them: with the columns of a sealed file."""
    columns = TABLES[staged.kind].columns
    types = ", ".join(f"{literal(name)}: {literal(kind.staged)}" for name, kind in columns.items())
    times = ", ".join(
        f"epoch_ms({name}) AS {name}" for name, kind in columns.items() if kind is Type.TIME
    )
    return (
        f"(SELECT * REPLACE ({times}) FROM read_json({literal(staged.path)},"
        f" format = 'newline_delimited', columns = {{{types}}}, maximum_object_size = {_LONGEST}))"
    )


def copy(database: duckdb.DuckDBPyConnection, query: str, kind: Kind, target: Path) -> None:
    """What `query` answers as a sealed file of a kind."""
    said = json.dumps({"schema": VERSION, "kind": kind})
    columns, order = ", ".join(TABLES[kind].columns), ", ".join(TABLES[kind].order)
    database.execute(
        f"COPY (SELECT {columns} FROM ({query}) ORDER BY {order})"
        f" TO {literal(target)} (FORMAT parquet, COMPRESSION zstd,"
        f" KV_METADATA {{ringtrace: {literal(said)}}})"
    )


def examine(database: duckdb.DuckDBPyConnection, kind: Kind, file: Path) -> Content:
    return _examined(database, kind, f"SELECT * FROM {sealed_source([file])}")


def _examined(database: duckdb.DuckDBPyConnection, kind: Kind, query: str) -> Content:
    texts = ", ".join(
        f"coalesce({_as_text(name, TABLES[kind].columns[name])}, chr(0))" for name in checked(kind)
    )
    row = database.execute(
        "SELECT count(*), coalesce(sum(md5_number_lower("
        f"concat_ws(chr(31), {texts})))::VARCHAR, '0') FROM ({query})"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate answers one row
    return int(row[0]), f"{int(row[1]):x}"


def _as_text(name: str, kind: Type) -> str:
    return f"epoch_ms({name})::VARCHAR" if kind is Type.TIME else f"{name}::VARCHAR"


def sha256_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def sealed_source(files: Iterable[Path]) -> str:
    """The rows of sealed files, as a statement reads them: with the columns that they have.

    DuckDB would add what their folders are called (`account=1`, `day=2026-11-23`).
    """
    names = ", ".join(literal(one) for one in files)
    return f"read_parquet([{names}], hive_partitioning = false)"


def literal(value: object) -> str:
    """A text in a statement: file names cannot be bound everywhere."""
    return "'" + str(value).replace("'", "''") + "'"
