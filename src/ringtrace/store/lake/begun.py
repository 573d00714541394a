"""Visits by channel over days that are sealed, open, or both: in the lake and in the store."""

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

import duckdb

from ringtrace.domain.model import Model
from ringtrace.domain.moment import DAY_MS, day_of
from ringtrace.services.call_records import CallFilter
from ringtrace.services.lake import DayRows, Kind, Part
from ringtrace.store.lake import parquet, sums
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.span import Span, span
from ringtrace.store.lake.staging import stage

MEMORY: Final = "1GB"
THREADS: Final = 2
LAST: Final = 1 << 52
"""After everything; ms since 1970 UTC."""


class ReportRows(DayRows, Protocol):
    """What a report needs of a store beside the rows of days."""

    def models(self, account_id: int) -> Mapping[str, Model]:
        """The newest ones, by site."""
        ...

    def visits_by_channel(self, account_id: int, since: int, until: int) -> Mapping[str, int]:
        """Of visits begun in [since, until), ms since 1970 UTC."""
        ...


def visits(
    rows: ReportRows, place: Place, account_id: int, where: CallFilter, scratch: Path
) -> Mapping[str, int]:
    """How many began in the span of `where`, by channel.

    Raises ManifestInvalidError, RowsLostError, OSError, msgspec.DecodeError, duckdb.Error (out of
    memory).
    """
    since = None if where.since is None else day_of(where.since)
    until = None if where.until is None else day_of(where.until - 1) + 1
    scratch.mkdir(parents=True, exist_ok=True)
    with (
        rows.snapshot(),
        tempfile.TemporaryDirectory(dir=scratch) as work,
        parquet.connect(Path(work), memory=MEMORY, threads=THREADS) as database,
    ):
        found = span(rows, place, account_id, Part.TRAFFIC, since, until)
        return visits_by_channel(database, rows, place, account_id, found, where, Path(work))


def visits_by_channel(
    database: duckdb.DuckDBPyConnection, rows: ReportRows, place: Place, account_id: int,
    found: Span, where: CallFilter, work: Path,
) -> Mapping[str, int]:  # fmt: skip
    """Those of the days `found` that began in the span of `where`."""
    since = 0 if where.since is None else where.since
    until = LAST if where.until is None else where.until
    counts: Counter[str] = Counter()
    whole = {day: name for day, name in found.sums.items() if is_whole(day, where)}
    for name in whole.values():
        counts.update(sums.of_visits(place.fetch(name)).visits)
    files = [
        place.fetch(kinds[Kind.VISITS].name)
        for day, kinds in found.sealed.items()
        if day not in whole and Kind.VISITS in kinds
    ]
    sources = [parquet.sealed_source(files)] if files else []
    for source in sources + _archived(rows, place, account_id, found, work):
        counts.update(
            sums.visits(
                database, source,
                f"started_at >= epoch_ms({since}) AND started_at < epoch_ms({until})",
            )
        )  # fmt: skip
    for day in found.open - found.archived.keys():
        begin, end = max(since, day * DAY_MS), min(until, (day + 1) * DAY_MS)
        counts.update(rows.visits_by_channel(account_id, begin, end))
    return {
        channel: count
        for channel, count in counts.items()
        if where.channel is None or channel == where.channel
    }


def _archived(
    rows: ReportRows, place: Place, account_id: int, found: Span, work: Path
) -> list[str]:
    """Days that were written to after they had left: their files, and the store's own rows."""
    staged = stage(rows, account_id, [Kind.VISITS], found.archived.keys(), work)
    sources = [parquet.staged_source(one) for one in staged.values()]
    for day, files in found.archived.items():
        if Kind.VISITS in files:
            sealed, own = place.fetch(files[Kind.VISITS].name), staged.get((Kind.VISITS, day))
            sources.append(
                parquet.sealed_source([sealed])
                if own is None
                else parquet.others_source(own, sealed)
            )
    return sources


def is_whole(day: int, where: CallFilter) -> bool:
    return (where.since is None or where.since <= day * DAY_MS) and (
        where.until is None or (day + 1) * DAY_MS <= where.until
    )
