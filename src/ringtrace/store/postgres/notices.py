"""The outbox of deliveries, which becomes the log of them."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from ringtrace.domain.notice import Delivery, DeliveryState, Standing
from ringtrace.services.commands import (
    AddDelivery,
    BeginTry,
    DropDeliveries,
    KeepTry,
    SendAgain,
)
from ringtrace.services.errors import NotFoundError
from ringtrace.services.notice_records import DeliveryFilter, DeliveryPage
from ringtrace.store import notices, rows
from ringtrace.store.credits import Key
from ringtrace.store.filters import joined, of_deliveries
from ringtrace.store.notices import DELIVERY_COLUMNS
from ringtrace.store.postgres import recipients
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.handlers import Handlers, one_by_one
from ringtrace.store.postgres.rowset import CALL_KEY, RowSet, storable
from ringtrace.store.postgres.slots import numbered

DUE: Final = notices.DUE.format("$1", "$2", "$3")

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


async def enqueue(connection: Connection, deliveries: Iterable[Delivery]) -> None:
    found = [notices.delivery_row(one) for one in deliveries]
    if found:
        await connection.execute(_ENQUEUE, *_DELIVERY.arrays(found))


async def audio_is_there(connection: Connection, calls: Collection[Key]) -> None:
    """What waited for it is due as of when it happened."""
    if calls:
        await connection.execute(_AUDIO_IS_THERE, *CALL_KEY.arrays(sorted(calls)))


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
    before = await recipients.locked(connection, set(of))
    after = dict(before)
    results: list[bool | NotFoundError] = []
    for key, command in zip(of, commands, strict=True):
        if key not in after:
            results.append(notices.no_such_recipient())
            continue
        known, after[key] = after[key], notices.after_try(after[key], command)
        results.append(after[key].standing is not known.standing)
    kept = [one.delivery for key, one in zip(of, commands, strict=True) if key in after]
    if kept:
        await connection.execute(_KEEP_TRIES, *_TRIED.arrays(_tried(kept)))
    await recipients.write(connection, [one for key, one in after.items() if one != before[key]])
    # Also when somebody else changed it during the try.
    await recipients.hold(
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
    AddDelivery: _add,
    BeginTry: _begin_tries,
    KeepTry: _keep_tries,
    SendAgain: one_by_one(_send_again),
    DropDeliveries: one_by_one(_drop),
}
