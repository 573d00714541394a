"""What rules did to calls, and what came of it."""

import sqlite3

from ringtrace.domain.call import Report
from ringtrace.domain.screening import Finding, Passage, Rule, is_spam, passage
from ringtrace.services.spam_records import Screening
from ringtrace.store.credits import Key
from ringtrace.store.sqlite import listings, spam_marks

_KEY = "account_id = ? AND gateway = ? AND call_id = ?"


def screening(connection: sqlite3.Connection, key: Key) -> Screening | None:
    row = connection.execute(
        "SELECT rule, evidence, pattern, listed_at, listed_by, passage FROM screenings"
        f" WHERE {_KEY}",
        key,
    ).fetchone()
    if row is None:
        return None
    rule, evidence, pattern, listed_at, listed_by, came = row
    return Screening(
        Rule(rule), evidence, pattern, listed_at, listed_by, None if came is None else Passage(came)
    )


def keep(connection: sqlite3.Connection, key: Key, finding: Finding | None) -> None:
    """A rule acted on the call, whose own row is there."""
    if finding is None:
        return
    listing = finding.listing
    connection.execute(
        "INSERT OR IGNORE INTO screenings VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        (
            *key, finding.rule, finding.evidence, listing and listing.pattern,
            listing and listing.added_at, listing and listing.added_by,
        ),
    )  # fmt: skip
    settle(connection, key)


def keep_passage(connection: sqlite3.Connection, key: Key, report: Report, at: int) -> None:
    """What the report, received `at` (ms since 1970 UTC), says came of it."""
    known = screening(connection, key)
    if known is None:
        return
    came = passage(known.rule, report)
    connection.execute(f"UPDATE screenings SET passage = ? WHERE {_KEY}", (came, *key))
    settle(connection, key)
    is_news = came is Passage.PASSED and known.passage is not Passage.PASSED
    if is_news and report.caller is not None:
        listings.trust(connection, key[0], report.caller, at)


def settle(connection: sqlite3.Connection, key: Key) -> None:
    """Whether the call is spam, by all that is known of it now."""
    known, mark = screening(connection, key), spam_marks.mark(connection, key)
    spam = is_spam(
        rule=None if known is None else known.rule,
        came=None if known is None else known.passage,
        marked=None if mark is None else mark.spam,
    )
    connection.execute(f"UPDATE calls SET spam = ? WHERE {_KEY}", (spam, *key))
