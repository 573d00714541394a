"""What a site's visitors did and who called, read back whole."""

import sqlite3

from ringtrace.domain.attribution import Basis
from ringtrace.services.call_records import SiteHistory
from ringtrace.store.history import CREDIT_COLUMNS, VISIT_COLUMNS, site_history, span
from ringtrace.store.sqlite.leaving import traffic_since

_VISITS = "FROM visits v WHERE v.account_id = ?1 AND v.site_key = ?2 AND v.started_at >= ?3"

_CALLS = (
    "FROM calls c JOIN numbers n ON n.account_id = c.account_id AND n.number = c.number"
    " WHERE c.account_id = ?1 AND n.site_key = ?2 AND n.kind = 'pool' AND c.started_at >= ?3"
    " AND (c.basis = ?4 OR c.basis = ?5 AND c.unknown < 1)"
)


def history(
    connection: sqlite3.Connection, account_id: int, site_key: str, days: int
) -> SiteHistory:
    """The last `days` days up to the newest visit, as of one moment, as far as they are here."""
    connection.execute("BEGIN")
    try:
        (newest,) = connection.execute(
            "SELECT max(started_at) FROM visits WHERE account_id = ? AND site_key = ?",
            (account_id, site_key),
        ).fetchone()
        if newest is None:
            return SiteHistory([], [])
        since, cut = span(newest, days, traffic_since(connection, account_id))
        key = (account_id, site_key, since)
        visits = connection.execute(f"SELECT {VISIT_COLUMNS} {_VISITS}", key)
        hits = connection.execute(
            f"SELECT h.visit_id, h.at, h.kind FROM hits h JOIN (SELECT v.visit_id {_VISITS}) v"
            " ON v.visit_id = h.visit_id WHERE h.account_id = ?1",
            key,
        )
        credited = (*key, Basis.EXPOSURES, Basis.CORRECTED)
        calls = connection.execute(
            f"SELECT c.gateway, c.call_id, c.started_at, c.caller {_CALLS} ORDER BY c.started_at",
            credited,
        )
        credits_ = connection.execute(
            f"SELECT {CREDIT_COLUMNS} FROM credits k JOIN"
            f" (SELECT c.gateway AS gateway, c.call_id AS call_id {_CALLS}) c"
            " ON c.gateway = k.gateway AND c.call_id = k.call_id"
            " WHERE k.account_id = ?1 ORDER BY k.gateway, k.call_id, k.position",
            credited,
        )
        return site_history(visits, hits, calls, credits_, cut)
    finally:
        connection.execute("COMMIT")
