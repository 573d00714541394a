"""Rows of old days leave for the lake, beside a server that runs."""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ringtrace.domain.moment import DAY_MS
from ringtrace.services.lake import Change, Key, Kind
from ringtrace.store.paced import Rest
from ringtrace.store.sqlite.paced import PacedWriter
from ringtrace.store.traffic import KEYS, NO_VISIT

_PART: Final = "account_id = ? AND part = ? AND day = ?"
_NEEDED_NO_MORE: Final[Mapping[Kind, str]] = {
    # An id can have come again, of another day.
    Kind.VISITS: (
        f"d.started_at / {DAY_MS} = ? AND d.seen_at < ?"
        " AND d.visit_id NOT IN (SELECT visit_id FROM temp.credited)"
    ),
    Kind.HITS: NO_VISIT,
    Kind.EXPOSURES: NO_VISIT,
}
_DROP: Final[Mapping[Kind, str]] = {
    kind: f"DELETE FROM {kind} AS d WHERE d.account_id = ?"
    f"{''.join(f' AND d.{name} = ?' for name in key)} AND {_NEEDED_NO_MORE[kind]}"
    for kind, key in KEYS.items()
}


def traffic_since(connection: sqlite3.Connection, account_id: int) -> int:
    """Visits, hits and exposures from this moment (ms since 1970 UTC) on are all in the store."""
    row = connection.execute(
        "SELECT day FROM traffic_since WHERE account_id = ?", (account_id,)
    ).fetchone()
    return int(row[0]) * DAY_MS if row else 0


class SqliteLeaving(PacedWriter):
    """A visit with a sign of life at `silent_since` (ms since 1970 UTC) or later stays."""

    def __init__(self, path: Path, silent_since: int, rest: Rest = time.sleep) -> None:
        super().__init__(path, rest)
        # Nobody waits for the disk here: what a loss of power takes back leaves again. The log
        # keeps the order of all transactions, so that no later one survives without these.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._silent_since = silent_since

    def begin(self, account_id: int, days: Sequence[Change]) -> Sequence[Change]:
        with self._transaction():
            same = [change for change in days if self._is_same(change)]
            self._connection.executemany(
                f"UPDATE days SET archived = 1 WHERE {_PART}", map(_part, same)
            )
            self._connection.executemany(
                "INSERT INTO traffic_since VALUES (?, ?)"
                " ON CONFLICT (account_id) DO UPDATE SET day = max(day, excluded.day)",
                [(account_id, change.day + 1) for change in same],
            )
        self._know_credited(account_id)
        return same

    def drop(self, change: Change, kind: Kind, keys: Sequence[Key]) -> int | None:
        more = (change.day, self._silent_since) if kind is Kind.VISITS else ()
        with self._transaction():
            if not self._is_same(change):
                return None
            return self._connection.executemany(
                _DROP[kind], [(change.account_id, *key, *more) for key in keys]
            ).rowcount

    def end(self, change: Change) -> bool:
        with self._transaction():
            if not self._is_same(change):
                return False
            self._connection.execute(
                f"UPDATE days SET left_mark = mark WHERE {_PART}", _part(change)
            )
        return True

    def _is_same(self, change: Change) -> bool:
        found = self._connection.execute(
            f"SELECT mark FROM days WHERE {_PART}", _part(change)
        ).fetchone()
        return found is not None and found[0] == change.mark

    def _know_credited(self, account_id: int) -> None:
        """The visits that have a share in a call.

        Whoever gets a share from now on is younger: that the days leave was said before.
        """
        self._connection.executescript(
            "CREATE TEMP TABLE IF NOT EXISTS credited (visit_id TEXT PRIMARY KEY) WITHOUT ROWID;"
            "DELETE FROM temp.credited;"
        )
        self._connection.execute(
            "INSERT OR IGNORE INTO temp.credited SELECT visit_id FROM credits"
            " WHERE account_id = ? AND visit_id IS NOT NULL",
            (account_id,),
        )


def _part(change: Change) -> Key:
    return change.account_id, change.part.value, change.day
