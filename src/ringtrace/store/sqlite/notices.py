"""Recipients of notices, and the outbox of deliveries to them."""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import repeat

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
from ringtrace.services.notice_records import DeliveryFilter, DeliveryPage
from ringtrace.store import notices, rows
from ringtrace.store.filters import joined, of_deliveries
from ringtrace.store.notices import DELIVERY_COLUMNS, ON_ITS_WAY, RECIPIENT_COLUMNS

_RECIPIENT = "account_id = ? AND recipient_id = ?"


class NoticeWriter:
    """Nobody else delivers what is in the file, so that who tries what is known in memory alone."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._taken_until: dict[tuple[int, str], int] = {}

    def keep_secret(self, command: KeepSecret) -> None:
        key = (command.account_id, command.recipient_id)
        recipient = _recipient(self._connection, key).with_secret(command.secret)
        self._connection.execute(
            f"UPDATE recipients SET secrets = ? WHERE {_RECIPIENT}",
            (rows.text(recipient.secrets), *key),
        )

    def set_standing(self, command: SetStanding) -> None:
        known = _recipient(self._connection, (command.account_id, command.recipient_id))
        _stand(self._connection, known, command.standing, command.at)

    def add(self, command: AddDelivery) -> None:
        enqueue(self._connection, [command.delivery])

    def begin_try(self, command: BeginTry) -> Delivery | None:
        key = (command.account_id, command.delivery_id)
        if self._taken_until.get(key, 0) > command.at:
            return None
        row = self._connection.execute(
            f"SELECT {DELIVERY_COLUMNS} FROM deliveries WHERE account_id = ? AND delivery_id = ?"
            " AND next_try_at <= ?",
            (*key, command.at),
        ).fetchone()
        if row is None:
            return None
        self._taken_until[key] = command.until
        return notices.delivery(row)

    def keep_try(self, command: KeepTry) -> bool:
        delivery = command.delivery
        self._taken_until.pop((delivery.account_id, delivery.delivery_id), None)
        key = (delivery.account_id, delivery.recipient_id)
        known = _recipient(self._connection, key)
        self._connection.execute(
            "UPDATE deliveries SET state = ?, next_try_at = ?, count = ?, tries = ?"
            " WHERE account_id = ? AND delivery_id = ?",
            (
                delivery.state.value, delivery.next_try_at, delivery.count,
                rows.text(delivery.tries), delivery.account_id, delivery.delivery_id,
            ),
        )  # fmt: skip
        after = notices.after_try(known, command)
        _write(self._connection, after)
        if after.standing is not Standing.ACTIVE:
            # Also when somebody else changed it during the try.
            _hold(self._connection, key)
        return after.standing is not known.standing

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
        f"INSERT INTO deliveries ({DELIVERY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        map(notices.delivery_row, deliveries),
    )


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
        notices.recipient_row(recipient),
    )
    known = _recipient(connection, key)
    if known.standing is not recipient.standing:
        _stand(connection, known, recipient.standing, at)


def _stand(connection: sqlite3.Connection, known: Recipient, standing: Standing, at: int) -> None:
    key = (known.account_id, known.recipient_id)
    _write(connection, notices.standing_so(known, standing))
    if standing is not Standing.ACTIVE:
        _hold(connection, key)
        return
    connection.execute(
        "UPDATE deliveries SET state = ?, next_try_at = ?, count = 0"
        f" WHERE {_RECIPIENT} AND state = ?",
        (DeliveryState.PENDING.value, at, *key, DeliveryState.HELD.value),
    )


def _write(connection: sqlite3.Connection, changed: Recipient) -> None:
    """Standing and failures."""
    connection.execute(
        f"UPDATE recipients SET standing = ?, failing_since = ? WHERE {_RECIPIENT}",
        (
            changed.standing.value, changed.failing_since,
            changed.account_id, changed.recipient_id,
        ),
    )  # fmt: skip


def _hold(connection: sqlite3.Connection, key: tuple[int, str]) -> None:
    connection.execute(
        f"UPDATE deliveries SET state = ?, next_try_at = NULL WHERE {_RECIPIENT}"
        " AND state IN (?, ?)",
        (DeliveryState.HELD.value, *key, *ON_ITS_WAY),
    )


def _recipient(connection: sqlite3.Connection, key: tuple[int, str]) -> Recipient:
    """Raises NotFoundError."""
    row = connection.execute(
        f"SELECT {RECIPIENT_COLUMNS} FROM recipients r WHERE {_RECIPIENT}", key
    ).fetchone()
    if row is None:
        raise notices.no_such_recipient()
    return notices.recipients([row])[0]


def all_recipients(connection: sqlite3.Connection) -> tuple[Recipient, ...]:
    return notices.recipients(
        connection.execute(
            f"SELECT {RECIPIENT_COLUMNS} FROM recipients r ORDER BY account_id, address"
        )
    )


def recipients(connection: sqlite3.Connection, account_id: int) -> tuple[Recipient, ...]:
    return notices.recipients(
        connection.execute(
            f"SELECT {RECIPIENT_COLUMNS} FROM recipients r WHERE account_id = ? ORDER BY address",
            (account_id,),
        )
    )


def deliveries(
    connection: sqlite3.Connection, account_id: int, where: DeliveryFilter, limit: int, offset: int
) -> DeliveryPage:
    matches, values = joined(of_deliveries(account_id, where), repeat("?"))
    (total,) = connection.execute(
        f"SELECT count(*) FROM deliveries d WHERE {matches}", values
    ).fetchone()
    found = connection.execute(
        f"SELECT {DELIVERY_COLUMNS} FROM deliveries d WHERE {matches}"
        " ORDER BY delivery_id DESC LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    return DeliveryPage(tuple(notices.delivery(row) for row in found), total)


def delivery(connection: sqlite3.Connection, account_id: int, delivery_id: str) -> Delivery | None:
    row = connection.execute(
        f"SELECT {DELIVERY_COLUMNS} FROM deliveries WHERE account_id = ? AND delivery_id = ?",
        (account_id, delivery_id),
    ).fetchone()
    return notices.delivery(row) if row else None


def due(connection: sqlite3.Connection, at: int, each: int, limit: int) -> Sequence[Delivery]:
    found = connection.execute(notices.DUE.format("?", "?", "?"), (at, each, limit))
    return [notices.delivery(row) for row in found]
