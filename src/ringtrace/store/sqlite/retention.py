"""Deleting what is kept no longer, beside a server that runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.call import GatewayKind
from ringtrace.services.lake import DAY_MS, Part
from ringtrace.store import rows
from ringtrace.store.sqlite import marks
from ringtrace.store.sqlite.paced import PacedWriter

_ROWS_AT_ONCE: Final = 200
_KEYS_AT_ONCE: Final = 20_000
_KEY: Final = "account_id = ? AND gateway = ? AND call_id = ?"
_OF_A_CALL: Final = (
    "credits", "call_reports", "corrections", "proofs", "screenings", "spam_marks", "call_tags",
    "deliveries", "calls",
)  # fmt: skip
_TRAFFIC: Final[Mapping[str, tuple[str, ...]]] = {
    "started_at": ("visits", "visit_id"),
    "at": ("hits", "visit_id", "at", "kind", "path"),
    "shown_at": ("exposures", "number", "shown_at", "visit_id"),
}
"""By the column that says when, the table and what tells its rows apart."""


@dataclass(frozen=True, slots=True)
class OldCall:
    """`audio` is there unless the recording is the platform's, or none."""

    gateway: GatewayKind
    call: str
    audio: AudioFormat | None


class SqliteRetention(PacedWriter):
    """Days are counted since 1970 UTC."""

    def accounts(self) -> Sequence[int]:
        return [one for (one,) in self._connection.execute("SELECT account_id FROM accounts")]

    def calls(self, account_id: int, before: int) -> Sequence[OldCall]:
        """Begun before the day `before`."""
        return self._calls(account_id, before, "true")

    def recorded(self, account_id: int, before: int) -> Sequence[OldCall]:
        """Those of the calls before that have a recording, here or at the platform."""
        return self._calls(
            account_id, before,
            "(audio_format IS NOT NULL OR report ->> '$.recording' IS NOT NULL)",
        )  # fmt: skip

    def traffic_days(self, account_id: int, before: int) -> int:
        """Days before the day `before` that have visits, hits or exposures."""
        (count,) = self._connection.execute(
            "SELECT count(*) FROM days WHERE account_id = ? AND part = ? AND day < ?",
            (account_id, Part.TRAFFIC.value, before),
        ).fetchone()
        return int(count)

    def drop_calls(self, account_id: int, some: Sequence[OldCall]) -> None:
        """With everything that is known of them. Their recordings are gone by then."""
        keys = [(account_id, one.gateway.value, one.call) for one in some]
        with self._transaction():
            for key in keys:
                marks.call(self._connection, key)
            for table in _OF_A_CALL:
                self._connection.executemany(f"DELETE FROM {table} WHERE {_KEY}", keys)

    def drop_recordings(self, account_id: int, some: Sequence[OldCall]) -> None:
        """The calls have none any more."""
        with self._transaction():
            for one in some:
                key = (account_id, one.gateway.value, one.call)
                (said,) = self._connection.execute(
                    f"SELECT report FROM calls WHERE {_KEY}", key
                ).fetchone() or (None,)
                report = said and rows.text(replace(rows.report(said), recording=None))
                self._connection.execute(
                    "UPDATE calls SET report = ?, audio_format = NULL, audio_sha256 = NULL"
                    f" WHERE {_KEY}",
                    (report, *key),
                )
                marks.call(self._connection, key)

    def drop_traffic(self, account_id: int, before: int) -> int:
        """Visits that began before the day `before`, hits and exposures of then; returns rows."""
        with self._transaction():
            self._connection.execute(
                "INSERT INTO traffic_since VALUES (?, ?)"
                " ON CONFLICT (account_id) DO UPDATE SET day = max(day, excluded.day)",
                (account_id, before),
            )
        return sum(
            self._drop(account_id, table, moment, key, before * DAY_MS)
            for moment, (table, *key) in _TRAFFIC.items()
        )

    def drop_days(self, account_id: int, part: Part, before: int) -> None:
        """Last: the store has nothing of the days before the day `before`."""
        with self._transaction():
            self._connection.execute(
                "DELETE FROM days WHERE account_id = ? AND part = ? AND day < ?",
                (account_id, part.value, before),
            )

    def _calls(self, account_id: int, before: int, condition: str) -> Sequence[OldCall]:
        found = self._connection.execute(
            "SELECT gateway, call_id, audio_format FROM calls WHERE account_id = ?"
            f" AND started_at < ? AND {condition} ORDER BY started_at",
            (account_id, before * DAY_MS),
        )
        return [
            OldCall(GatewayKind(gateway), call, None if audio is None else AudioFormat(audio))
            for gateway, call, audio in found
        ]

    def _drop(
        self, account_id: int, table: str, moment: str, key: Sequence[str], until: int
    ) -> int:
        total = 0
        same = " AND ".join(f"{one} = ?" for one in ("account_id", *key))
        delete = f"DELETE FROM {table} WHERE {same}"
        while keys := self._connection.execute(
            f"SELECT account_id, {', '.join(key)} FROM {table} WHERE account_id = ?"
            f" AND {moment} < ? LIMIT {_KEYS_AT_ONCE}",
            (account_id, until),
        ).fetchall():
            for start in range(0, len(keys), _ROWS_AT_ONCE):
                with self._transaction():
                    self._connection.executemany(delete, keys[start : start + _ROWS_AT_ONCE])
            total += len(keys)
        return total
