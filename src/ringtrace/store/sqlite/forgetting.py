"""Taking a caller's number out of the file, on a connection of its own beside the server."""

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, Self

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.forgotten import mentions
from ringtrace.store.forgetting import FoundCall, Listed, SpaceNotCleanError, anonymous_report
from ringtrace.store.sqlite import marks
from ringtrace.store.sqlite.connection import connect, transaction

_KEY = "account_id = ? AND gateway = ? AND call_id = ?"
_BUSY_SECONDS: Final = 30
_CLEAN_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.05


class SqliteForgetting:
    """`close` it, or use it as a context."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        self._connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1_000}")
        self._connection.execute("PRAGMA secure_delete = ON")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def accounts(self) -> Sequence[tuple[int, str]]:
        return self._connection.execute("SELECT account_id, region FROM accounts").fetchall()

    def is_own(self, account_id: int, number: str) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM numbers WHERE account_id = ? AND number = ?", (account_id, number)
        )
        return found.fetchone() is not None

    def calls(self, account_id: int, spelled: Collection[str]) -> Sequence[FoundCall]:
        slots = ", ".join("?" * len(spelled))
        found = self._connection.execute(
            f"SELECT gateway, call_id FROM calls WHERE account_id = ? AND caller IN ({slots})"
            " UNION SELECT gateway, call_id FROM call_reports WHERE account_id = ?"
            f" AND report ->> '$.caller' IN ({slots})",
            (account_id, *spelled, account_id, *spelled),
        )
        return [FoundCall(GatewayKind(gateway), call) for gateway, call in found]

    def make_anonymous(self, account_id: int, found: FoundCall, name: str) -> int:
        key = (account_id, found.gateway.value, found.call)
        with transaction(self._connection):
            row = self._connection.execute(f"SELECT report FROM calls WHERE {_KEY}", key).fetchone()
            said = None if row is None else row[0]
            self._connection.execute(
                "UPDATE calls SET caller = ?, report = ?, audio_format = NULL, audio_sha256 = NULL"
                f" WHERE {_KEY}",
                (name, said and anonymous_report(said, name)[0], *key),
            )
            reports = self._make_reports_anonymous(key, name)
            self._connection.execute(
                "UPDATE screenings SET evidence = '', pattern = NULL, listed_at = NULL"
                f" WHERE {_KEY}",
                key,
            )
            # Users may have put his name on it.
            self._connection.execute(f"DELETE FROM call_tags WHERE {_KEY}", key)
            # What was answered to a notice may repeat what the notice told.
            self._connection.execute(f"DELETE FROM deliveries WHERE {_KEY}", key)
            marks.call(self._connection, key)
        return reports

    def _make_reports_anonymous(self, key: tuple[int, str, str], name: str) -> int:
        kept = self._connection.execute(
            f"SELECT received_at, accepted, report FROM call_reports WHERE {_KEY}", key
        ).fetchall()
        self._connection.execute(f"DELETE FROM call_reports WHERE {_KEY}", key)
        for received_at, accepted, said in kept:
            body, digest = anonymous_report(said, name)
            self._connection.execute(
                "INSERT OR IGNORE INTO call_reports VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*key, digest, received_at, accepted, body),
            )
        return len(kept)

    def unlist(self, account_id: int, number: str) -> Sequence[Listed]:
        with transaction(self._connection):
            listed = self._connection.execute(
                "SELECT treatment, removed_at IS NULL FROM listed_callers"
                " WHERE account_id = ? AND pattern = ?",
                (account_id, number),
            ).fetchall()
            self._connection.execute(
                "DELETE FROM listed_callers WHERE account_id = ? AND pattern = ?",
                (account_id, number),
            )
            self._connection.execute(
                "UPDATE screenings SET evidence = '', pattern = NULL, listed_at = NULL"
                " WHERE account_id = ? AND pattern = ?",
                (account_id, number),
            )
            self._blank("listed_callers", "note", account_id, number)
            self._blank("screenings", "evidence", account_id, number)
        return [Listed(treatment, bool(in_effect)) for treatment, in_effect in listed]

    def _blank(self, table: str, column: str, account_id: int, number: str) -> None:
        """Texts of people that mention the number."""
        texts = self._connection.execute(
            f"SELECT DISTINCT {column} FROM {table} WHERE account_id = ? AND {column} <> ''",
            (account_id,),
        ).fetchall()
        self._connection.executemany(
            f"UPDATE {table} SET {column} = '' WHERE account_id = ? AND {column} = ?",
            [(account_id, text) for (text,) in texts if mentions(text, number)],
        )

    def clean_space(self) -> None:
        """Overwrite what deleted and moved rows left in the file and in its log.

        Writers wait meanwhile: about a second for every 150 MB. Raises SpaceNotCleanError when
        somebody keeps the log from being emptied for 30 s.
        """
        self._connection.execute("VACUUM")
        deadline = time.monotonic() + _CLEAN_SECONDS
        while True:
            busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return
            if time.monotonic() >= deadline:
                raise SpaceNotCleanError("the database's log is in use: run this again")
            time.sleep(_LOOK_SECONDS)
