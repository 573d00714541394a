"""Recipients of notices, and the outbox of deliveries to them.

Who changes a recipient locks his row first, and then writes to his deliveries.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from ringtrace.domain.notice import Delivery, DeliveryState, Recipient, Standing
from ringtrace.services.commands import (
    AddDelivery,
    BeginTry,
    DropDeliveries,
    KeepSecret,
    KeepTry,
    SendAgain,
    SetStanding,
)
from ringtrace.services.errors import NotFoundError
from ringtrace.services.ports import DeliveryFilter, DeliveryPage
from ringtrace.store import notices, rows
from ringtrace.store.credits import Key
from ringtrace.store.filters import joined, of_deliveries
from ringtrace.store.notices import DELIVERY_COLUMNS, ON_ITS_WAY, RECIPIENT_COLUMNS
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.handlers import Handlers, one_by_one
from ringtrace.store.postgres.rowset import CALL_KEY, RowSet, storable
from ringtrace.store.postgres.slots import numbered

RECIPIENTS: Final = f"SELECT {RECIPIENT_COLUMNS} FROM recipients r ORDER BY r.account_id, r.address"
"""Of all accounts."""

DUE: Final = notices.DUE.format("$1", "$2", "$3")

_RECIPIENT_KEY = RowSet({"account_id": "bigint", "recipient_id": "text"}, 2)
_PUT = RowSet(
    {
        **_RECIPIENT_KEY.types,
        "address": "text",
        "events": "json",
        "standing": "text",
        "secrets": "json",
        "failing_since": "bigint",
    },
    2,
)
_PUT_RECIPIENTS = (
    f"{_PUT.inserted_into('recipients')} DO UPDATE SET events = excluded.events"
    " RETURNING recipient_id, standing"
)
_LOCK = (
    f"SELECT {RECIPIENT_COLUMNS} FROM recipients r JOIN {_RECIPIENT_KEY.unnested}"
    f" ON {_RECIPIENT_KEY.matching('r')} ORDER BY r.account_id, r.recipient_id FOR UPDATE OF r"
)
_STANDING = RowSet({**_RECIPIENT_KEY.types, "standing": "text", "failing_since": "bigint"}, 2)
_STAND = (
    "UPDATE recipients r SET standing = u.standing, failing_since = u.failing_since"
    f" FROM {_STANDING.unnested} WHERE {_STANDING.matching('r')}"
)
_HOLD = (
    f"UPDATE deliveries d SET state = '{DeliveryState.HELD}', next_try_at = NULL"
    f" FROM {_RECIPIENT_KEY.unnested} WHERE {_RECIPIENT_KEY.matching('d')}"
    f" AND d.state IN {ON_ITS_WAY}"
)
_LET_GO = (
    f"UPDATE deliveries SET state = '{DeliveryState.PENDING}', next_try_at = $3, count = 0"
    f" WHERE account_id = $1 AND recipient_id = $2 AND state = '{DeliveryState.HELD}'"
)

_DELIVERY = RowSet(
    {
        "account_id": "bigint",
        "delivery_id": "text",
        "recipient_id": "text",
        "event": "text",
        "occurred_at": "bigint",
        "state": "text",
        "next_try_at": "bigint",
        "gateway": "text",
        "call_id": "text",
        "count": "bigint",
        "tries": "json",
    },
    2,
)
_ENQUEUE = f"{_DELIVERY.inserted_into('deliveries')} DO NOTHING"
_AUDIO_IS_THERE = (
    f"UPDATE deliveries d SET state = '{DeliveryState.PENDING}', next_try_at = d.occurred_at"
    f" FROM {CALL_KEY.unnested} WHERE {CALL_KEY.matching('d')}"
    f" AND d.state = '{DeliveryState.WAITING}'"
)
_TAKEN = RowSet(
    {"account_id": "bigint", "delivery_id": "text", "at": "bigint", "until": "bigint"}, 2
)
# Of two who take the same row the second waits for the first, and then sees that it is taken.
_TAKE = (
    f"UPDATE deliveries d SET taken_until = u.until FROM {_TAKEN.unnested}"
    f" WHERE {_TAKEN.matching('d')} AND d.next_try_at <= u.at"
    " AND (d.taken_until IS NULL OR d.taken_until <= u.at)"
    f" RETURNING {', '.join(f'd.{name}' for name in _DELIVERY.types)}"
)
_TRIED = RowSet(
    {
        "account_id": "bigint",
        "delivery_id": "text",
        "state": "text",
        "next_try_at": "bigint",
        "count": "bigint",
        "tries": "json",
    },
    2,
)
_KEEP_TRIES = (
    "UPDATE deliveries d SET state = u.state, next_try_at = u.next_try_at, count = u.count,"
    f" tries = u.tries, taken_until = NULL FROM {_TRIED.unnested} WHERE {_TRIED.matching('d')}"
)

_RecipientKey = tuple[int, str]


async def put_recipients(
    connection: Connection, account_id: int, wanted: Iterable[Recipient], at: int
) -> None:
    """The last of several with one address counts."""
    last = {one.recipient_id: one for one in wanted}
    if not last:
        return
    found = await connection.fetch(
        _PUT_RECIPIENTS, *_PUT.arrays(notices.recipient_row(one) for one in last.values())
    )
    for recipient_id, standing in found:
        if last[recipient_id].standing != standing:
            known = await _own(connection, (account_id, recipient_id))
            await _stand(connection, known, last[recipient_id].standing, at)


async def enqueue(connection: Connection, deliveries: Iterable[Delivery]) -> None:
    found = [notices.delivery_row(one) for one in deliveries]
    if found:
        await connection.execute(_ENQUEUE, *_DELIVERY.arrays(found))


async def audio_is_there(connection: Connection, calls: Collection[Key]) -> None:
    """What waited for it is due as of when it happened."""
    if calls:
        await connection.execute(_AUDIO_IS_THERE, *CALL_KEY.arrays(sorted(calls)))


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
    await _write(connection, [notices.standing_so(known, standing)])
    if standing is Standing.ACTIVE:
        await connection.execute(_LET_GO, *_key(known), at)
    else:
        await _hold(connection, [_key(known)])


async def _add(connection: Connection, commands: Sequence[AddDelivery]) -> list[None]:
    await enqueue(connection, (command.delivery for command in commands))
    return [None] * len(commands)


async def _begin_tries(
    connection: Connection, commands: Sequence[BeginTry]
) -> list[Delivery | None]:
    """The first of several that ask for the same one has it."""
    asked = [(command.account_id, command.delivery_id) for command in commands]
    first = {key: place for place, key in reversed(list(enumerate(asked)))}
    wanted = [(*key, commands[place].at, commands[place].until) for key, place in first.items()]
    found = await connection.fetch(_TAKE, *_TAKEN.arrays(sorted(wanted)))
    taken = {(one.account_id, one.delivery_id): one for one in map(notices.delivery, found)}
    return [taken.get(key) if first[key] == place else None for place, key in enumerate(asked)]


async def _keep_tries(
    connection: Connection, commands: Sequence[KeepTry]
) -> list[bool | NotFoundError]:
    of = [(one.account_id, one.delivery.recipient_id) for one in commands]
    before = await _locked(connection, set(of))
    after = dict(before)
    results: list[bool | NotFoundError] = []
    for key, command in zip(of, commands, strict=True):
        if key not in after:
            results.append(notices.no_such_recipient())
            continue
        known, after[key] = after[key], notices.after_try(after[key], command)
        results.append(after[key].standing is not known.standing)
    kept = [one.delivery for key, one in zip(of, commands, strict=True) if key in after]
    await connection.execute(_KEEP_TRIES, *_TRIED.arrays(_tried(kept)))
    await _write(connection, [one for key, one in after.items() if one != before[key]])
    # Also when somebody else changed it during the try.
    await _hold(
        connection, [key for key, one in after.items() if one.standing is not Standing.ACTIVE]
    )
    return results


def _tried(kept: Iterable[Delivery]) -> list[tuple[object, ...]]:
    last = {(one.account_id, one.delivery_id): one for one in kept}
    return [
        (*key, one.state.value, one.next_try_at, one.count, rows.text(one.tries))
        for key, one in sorted(last.items(), key=lambda item: item[0])
    ]


async def _send_again(connection: Connection, command: SendAgain) -> int:
    status = await connection.execute(
        f"UPDATE deliveries SET state = '{DeliveryState.PENDING}', next_try_at = $3, count = 0"
        " WHERE account_id = $1 AND delivery_id = ANY($2) AND next_try_at IS NULL"
        " AND recipient_id IN (SELECT recipient_id FROM recipients"
        f"  WHERE account_id = $1 AND standing = '{Standing.ACTIVE}')",
        command.account_id,
        [storable(one) for one in command.delivery_ids],
        command.at,
    )
    return _count(status)


async def _drop(connection: Connection, command: DropDeliveries) -> int:
    status = await connection.execute(
        "DELETE FROM deliveries WHERE account_id = $1 AND occurred_at < $2 AND next_try_at IS NULL",
        command.account_id,
        command.before,
    )
    return _count(status)


def _count(status: str) -> int:
    """Of the rows that a statement changed."""
    return int(status.rpartition(" ")[2])


def _key(recipient: Recipient) -> _RecipientKey:
    return recipient.account_id, recipient.recipient_id


async def _own(connection: Connection, key: _RecipientKey) -> Recipient:
    """His row is locked. Raises NotFoundError."""
    known = await _locked(connection, {key})
    if not known:
        raise notices.no_such_recipient()
    return next(iter(known.values()))


async def _locked(
    connection: Connection, keys: Collection[_RecipientKey]
) -> dict[_RecipientKey, Recipient]:
    found = await connection.fetch(_LOCK, *_RECIPIENT_KEY.arrays(sorted(keys)))
    return {_key(one): one for one in notices.recipients(found)}


async def _write(connection: Connection, changed: Sequence[Recipient]) -> None:
    """Standing and failures."""
    found = [(*_key(one), one.standing.value, one.failing_since) for one in changed]
    if found:
        await connection.execute(_STAND, *_STANDING.arrays(found))


async def _hold(connection: Connection, keys: Sequence[_RecipientKey]) -> None:
    if keys:
        await connection.execute(_HOLD, *_RECIPIENT_KEY.arrays(keys))


async def recipients(connection: Connection, account_id: int) -> Sequence[Recipient]:
    found = await connection.fetch(
        f"SELECT {RECIPIENT_COLUMNS} FROM recipients r WHERE r.account_id = $1 ORDER BY r.address",
        account_id,
    )
    return notices.recipients(found)


async def deliveries(
    connection: Connection, account_id: int, where: DeliveryFilter, limit: int, offset: int
) -> DeliveryPage:
    slots = numbered()
    matches, values = joined(of_deliveries(account_id, where), slots)
    total = await connection.fetchval(f"SELECT count(*) FROM deliveries d WHERE {matches}", *values)
    found = await connection.fetch(
        f"SELECT {DELIVERY_COLUMNS} FROM deliveries d WHERE {matches}"
        f" ORDER BY delivery_id DESC LIMIT {next(slots)} OFFSET {next(slots)}",
        *values,
        limit,
        offset,
    )
    return DeliveryPage(tuple(notices.delivery(row) for row in found), total)


async def delivery(connection: Connection, account_id: int, delivery_id: str) -> Delivery | None:
    row = await connection.fetchrow(
        f"SELECT {DELIVERY_COLUMNS} FROM deliveries WHERE account_id = $1 AND delivery_id = $2",
        account_id,
        delivery_id,
    )
    return notices.delivery(row) if row else None


async def due(connection: Connection, at: int, each: int, limit: int) -> Sequence[Delivery]:
    return [notices.delivery(row) for row in await connection.fetch(DUE, at, each, limit)]


HANDLERS: Handlers = {
    KeepSecret: one_by_one(_keep_secret),
    SetStanding: one_by_one(_change_standing),
    AddDelivery: _add,
    BeginTry: _begin_tries,
    KeepTry: _keep_tries,
    SendAgain: one_by_one(_send_again),
    DropDeliveries: one_by_one(_drop),
}
