"""What a site's visitors did and who called, read back whole."""

from ringtrace.domain.attribution import Basis
from ringtrace.services.call_records import SiteHistory
from ringtrace.store.history import CREDIT_COLUMNS, VISIT_COLUMNS, site_history, span
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.leaving import traffic_since

_NEWEST = "SELECT max(started_at) FROM visits WHERE account_id = $1 AND site_key = $2"
_OF_VISITS = "v.account_id = $1 AND v.site_key = $2 AND v.started_at >= $3"
_VISITS = f"SELECT {VISIT_COLUMNS} FROM visits v WHERE {_OF_VISITS} ORDER BY v.visit_id"
_HITS = (
    "SELECT h.visit_id, h.at, h.kind FROM hits h JOIN visits v ON v.account_id = h.account_id"
    f" AND v.visit_id = h.visit_id WHERE h.account_id = $1 AND {_OF_VISITS}"
    " ORDER BY h.visit_id, h.at, h.kind"
)
_OF_CALLS = (
    "FROM calls c JOIN numbers n ON n.account_id = c.account_id AND n.number = c.number"
    " WHERE c.account_id = $1 AND n.account_id = $1 AND n.site_key = $2 AND n.kind = 'pool'"
    " AND c.started_at >= $3 AND (c.basis = $4 OR c.basis = $5 AND c.unknown < 1)"
)
_CALLS = (
    f"SELECT c.gateway, c.call_id, c.started_at, c.caller {_OF_CALLS}"
    " ORDER BY c.started_at, c.gateway, c.call_id"
)
_CREDITS = (
    f"SELECT {CREDIT_COLUMNS} FROM credits k JOIN (SELECT c.gateway, c.call_id {_OF_CALLS}) c"
    " ON c.gateway = k.gateway AND c.call_id = k.call_id"
    " WHERE k.account_id = $1 ORDER BY k.gateway, k.call_id, k.position"
)


async def history(connection: Connection, account_id: int, site_key: str, days: int) -> SiteHistory:
    """The last `days` days up to the newest visit, as of one moment, as far as they are here."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        newest = await connection.fetchval(_NEWEST, account_id, site_key)
        if newest is None:
            return SiteHistory([], [])
        since, cut = span(newest, days, await traffic_since(connection, account_id))
        key = (account_id, site_key, since)
        credited = (*key, Basis.EXPOSURES.value, Basis.CORRECTED.value)
        return site_history(
            await connection.fetch(_VISITS, *key),
            await connection.fetch(_HITS, *key),
            await connection.fetch(_CALLS, *credited),
            await connection.fetch(_CREDITS, *credited),
            cut,
        )
