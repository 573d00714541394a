"""Recipients of notices, and the outbox of deliveries to them."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.notice import (
    Delivery,
    DeliveryState,
    Event,
    Recipient,
    Standing,
    failing,
    gives_up,
)
from ringtrace.services.commands import (
    AddDelivery,
    DropDeliveries,
    KeepSecret,
    KeepTry,
    SendAgain,
    SetStanding,
)
from ringtrace.services.errors import NotFoundError
from ringtrace.services.ports import DeliveryFilter, DeliveryPage
from ringtrace.store import rows

_COLUMNS = (
    "account_id, delivery_id, recipient_id, event, occurred_at, state, next_try_at, gateway,"
    " call_id, count, tries"
)
_RECIPIENT = "account_id = ? AND recipient_id = ?"
_ON_ITS_WAY = (DeliveryState.WAITING.value, DeliveryState.PENDING.value)


class NoticeWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def keep_secret(self, command: KeepSecret) -> None:
        key = (command.account_id, command.recipient_id)
        recipient = _recipient(self._connection, key).with_secret(command.secret)
        self._connection.execute(
            f"UPDATE recipients SET secrets = ? WHERE {_RECIPIENT}",
            (rows.text(recipient.secrets), *key),
        )

    def set_standing(self, command: SetStanding) -> None:
        key = (command.account_id, command.recipient_id)
        _recipient(self._connection, key)
        _set_standing(self._connection, key, command.standing, command.at)

    def add(self, command: AddDelivery) -> None:
        enqueue(self._connection, [command.delivery])

    def keep_try(self, command: KeepTry) -> bool:
        delivery = command.delivery
        key = (delivery.account_id, delivery.recipient_id)
        self._connection.execute(
            "UPDATE deliveries SET state = ?, next_try_at = ?, count = ?, tries = ?"
            " WHERE account_id = ? AND delivery_id = ?",
            (
                delivery.state.value, delivery.next_try_at, delivery.count,
                rows.text(delivery.tries), delivery.account_id, delivery.delivery_id,
            ),
        )  # fmt: skip
        known = _recipient(self._connection, key)
        since = failing(known.failing_since, command.one)
        self._connection.execute(
            f"UPDATE recipients SET failing_since = ? WHERE {_RECIPIENT}", (since, *key)
        )
        is_stopped = known.standing is Standing.ACTIVE and gives_up(delivery, since)
        standing = Standing.STOPPED if is_stopped else known.standing
        if standing is not Standing.ACTIVE:
            # Also when somebody else changed it during the try.
            _set_standing(self._connection, key, standing, command.one.at)
        return is_stopped

    def send_again(self, command: SendAgain) -> int:
        sent = 0
        for delivery_id in command.delivery_ids:
            sent += self._connection.execute(
                "UPDATE deliveries SET state = ?, next_try_at = ?, count = 0"
                " WHERE account_id = ? AND delivery_id = ? AND next_try_at IS NULL"
                " AND recipient_id IN (SELECT recipient_id FROM recipients"
                "  WHERE account_id = ? AND standing = ?)",
                (
                    DeliveryState.PENDING.value, command.at, command.account_id, delivery_id,
                    command.account_id, Standing.ACTIVE.value,
                ),
            ).rowcount  # fmt: skip
        return sent

    def drop(self, command: DropDeliveries) -> int:
        return self._connection.execute(
            "DELETE FROM deliveries WHERE account_id = ? AND occurred_at < ?"
            " AND next_try_at IS NULL",
            (command.account_id, command.before),
        ).rowcount


def enqueue(connection: sqlite3.Connection, deliveries: Iterable[Delivery]) -> None:
    connection.executemany(
        f"INSERT INTO deliveries ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                one.account_id, one.delivery_id, one.recipient_id, one.event.value,
                one.occurred_at, one.state.value, one.next_try_at,
                one.gateway and one.gateway.value, one.call, one.count, rows.text(one.tries),
            )
            for one in deliveries
        ),
    )  # fmt: skip


def audio_is_there(connection: sqlite3.Connection, call: tuple[int, str, str]) -> None:
    """What waited for it is due as of when it happened."""
    connection.execute(
        "UPDATE deliveries SET state = ?, next_try_at = occurred_at"
        " WHERE account_id = ? AND gateway = ? AND call_id = ? AND state = ?",
        (DeliveryState.PENDING.value, *call, DeliveryState.WAITING.value),
    )


def put_recipient(connection: sqlite3.Connection, recipient: Recipient, at: int) -> None:
    key = (recipient.account_id, recipient.recipient_id)
    connection.execute(
        "INSERT INTO recipients VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (account_id, recipient_id) DO UPDATE SET events = excluded.events",
        (
            *key, recipient.address, rows.text(recipient.events), recipient.standing.value,
            rows.text(recipient.secrets), recipient.failing_since,
        ),
    )  # fmt: skip
    if _recipient(connection, key).standing is not recipient.standing:
        _set_standing(connection, key, recipient.standing, at)


def _set_standing(
    connection: sqlite3.Connection, key: tuple[int, str], standing: Standing, at: int
) -> None:
    # Who is sent things again starts without a past.
    connection.execute(
        f"UPDATE recipients SET standing = ?, failing_since = NULL WHERE {_RECIPIENT}"
        if standing is Standing.ACTIVE
        else f"UPDATE recipients SET standing = ? WHERE {_RECIPIENT}",
        (standing.value, *key),
    )
    if standing is Standing.ACTIVE:
        connection.execute(
            "UPDATE deliveries SET state = ?, next_try_at = ?, count = 0"
            f" WHERE {_RECIPIENT} AND state = ?",
            (DeliveryState.PENDING.value, at, *key, DeliveryState.HELD.value),
        )
    else:
        connection.execute(
            f"UPDATE deliveries SET state = ?, next_try_at = NULL WHERE {_RECIPIENT}"
            " AND state IN (?, ?)",
            (DeliveryState.HELD.value, *key, *_ON_ITS_WAY),
        )


def _recipient(connection: sqlite3.Connection, key: tuple[int, str]) -> Recipient:
    """Raises NotFoundError."""
    found = recipients(connection, _RECIPIENT, key)
    if not found:
        raise NotFoundError("no such recipient", "recipient")
    return found[0]


def recipients(
    connection: sqlite3.Connection, where: str = "TRUE", values: Sequence[object] = ()
) -> tuple[Recipient, ...]:
    return tuple(
        Recipient(
            account_id=account_id,
            address=address,
            events=rows.events(events),
            standing=Standing(standing),
            secrets=rows.secrets(secrets),
            failing_since=failing_since,
        )
        for account_id, address, events, standing, secrets, failing_since in connection.execute(
            "SELECT account_id, address, events, standing, secrets, failing_since FROM recipients"
            f" WHERE {where} ORDER BY account_id, address",
            values,
        )
    )


def deliveries(
    connection: sqlite3.Connection, account_id: int, where: DeliveryFilter, limit: int, offset: int
) -> DeliveryPage:
    gateway, call = where.call or (None, None)
    wanted: tuple[tuple[str, object], ...] = (
        ("account_id = ?", account_id),
        ("recipient_id = ?", where.recipient_id),
        ("state = ?", where.state and where.state.value),
        ("gateway = ?", gateway and gateway.value),
        ("call_id = ?", call),
    )
    matches = " AND ".join(part for part, value in wanted if value is not None)
    values = [value for _, value in wanted if value is not None]
    (total,) = connection.execute(
        f"SELECT count(*) FROM deliveries WHERE {matches}", values
    ).fetchone()
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM deliveries WHERE {matches}"
        " ORDER BY delivery_id DESC LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    return DeliveryPage(tuple(_delivery(row) for row in found), total)


def delivery(connection: sqlite3.Connection, account_id: int, delivery_id: str) -> Delivery | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM deliveries WHERE account_id = ? AND delivery_id = ?",
        (account_id, delivery_id),
    ).fetchone()
    return _delivery(row) if row else None


def due(connection: sqlite3.Connection, at: int, each: int, limit: int) -> Sequence[Delivery]:
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM (SELECT *, row_number() OVER (PARTITION BY account_id,"
        "  recipient_id ORDER BY next_try_at, delivery_id) AS place"
        "  FROM deliveries WHERE next_try_at <= ?)"
        " WHERE place <= ? ORDER BY next_try_at, delivery_id LIMIT ?",
        (at, each, limit),
    )
    return [_delivery(row) for row in found]


def _delivery(row: tuple[Any, ...]) -> Delivery:
    (account_id, delivery_id, recipient_id, event, occurred_at, state, next_try_at, gateway, call,
     count, tries) = row  # fmt: skip
    return Delivery(
        account_id=account_id,
        delivery_id=delivery_id,
        recipient_id=recipient_id,
        event=Event(event),
        occurred_at=occurred_at,
        state=DeliveryState(state),
        next_try_at=next_try_at,
        gateway=GatewayKind(gateway) if gateway else None,
        call=call,
        count=count,
        tries=rows.tries(tries),
    )
