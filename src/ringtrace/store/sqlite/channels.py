"""Calls and visits by channel: the shares of calls, read for the tally to add up."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.hazard import Floats
from ringtrace.domain.model import Model
from ringtrace.domain.tally import Shares, tally
from ringtrace.domain.totals import UNKNOWN
from ringtrace.services.ports import CallFilter, ChannelRow
from ringtrace.store.sqlite import rows
from ringtrace.store.sqlite.reads import condition

_Row = tuple[Any, ...]
_shares = msgspec.json.Decoder(dict[str, float])

_CALLS = (
    "SELECT c.started_at, c.number, c.caller, c.repeat, ({counted}), c.unknown, c.shares,"
    " c.outcome IS 'answered', coalesce(c.talk_seconds, 0),"
    # An extension was shown to a visit, or it is a static number's and stands for a source.
    " CASE c.basis WHEN 'static_number' THEN 0 WHEN 'extension' THEN EXISTS"
    "  (SELECT 1 FROM credits k WHERE k.account_id = c.account_id AND k.gateway = c.gateway"
    "  AND k.call_id = c.call_id AND k.visit_id IS NOT NULL) ELSE 1 END"
    " FROM calls c WHERE c.account_id = ? AND c.started_at >= ? AND c.started_at < ?"
)
"""Calls that count, and those before them that they may repeat."""

_VISITS = (
    "SELECT channel, count(*) FROM visits WHERE account_id = ?1"
    " AND (?2 IS NULL OR started_at >= ?2) AND (?3 IS NULL OR started_at < ?3)"
    " AND (?4 IS NULL OR channel = ?4) GROUP BY channel"
)
_FIRST, _LAST = 0, 1 << 62
"""Before and after every call."""


def channels(
    connection: sqlite3.Connection, account_id: int, where: CallFilter
) -> Sequence[ChannelRow]:
    """Calls begun and visits started in the span of `where`, as of one moment."""
    connection.execute("BEGIN")
    try:
        found = _calls(connection, account_id, where)
        span = (account_id, where.since, where.until, where.channel)
        for channel, count in connection.execute(_VISITS, span):
            found[channel] = replace(found.get(channel, _no_calls(channel)), visits=count)
    finally:
        connection.execute("COMMIT")
    table = [row for row in found.values() if row.calls > 0 or row.visits > 0]
    return sorted(table, key=lambda row: (row.channel is None, -row.calls, row.channel or ""))


def channel_names(connection: sqlite3.Connection, account_id: int) -> Sequence[str]:
    found = connection.execute(
        "SELECT share.key FROM calls c, json_each(c.shares) share"
        " WHERE c.account_id = ?1 AND share.value > 0"
        " UNION SELECT channel FROM visits WHERE account_id = ?1 ORDER BY 1",
        (account_id,),
    )
    return [name for (name,) in found]


def _no_calls(channel: str) -> ChannelRow:
    return ChannelRow(channel, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0)


def _calls(
    connection: sqlite3.Connection, account_id: int, where: CallFilter
) -> dict[str | None, ChannelRow]:
    counted, values = condition(account_id, where)
    since = _FIRST if where.since is None else where.since
    until = _LAST if where.until is None else where.until
    found = _of_interest(
        connection.execute(
            _CALLS.format(counted=counted), (*values, account_id, since - WINDOW_MS, until)
        ).fetchall()
    )
    if not found:
        return {}
    at, numbers, callers, parts, counts, unknown, said, answered, talk, visited = zip(
        *found, strict=True
    )
    names, share = _table(unknown, said)
    sites, models = _sites(connection, account_id, numbers)
    lines: dict[tuple[str, str | None], int] = {}
    calls = Shares(
        at=np.array(at, dtype=np.int64),
        line=np.array(
            [lines.setdefault(one, len(lines)) for one in zip(numbers, callers, strict=True)]
        ),
        site=np.array(sites),
        counted=np.array(counts, dtype=np.bool_),
        share=share,
        repeat=np.array(parts),
    )
    totals = tally(calls, names, models)
    added = np.array([answered, talk, visited], dtype=np.float64)[:, calls.counted]
    sums = (added @ share[calls.counted]).T.tolist()
    return {
        name: ChannelRow(name, one.expected, one.low, one.high, answers, seconds, 0, from_visits)
        for name, one, (answers, seconds, from_visits) in zip(
            (None, *names), totals, sums, strict=True
        )
    }


def _of_interest(found: list[_Row]) -> list[_Row]:
    """In order of time, without the earlier calls that nobody repeats."""
    repeated = {row[1:3] for row in found if row[4] and row[3] > 0}
    chosen = [row for row in found if row[4] or row[1:3] in repeated]
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


def _sites(
    connection: sqlite3.Connection, account_id: int, numbers: Sequence[str]
) -> tuple[list[int], dict[int, Model]]:
    """The site of each call's number, as a code, and the newest models by code."""
    site_of = dict(
        connection.execute(
            "SELECT number, site_key FROM numbers WHERE account_id = ?", (account_id,)
        )
    )
    codes: dict[str | None, int] = {}
    of_call = [codes.setdefault(site_of.get(number), len(codes)) for number in numbers]
    models = {}
    for site_key, code in codes.items():
        newest = connection.execute(
            "SELECT model FROM models WHERE account_id = ? AND site_key = ?"
            " ORDER BY made_at DESC LIMIT 1",
            (account_id, site_key),
        ).fetchone()
        if newest:
            models[code] = rows.model(newest[0])
    return of_call, models
