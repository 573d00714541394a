"""Recipients of notices and deliveries to them as the console shows them."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from ringtrace.domain.notice import (
    CALL_EVENTS,
    UNFINISHED,
    Delivery,
    Recipient,
    RecipientKind,
    Standing,
    Try,
)
from ringtrace.services.directory import Directory
from ringtrace.web.console import wording
from ringtrace.web.console.call_view import Badge
from ringtrace.web.console.session import Viewer


@dataclass(frozen=True, slots=True)
class RecipientView:
    """`events` are all there are, each with whether he is told of it."""

    recipient_id: str
    address: str
    is_webhook: bool
    told_of: str
    flows: tuple[str, ...]
    standing: Badge
    is_active: bool
    failing_since: datetime | None
    secret_made_at: datetime | None
    events: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class TryView:
    at: datetime
    said: str


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """`href` is the page of its call."""

    delivery_id: str
    event: str
    at: datetime
    href: str | None
    address: str
    state: Badge
    why: str | None
    next_try_at: datetime | None
    tries: tuple[TryView, ...]
    can_be_sent: bool


def recipient_view(directory: Directory, viewer: Viewer, one: Recipient) -> RecipientView:
    flows = directory.flows_of(one.account_id)
    return RecipientView(
        recipient_id=one.recipient_id,
        address=shown_address(one),
        is_webhook=one.kind is RecipientKind.WEBHOOK,
        told_of=", ".join(wording.EVENTS[event] for event in one.events),
        flows=tuple(kept.name for kept in flows if one.address in kept.flow.notified),
        standing=_standing(one),
        is_active=one.standing is Standing.ACTIVE,
        failing_since=_moment(one.failing_since, viewer),
        secret_made_at=_moment(one.secrets[0].made_at if one.secrets else None, viewer),
        events=tuple(
            (event.value, wording.EVENTS[event], event in one.events) for event in CALL_EVENTS
        ),
    )


def delivery_view(directory: Directory, viewer: Viewer, one: Delivery) -> DeliveryView:
    recipient = directory.recipient(one.account_id, one.recipient_id)
    last = one.tries[-1] if one.tries else None
    return DeliveryView(
        delivery_id=one.delivery_id,
        event=wording.EVENTS[one.event],
        at=wording.moment(one.occurred_at, viewer.zone),
        href=f"/calls/{one.gateway}/{quote(one.call, safe='')}" if one.call else None,
        address=shown_address(recipient) if recipient else "",
        state=Badge(*wording.DELIVERIES[one.state]),
        why=_said(last) if last and last.failure else None,
        next_try_at=_moment(one.next_try_at, viewer),
        tries=tuple(
            TryView(wording.moment(each.at, viewer.zone), _said(each))
            for each in reversed(one.tries)
        ),
        can_be_sent=(
            one.state not in UNFINISHED
            and recipient is not None
            and recipient.standing is Standing.ACTIVE
        ),
    )


def shown_address(one: Recipient) -> str:
    return one.mailbox if one.kind is RecipientKind.MAIL else one.address


def _standing(one: Recipient) -> Badge:
    if one.standing is Standing.ACTIVE and one.failing_since is not None:
        return Badge("Failing", "warn")
    return Badge(*wording.STANDINGS[one.standing])


def _said(one: Try) -> str:
    """What came of a try: "It answered that it did not work · 500 · 0.2 s"."""
    words = wording.FAILURES[one.failure] if one.failure else "It has arrived"
    answer = "" if one.code is None else f" · {one.code} {one.detail or ''}".rstrip()
    return f"{words}{answer} · {one.seconds:.1f} s"


def _moment(at: int | None, viewer: Viewer) -> datetime | None:
    return None if at is None else wording.moment(at, viewer.zone)
