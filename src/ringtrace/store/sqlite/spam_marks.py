"""What users said of calls: spam, not spam, or nothing any more."""

import sqlite3

from ringtrace.services.spam_records import SpamMark
from ringtrace.store.credits import Key


def mark(connection: sqlite3.Connection, key: Key) -> SpamMark | None:
    row = connection.execute(
        "SELECT spam, marked_at, marked_by FROM spam_marks"
        " WHERE account_id = ? AND gateway = ? AND call_id = ? ORDER BY marked_at DESC LIMIT 1",
        key,
    ).fetchone()
    if row is None or row[0] is None:
        return None
    said, marked_at, marked_by = row
    return SpamMark(bool(said), marked_at, marked_by)


def put(
    connection: sqlite3.Connection, key: Key, said: bool | None, at: int, by: str | None
) -> None:
    # Of one millisecond the later one counts.
    connection.execute(
        "INSERT INTO spam_marks SELECT ?1, ?2, ?3, max(?4, 1 + coalesce(max(marked_at), 0)), ?5, ?6"
        " FROM spam_marks WHERE account_id = ?1 AND gateway = ?2 AND call_id = ?3",
        (*key, at, said, by),
    )
