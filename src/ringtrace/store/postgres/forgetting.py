"""Taking a caller's number out of the database, on a connection of its own beside the servers."""

import time
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, Self

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.forgotten import mentions
from ringtrace.store.credits import Key
from ringtrace.store.forgetting import FoundCall, Listed, SpaceNotCleanError, anonymous_report
from ringtrace.store.postgres import marks
from ringtrace.store.postgres.announcements import announce
from ringtrace.store.postgres.connection import Connection, open_changing_connection
from ringtrace.store.postgres.migration import ready
from ringtrace.store.postgres.rowset import storable
from ringtrace.store.postgres.waiting import WaitedFor

_KEY: Final = "account_id = $1 AND gateway = $2 AND call_id = $3"
_CALLS: Final = (
    "SELECT gateway, call_id FROM calls WHERE account_id = $1 AND caller = ANY($2::text[])"
    " UNION SELECT gateway, call_id FROM call_reports WHERE account_id = $1"
    " AND report ->> 'caller' = ANY($2::text[])"
)
_OF_CALL: Final = (
    f"UPDATE screenings SET evidence = '', pattern = NULL, listed_at = NULL WHERE {_KEY}",
    # Users may have put his name on it.
    f"DELETE FROM call_tags WHERE {_KEY}",
    # What was answered to a notice may repeat what the notice told.
    f"DELETE FROM deliveries WHERE {_KEY}",
)
_OF_LISTING: Final = (
    "DELETE FROM listed_callers WHERE account_id = $1 AND pattern = $2",
    (
        "UPDATE screenings SET evidence = '', pattern = NULL, listed_at = NULL"
        " WHERE account_id = $1 AND pattern = $2"
    ),
)
_TEXTS: Final = (("listed_callers", "note"), ("screenings", "evidence"))
_TELLING: Final = (
    "calls", "call_reports", "screenings", "call_tags", "listed_callers", "deliveries",
)  # fmt: skip
_OLDER: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND datname = current_database() AND backend_xmin IS NOT NULL AND xact_start < $1"
)
_CLEAN_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.2


class PostgresForgetting:
    """`close` it, or use it as a context. Everything raises StoreAwayError."""

    def __init__(self, url: str) -> None:
        """Raises ValueError (no such URL), StoreAwayError, SchemaNotReadyError."""
        self._database = WaitedFor(lambda: ready(open_changing_connection(url)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def accounts(self) -> Sequence[tuple[int, str]]:
        found = self._fetch("SELECT account_id, region FROM accounts ORDER BY account_id")
        return [(account_id, region) for account_id, region in found]

    def is_own(self, account_id: int, number: str) -> bool:
        return bool(
            self._fetch(
                "SELECT 1 FROM numbers WHERE account_id = $1 AND number = $2", account_id, number
            )
        )

    def calls(self, account_id: int, spelled: Collection[str]) -> Sequence[FoundCall]:
        found = self._fetch(_CALLS, account_id, sorted(spelled))
        return [FoundCall(GatewayKind(gateway), call) for gateway, call in found]

    def make_anonymous(self, account_id: int, found: FoundCall, name: str) -> int:
        key = (account_id, found.gateway.value, found.call)
        return self._database.answer(_make_anonymous(self._database.connection, key, name))

    def unlist(self, account_id: int, number: str) -> Sequence[Listed]:
        return self._database.answer(_unlist(self._database.connection, account_id, number))

    def clean_space(self) -> None:
        """Old rows go, and what the planner knows of them; servers need not wait.

        Raises SpaceNotCleanError when somebody still reads as of a moment before, after 30 s.
        """
        (now,) = self._fetch("SELECT now()")[0]
        deadline = time.monotonic() + _CLEAN_SECONDS
        while self._is_read_as_of_before(now):
            if time.monotonic() >= deadline:
                raise SpaceNotCleanError("somebody reads old rows: run this again")
            time.sleep(_LOOK_SECONDS)
        for table in _TELLING:
            self._database.answer(self._database.connection.execute(f"VACUUM (ANALYZE) {table}"))

    def _is_read_as_of_before(self, moment: datetime) -> bool:
        return bool(self._fetch(_OLDER, moment)[0][0])

    def _fetch(self, query: str, *args: object) -> Sequence[Any]:
        return self._database.answer(self._database.connection.fetch(query, *args))


async def _make_anonymous(connection: Connection, key: Key, name: str) -> int:
    async with connection.transaction():
        before = await marks.days_of(connection, {key})
        said = await connection.fetchval(f"SELECT report FROM calls WHERE {_KEY}", *key)
        await connection.execute(
            "UPDATE calls SET caller = $4, report = $5, audio_format = NULL, audio_sha256 = NULL"
            f" WHERE {_KEY}",
            *key,
            name,
            said and anonymous_report(said, name)[0],
        )
        reports = await _make_reports_anonymous(connection, key, name)
        for statement in _OF_CALL:
            await connection.execute(statement, *key)
        await marks.mark(connection, {key}, before)
    return reports


async def _make_reports_anonymous(connection: Connection, key: Key, name: str) -> int:
    kept = await connection.fetch(
        f"DELETE FROM call_reports WHERE {_KEY} RETURNING received_at, accepted, report", *key
    )
    for received_at, accepted, said in kept:
        body, digest = anonymous_report(said, name)
        await connection.execute(
            "INSERT INTO call_reports (account_id, gateway, call_id, digest, received_at, accepted,"
            " report) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            *key,
            digest,
            received_at,
            accepted,
            body,
        )
    return len(kept)


async def _unlist(connection: Connection, account_id: int, number: str) -> Sequence[Listed]:
    async with connection.transaction():
        listed = await connection.fetch(
            "SELECT treatment, removed_at IS NULL FROM listed_callers"
            " WHERE account_id = $1 AND pattern = $2 ORDER BY added_at",
            account_id,
            storable(number),
        )
        for statement in _OF_LISTING:
            await connection.execute(statement, account_id, number)
        for table, column in _TEXTS:
            await _blank(connection, table, column, account_id, number)
        if listed:
            await announce(connection, uuid.uuid4().hex)
    return [Listed(treatment, in_effect) for treatment, in_effect in listed]


async def _blank(
    connection: Connection, table: str, column: str, account_id: int, number: str
) -> None:
    """Texts of people that mention the number."""
    texts = await connection.fetch(
        f"SELECT DISTINCT {column} FROM {table} WHERE account_id = $1 AND {column} <> ''",
        account_id,
    )
    await connection.execute(
        f"UPDATE {table} SET {column} = '' WHERE account_id = $1 AND {column} = ANY($2::text[])",
        account_id,
        [text for (text,) in texts if mentions(text, number)],
    )
