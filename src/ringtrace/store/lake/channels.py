"""Calls and visits by channel over sealed and open days alike, read through DuckDB.

Repeats are looked for on the lines (caller and number) that have any; all other calls only need
sums, which DuckDB adds up for each pattern of channels. Runs in a process of its own (worker.py).
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import duckdb
import numpy as np

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.hazard import Floats
from ringtrace.domain.model import Model
from ringtrace.domain.tally import Moments, Shares, Sums, independent, moments, totals
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
    """What the counted calls come to; the columns are UNKNOWN and the `names`.

    `added` has a row each for calls answered, seconds talked, and calls that came from visits.
    """

    names: Sequence[str]
    moments: Moments
    added: Floats


def _calls(
    database: duckdb.DuckDBPyConnection, sources: Sequence[str], where: CallFilter,
    site_of: Mapping[str, int],
) -> _Calls | None:  # fmt: skip
    if not sources:
        return None
    _look_at(database, sources, where, site_of)
    patterns = _patterns(database)
    names = sorted({name for one in patterns for name in one.channels} | _linked_names(database))
    codes = {name: UNKNOWN + 1 + code for code, name in enumerate(names)}
    apart, added = _added_up(patterns, codes)
    linked, talk = _linked(database, codes)
    return _Calls(names, apart + moments(linked), added + talk)


def _look_at(
    database: duckdb.DuckDBPyConnection, sources: Sequence[str], where: CallFilter,
    site_of: Mapping[str, int],
) -> None:  # fmt: skip
    """`c` are the calls of the span and those before it that they may repeat.

    `line` are the lines of counted repeats; the calls on them, `linked`, must be looked at one by
    one.
    """
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
        "CREATE TEMP VIEW c AS SELECT epoch_ms(started_at) AS began, hash(number, caller) AS line,"
        f" coalesce(code, {_NO_SITE}) AS site, coalesce({counted}, false) AS counted, repeat,"
        " unknown, coalesce(outcome = 'answered', false)::INTEGER AS answered,"
        " coalesce(talk_seconds, 0) AS talk, from_visits::INTEGER AS from_visits, shares FROM ("
        + " UNION ALL ".join(f"SELECT {columns} FROM {one}" for one in sources)
        + f") LEFT JOIN site USING (number) WHERE started_at >= epoch_ms({since})"
        f" AND started_at < epoch_ms({until})",
    )
    for name, value in values.items():
        database.execute(f"SET VARIABLE {name} = {parquet.literal(value)}")
    database.execute(
        "CREATE TEMP TABLE line AS SELECT DISTINCT line FROM c WHERE counted AND repeat > 0"
    )
    database.execute("CREATE TEMP TABLE linked AS SELECT * FROM c SEMI JOIN line USING (line)")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Sums over the calls of a site that are shared out among the same channels.

    The first place is UNKNOWN's, then those of the `channels` follow; `singles` has a row for each
    of _SINGLES, `products` of two places.
    """

    site: int
    channels: Sequence[str]
    singles: Floats
    products: Floats


_SINGLES: Final = (
    "sum({p})", "sum({p} * {p} * {p})", "count(*) FILTER ({p} >= 1)", "count(*) FILTER ({p} > 0)",
    "sum({p} * answered)", "sum({p} * talk)", "sum({p} * from_visits)",
)  # fmt: skip


def _patterns(database: duckdb.DuckDBPyConnection) -> list[_Pattern]:
    """Of the counted calls that are not linked."""
    alone = "FROM c ANTI JOIN line USING (line) WHERE counted"
    (longest,) = database.execute(f"SELECT coalesce(max(len(shares)), 0) {alone}").fetchone() or (
        0,
    )
    places = [f"p{place}" for place in range(longest + 1)]
    pairs = [(one, other) for other in range(len(places)) for one in range(other + 1)]
    told = [single.format(p=p) for single in _SINGLES for p in places]
    told += [f"sum({places[one]} * {places[other]})" for one, other in pairs]
    shares = "".join(
        f", coalesce(shares[{place}].share, 0) AS p{place}" for place in range(1, len(places))
    )
    found = database.execute(
        f"SELECT site, channels, {', '.join(told)} FROM (SELECT site, answered, talk, from_visits,"
        f" [s.channel FOR s IN shares] AS channels, unknown AS p0{shares} {alone})"
        " GROUP BY site, channels"
    )
    patterns = []
    for site, channels_, *values in found.fetchall():
        width, end = len(places), len(_SINGLES) * len(places)
        products = np.zeros((width, width))
        for (one, other), value in zip(pairs, values[end:], strict=True):
            products[one, other] = products[other, one] = value
        singles = np.array(values[:end], dtype=np.float64).reshape(len(_SINGLES), width)
        own = 1 + len(channels_)
        patterns.append(_Pattern(site, channels_, singles[:, :own], products[:own, :own]))
    return patterns


def _added_up(patterns: Sequence[_Pattern], codes: Mapping[str, int]) -> tuple[Moments, Floats]:
    width = 1 + len(codes)
    singles: dict[int, Floats] = {}
    products: dict[int, Floats] = {}
    for one in patterns:
        places = [UNKNOWN, *(codes[name] for name in one.channels)]
        sums = singles.setdefault(one.site, np.zeros((len(_SINGLES), width)))
        sums[:, places] += one.singles
        crossed = products.setdefault(one.site, np.zeros((width, width)))
        crossed[np.ix_(places, places)] += one.products
    sites = {
        site: Sums(first, cubes, certain, possible, products[site])
        for site, (first, cubes, certain, possible, *_) in singles.items()
    }
    added = sum((one[-3:] for one in singles.values()), np.zeros((3, width)))
    return independent(sites, width), added


def _linked_names(database: duckdb.DuckDBPyConnection) -> set[str]:
    found = database.execute(
        "SELECT DISTINCT s.channel FROM linked, unnest(shares) AS u(s) WHERE counted"
    )
    return {name for (name,) in found.fetchall()}


def _linked(database: duckdb.DuckDBPyConnection, codes: Mapping[str, int]) -> tuple[Shares, Floats]:
    """Calls on lines with repeats, one by one, and what is added up of those that count."""
    chosen: dict[str, Any] = database.execute(
        "SELECT rowid AS id, * EXCLUDE (shares) FROM linked ORDER BY began, id"
    ).fetchnumpy()
    shared: dict[str, Any] = database.execute(
        "SELECT rowid AS id, list_position($1::VARCHAR[], s.channel) AS code, s.share AS share"
        " FROM linked, unnest(shares) AS u(s)",
        [list(codes)],
    ).fetchnumpy()
    width, size = 1 + len(codes), len(chosen["id"])
    code = np.ma.filled(np.ma.asarray(shared["code"]), 0).astype(np.int64)
    # A channel that only earlier calls have is nobody's column.
    known = code > 0
    place = np.asarray(shared["id"], dtype=np.int64)[known] * width + code[known]
    weights = np.asarray(shared["share"], dtype=np.float64)[known]
    cells = np.bincount(place, weights, minlength=size * width).astype(np.float64, copy=False)
    share = cells.reshape(size, width)[np.asarray(chosen["id"], dtype=np.int64)]
    share[:, UNKNOWN] = chosen["unknown"]
    counted = np.asarray(chosen["counted"], dtype=np.bool_)
    calls = Shares(
        at=np.asarray(chosen["began"], dtype=np.int64),
        line=np.asarray(chosen["line"]).astype(np.int64),
        site=np.asarray(chosen["site"], dtype=np.int64),
        counted=counted,
        share=share,
        repeat=np.asarray(chosen["repeat"], dtype=np.float64),
    )
    said = np.array([chosen["answered"], chosen["talk"], chosen["from_visits"]], dtype=np.float64)
    return calls, said[:, counted] @ share[counted]


def _table(calls: _Calls | None, models: Mapping[int, Model]) -> dict[str | None, ChannelRow]:
    if calls is None:
        return {}
    told = totals(calls.moments, calls.names, models)
    return {
        name: ChannelRow(name, one.expected, one.low, one.high, answered, talk, 0, from_visits)
        for name, one, (answered, talk, from_visits) in zip(
            (None, *calls.names), told, calls.added.T.tolist(), strict=True
        )
    }


def _condition(where: CallFilter) -> tuple[str, Mapping[str, str]]:
    """What of a call must hold for it to count, and the variables of the statement."""
    texts = {"outcome": where.outcome, "channel": where.channel}
    wanted: tuple[tuple[str, object], ...] = (
        (f"started_at >= epoch_ms({where.since})", where.since),
        ("outcome = getvariable('outcome')", where.outcome),
        ("list_contains([s.channel FOR s IN shares], getvariable('channel'))", where.channel),
        (f"unknown > {_HALF}", where.unknown or None),
    )
    parts = [_SPAM[where.spam], *(part for part, value in wanted if value is not None)]
    return " AND ".join(parts), {name: text for name, text in texts.items() if text is not None}


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
