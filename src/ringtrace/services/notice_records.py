"""What is told to whom of calls, and how it went."""

from dataclasses import dataclass
from typing import Protocol

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.notice import Delivery, DeliveryState, Recipient
from ringtrace.domain.sending import Failure
from ringtrace.services.call_records import CallRecord


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Deliveries to one recipient, in one state, about one call; None: any."""

    recipient_id: str | None = None
    state: DeliveryState | None = None
    call: tuple[GatewayKind, str] | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Newest first; `total` counts all that match."""

    deliveries: tuple[Delivery, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Notice:
    """What a recipient is to be told: of a call as it is known now; of none when this is a test."""

    delivery: Delivery
    recipient: Recipient
    call: CallRecord | None


@dataclass(frozen=True, slots=True)
class Sent:
    """How a try went; without a `failure` the recipient has the notice.

    `code` is what HTTP or SMTP answered, `retry_after` the seconds he asked to be left alone.
    """

    code: int | None = None
    failure: Failure | None = None
    detail: str | None = None
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice as a person reads it; `unsubscribe` is the URL where he can have no more of them."""

    subject: str
    text: str
    html: str
    unsubscribe: str


class Sender(Protocol):
    async def __call__(self, notice: Notice) -> Sent:
        """Returns within the sender's own time-out, whatever happens outside."""
        ...
