"""What `ringtrace doctor` wants to know of a database; nothing is changed."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.moment import DAY_MS
from ringtrace.services.inspection import GatewayLife, Inspection
from ringtrace.services.recording_store import RecordingName
from ringtrace.store.sqlite.connection import newest_version

_NEWEST = (
    "SELECT max(at) FROM (SELECT max(started_at) AS at FROM calls"
    " UNION ALL SELECT max(received_at) FROM call_reports"
    # Visit ids begin with the time they were made: the last of an account is its newest.
    " UNION ALL SELECT seen_at FROM visits v JOIN (SELECT account_id, max(visit_id) AS visit_id"
    "  FROM visits GROUP BY account_id) USING (account_id, visit_id))"
)
_STRAY_ROUTES = (
    "SELECT n.number FROM numbers n LEFT JOIN number_routes r ON r.number = n.number"
    " WHERE r.account_id IS NOT n.account_id"
    " UNION SELECT r.number FROM number_routes r LEFT JOIN numbers n"
    " ON n.account_id = r.account_id AND n.number = r.number WHERE n.number IS NULL"
)
_GATEWAYS = (
    "SELECT t.account_id, t.gateway, (SELECT max(received_at) FROM call_reports c"
    "  WHERE c.account_id = t.account_id AND c.gateway = t.gateway)"
    # A node that runs beside the server has a token of its own kind.
    " FROM (SELECT account_id, iif(kind = 'node', 'sip', kind) AS gateway FROM tokens"
    "  WHERE kind IN ('sip', 'node', 'voximplant')) t GROUP BY t.account_id, t.gateway"
)
_EMPTY_POOLS = (
    "SELECT s.site_key FROM sites s WHERE NOT EXISTS (SELECT 1 FROM numbers n"
    " WHERE n.account_id = s.account_id AND n.site_key = s.site_key AND n.kind = 'pool'"
    " AND n.active)"
)
_RECORDINGS = (
    "SELECT account_id, gateway, call_id, audio_format FROM calls WHERE audio_format IS NOT NULL"
)
_AWAITED = (
    "SELECT gateway || '/' || call_id FROM calls WHERE audio_format IS NULL AND started_at < ?"
    " AND json_extract(report, '$.recording') IS NOT NULL"
    " AND json_extract(report, '$.recording.url') IS NULL ORDER BY started_at"
)
_WITHOUT_GATEWAY = (
    "SELECT a.account_id FROM accounts a WHERE EXISTS (SELECT 1 FROM numbers n"
    " WHERE n.account_id = a.account_id AND n.active) AND NOT EXISTS (SELECT 1 FROM tokens t"
    " WHERE t.account_id = a.account_id AND t.kind IN ('sip', 'node', 'voximplant', 'route'))"
)


def inspect(database: Path, now: int) -> Inspection:
    """`now` is ms since 1970 UTC.

    Raises sqlite3.DatabaseError when the file cannot even be opened.
    """
    with contextlib.closing(
        sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, timeout=5.0)
    ) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != newest_version():
            # The tables may be others: whatever is asked of them would be a guess.
            return Inspection(version, newest_version(), _damage(connection))
        (newest,) = connection.execute(_NEWEST).fetchone()
        return Inspection(
            version,
            newest_version(),
            _damage(connection),
            newest_moment=newest,
            stray_routes=_column(connection, _STRAY_ROUTES),
            gateways=tuple(GatewayLife(*row) for row in connection.execute(_GATEWAYS)),
            sites_without_numbers=_column(connection, _EMPTY_POOLS),
            accounts_without_gateway=_column(connection, _WITHOUT_GATEWAY),
            recordings=frozenset(_recordings(connection)),
            awaited=_column(connection, _AWAITED, now - DAY_MS),
        )


def _damage(connection: sqlite3.Connection) -> str | None:
    (first,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    return None if first == "ok" else str(first)


def _column(connection: sqlite3.Connection, statement: str, *values: object) -> tuple[str, ...]:
    return tuple(str(value) for (value,) in connection.execute(statement, values))


def _recordings(connection: sqlite3.Connection) -> Iterator[RecordingName]:
    for account_id, gateway, call, kind in connection.execute(_RECORDINGS):
        yield RecordingName(account_id, GatewayKind(gateway), call, AudioFormat(kind))
