"""Calls and visits by channel: the shares of calls, read for the tally to add up."""

from collections.abc import Sequence

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.services.call_records import CallFilter, ChannelRow
from ringtrace.store.archived import Archived
from ringtrace.store.channels import CALL_COLUMNS, NAMES, by_channel, span
from ringtrace.store.filters import joined, of_calls
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.leaving import traffic_since
from ringtrace.store.postgres.rowset import of_account
from ringtrace.store.postgres.slots import numbered

_SITES = "SELECT number, site_key FROM numbers WHERE account_id = $1"
_MODELS = (
    "SELECT DISTINCT ON (site_key) site_key, model FROM models WHERE account_id = $1"
    " ORDER BY site_key, made_at DESC"
)
_VISITS = (
    "SELECT channel, count(*) FROM visits WHERE account_id = $1 AND started_at >= $2"
    " AND started_at < $3 AND ($4::text IS NULL OR channel = $4) GROUP BY channel"
)
_NAMES = NAMES.format(account="$1")


async def channels(
    connection: Connection, account_id: int, where: CallFilter, archived: Archived | None
) -> Sequence[ChannelRow] | None:
    """Calls begun and visits started in the span of `where`, as of one moment.

    `archived` are these visits; None: they are here. Answers None when not all of them are.
    """
    slots = numbered()
    counted, values = joined(of_calls(account_id, where), slots)
    # Calls that count, and those before them that they may repeat.
    columns = of_account(CALL_COLUMNS.format(counted=counted))
    calls = (
        f"SELECT {columns} FROM calls c WHERE c.account_id = $1"
        f" AND c.started_at >= {next(slots)} AND c.started_at < {next(slots)}"
    )
    since, until = span(where)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if archived is None and since < await traffic_since(connection, account_id):
            return None
        return by_channel(
            await connection.fetch(calls, *values, since - WINDOW_MS, until),
            await connection.fetch(_SITES, account_id),
            await connection.fetch(_MODELS, account_id),
            await connection.fetch(_VISITS, account_id, since, until, where.channel)
            if archived is None
            else archived.items(),
        )


async def channel_names(connection: Connection, account_id: int) -> Sequence[str]:
    return [name for (name,) in await connection.fetch(_NAMES, account_id)]
