"""Recipients of notices: who there is, and whether he is sent anything.

Who changes a recipient locks his row first, and then writes to his deliveries.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from ringtrace.domain.notice import DeliveryState, Recipient, Standing
from ringtrace.services.commands import KeepSecret, SetStanding
from ringtrace.store import notices, rows
from ringtrace.store.notices import ON_ITS_WAY, RECIPIENT_COLUMNS
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.handlers import Handlers, one_by_one
from ringtrace.store.postgres.rowset import RowSet

OF_ALL: Final = f"SELECT {RECIPIENT_COLUMNS} FROM recipients r ORDER BY r.account_id, r.address"
"""Of all accounts."""

_KEY = RowSet({"account_id": "bigint", "recipient_id": "text"}, 2)
_PUT = RowSet(
    {
        **_KEY.types,
        "address": "text",
        "events": "json",
        "standing": "text",
        "secrets": "json",
        "failing_since": "bigint",
    },
    2,
)
_PUT_ALL = (
    f"{_PUT.inserted_into('recipients')} DO UPDATE SET events = excluded.events"
    " RETURNING recipient_id, standing"
)
_LOCK = (
    f"SELECT {RECIPIENT_COLUMNS} FROM recipients r JOIN {_KEY.unnested}"
    f" ON {_KEY.matching('r')} ORDER BY r.account_id, r.recipient_id FOR UPDATE OF r"
)
_STANDING = RowSet({**_KEY.types, "standing": "text", "failing_since": "bigint"}, 2)
_STAND = (
    "UPDATE recipients r SET standing = u.standing, failing_since = u.failing_since"
    f" FROM {_STANDING.unnested} WHERE {_STANDING.matching('r')}"
)
_HOLD = (
    f"UPDATE deliveries d SET state = '{DeliveryState.HELD}', next_try_at = NULL"
    f" FROM {_KEY.unnested} WHERE {_KEY.matching('d')}"
    f" AND d.state IN {ON_ITS_WAY}"
)
_LET_GO = (
    f"UPDATE deliveries SET state = '{DeliveryState.PENDING}', next_try_at = $3, count = 0"
    f" WHERE account_id = $1 AND recipient_id = $2 AND state = '{DeliveryState.HELD}'"
)

Key = tuple[int, str]
"""Account and recipient_id."""


async def put(
    connection: Connection, account_id: int, wanted: Iterable[Recipient], at: int
) -> None:
    """The last of several with one address counts."""
    last = {one.recipient_id: one for one in wanted}
    if not last:
        return
    found = await connection.fetch(
        _PUT_ALL, *_PUT.arrays(notices.recipient_row(one) for one in last.values())
    )
    for recipient_id, standing in found:
        if last[recipient_id].standing != standing:
            known = await _own(connection, (account_id, recipient_id))
            await _stand(connection, known, last[recipient_id].standing, at)


async def _keep_secret(connection: Connection, command: KeepSecret) -> None:
    key = (command.account_id, command.recipient_id)
    recipient = (await _own(connection, key)).with_secret(command.secret)
    await connection.execute(
        "UPDATE recipients SET secrets = $3 WHERE account_id = $1 AND recipient_id = $2",
        *key,
        rows.text(recipient.secrets),
    )


async def _change_standing(connection: Connection, command: SetStanding) -> None:
    known = await _own(connection, (command.account_id, command.recipient_id))
    await _stand(connection, known, command.standing, command.at)


async def _stand(connection: Connection, known: Recipient, standing: Standing, at: int) -> None:
    await write(connection, [notices.standing_so(known, standing)])
    if standing is Standing.ACTIVE:
        await connection.execute(_LET_GO, *_key(known), at)
    else:
        await hold(connection, [_key(known)])


def _key(recipient: Recipient) -> Key:
    return recipient.account_id, recipient.recipient_id


async def _own(connection: Connection, key: Key) -> Recipient:
    """His row is locked. Raises NotFoundError."""
    known = await locked(connection, {key})
    if not known:
        raise notices.no_such_recipient()
    return next(iter(known.values()))


async def locked(connection: Connection, keys: Collection[Key]) -> dict[Key, Recipient]:
    """Those that are known; their rows are locked."""
    found = await connection.fetch(_LOCK, *_KEY.arrays(sorted(keys)))
    return {_key(one): one for one in notices.recipients(found)}


async def write(connection: Connection, changed: Sequence[Recipient]) -> None:
    """Standing and failures."""
    found = [(*_key(one), one.standing.value, one.failing_since) for one in changed]
    if found:
        await connection.execute(_STAND, *_STANDING.arrays(found))


async def hold(connection: Connection, keys: Sequence[Key]) -> None:
    """What is on its way to them."""
    if keys:
        await connection.execute(_HOLD, *_KEY.arrays(keys))


async def of_account(connection: Connection, account_id: int) -> Sequence[Recipient]:
    found = await connection.fetch(
        f"SELECT {RECIPIENT_COLUMNS} FROM recipients r WHERE r.account_id = $1 ORDER BY r.address",
        account_id,
    )
    return notices.recipients(found)


HANDLERS: Handlers = {
    KeepSecret: one_by_one(_keep_secret),
    SetStanding: one_by_one(_change_standing),
}
