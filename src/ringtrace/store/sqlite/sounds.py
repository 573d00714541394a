"""Sounds that flows play."""

import sqlite3

from ringtrace.services.commands import DropSound, KeepSound
from ringtrace.services.setup_records import KeptSound
from ringtrace.store import sounds as kept


class SoundWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def keep(self, command: KeepSound) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO sounds VALUES (?, ?, ?, ?, ?, ?, ?)",
            (command.account_id, command.name, command.digest, command.seconds, command.made_at,
             command.made_by, command.content),
        )  # fmt: skip

    def drop(self, command: DropSound) -> None:
        deleted = self._connection.execute(
            "DELETE FROM sounds WHERE account_id = ? AND name = ?",
            (command.account_id, command.name),
        )
        if deleted.rowcount == 0:
            raise kept.no_such_sound()


def sounds(connection: sqlite3.Connection) -> tuple[KeptSound, ...]:
    """Of all accounts, in the order of their names, without their contents."""
    return kept.sounds(
        connection.execute(f"SELECT {kept.COLUMNS} FROM sounds ORDER BY account_id, name")
    )


def sound(connection: sqlite3.Connection, account_id: int, digest: str) -> bytes | None:
    row = connection.execute(
        "SELECT content FROM sounds WHERE account_id = ? AND digest = ? LIMIT 1",
        (account_id, digest),
    ).fetchone()
    return bytes(row[0]) if row else None
