"""One visit that has left the store, found by its id."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

from ringtrace.domain.moment import day_of
from ringtrace.services.call_records import VisitRecord
from ringtrace.services.lake import Kind, Part
from ringtrace.store import visits
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake import parquet
from ringtrace.store.lake.begun import MEMORY, THREADS, ReportRows
from ringtrace.store.lake.manifest import Manifest
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.schema import TABLES, Type

_TIMES = ", ".join(
    f"epoch_ms({name}) AS {name}"
    for name, type_ in TABLES[Kind.VISITS].columns.items()
    if type_ is Type.TIME
)


def visit(
    rows: ReportRows,  # noqa: ARG001 - asked as reports are
    place: Place,
    account_id: int,
    visit_id: str,
    scratch: Path,
) -> VisitRecord | None:
    """First where its id says, which the visitor's clock made, then everywhere.

    Raises ManifestInvalidError, OSError, duckdb.Error (out of memory).
    """
    known = manifests.read_all(place, account_id)
    said = day_of(int(visit_id[:12], 16))
    near = [one for one in known if abs(one.number - said) <= 1]
    scratch.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=scratch) as work,
        parquet.connect(Path(work), memory=MEMORY, threads=THREADS) as database,
    ):
        for some in (near, [one for one in known if one not in near]):
            row = _row(database, _sources(place, some, Kind.VISITS), visit_id)
            if row is not None:
                return visits.record(row, _views(database, place, known, row, visit_id))
    return None


def _row(
    database: duckdb.DuckDBPyConnection, sources: Sequence[Path], visit_id: str
) -> tuple[object, ...] | None:
    if not sources:
        return None
    return database.execute(
        f"SELECT {visits.RECORD_COLUMNS} FROM (SELECT * REPLACE ({_TIMES})"
        f" FROM {parquet.sealed_source(sources)} WHERE visit_id = $1) v"
        " ORDER BY v.started_at LIMIT 1",
        [visit_id],
    ).fetchone()


def _views(
    database: duckdb.DuckDBPyConnection, place: Place, known: Sequence[Manifest],
    row: tuple[object, ...], visit_id: str,
) -> list[tuple[int, str, str]]:  # fmt: skip
    """Until the last sign of life there are hits, on later days as well."""
    *_, began = row[:5]
    seen = row[6]
    assert isinstance(began, int)  # noqa: S101 - narrows a column the schema declares
    assert isinstance(seen, int)  # noqa: S101 - as above
    days = range(day_of(began), day_of(seen) + 1)
    sources = _sources(place, [one for one in known if one.number in days], Kind.HITS)
    if not sources:
        return []
    return database.execute(
        "SELECT epoch_ms(hit_at), kind, path FROM"
        f" {parquet.sealed_source(sources)} WHERE visit_id = $1 ORDER BY hit_at",
        [visit_id],
    ).fetchall()


def _sources(place: Place, some: Sequence[Manifest], kind: Kind) -> list[Path]:
    files = [one.parts[Part.TRAFFIC].files for one in some if Part.TRAFFIC in one.parts]
    return [place.fetch(one[kind].name) for one in files if kind in one]
