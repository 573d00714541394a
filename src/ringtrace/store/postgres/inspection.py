"""What `ringtrace doctor` wants to know of a database; nothing is changed."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Final

from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.moment import DAY_MS
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.inspection import GatewayLife, Inspection
from ringtrace.services.recording_store import RecordingName
from ringtrace.store.postgres.connection import AWAY, Connection, open_reading_connection
from ringtrace.store.postgres.migration import newest_version, version
from ringtrace.store.rows import Row
from ringtrace.store.schema import SchemaNotReadyError

_DURABLE: Final = ("fsync", "full_page_writes")
_CHECKSUMS: Final = (
    "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
)
_NEWEST: Final = (
    "SELECT max(greatest(c.at, r.at, v.at)) FROM accounts a"
    " LEFT JOIN LATERAL (SELECT max(started_at) AS at FROM calls WHERE account_id = a.account_id) c"
    " ON TRUE LEFT JOIN LATERAL"
    " (SELECT max(received_at) AS at FROM call_reports WHERE account_id = a.account_id) r ON TRUE"
    # Visit ids begin with the time they were made: the last of an account is its newest.
    " LEFT JOIN LATERAL (SELECT seen_at AS at FROM visits WHERE account_id = a.account_id"
    "  ORDER BY visit_id DESC LIMIT 1) v ON TRUE"
)
_NUMBERS: Final = "SELECT number, account_id FROM numbers"
_ROUTES: Final = "SELECT number, account_id FROM number_routes"
_GATEWAYS: Final = (
    "SELECT t.account_id, t.kind, max(c.received_at) FROM tokens t LEFT JOIN call_reports c"
    " ON c.account_id = t.account_id AND c.gateway = t.kind"
    " WHERE t.kind IN ('sip', 'voximplant') GROUP BY t.account_id, t.kind ORDER BY 1, 2"
)
_EMPTY_POOLS: Final = (
    "SELECT s.site_key FROM sites s WHERE NOT EXISTS (SELECT 1 FROM numbers n"
    " WHERE n.account_id = s.account_id AND n.site_key = s.site_key AND n.kind = 'pool'"
    " AND n.active) ORDER BY 1"
)
_RECORDINGS: Final = (
    "SELECT account_id, gateway, call_id, audio_format FROM calls WHERE audio_format IS NOT NULL"
)
_AWAITED: Final = (
    "SELECT gateway || '/' || call_id FROM calls WHERE audio_format IS NULL AND started_at < $1"
    " AND report ->> 'recording' IS NOT NULL AND report #>> '{recording,url}' IS NULL"
    " ORDER BY started_at"
)
_WITHOUT_GATEWAY: Final = (
    "SELECT a.account_id FROM accounts a WHERE EXISTS (SELECT 1 FROM numbers n"
    " WHERE n.account_id = a.account_id AND n.active) AND NOT EXISTS (SELECT 1 FROM tokens t"
    " WHERE t.account_id = a.account_id AND t.kind IN ('sip', 'voximplant', 'route')) ORDER BY 1"
)


def inspect(url: str, now: int) -> Inspection:
    """`now` is ms since 1970 UTC.

    Raises ValueError (no such URL), StoreAwayError, SchemaNotReadyError (nobody has used it).
    """
    try:
        return asyncio.run(_inspect(url, now))
    except AWAY as error:
        raise StoreAwayError(f"the database does not answer: {error}") from error


async def _inspect(url: str, now: int) -> Inspection:
    connection = await open_reading_connection(url)
    try:
        return await _inspection(connection, now)
    finally:
        await connection.close()


async def _inspection(connection: Connection, now: int) -> Inspection:
    schema, newest = await version(connection), newest_version()
    if not schema:
        raise SchemaNotReadyError("start `ringtrace serve` first")
    damage = await _damage(connection)
    not_durable = await _not_durable(connection)
    if schema != newest:
        # The tables may be others: whatever is asked of them would be a guess.
        return Inspection(schema, newest, damage, not_durable)
    return Inspection(
        schema,
        newest,
        damage,
        not_durable,
        newest_moment=await connection.fetchval(_NEWEST),
        stray_routes=await _stray_routes(connection),
        gateways=tuple(GatewayLife(*row) for row in await connection.fetch(_GATEWAYS)),
        sites_without_numbers=await _column(connection, _EMPTY_POOLS),
        accounts_without_gateway=await _column(connection, _WITHOUT_GATEWAY),
        recordings=frozenset(_recordings(await connection.fetch(_RECORDINGS))),
        awaited=await _column(connection, _AWAITED, now - DAY_MS),
    )


async def _damage(connection: Connection) -> str | None:
    """Pages whose checksum was wrong when they were read; None also where there are none."""
    failed = await connection.fetchval(_CHECKSUMS)
    return f"{failed} pages failed their checksum" if failed else None


async def _not_durable(connection: Connection) -> tuple[str, ...]:
    settings = {name: await connection.fetchval(f"SHOW {name}") for name in _DURABLE}
    return tuple(f"{name}=off" for name, value in settings.items() if value == "off")


async def _stray_routes(connection: Connection) -> tuple[str, ...]:
    # Compared here: not every database distributed by account joins what it has on every node with
    # what it has not.
    owned = {tuple(row) for row in await connection.fetch(_NUMBERS)}
    routed = {tuple(row) for row in await connection.fetch(_ROUTES)}
    return tuple(sorted({str(number) for number, _ in owned ^ routed}))


async def _column(connection: Connection, statement: str, *values: object) -> tuple[str, ...]:
    return tuple(str(value) for (value,) in await connection.fetch(statement, *values))


def _recordings(found: Iterable[Row]) -> Iterator[RecordingName]:
    for account_id, gateway, call, kind in found:
        yield RecordingName(account_id, GatewayKind(gateway), call, AudioFormat(kind))
