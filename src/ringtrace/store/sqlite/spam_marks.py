"""What users said of calls: spam, not spam, or nothing any more."""

import sqlite3

from ringtrace.services.spam_records import SpamMark
from ringtrace.store import screenings
from ringtrace.store.credits import Key
from ringtrace.store.screenings import MARK_COLUMNS


def mark(connection: sqlite3.Connection, key: Key) -> SpamMark | None:
    row = connection.execute(
        f"SELECT {MARK_COLUMNS} FROM spam_marks m"
        " WHERE account_id = ? AND gateway = ? AND call_id = ? ORDER BY marked_at DESC LIMIT 1",
        key,
    ).fetchone()
    return screenings.mark(row)


def put(
    connection: sqlite3.Connection, key: Key, said: bool | None, at: int, by: str | None
) -> None:
    # Of one millisecond the later one counts.
    connection.execute(
        "INSERT INTO spam_marks SELECT ?1, ?2, ?3, max(?4, 1 + coalesce(max(marked_at), 0)), ?5, ?6"
        " FROM spam_marks WHERE account_id = ?1 AND gateway = ?2 AND call_id = ?3",
        (*key, at, said, by),
    )
