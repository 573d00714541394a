"""Hits and calls of an account from CSV or Parquet files."""

import csv
import importlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from ringtrace.domain import source
from ringtrace.domain.attribution import keyword_of
from ringtrace.domain.history import Hit
from ringtrace.domain.placing import RealCall
from ringtrace.domain.visit import Device, HitKind

Row: TypeAlias = Mapping[str, str]
E = TypeVar("E", bound=StrEnum)
R = TypeVar("R")

_EARLIEST_MS = 946_684_800_000
"""2000; a smaller number is rather seconds than ms."""
_LATEST_MS = 4_102_444_800_000
"""2100."""
_BATCH = 10_000
_classify = lru_cache(maxsize=65_536)(source.classify)


class FileInvalidError(ValueError):
    """The message names file, line and column. Lines of Parquet files are rows, from 1."""


class _CellInvalidError(ValueError):
    def __init__(self, column: str, message: str) -> None:
        super().__init__(f"column {column}: {message}")


def read_hits(path: Path) -> Iterator[Hit]:
    """Raises FileInvalidError, and OSError for a file that cannot be read."""
    return _read(path, _hit, ("at", "visit"))


def read_calls(path: Path) -> Iterator[RealCall]:
    """Raises FileInvalidError, and OSError for a file that cannot be read."""
    return _read(path, _call, ("at",))


def _read(path: Path, parse: Callable[[Row], R], needed: tuple[str, ...]) -> Iterator[R]:
    rows = _parquet(path, needed) if path.suffix == ".parquet" else _csv(path, needed)
    for line, row in rows:
        try:
            yield parse(row)
        except _CellInvalidError as error:
            raise FileInvalidError(f"{path}: line {line}, {error}") from error


def _csv(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        line = 1
        try:
            columns = [name.strip() for name in next(rows, [])]
            _require(path, columns, needed)
            line = rows.line_num + 1
            for cells in rows:
                if len(cells) > len(columns):
                    column = columns[-1]
                    message = f"{len(cells)} cells where the head has {len(columns)}"
                    raise FileInvalidError(f"{path}: line {line}, column {column}: {message}")
                if cells:
                    yield line, dict(zip(columns, cells, strict=False))
                line = rows.line_num + 1
        except (csv.Error, UnicodeDecodeError) as error:
            raise FileInvalidError(f"{path}: line {line}: {error}") from error


def _parquet(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, Row]]:
    try:
        duckdb: Any = importlib.import_module("duckdb")
    except ImportError as error:
        raise FileInvalidError(
            f"{path}: reading Parquet needs DuckDB: pip install 'ringtrace[lake]', or save as CSV"
        ) from error
    with path.open("rb"):
        pass
    with duckdb.connect() as connection:
        try:
            connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)])
            kinds = {name: kind for name, kind, *_ in connection.fetchall()}
            _require(path, list(kinds), needed)
            connection.execute(_selecting(kinds), [str(path)])
            line = 0
            while batch := connection.fetchmany(_BATCH):
                for cells in batch:
                    line += 1
                    yield line, dict(zip(kinds, (cell or "" for cell in cells), strict=True))
        except duckdb.Error as error:
            # What follows is our own statement, which says nothing of the file.
            raise FileInvalidError(f"{path}: {str(error).partition(chr(10))[0]}") from error


def _selecting(kinds: Mapping[str, str]) -> str:
    """All columns as text, moments as ms; one without a zone is UTC."""
    columns = []
    for name, kind in kinds.items():
        column = '"' + name.replace('"', '""') + '"'
        if kind.startswith("TIMESTAMP"):
            column = f"epoch_ms({column})"
        columns.append(f"CAST({column} AS VARCHAR)")
    return f"SELECT {', '.join(columns)} FROM read_parquet(?)"  # noqa: S608 - quoted above


def _require(path: Path, columns: list[str], needed: tuple[str, ...]) -> None:
    for name in needed:
        if name not in columns:
            raise FileInvalidError(f"{path}: line 1, column {name}: it is missing")


def _hit(row: Row) -> Hit:
    visit = _text(row, "visit")
    if visit is None:
        raise _CellInvalidError("visit", "it is empty")
    kind = _choice(row, "kind", HitKind) or HitKind.PAGE
    return Hit(
        at=_at(row),
        visit=visit,
        visitor=_text(row, "visitor") or visit,
        kind=kind,
        segment=_segment(row, kind),
        device=_choice(row, "device", Device),
    )


def _call(row: Row) -> RealCall:
    return RealCall(_at(row), _text(row, "caller"), _text(row, "visit"))


def _segment(row: Row, kind: HitKind) -> tuple[str, str | None] | None:
    """Only of page views: what else a visit sends comes from a page of the site itself."""
    channel, keyword = _text(row, "channel"), _text(row, "keyword")
    if channel is not None:
        return channel, keyword
    if kind is not HitKind.PAGE:
        return None
    url = _text(row, "url")
    if url is None:
        raise _CellInvalidError("channel", "a page view needs a channel, or a url to read it from")
    try:
        said = _classify(url, _text(row, "referrer"))
    except source.UrlInvalidError as error:
        raise _CellInvalidError("url", str(error)) from error
    return str(said.channel), keyword or keyword_of(said)


def _text(row: Row, column: str) -> str | None:
    return row.get(column, "").strip() or None


def _choice(row: Row, column: str, kinds: type[E]) -> E | None:
    said = _text(row, column)
    if said is None:
        return None
    try:
        return kinds(said.lower())
    except ValueError:
        known = ", ".join(kinds)
        raise _CellInvalidError(column, f"{said!r} is none of {known}") from None


def _at(row: Row) -> int:
    """Ms since 1970 UTC."""
    said = _text(row, "at")
    if said is None:
        raise _CellInvalidError("at", "it is empty")
    at = int(said) if said.isdecimal() else _moment(said)
    if not _EARLIEST_MS <= at < _LATEST_MS:
        raise _CellInvalidError("at", f"{said!r} is no moment of 2000 to 2099")
    return at


def _moment(said: str) -> int:
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _CellInvalidError("at", f"{said!r} is neither RFC 3339 with a time zone nor ms")
    return round(moment.timestamp() * 1_000)
