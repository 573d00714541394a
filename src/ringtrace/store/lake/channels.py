"""Calls and visits by channel over sealed and open days alike, read through DuckDB.

Repeats are looked for on the lines (caller and number) that have any; all other calls only need
sums. Runs in a process of its own (worker.py).
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import duckdb
import numpy as np

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.hazard import Flags, Floats, Ints
from ringtrace.domain.model import Model
from ringtrace.domain.tally import Moments, Shares, independent, moments, totals
from ringtrace.domain.totals import UNKNOWN
from ringtrace.services.lake import DAY_MS, DayRows, Kind, Part, day_of
from ringtrace.services.ports import CallFilter, ChannelRow
from ringtrace.services.spam_records import Spam
from ringtrace.store.lake import parquet
from ringtrace.store.lake.place import Place
from ringtrace.store.lake.span import Span, span
from ringtrace.store.lake.staging import Staged, stage

MEMORY: Final = "1GB"
THREADS: Final = 2
_HALF: Final = 0.5
_NO_SITE: Final = -1
_SPAM: Final[Mapping[Spam, str]] = {
    Spam.WITH: "true", Spam.WITHOUT: "NOT spam", Spam.ONLY: "spam",
}  # fmt: skip
_COLUMNS: Final = (
    "started_at", "number", "caller", "repeat", "unknown", "shares", "outcome", "talk_seconds",
    "from_visits", "spam",
)  # fmt: skip


class ReportRows(DayRows, Protocol):
    """What a report needs of a store beside the rows of days."""

    def sites(self, account_id: int) -> Mapping[str, str]:
        """By number, of those that belong to a site."""
        ...

    def models(self, account_id: int) -> Mapping[str, Model]:
        """The newest ones, by site."""
        ...

    def visits_by_channel(self, account_id: int, since: int, until: int) -> Mapping[str, int]:
        """Of visits begun in [since, until), ms since 1970 UTC."""
        ...


def channels(
    rows: ReportRows, place: Place, account_id: int, where: CallFilter, scratch: Path
) -> Sequence[ChannelRow] | None:
    """As the store's own report; None when nothing of the span is sealed.

    Raises ManifestInvalidError, OSError, duckdb.Error (out of memory).
    """
    since = None if where.since is None else day_of(where.since - WINDOW_MS)
    until = None if where.until is None else day_of(where.until - 1) + 1
    scratch.mkdir(parents=True, exist_ok=True)
    with (
        rows.snapshot(),
        tempfile.TemporaryDirectory(dir=scratch) as work,
        parquet.connect(Path(work), memory=MEMORY, threads=THREADS) as database,
    ):
        calls = span(rows, place, account_id, Part.CALLS, since, until)
        visits = span(rows, place, account_id, Part.TRAFFIC,
                      None if where.since is None else day_of(where.since), until)  # fmt: skip
        if not calls.sealed and not visits.sealed:
            return None
        sites = rows.sites(account_id)
        codes = {site: code for code, site in enumerate(sorted(set(sites.values())))}
        staged = stage(rows, account_id, [Kind.CALLS], calls.open, Path(work))
        sources = _sources(place, calls, Kind.CALLS, list(staged.values()))
        found = _calls(database, sources, where, {n: codes[site] for n, site in sites.items()})
        models = {codes[one]: model for one, model in rows.models(account_id).items()
                  if one in codes}  # fmt: skip
        table = _table(found, models)
        for channel, count in _visits(database, rows, place, account_id, visits, where).items():
            row = table.get(channel, ChannelRow(channel, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0))
            table[channel] = _with_visits(row, count)
    kept = [row for row in table.values() if row.calls > 0 or row.visits > 0]
    return sorted(kept, key=lambda row: (row.channel is None, -row.calls, row.channel or ""))


def _with_visits(row: ChannelRow, count: int) -> ChannelRow:
    return ChannelRow(
        row.channel, row.calls, row.calls_low, row.calls_high, row.answered, row.talk_seconds,
        count, row.visit_calls,
    )  # fmt: skip


def _sources(place: Place, found: Span, kind: Kind, staged: Sequence[Staged]) -> list[str]:
    """What a statement may read from: sealed files, and rows of open days."""
    sources = []
    files = [place.fetch(one.name) for one in found.files(kind)]
    if files:
        sources.append(f"read_parquet({parquet.literal_list(files)})")
    sources += [parquet.staged_source(one) for one in staged]
    return sources


@dataclass(frozen=True, slots=True)
class _Calls:
    """Counted calls, and those before them that they may repeat, in order of time.

    `linked` are those on lines with repeats; the columns of `share` are UNKNOWN and the `names`.
    `added` are whether it was answered, seconds talked, and whether visits may have called.
    """

    names: Sequence[str]
    at: Ints
    line: Ints
    site: Ints
    counted: Flags
    linked: Flags
    repeat: Floats
    share: Floats
    added: Floats


def _calls(
    database: duckdb.DuckDBPyConnection, sources: Sequence[str], where: CallFilter,
    site_of: Mapping[str, int],
) -> _Calls | None:  # fmt: skip
    if not sources:
        return None
    counted, values = _condition(where)
    columns = ", ".join(_COLUMNS)
    since = 0 if where.since is None else where.since - WINDOW_MS
    until = 1 << 52 if where.until is None else where.until
    database.execute(
        "CREATE TEMP TABLE site AS SELECT unnest($1::VARCHAR[]) AS number,"
        " unnest($2::INTEGER[]) AS code",
        [list(site_of), list(site_of.values())],
    )
    database.execute(
        "CREATE TEMP TABLE c AS SELECT epoch_ms(started_at) AS began, hash(number, caller) AS line,"
        f" coalesce(code, {_NO_SITE}) AS site, coalesce({counted}, false) AS counted, repeat,"
        " unknown, coalesce(outcome = 'answered', false) AS answered,"
        " coalesce(talk_seconds, 0) AS talk, from_visits, shares FROM ("
        + " UNION ALL ".join(f"SELECT {columns} FROM {one}" for one in sources)
        + ") LEFT JOIN site USING (number)"
        " WHERE started_at >= epoch_ms($since) AND started_at < epoch_ms($until)",
        {**values, "since": since, "until": until},
    )
    names = [
        name
        for (name,) in database.execute(
            "SELECT DISTINCT s.channel FROM c, unnest(shares) AS u(s) WHERE counted ORDER BY 1"
        ).fetchall()
    ]
    return _read(database, names)


def _read(database: duckdb.DuckDBPyConnection, names: Sequence[str]) -> _Calls:
    """What counts, and the earlier calls of its lines."""
    chosen: dict[str, Any] = database.execute(
        "SELECT * FROM (SELECT rowid AS id, began, line, site, counted, repeat, unknown, answered,"
        " talk, from_visits, line IN (SELECT line FROM c WHERE counted AND repeat > 0) AS linked"
        " FROM c) WHERE counted OR linked ORDER BY began"
    ).fetchnumpy()
    rowids = np.asarray(chosen["id"], dtype=np.int64)
    codes = {name: UNKNOWN + 1 + code for code, name in enumerate(names)}
    width = 1 + len(names)
    shared: dict[str, Any] = database.execute(
        "SELECT rowid AS id, list_position($1::VARCHAR[], s.channel) AS code, s.share AS share"
        " FROM c, unnest(shares) AS u(s)",
        [list(codes)],
    ).fetchnumpy()
    (size,) = database.execute("SELECT count(*) FROM c").fetchone() or (0,)
    code = np.ma.filled(np.ma.asarray(shared["code"]), 0).astype(np.int64)
    # A channel that only earlier calls have is nobody's column.
    known = code > 0
    place = np.asarray(shared["id"], dtype=np.int64)[known] * width + code[known]
    weights = np.asarray(shared["share"], dtype=np.float64)[known]
    cells = np.bincount(place, weights, minlength=size * width).astype(np.float64, copy=False)
    share = cells.reshape(size, width)[rowids]
    share[:, UNKNOWN] = chosen["unknown"]
    return _Calls(
        names=names,
        at=np.asarray(chosen["began"], dtype=np.int64),
        line=np.asarray(chosen["line"]).astype(np.int64),
        site=np.asarray(chosen["site"], dtype=np.int64),
        counted=np.asarray(chosen["counted"], dtype=np.bool_),
        linked=np.asarray(chosen["linked"], dtype=np.bool_),
        repeat=np.asarray(chosen["repeat"], dtype=np.float64),
        share=share,
        added=np.array(
            [chosen["answered"], chosen["talk"], chosen["from_visits"]], dtype=np.float64
        ),
    )


def _table(calls: _Calls | None, models: Mapping[int, Model]) -> dict[str | None, ChannelRow]:
    if calls is None or not calls.counted.any():
        return {}
    told = totals(_moments(calls), calls.names, models)
    sums = (calls.added[:, calls.counted] @ calls.share[calls.counted]).T.tolist()
    return {
        name: ChannelRow(name, one.expected, one.low, one.high, answered, talk, 0, from_visits)
        for name, one, (answered, talk, from_visits) in zip(
            (None, *calls.names), told, sums, strict=True
        )
    }


def _moments(calls: _Calls) -> Moments:
    linked, alone = calls.linked, calls.counted & ~calls.linked
    apart = independent(calls.share[alone], calls.site[alone])
    if not linked.any():
        return apart
    chosen = Shares(
        at=calls.at[linked],
        line=calls.line[linked],
        site=calls.site[linked],
        counted=calls.counted[linked],
        share=calls.share[linked],
        repeat=calls.repeat[linked],
    )
    return apart + moments(chosen)


def _condition(where: CallFilter) -> tuple[str, dict[str, object]]:
    """What of a call must hold for it to count, and the values to bind."""
    wanted: tuple[tuple[str, str, object], ...] = (
        ("since", "started_at >= epoch_ms($from)", where.since),
        ("outcome", "outcome = $outcome", where.outcome),
        ("channel", "list_contains([s.channel FOR s IN shares], $channel)", where.channel),
        ("unknown", f"unknown > {_HALF}", where.unknown or None),
    )
    parts, values = [_SPAM[where.spam]], {}
    for name, part, value in wanted:
        if value is not None:
            parts.append(part)
            if name != "unknown":
                values["from" if name == "since" else name] = value
    return " AND ".join(parts), values


def _visits(
    database: duckdb.DuckDBPyConnection, rows: ReportRows, place: Place, account_id: int,
    found: Span, where: CallFilter,
) -> Mapping[str, int]:  # fmt: skip
    since = 0 if where.since is None else where.since
    until = 1 << 52 if where.until is None else where.until
    counts: dict[str, int] = {}
    files = [place.fetch(one.name) for one in found.files(Kind.VISITS)]
    if files:
        counts = dict(
            database.execute(
                f"SELECT channel, count(*) FROM read_parquet({parquet.literal_list(files)})"
                " WHERE started_at >= epoch_ms($1) AND started_at < epoch_ms($2) GROUP BY channel",
                [since, until],
            ).fetchall()
        )
    for day in found.open:
        begin, end = max(since, day * DAY_MS), min(until, (day + 1) * DAY_MS)
        for channel, count in rows.visits_by_channel(account_id, begin, end).items():
            counts[channel] = counts.get(channel, 0) + count
    return {
        channel: count
        for channel, count in counts.items()
        if where.channel is None or channel == where.channel
    }
