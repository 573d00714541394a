"""Calls and visits by channel over sealed and open days alike, read through DuckDB.

Sealed days come as their sums (sums.py); days that are open or asked for in part are added up here.
To that comes what repeats change (lines.py). Runs in a process of its own (worker.py).
"""

import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.model import Model
from ringtrace.domain.moment import DAY_MS, day_of
from ringtrace.domain.tally import Moments, begun, independent, repeated, totals
from ringtrace.services.call_records import CallFilter, ChannelRow
from ringtrace.services.lake import Kind, Part
from ringtrace.services.spam_records import Spam
from ringtrace.store.lake import parquet, repeats, sums
from ringtrace.store.lake.begun import (
    LAST,
    MEMORY,
    THREADS,
    ReportRows,
    is_whole,
    visits_by_channel,
)
from ringtrace.store.lake.lines import NO_SITE, Lines
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.repeats import DayRepeats
from ringtrace.store.lake.schema import TABLES
from ringtrace.store.lake.span import Span, span
from ringtrace.store.lake.staging import Staged, stage
from ringtrace.store.lake.sums import Block

_HALF: Final = 0.5
_SPAM: Final[Mapping[Spam, str]] = {
    Spam.WITH: "true", Spam.WITHOUT: "NOT spam", Spam.ONLY: "spam",
}  # fmt: skip
_COLUMNS: Final = (
    "started_at, number, caller, repeat, unknown, shares, outcome, talk_seconds, from_visits, spam"
)


def channels(
    rows: ReportRows, place: Place, account_id: int, where: CallFilter, scratch: Path
) -> Sequence[ChannelRow] | None:
    """As the store's own report; None when nothing of the span is sealed.

    Raises ManifestInvalidError, RowsLostError, OSError, msgspec.DecodeError, duckdb.Error (out of
    memory).
    """
    since = None if where.since is None else day_of(where.since)
    before = None if where.since is None else day_of(where.since - WINDOW_MS)
    until = None if where.until is None else day_of(where.until - 1) + 1
    scratch.mkdir(parents=True, exist_ok=True)
    with (
        rows.snapshot(),
        tempfile.TemporaryDirectory(dir=scratch) as work,
        parquet.connect(Path(work), memory=MEMORY, threads=THREADS) as database,
    ):
        calls = span(rows, place, account_id, Part.CALLS, before, until)
        visits = span(rows, place, account_id, Part.TRAFFIC, since, until)
        if not calls.sealed and not visits.sealed and not visits.archived:
            return None
        _keep_open(database, stage(rows, account_id, [Kind.CALLS], calls.open, Path(work)).values())
        read = _Reading(database, place, calls)
        table = _calls(read, where, rows.sites(account_id), rows.models(account_id))
        begun_ = visits_by_channel(database, rows, place, account_id, visits, where, Path(work))
        for channel, count in begun_.items():
            row = table.get(channel, ChannelRow(channel, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0))
            table[channel] = replace(row, visits=count)
    kept = [row for row in table.values() if row.calls > 0 or row.visits > 0]
    return sorted(kept, key=lambda row: (row.channel is None, -row.calls, row.channel or ""))


@dataclass(frozen=True, slots=True)
class _Reading:
    """Days that a report may read of; those of the open ones are in the table `open`."""

    database: duckdb.DuckDBPyConnection
    place: Place
    days: Span

    def calls(self, but: Collection[int] = ()) -> str:
        """Those of all days but some sealed ones, as a statement reads them."""
        files = [
            self.place.fetch(kinds[Kind.CALLS].name)
            for day, kinds in sorted(self.days.sealed.items())
            if day not in but and Kind.CALLS in kinds
        ]
        sealed = f"SELECT {_COLUMNS} FROM {parquet.sealed_source(files)}"
        return f"(TABLE open{f' UNION ALL {sealed}' if files else ''})"


def _keep_open(database: duckdb.DuckDBPyConnection, staged: Iterable[Staged]) -> None:
    columns = TABLES[Kind.CALLS].columns
    typed = ", ".join(f"{name} {columns[name].value}" for name in _COLUMNS.split(", "))
    database.execute(f"CREATE TEMP TABLE open ({typed})")
    for one in staged:
        database.execute(f"INSERT INTO open SELECT {_COLUMNS} FROM {parquet.staged_source(one)}")


def _calls(
    read: _Reading, where: CallFilter, sites: Mapping[str, str], models: Mapping[str, Model]
) -> dict[str | None, ChannelRow]:
    codes = sums.know_sites(read.database, sites)
    counted = _counted(read.database, where)
    told = _sealed_sums(read, where, sites)
    before = {day for day in read.days.sealed if where.since and day < day_of(where.since)}
    blocks = [block for some in told.values() for block in some]
    blocks += sums.blocks(read.database, read.calls(but=told.keys() | before), counted)
    ready = _ready(read, where, told)
    lines = _lines(read, where, counted, ready)
    names = sorted(sums.channels(blocks) | ready.channels() | lines.channels())
    found = sums.added(blocks, names)
    by_code = {NO_SITE if site is None else codes[site]: it for site, it in found.sites.items()}
    moments = independent(by_code, 1 + len(names)) + ready.moments(where.spam, names, codes)
    for calls, _ in lines.read(names):
        known = (begun(calls) >= ready.since * DAY_MS) & (calls.at < ready.until * DAY_MS)
        moments += repeated(calls) - repeated(calls.only(known))
    learnt = {codes[site]: model for site, model in models.items() if site in codes}
    return {
        name: ChannelRow(name, one.expected, one.low, one.high, answered, talk, 0, from_visits)
        for name, one, answered, talk, from_visits in zip(
            (None, *names), totals(moments, names, learnt), found.answered.tolist(),
            found.talk_seconds.tolist(), found.from_visits.tolist(), strict=True,
        )
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Ready:
    """What is known of repeats in runs of calls begun since a day, until before another day."""

    since: int
    until: int
    days: Sequence[DayRepeats]

    def channels(self) -> set[str]:
        return {name for one in self.days for name in one.channels}

    def moments(self, sort: Spam, names: Sequence[str], codes: Mapping[str, int]) -> Moments:
        told = Moments.nothing(1 + len(names))
        for one in self.days:
            told += one.moments(sort, self.since, names, codes)
        return told


def _ready(read: _Reading, where: CallFilter, summed: Collection[int]) -> _Ready:
    """Days from the first whole one on, as far as nothing has changed since they were sealed.

    Numbers have the sites that they had on the `summed` days.
    """
    since = 0 if where.since is None else -(-where.since // DAY_MS)
    found: list[DayRepeats] = []
    if where.spam not in repeats.READY or where.outcome is not None:
        return _Ready(since, since, found)
    files = {day: kinds[Kind.CALLS].name for day, kinds in read.days.sealed.items()
             if Kind.CALLS in kinds}  # fmt: skip
    for day in sorted(files.keys() | read.days.open):
        if day < since:
            continue
        if day not in summed or day not in read.days.repeats:
            return _Ready(since, day, found)
        told = repeats.of_day(read.place.fetch(read.days.repeats[day]))
        if not told.still_hold(day, files, since):
            return _Ready(since, day, found)
        found.append(told)
    return _Ready(since, LAST // DAY_MS, found)


def _lines(read: _Reading, where: CallFilter, counted: str, ready: _Ready) -> Lines:
    """Those with repeats of which it is not all known: after that, or of runs begun before."""
    line, near = "SELECT DISTINCT hash(number, caller) AS line FROM", _near(where)
    repeats_ = f"{line} {read.calls()} WHERE {counted} AND repeat > 0"
    if not ready.days:
        return Lines(read.database, read.calls(), near, repeats_, counted)
    known = {day for day in read.days.sealed if day < ready.until}
    wanted = (
        f"{line} {read.calls(but=known)} WHERE {counted} AND repeat > 0"
        f" AND started_at >= epoch_ms({ready.until * DAY_MS})"
    )
    if where.since is not None:
        before = f"{near} AND started_at < epoch_ms({ready.since * DAY_MS})"
        wanted += f" UNION ({repeats_} INTERSECT {line} {read.calls()} WHERE {before})"
    return Lines(read.database, read.calls(), near, wanted, counted)


def _sealed_sums(
    read: _Reading, where: CallFilter, sites: Mapping[str, str]
) -> Mapping[int, Sequence[Block]]:
    """By day, where they can tell all that is asked of the day."""
    if where.channel is not None or where.unknown:
        return {}
    found = {}
    for day, name in read.days.sums.items():
        if is_whole(day, where):
            told = sums.of_calls(read.place.fetch(name))
            if told.still_hold(sites):
                found[day] = [one for one in told.blocks if _counts(one, where)]
    return found


def _counts(one: Block, where: CallFilter) -> bool:
    is_sort = where.spam is Spam.WITH or one.spam is (where.spam is Spam.ONLY)
    return is_sort and where.outcome in {None, one.outcome}


def _counted(database: duckdb.DuckDBPyConnection, where: CallFilter) -> str:
    """What of a call must hold for it to count."""
    for name, value in (("outcome", where.outcome), ("channel", where.channel)):
        if value is not None:
            database.execute(f"SET VARIABLE {name} = {parquet.literal(value)}")
    wanted: tuple[tuple[str, object], ...] = (
        (f"started_at >= epoch_ms({where.since})", where.since),
        (f"started_at < epoch_ms({where.until})", where.until),
        ("outcome = getvariable('outcome')", where.outcome),
        ("list_contains([s.channel FOR s IN shares], getvariable('channel'))", where.channel),
        (f"unknown > {_HALF}", where.unknown or None),
    )
    return " AND ".join([_SPAM[where.spam], *(part for part, value in wanted if value is not None)])


def _near(where: CallFilter) -> str:
    """What of a call must hold for it to count or to be repeated by one that does."""
    since = 0 if where.since is None else max(0, where.since - WINDOW_MS)
    until = LAST if where.until is None else where.until
    return f"started_at >= epoch_ms({since}) AND started_at < epoch_ms({until})"
