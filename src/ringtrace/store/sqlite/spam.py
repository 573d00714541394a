"""Marking calls as spam, and what of calls is held against their callers."""

import sqlite3
from collections.abc import Collection, Sequence

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.screening import PastCall
from ringtrace.services.commands import MarkSpam
from ringtrace.services.errors import NotFoundError
from ringtrace.services.spam_records import WatchedCall
from ringtrace.store.credits import Key
from ringtrace.store.sqlite import screenings, spam_marks

_WATCHED = (
    "SELECT c.gateway, c.call_id, c.caller, c.number, c.started_at,"
    " iif(c.outcome = 'answered', c.talk_seconds, NULL),"
    " c.spam AND coalesce(s.passage, '') IN ('failed', 'left'),"
    " c.spam AND coalesce((SELECT m.spam FROM spam_marks m WHERE m.account_id = c.account_id"
    "  AND m.gateway = c.gateway AND m.call_id = c.call_id ORDER BY m.marked_at DESC LIMIT 1), 0)"
    " FROM calls c LEFT JOIN screenings s ON s.account_id = c.account_id"
    " AND s.gateway = c.gateway AND s.call_id = c.call_id"
    " WHERE c.account_id = ? AND c.started_at >= ? AND c.caller IS NOT NULL"
)
_MOST_MARKED = 10_000
"""Of one caller at once: whoever waits for the writer waits for these as well."""
_NEWEST = " ORDER BY c.started_at DESC LIMIT ?"


class SpamWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def mark(self, command: MarkSpam) -> None:
        key = (command.account_id, command.gateway.value, command.call)
        row = self._connection.execute(
            "SELECT caller FROM calls WHERE account_id = ? AND gateway = ? AND call_id = ?", key
        ).fetchone()
        if row is None:
            raise NotFoundError("no such call", "call")
        if command.spam is None and spam_marks.mark(self._connection, key) is None:
            raise NotFoundError("nobody marked this call", "call")
        for one in self._marked(key, row[0]) if command.every else [key]:
            if command.spam is not None or spam_marks.mark(self._connection, one):
                spam_marks.put(
                    self._connection, one, command.spam, command.marked_at, command.marked_by
                )
                screenings.settle(self._connection, one)

    def _marked(self, key: Key, caller: str) -> Collection[Key]:
        """The call and the newest ones of its caller."""
        newest = self._connection.execute(
            "SELECT account_id, gateway, call_id FROM calls WHERE account_id = ? AND caller = ?"
            " ORDER BY started_at DESC LIMIT ?",
            (key[0], caller, _MOST_MARKED),
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
    spam = connection.execute(
        _WATCHED + of_one + " AND c.spam" + _NEWEST, (account_id, spam_since, *whom, most)
    ).fetchall()
    recent = connection.execute(
        _WATCHED + of_one + _NEWEST, (account_id, since, *whom, most)
    ).fetchall()
    known = {row[:2]: row for row in (*spam, *recent)}
    newest = sorted(known.values(), key=lambda row: row[4], reverse=True)
    return [
        WatchedCall(
            GatewayKind(gateway),
            call,
            who,
            PastCall(number, at, talked, bool(kept_silent), bool(marked)),
        )
        for gateway, call, who, number, at, talked, kept_silent, marked in newest
    ]
