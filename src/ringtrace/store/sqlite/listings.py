"""The list of callers: who is blocked, asked or trusted, since when and by whom."""

import sqlite3
from itertools import repeat

from ringtrace.domain.blocklist import Listing
from ringtrace.services.commands import ListCallers, UnlistCaller
from ringtrace.services.spam_records import ListingFilter, ListingPage
from ringtrace.store import listings as entries
from ringtrace.store.filters import joined

_NOW = "account_id = ? AND pattern = ? AND removed_at IS NULL"


def in_effect(connection: sqlite3.Connection) -> tuple[tuple[int, Listing], ...]:
    """Of all accounts."""
    found = connection.execute(
        f"SELECT l.account_id, {entries.LISTING_COLUMNS} FROM listed_callers l"
        " WHERE l.removed_at IS NULL"
    )
    return tuple((account_id, entries.listing(row)) for account_id, *row in found)


def listings(
    connection: sqlite3.Connection, account_id: int, where: ListingFilter, limit: int, offset: int
) -> ListingPage:
    matches, values = joined(entries.of_listings(account_id, where), repeat("?"))
    (total,) = connection.execute(
        f"SELECT count(*) FROM listed_callers l WHERE {matches}", values
    ).fetchone()
    found = connection.execute(
        f"SELECT {entries.RECORD_COLUMNS} FROM listed_callers l WHERE {matches}"
        f" {entries.newest_first(where)} LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    return ListingPage(tuple(entries.record(row) for row in found), total)


def trust(connection: sqlite3.Connection, account_id: int, caller: str, at: int) -> None:
    """The caller passed the gate; what a person says of him otherwise stands."""
    one = entries.trusted(_said(connection, account_id, caller), caller, at)
    if one is not None:
        _put(connection, account_id, one)


class ListingWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, command: ListCallers) -> None:
        for one in command.listings:
            said = _said(self._connection, command.account_id, one.pattern)
            if entries.is_news(said, one):
                _put(self._connection, command.account_id, one)

    def remove(self, command: UnlistCaller) -> None:
        removed = self._connection.execute(
            f"UPDATE listed_callers SET removed_at = ?, removed_by = ? WHERE {_NOW}",
            (command.removed_at, command.removed_by, command.account_id, command.pattern),
        )
        if removed.rowcount == 0:
            raise entries.not_listed()


def _said(connection: sqlite3.Connection, account_id: int, pattern: str) -> Listing | None:
    row = connection.execute(
        f"SELECT {entries.LISTING_COLUMNS} FROM listed_callers l WHERE {_NOW}",
        (account_id, pattern),
    ).fetchone()
    return row and entries.listing(row)


def _put(connection: sqlite3.Connection, account_id: int, one: Listing) -> None:
    """In place of what is said of the pattern now."""
    connection.execute(
        f"UPDATE listed_callers SET removed_at = ?, removed_by = ? WHERE {_NOW}",
        (one.added_at, one.added_by, account_id, one.pattern),
    )
    # Of one millisecond each still has a moment of its own.
    connection.execute(
        "INSERT INTO listed_callers (account_id, pattern, treatment, note, added_at, added_by,"
        " by_gate) SELECT ?1, ?2, ?3, ?4, max(?5, 1 + coalesce(max(added_at), 0)), ?6, ?7"
        " FROM listed_callers WHERE account_id = ?1 AND pattern = ?2",
        (account_id, one.pattern, one.treatment, one.note, one.added_at, one.added_by, one.by_gate),
    )
