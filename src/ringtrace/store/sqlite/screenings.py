"""What rules did to calls, and what came of it."""

import sqlite3

from ringtrace.domain.call import Report
from ringtrace.domain.screening import Finding
from ringtrace.services.spam_records import Screening
from ringtrace.store import screenings
from ringtrace.store.credits import Key
from ringtrace.store.sqlite import listings, spam_marks

_KEY = "account_id = ? AND gateway = ? AND call_id = ?"


def screening(connection: sqlite3.Connection, key: Key) -> Screening | None:
    return screenings.screening(
        connection.execute(
            f"SELECT {screenings.SCREENING_COLUMNS} FROM screenings s WHERE {_KEY}", key
        ).fetchone()
    )


def keep(connection: sqlite3.Connection, key: Key, finding: Finding | None) -> None:
    """A rule acted on the call, whose own row is there."""
    one = screenings.found(finding)
    if one is None:
        return
    connection.execute(
        "INSERT OR IGNORE INTO screenings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*key, one.rule, one.evidence, one.pattern, one.listed_at, one.listed_by, one.passage),
    )
    settle(connection, key)


def keep_passage(connection: sqlite3.Connection, key: Key, report: Report, at: int) -> None:
    """What the report, received `at` (ms since 1970 UTC), says came of it."""
    told, is_news = screenings.reported(screening(connection, key), report)
    if told is None:
        return
    connection.execute(f"UPDATE screenings SET passage = ? WHERE {_KEY}", (told.passage, *key))
    settle(connection, key)
    if is_news and report.caller is not None:
        listings.trust(connection, key[0], report.caller, at)


def settle(connection: sqlite3.Connection, key: Key) -> None:
    """Whether the call is spam, by all that is known of it now."""
    spam = screenings.is_spam_by(screening(connection, key), spam_marks.mark(connection, key))
    connection.execute(f"UPDATE calls SET spam = ? WHERE {_KEY}", (spam, *key))
