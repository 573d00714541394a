"""Marking calls as spam, and what of calls is held against their callers."""

import sqlite3
from collections.abc import Collection, Sequence

from ringtrace.services.commands import MarkSpam
from ringtrace.services.spam_records import CallsFrom, WatchedCall
from ringtrace.store import spam
from ringtrace.store.corrections import no_such_call
from ringtrace.store.credits import Key
from ringtrace.store.sqlite import marks, screenings, spam_marks

_WATCHED = (
    f"SELECT {spam.WATCHED_COLUMNS} FROM calls c"
    " WHERE c.account_id = ? AND c.started_at >= ? AND c.caller IS NOT NULL"
)
_CALLS_FROM = spam.CALLS_FROM.format(*"????")
_NEWEST = f" {spam.NEWEST_FIRST} LIMIT ?"


class SpamWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def mark(self, command: MarkSpam) -> None:
        key = (command.account_id, command.gateway.value, command.call)
        row = self._connection.execute(
            "SELECT caller FROM calls WHERE account_id = ? AND gateway = ? AND call_id = ?", key
        ).fetchone()
        if row is None:
            raise no_such_call()
        if command.spam is None and spam_marks.mark(self._connection, key) is None:
            raise spam.nothing_to_take_back()
        for one in self._marked(key, row[0]) if command.every else [key]:
            if command.spam is not None or spam_marks.mark(self._connection, one):
                spam_marks.put(
                    self._connection, one, command.spam, command.marked_at, command.marked_by
                )
                screenings.settle(self._connection, one)
                marks.call(self._connection, one)

    def _marked(self, key: Key, caller: str) -> Collection[Key]:
        """The call and the newest ones of its caller."""
        newest = self._connection.execute(
            "SELECT account_id, gateway, call_id FROM calls c WHERE account_id = ? AND caller = ?"
            f" {spam.NEWEST_FIRST} LIMIT ?",
            (key[0], caller, spam.MOST_MARKED),
        )
        return dict.fromkeys((key, *newest))


def watched_calls(
    connection: sqlite3.Connection,
    account_id: int,
    since: int,
    spam_since: int,
    most: int,
    caller: str | None,
) -> Sequence[WatchedCall]:
    of_one, whom = ("", ()) if caller is None else (" AND c.caller = ?", (caller,))
    held = connection.execute(
        _WATCHED + of_one + " AND c.spam" + _NEWEST, (account_id, spam_since, *whom, most)
    )
    recent = connection.execute(_WATCHED + of_one + _NEWEST, (account_id, since, *whom, most))
    return spam.watched(held, recent)


def calls_from(
    connection: sqlite3.Connection, account_id: int, beginning: str, since: int
) -> CallsFrom:
    asked = (account_id, *spam.beginning(beginning), since)
    return CallsFrom(*connection.execute(_CALLS_FROM, asked).fetchone())
