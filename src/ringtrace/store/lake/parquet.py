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


def write(database: duckdb.DuckDBPyConnection, staged: Staged, target: Path) -> None:
    """The staged rows as Parquet, compared with them. Raises SealMismatchError."""
    copy(database, f"SELECT * FROM {staged_source(staged)}", staged.kind, target)
    found = examine(database, staged.kind, target)
    if found != (staged.rows, staged.digest):
        raise SealMismatchError(f"{staged.kind}: {found[0]} of {staged.rows} rows, or others")


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
    database.execute(
        f"COPY (SELECT * FROM ({query}) ORDER BY {', '.join(TABLES[kind].order)})"
        f" TO {literal(target)} (FORMAT parquet, COMPRESSION zstd,"
        f" KV_METADATA {{ringtrace: {literal(said)}}})"
    )


def examine(database: duckdb.DuckDBPyConnection, kind: Kind, file: Path) -> tuple[int, str]:
    """Rows of a file, and their digest."""
    texts = ", ".join(
        f"coalesce({_as_text(name, TABLES[kind].columns[name])}, chr(0))" for name in checked(kind)
    )
    row = database.execute(
        "SELECT count(*), coalesce(sum(md5_number_lower("
        f"concat_ws(chr(31), {texts})))::VARCHAR, '0') FROM read_parquet({literal(file)})"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate answers one row
    return int(row[0]), f"{int(row[1]):x}"


def _as_text(name: str, kind: Type) -> str:
    return f"epoch_ms({name})::VARCHAR" if kind is Type.TIME else f"{name}::VARCHAR"


def sha256_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def literal_list(files: Iterable[Path]) -> str:
    """For `read_parquet`."""
    return f"[{', '.join(literal(one) for one in files)}]"


def literal(value: object) -> str:
    """A text in a statement: file names cannot be bound everywhere."""
    return "'" + str(value).replace("'", "''") + "'"
