"""The list of callers: who is blocked, asked or trusted, since when and by whom."""

import sqlite3

from ringtrace.domain.blocklist import Listing, Treatment
from ringtrace.services.commands import ListCallers, UnlistCaller
from ringtrace.services.errors import NotFoundError
from ringtrace.services.spam_records import ListingFilter, ListingPage, ListingRecord

_PASSED = "pressed a key when asked"
_COLUMNS = "pattern, treatment, note, added_at, added_by, by_gate"
_NOW = "account_id = ? AND pattern = ? AND removed_at IS NULL"
_ACTED_ON = (
    "(SELECT count(*) FROM screenings s WHERE s.account_id = l.account_id"
    " AND s.pattern = l.pattern AND s.listed_at = l.added_at)"
)


def in_effect(connection: sqlite3.Connection) -> tuple[tuple[int, Listing], ...]:
    """Of all accounts."""
    found = connection.execute(
        f"SELECT account_id, {_COLUMNS} FROM listed_callers WHERE removed_at IS NULL"
    )
    return tuple((account_id, _listing(*row)) for account_id, *row in found)


def listings(
    connection: sqlite3.Connection, account_id: int, where: ListingFilter, limit: int, offset: int
) -> ListingPage:
    matches = f"account_id = ? AND removed_at IS {'NOT ' if where.removed else ''}NULL"
    values: list[object] = [account_id]
    for condition, value in (
        ("treatment = ?", where.treatment),
        ("instr(pattern, ?) > 0", where.pattern),
    ):
        if value is not None:
            matches += f" AND {condition}"
            values.append(value)
    (total,) = connection.execute(
        f"SELECT count(*) FROM listed_callers WHERE {matches}", values
    ).fetchone()
    order = "removed_at" if where.removed else "added_at"
    found = connection.execute(
        f"SELECT {_ACTED_ON}, removed_at, removed_by, {_COLUMNS} FROM listed_callers l"
        f" WHERE {matches} ORDER BY {order} DESC, pattern LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    return ListingPage(
        tuple(
            ListingRecord(_listing(*row), calls, removed_at, removed_by)
            for calls, removed_at, removed_by, *row in found
        ),
        total,
    )


def trust(connection: sqlite3.Connection, account_id: int, caller: str, at: int) -> None:
    """The caller passed the gate; what a person says of him otherwise stands."""
    said = connection.execute(
        f"SELECT treatment FROM listed_callers WHERE {_NOW}", (account_id, caller)
    ).fetchone()
    if said is None or said[0] == Treatment.ASK:
        passed = Listing(caller, Treatment.TRUST, _PASSED, at, None, by_gate=True)
        _put(connection, account_id, passed)


class ListingWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, command: ListCallers) -> None:
        for one in command.listings:
            said = self._connection.execute(
                f"SELECT treatment, note, by_gate FROM listed_callers WHERE {_NOW}",
                (command.account_id, one.pattern),
            ).fetchone()
            if said != (one.treatment, one.note, False):
                _put(self._connection, command.account_id, one)

    def remove(self, command: UnlistCaller) -> None:
        removed = self._connection.execute(
            f"UPDATE listed_callers SET removed_at = ?, removed_by = ? WHERE {_NOW}",
            (command.removed_at, command.removed_by, command.account_id, command.pattern),
        )
        if removed.rowcount == 0:
            raise NotFoundError("this caller is not on the list", "caller")


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


def _listing(
    pattern: str, treatment: str, note: str, added_at: int, added_by: str | None, by_gate: int
) -> Listing:
    return Listing(pattern, Treatment(treatment), note, added_at, added_by, bool(by_gate))
