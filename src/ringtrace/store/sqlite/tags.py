"""Tags of calls, and of their callers."""

import sqlite3
from collections.abc import Sequence

from ringtrace.services.call_records import CallTag
from ringtrace.services.commands import AddTag, RemoveTag
from ringtrace.store.corrections import no_such_call
from ringtrace.store.credits import Key
from ringtrace.store.tags import MOST_EARLIER, no_such_tag, refuse

_KEY = "account_id = ? AND gateway = ? AND call_id = ?"


class TagWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, command: AddTag) -> None:
        key = (command.account_id, command.gateway.value, command.call)
        self._refuse_unknown(key)
        refuse({one.tag for one in tags(self._connection, key)}, command.tag)
        self._connection.execute(
            "INSERT OR IGNORE INTO call_tags VALUES (?, ?, ?, ?, ?, ?)",
            (*key, command.tag, command.made_at, command.made_by),
        )

    def remove(self, command: RemoveTag) -> None:
        key = (command.account_id, command.gateway.value, command.call)
        self._refuse_unknown(key)
        deleted = self._connection.execute(
            f"DELETE FROM call_tags WHERE {_KEY} AND tag = ?", (*key, command.tag)
        )
        if deleted.rowcount == 0:
            raise no_such_tag()

    def _refuse_unknown(self, key: Key) -> None:
        found = self._connection.execute(f"SELECT 1 FROM calls WHERE {_KEY}", key)
        if found.fetchone() is None:
            raise no_such_call()


def tags(connection: sqlite3.Connection, key: Key) -> tuple[CallTag, ...]:
    """Of one call, in alphabetical order."""
    found = connection.execute(
        f"SELECT tag, made_at, made_by FROM call_tags WHERE {_KEY} ORDER BY tag", key
    )
    return tuple(CallTag(*row) for row in found)


def caller_tags(
    connection: sqlite3.Connection, account_id: int, caller: str, at: int
) -> tuple[str, ...]:
    """Of the caller's calls before `at`, ms since 1970 UTC, on any number of the account."""
    found = connection.execute(
        "WITH earlier AS (SELECT account_id, gateway, call_id FROM calls"
        " WHERE account_id = ? AND caller = ? AND started_at < ?"
        " ORDER BY started_at DESC LIMIT ?)"
        " SELECT DISTINCT t.tag FROM earlier e CROSS JOIN call_tags t"
        " ON t.account_id = e.account_id AND t.gateway = e.gateway AND t.call_id = e.call_id"
        " ORDER BY t.tag",
        (account_id, caller, at, MOST_EARLIER),
    )
    return tuple(tag for (tag,) in found)


def tag_names(connection: sqlite3.Connection, account_id: int) -> Sequence[str]:
    found = connection.execute(
        "SELECT DISTINCT tag FROM call_tags WHERE account_id = ? ORDER BY tag", (account_id,)
    )
    return [tag for (tag,) in found]
