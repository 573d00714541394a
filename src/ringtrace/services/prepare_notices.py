"""Who is to be told that a call came to its outcome."""

from collections.abc import Callable
from dataclasses import dataclass

from ringtrace.domain.call import GatewayKind, Outcome, Report
from ringtrace.domain.notice import (
    AUDIO_WAIT_MS,
    Delivery,
    DeliveryState,
    Event,
    Recipient,
    Standing,
    event_of,
)
from ringtrace.services.directory import Directory

NewId = Callable[[int], str]
"""A new id of a moment, ms since 1970 UTC."""

_TOLD = {Standing.ACTIVE, Standing.STOPPED}


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that came to its outcome; `reported_at` is ms since 1970 UTC.

    `named` are the ids of recipients that its flow names; `is_spam` as it stands with the report.
    """

    account_id: int
    gateway: GatewayKind
    call: str
    report: Report
    reported_at: int
    named: frozenset[str] = frozenset()
    is_spam: bool = False

    @property
    def event(self) -> Event:
        return event_of(self.report.outcome, is_spam=self.is_spam)


class PrepareNotices:
    """Makes the deliveries that are kept in one transaction with the report."""

    def __init__(self, directory: Directory, new_id: NewId) -> None:
        self._directory = directory
        self._new_id = new_id

    def __call__(self, ended: Ended) -> tuple[Delivery, ...]:
        return tuple(
            self._delivery(ended, one)
            for one in self._directory.recipients_of(ended.account_id)
            if one.standing in _TOLD
            and (ended.event in one.events or one.recipient_id in ended.named)
        )

    def _delivery(self, ended: Ended, recipient: Recipient) -> Delivery:
        state, next_try_at = _beginning(ended, recipient)
        return Delivery(
            account_id=ended.account_id,
            delivery_id=self._new_id(ended.reported_at),
            recipient_id=recipient.recipient_id,
            event=ended.event,
            occurred_at=ended.reported_at,
            state=state,
            next_try_at=next_try_at,
            gateway=ended.gateway,
            call=ended.call,
        )


def _beginning(ended: Ended, recipient: Recipient) -> tuple[DeliveryState, int | None]:
    if recipient.standing is Standing.STOPPED:
        return DeliveryState.HELD, None
    if _lacks_audio(ended.report):
        return DeliveryState.WAITING, ended.reported_at + AUDIO_WAIT_MS
    return DeliveryState.PENDING, ended.reported_at


def _lacks_audio(report: Report) -> bool:
    """A message whose audio the gateway hands over after the report."""
    said = report.recording
    return report.outcome is Outcome.VOICEMAIL and said is not None and said.url is None
