"""Calls and visits by channel: the shares of calls, made ready for the tally to add up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from ringtrace.domain.hazard import Floats
from ringtrace.domain.tally import Shares, tally
from ringtrace.domain.totals import UNKNOWN
from ringtrace.services.call_records import CallFilter, ChannelRow
from ringtrace.store import rows
from ringtrace.store.rows import Row

_shares = msgspec.json.Decoder(dict[str, float])

CALL_COLUMNS: Final = (
    "c.started_at, c.number, c.caller, c.repeat, ({counted}), c.unknown, c.shares,"
    " coalesce(c.outcome = 'answered', FALSE), coalesce(c.talk_seconds, 0),"
    # An extension was shown to a visit, or it is a static number's and stands for a source.
    " CASE c.basis WHEN 'static_number' THEN FALSE WHEN 'extension' THEN EXISTS"
    "  (SELECT 1 FROM credits k WHERE k.account_id = c.account_id AND k.gateway = c.gateway"
    "  AND k.call_id = c.call_id AND k.visit_id IS NOT NULL) ELSE TRUE END"
)
"""Of a call `c`; `counted` is the condition of those that count. The others may be repeated."""

NAMES: Final = (
    "WITH RECURSIVE named (channel) AS (SELECT min(channel) FROM credits"
    "  WHERE account_id = {account} AND probability > 0"
    " UNION ALL SELECT (SELECT min(channel) FROM credits"
    "  WHERE account_id = {account} AND probability > 0 AND channel > named.channel)"
    "  FROM named WHERE named.channel IS NOT NULL)"
    " SELECT channel FROM named WHERE channel IS NOT NULL ORDER BY channel"
)
"""The channels that calls of an account are credited to: a look into the index for each."""

_FIRST, _LAST = 0, 1 << 62
"""Before and after everything."""


def span(where: CallFilter) -> tuple[int, int]:
    """From, and until before; ms since 1970 UTC."""
    return (
        _FIRST if where.since is None else where.since,
        _LAST if where.until is None else where.until,
    )


def by_channel(
    calls: Iterable[Row],
    sites: Iterable[Row],
    models: Iterable[Row],
    visits: Iterable[Row],
) -> list[ChannelRow]:
    """From CALL_COLUMNS; number, site_key; site_key, newest model; channel, count of visits."""
    site_of = {row[0]: row[1] for row in sites}
    found = _tallied(_of_interest(calls), site_of, {row[0]: row[1] for row in models})
    for channel, count in visits:
        found[channel] = replace(found.get(channel, _no_calls(channel)), visits=count)
    table = [row for row in found.values() if row.calls > 0 or row.visits > 0]
    return sorted(table, key=lambda row: (row.channel is None, -row.calls, row.channel or ""))


def _no_calls(channel: str) -> ChannelRow:
    return ChannelRow(channel, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0)


def _tallied(
    found: Sequence[Row], site_of: Mapping[str, str | None], models: Mapping[str, str]
) -> dict[str | None, ChannelRow]:
    if not found:
        return {}
    at, numbers, callers, parts, counts, unknown, said, answered, talk, visited = zip(
        *found, strict=True
    )
    names, share = _table(unknown, said)
    sites: dict[str | None, int] = {}
    lines: dict[tuple[str, str | None], int] = {}
    calls = Shares(
        at=np.array(at, dtype=np.int64),
        line=np.array(
            [lines.setdefault(one, len(lines)) for one in zip(numbers, callers, strict=True)]
        ),
        site=np.array([sites.setdefault(site_of.get(number), len(sites)) for number in numbers]),
        counted=np.array(counts, dtype=np.bool_),
        share=share,
        repeat=np.array(parts),
    )
    learnt = {
        code: rows.model(models[site]) for site, code in sites.items() if site and site in models
    }
    totals = tally(calls, names, learnt)
    added = np.array([answered, talk, visited], dtype=np.float64)[:, calls.counted]
    sums = (added @ share[calls.counted]).T.tolist()
    return {
        name: ChannelRow(name, one.expected, one.low, one.high, answers, seconds, 0, from_visits)
        for name, one, (answers, seconds, from_visits) in zip(
            (None, *names), totals, sums, strict=True
        )
    }


def _of_interest(calls: Iterable[Row]) -> list[Row]:
    """In order of time, without the earlier calls that nobody repeats."""
    found = list(calls)
    repeated = {(row[1], row[2]) for row in found if row[4] and row[3] > 0}
    chosen = [row for row in found if row[4] or (row[1], row[2]) in repeated]
    return sorted(chosen, key=lambda row: row[0])


def _table(unknown: Sequence[float], said: Sequence[str]) -> tuple[list[str], Floats]:
    """The channels by column, and a row of shares for each call."""
    columns: dict[str, int] = {}
    decoded = [_shares.decode(one) for one in said]
    for shares in decoded:
        for channel in shares:
            columns.setdefault(channel, UNKNOWN + 1 + len(columns))
    share = np.zeros((len(said), 1 + len(columns)))
    for channel, column in columns.items():
        share[:, column] = [shares.get(channel, 0.0) for shares in decoded]
    share[:, UNKNOWN] = unknown
    return list(columns), share
