"""The shares of calls: written with them, read with them."""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from ringtrace.domain.attribution import Attribution
from ringtrace.store import credits  # noqa: A004 - what a call's shares are called
from ringtrace.store.credits import Key
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.rowset import CALL_KEY, RowSet, listed

_CREDITS = RowSet(
    {
        "account_id": "bigint",
        "gateway": "text",
        "call_id": "text",
        "position": "integer",
        "visit_id": "text",
        "probability": "double precision",
        "channel": "text",
        "campaign": "text",
        "keyword": "text",
        "source": "json",
        "why": "json",
    },
    4,
)
_INSERT = f"{_CREDITS.inserted_into('credits')} DO NOTHING"
_DELETE = f"DELETE FROM credits k USING {CALL_KEY.unnested} WHERE {CALL_KEY.matching('k')}"

_ATTRIBUTED = RowSet(
    {
        **CALL_KEY.types,
        "basis": "text",
        "model": "text",
        "unknown": "double precision",
        "repeat": "double precision",
        "shares": "json",
        "digits": "text",
    },
    3,
)
_UPDATE = (
    "UPDATE calls c SET basis = u.basis, model = u.model, unknown = u.unknown, repeat = u.repeat,"
    " shares = u.shares, digits = coalesce(u.digits, c.digits)"
    f" FROM {_ATTRIBUTED.unnested} WHERE {_ATTRIBUTED.matching('c')}"
)

KEPT: Final = listed(
    "k.visit_id, k.probability, k.source::text, k.why::text",
    "FROM credits k WHERE k.account_id = $1 AND k.gateway = c.gateway AND k.call_id = c.call_id"
    " ORDER BY k.position",
)
"""The credits of a call `c` of the account $1."""

kept: Final = msgspec.json.Decoder(list[credits.Kept]).decode
"""From KEPT, as `ringtrace.store.credits` reads them."""


async def write(connection: Connection, attributions: Mapping[Key, Attribution]) -> None:
    """Of calls that have no credits."""
    found = [
        row for key, one in sorted(attributions.items()) for row in credits.credit_rows(key, one)
    ]
    if found:
        await connection.execute(_INSERT, *_CREDITS.arrays(found))


async def drop(connection: Connection, keys: Collection[Key]) -> None:
    if keys:
        await connection.execute(_DELETE, *CALL_KEY.arrays(sorted(keys)))


async def replace(
    connection: Connection,
    attributions: Mapping[Key, Attribution],
    digits: Mapping[Key, str | None] | None = None,
) -> None:
    """The calls are attributed otherwise from now on; `digits` have been keyed in them."""
    if not attributions:
        return
    keyed = digits or {}
    found = [
        (*key, *credits.columns(one), credits.shares(one), keyed.get(key))
        for key, one in sorted(attributions.items())
    ]
    await connection.execute(_UPDATE, *_ATTRIBUTED.arrays(found))
    await drop(connection, attributions.keys())
    await write(connection, attributions)
