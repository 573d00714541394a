"""Recipients of notices and the outbox: how they lie in columns, and what a try makes of them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.notice import (
    UNFINISHED,
    Delivery,
    DeliveryState,
    Event,
    Recipient,
    Standing,
    failing,
    gives_up,
)
from ringtrace.services.commands import KeepTry
from ringtrace.services.errors import NotFoundError
from ringtrace.store import rows
from ringtrace.store.rows import Row

RECIPIENT_COLUMNS: Final = (
    "r.account_id, r.address, r.events, r.standing, r.secrets, r.failing_since"
)
"""Of a recipient `r`."""

DELIVERY_COLUMNS: Final = (
    "account_id, delivery_id, recipient_id, event, occurred_at, state, next_try_at, gateway,"
    " call_id, count, tries"
)

DUE: Final = (
    f"SELECT {DELIVERY_COLUMNS} FROM (SELECT d.*, row_number() OVER ("
    "  PARTITION BY d.account_id, d.recipient_id ORDER BY d.next_try_at, d.delivery_id) AS place"
    "  FROM deliveries d JOIN recipients r"
    "  ON r.account_id = d.account_id AND r.recipient_id = d.recipient_id"
    "  WHERE d.next_try_at <= {} AND r.standing = 'active') due"
    " WHERE place <= {} ORDER BY place, next_try_at, delivery_id LIMIT {}"
)
"""By when, how many of one recipient, how many in all; with a slot for each.

What somebody is trying stays in its place, so that several servers together keep to the limits.
"""

ON_ITS_WAY: Final = tuple(one.value for one in UNFINISHED)


def recipients(found: Iterable[Row]) -> tuple[Recipient, ...]:
    """From RECIPIENT_COLUMNS."""
    return tuple(
        Recipient(
            account_id=account_id,
            address=address,
            events=rows.events(events),
            standing=Standing(standing),
            secrets=rows.secrets(secrets),
            failing_since=failing_since,
        )
        for account_id, address, events, standing, secrets, failing_since in found
    )


def recipient_row(one: Recipient) -> tuple[object, ...]:
    """account_id, recipient_id and the rest of RECIPIENT_COLUMNS."""
    return (
        one.account_id, one.recipient_id, one.address, rows.text(one.events), one.standing.value,
        rows.text(one.secrets), one.failing_since,
    )  # fmt: skip


def no_such_recipient() -> NotFoundError:
    return NotFoundError("no such recipient", "recipient")


def standing_so(known: Recipient, standing: Standing) -> Recipient:
    """Who is sent things again starts without a past."""
    since = None if standing is Standing.ACTIVE else known.failing_since
    return replace(known, standing=standing, failing_since=since)


def after_try(known: Recipient, command: KeepTry) -> Recipient:
    """He may be stopped by it."""
    since = failing(known.failing_since, command.one)
    is_stopped = known.standing is Standing.ACTIVE and gives_up(command.delivery, since)
    standing = Standing.STOPPED if is_stopped else known.standing
    return replace(known, standing=standing, failing_since=since)


def delivery(row: Row) -> Delivery:
    """From DELIVERY_COLUMNS."""
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


def delivery_row(one: Delivery) -> tuple[object, ...]:
    """In the order of DELIVERY_COLUMNS."""
    return (
        one.account_id, one.delivery_id, one.recipient_id, one.event.value, one.occurred_at,
        one.state.value, one.next_try_at, one.gateway and one.gateway.value, one.call, one.count,
        rows.text(one.tries),
    )  # fmt: skip
