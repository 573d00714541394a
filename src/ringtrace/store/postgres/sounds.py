"""Sounds that flows play."""

from typing import Final

from ringtrace.services.commands import DropSound, KeepSound
from ringtrace.store import sounds as kept
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.handlers import Handlers, one_by_one
from ringtrace.store.postgres.rowset import storable

_KEEP = (
    f"INSERT INTO sounds ({kept.COLUMNS}, content) VALUES ($1, $2, $3, $4, $5, $6, $7)"
    " ON CONFLICT (account_id, name) DO UPDATE SET digest = excluded.digest,"
    " seconds = excluded.seconds, made_at = excluded.made_at, made_by = excluded.made_by,"
    " content = excluded.content"
)

OF_ALL: Final = f"SELECT {kept.COLUMNS} FROM sounds ORDER BY account_id, name"


async def keep(connection: Connection, command: KeepSound) -> None:
    await connection.execute(
        _KEEP,
        command.account_id,
        command.name,
        command.digest,
        command.seconds,
        command.made_at,
        command.made_by and storable(command.made_by),
        command.content,
    )


async def drop(connection: Connection, command: DropSound) -> None:
    dropped = await connection.fetch(
        "DELETE FROM sounds WHERE account_id = $1 AND name = $2 RETURNING name",
        command.account_id,
        storable(command.name),
    )
    if not dropped:
        raise kept.no_such_sound()


async def sound(connection: Connection, account_id: int, digest: str) -> bytes | None:
    content = await connection.fetchval(
        "SELECT content FROM sounds WHERE account_id = $1 AND digest = $2 LIMIT 1",
        account_id,
        digest,
    )
    return content if content is None else bytes(content)


HANDLERS: Handlers = {KeepSound: one_by_one(keep), DropSound: one_by_one(drop)}
