"""Tags of calls, and of their callers."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ringtrace.services.commands import AddTag, RemoveTag
from ringtrace.store import tags
from ringtrace.store.corrections import no_such_call
from ringtrace.store.credits import Key
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.handlers import Handlers, one_by_one
from ringtrace.store.postgres.rowset import listed, storable

_OF_CALL = "account_id = $1 AND gateway = $2 AND call_id = $3"
# Who tags the same call at the same moment is waited for: both together may be too many.
_LOCK = f"SELECT 1 FROM calls WHERE {_OF_CALL} FOR UPDATE"
_KNOWN = f"SELECT tag FROM call_tags WHERE {_OF_CALL}"
_ADD = (
    "INSERT INTO call_tags (account_id, gateway, call_id, tag, made_at, made_by)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
)
_REMOVE = f"DELETE FROM call_tags WHERE {_OF_CALL} AND tag = $4 RETURNING tag"

TAGS: Final = listed(
    "t.tag, t.made_at, t.made_by",
    "FROM call_tags t WHERE t.account_id = $1"
    " AND t.gateway = c.gateway AND t.call_id = c.call_id ORDER BY t.tag",
)
"""Those of a call `c` of the account $1."""

of_call: Final = msgspec.json.Decoder(list[tuple[str, int, str | None]]).decode
"""From TAGS, in the order of CallTag."""

# The offset keeps each call's tags looked up by key: joined, those of a caller with many calls
# would be found by reading all of the account's.
CALLER_TAGS: Final = (
    "ARRAY(SELECT DISTINCT t.tag FROM (SELECT c.gateway, c.call_id FROM calls c"
    "  WHERE c.account_id = $1 AND c.caller = $2 AND c.started_at < $3"
    "  ORDER BY c.started_at DESC, c.gateway DESC, c.call_id DESC"
    f" LIMIT {tags.MOST_EARLIER}) e CROSS JOIN LATERAL (SELECT k.tag FROM call_tags k"
    "  WHERE k.account_id = $1 AND k.gateway = e.gateway AND k.call_id = e.call_id OFFSET 0) t"
    " ORDER BY t.tag)"
)
"""Of the calls of the account $1 by the caller $2 before $3, on any number."""


async def add(connection: Connection, command: AddTag) -> None:
    key = await _locked(connection, command)
    known = await connection.fetch(_KNOWN, *key)
    tags.refuse({tag for (tag,) in known}, command.tag)
    made_by = command.made_by and storable(command.made_by)
    await connection.execute(_ADD, *key, storable(command.tag), command.made_at, made_by)


async def remove(connection: Connection, command: RemoveTag) -> None:
    key = await _locked(connection, command)
    if not await connection.fetch(_REMOVE, *key, storable(command.tag)):
        raise tags.no_such_tag()


async def _locked(connection: Connection, command: AddTag | RemoveTag) -> Key:
    key = (command.account_id, command.gateway.value, storable(command.call))
    if not await connection.fetch(_LOCK, *key):
        raise no_such_call()
    return key


async def tag_names(connection: Connection, account_id: int) -> Sequence[str]:
    found = await connection.fetch(
        "SELECT DISTINCT tag FROM call_tags WHERE account_id = $1 ORDER BY tag", account_id
    )
    return [tag for (tag,) in found]


HANDLERS: Handlers = {AddTag: one_by_one(add), RemoveTag: one_by_one(remove)}
