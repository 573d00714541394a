"""Deleting what is kept no longer, beside a server that runs."""

from collections.abc import Iterator, Sequence
from typing import Final

from ringtrace.domain.moment import DAY_MS
from ringtrace.services.lake import Change, Kind, Part
from ringtrace.store.retention import OF_A_CALL, OldCall, old_call, without_recording
from ringtrace.store.sqlite import marks
from ringtrace.store.sqlite.paced import PacedWriter
from ringtrace.store.traffic import KEYS, MOMENTS

_ROWS_AT_ONCE: Final = 200
_KEY: Final = "account_id = ? AND gateway = ? AND call_id = ?"
_DAY: Final = "account_id = ? AND part = ? AND day = ?"


class SqliteRetention(PacedWriter):
    """As OldRows."""

    def accounts(self) -> Sequence[int]:
        return [one for (one,) in self._connection.execute("SELECT account_id FROM accounts")]

    def days(self, account_id: int, part: Part, before: int) -> Sequence[Change]:
        found = self._connection.execute(
            "SELECT day, mark FROM days WHERE account_id = ? AND part = ? AND day < ? ORDER BY day",
            (account_id, part.value, before),
        )
        return [Change(account_id, part, day, mark) for day, mark in found]

    def calls(self, account_id: int, day: int) -> Sequence[OldCall]:
        return self._calls(account_id, day, "true")

    def recorded(self, account_id: int, day: int) -> Sequence[OldCall]:
        return self._calls(
            account_id, day, "(audio_format IS NOT NULL OR report ->> '$.recording' IS NOT NULL)"
        )

    def drop_calls(self, account_id: int, some: Sequence[OldCall]) -> None:
        keys = [(account_id, one.gateway.value, one.call) for one in some]
        with self._transaction():
            for key in keys:
                marks.call(self._connection, key)
            for table in OF_A_CALL:
                self._connection.executemany(f"DELETE FROM {table} WHERE {_KEY}", keys)

    def drop_recordings(self, account_id: int, some: Sequence[OldCall]) -> None:
        with self._transaction():
            for one in some:
                key = (account_id, one.gateway.value, one.call)
                (said,) = self._connection.execute(
                    f"SELECT report FROM calls WHERE {_KEY}", key
                ).fetchone() or (None,)
                self._connection.execute(
                    "UPDATE calls SET report = ?, audio_format = NULL, audio_sha256 = NULL"
                    f" WHERE {_KEY}",
                    (said and without_recording(said), *key),
                )
                marks.call(self._connection, key)

    def drop_traffic(self, account_id: int, before: int) -> int:
        with self._transaction():
            self._connection.execute(
                "INSERT INTO traffic_since VALUES (?, ?)"
                " ON CONFLICT (account_id) DO UPDATE SET day = max(day, excluded.day)",
                (account_id, before),
            )
        return sum(self._drop(account_id, kind, before * DAY_MS) for kind in KEYS)

    def drop_days(self, days: Sequence[Change]) -> None:
        keys = [(one.account_id, one.part.value, one.day) for one in days]
        with self._transaction():
            self._connection.executemany(
                f"DELETE FROM days WHERE {_DAY} AND mark = ?",
                [(*key, one.mark) for key, one in zip(keys, days, strict=True)],
            )
            self._connection.executemany(
                f"UPDATE days SET archived = 0, left_mark = NULL WHERE {_DAY}", keys
            )

    def _calls(self, account_id: int, day: int, condition: str) -> Sequence[OldCall]:
        found = self._connection.execute(
            "SELECT gateway, call_id, audio_format FROM calls WHERE account_id = ?"
            f" AND started_at >= ? AND started_at < ? AND {condition}",
            (account_id, day * DAY_MS, (day + 1) * DAY_MS),
        )
        return [old_call(row) for row in found]

    def _drop(self, account_id: int, kind: Kind, until: int) -> int:
        same = " AND ".join(f"{one} = ?" for one in ("account_id", *KEYS[kind]))
        total = 0
        for keys in self._old(account_id, kind, until):
            with self._transaction():
                self._connection.executemany(
                    f"DELETE FROM {kind} WHERE {same}", [(account_id, *key) for key in keys]
                )
            total += len(keys)
        return total

    def _old(self, account_id: int, kind: Kind, until: int) -> Iterator[Sequence[Sequence[object]]]:
        """Keys, by one walk through the rows of the account."""
        columns = ", ".join(KEYS[kind])
        query = (
            f"SELECT {columns} FROM {kind} WHERE account_id = ? AND {MOMENTS[kind]} < ?"
            f" AND ({columns}) > ({', '.join('?' * len(KEYS[kind]))})"
            f" ORDER BY {columns} LIMIT {_ROWS_AT_ONCE}"
        )
        # Each key begins with a text, and none of them is empty.
        last: Sequence[object] = ("",) * len(KEYS[kind])
        while keys := self._connection.execute(query, (account_id, until, *last)).fetchall():
            yield keys
            last = keys[-1]
