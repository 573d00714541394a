"""Calls and visits by channel: the shares of calls, read for the tally to add up."""

import sqlite3
from collections.abc import Sequence
from itertools import repeat

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.services.call_records import CallFilter, ChannelRow
from ringtrace.store.archived import Archived
from ringtrace.store.channels import CALL_COLUMNS, NAMES, by_channel, span
from ringtrace.store.filters import joined, of_calls
from ringtrace.store.sqlite.leaving import traffic_since

_CALLS = (
    f"SELECT {CALL_COLUMNS}"
    " FROM calls c WHERE c.account_id = ? AND c.started_at >= ? AND c.started_at < ?"
)
"""Calls that count, and those before them that they may repeat."""

_VISITS = (
    "SELECT channel, count(*) FROM visits WHERE account_id = ?1 AND started_at >= ?2"
    " AND started_at < ?3 AND (?4 IS NULL OR channel = ?4) GROUP BY channel"
)


def channels(
    connection: sqlite3.Connection,
    account_id: int,
    where: CallFilter,
    archived: Archived | None,
) -> Sequence[ChannelRow] | None:
    """Calls begun and visits started in the span of `where`, as of one moment.

    `archived` are these visits; None: they are here. Answers None when not all of them are.
    """
    counted, values = joined(of_calls(account_id, where), repeat("?"))
    since, until = span(where)
    connection.execute("BEGIN")
    try:
        if archived is None and since < traffic_since(connection, account_id):
            return None
        calls = connection.execute(
            _CALLS.format(counted=counted), (*values, account_id, since - WINDOW_MS, until)
        ).fetchall()
        sites = connection.execute(
            "SELECT number, site_key FROM numbers WHERE account_id = ?", (account_id,)
        )
        models = connection.execute(
            "SELECT site_key, model, max(made_at) FROM models WHERE account_id = ?"
            " GROUP BY site_key",
            (account_id,),
        )
        visits = (
            connection.execute(_VISITS, (account_id, since, until, where.channel)).fetchall()
            if archived is None
            else archived.items()
        )
        return by_channel(calls, sites, models, visits)
    finally:
        connection.execute("COMMIT")


def channel_names(connection: sqlite3.Connection, account_id: int) -> Sequence[str]:
    found = connection.execute(NAMES.format(account="?1"), (account_id,))
    return [name for (name,) in found]
