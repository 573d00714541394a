"""An account looks after its recipients: secrets, tests, starting them again, sending again."""

import base64
import secrets
from dataclasses import dataclass
from typing import Final

from ringtrace.domain.notice import (
    Delivery,
    DeliveryState,
    Event,
    Recipient,
    RecipientKind,
    Secret,
    Standing,
)
from ringtrace.services.commands import AddDelivery, KeepSecret, SendAgain, SetStanding
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError, NotFoundError
from ringtrace.services.notice_records import DeliveryFilter
from ringtrace.services.ports import Clock, Store
from ringtrace.services.prepare_notices import NewId

SECRET_BYTES: Final = 32
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class ChangeRecipients:
    store: Store
    directory: Directory
    clock: Clock
    new_id: NewId

    def own(self, account_id: int, recipient_id: str) -> Recipient:
        """Raises NotFoundError: not there, or another account's."""
        recipient = self.directory.recipient(account_id, recipient_id)
        if recipient is None:
            raise NotFoundError("no such recipient", "recipient")
        return recipient

    async def new_secret(self, account_id: int, recipient_id: str) -> Secret:
        """Signs from now on; the one before does for another day.

        Raises NotFoundError, FieldInvalidError when the recipient is no webhook.
        """
        recipient = self.own(account_id, recipient_id)
        if recipient.kind is not RecipientKind.WEBHOOK:
            raise FieldInvalidError("only webhooks are signed", "recipient")
        key = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        secret = Secret(key, self.clock())
        await self.store.submit(KeepSecret(account_id, recipient_id, secret))
        await self.directory.refresh()
        return secret

    async def test(self, account_id: int, recipient_id: str) -> Delivery:
        """Put a notice of nothing on its way. Raises NotFoundError, FieldInvalidError."""
        self._active(account_id, recipient_id)
        at = self.clock()
        delivery = Delivery(
            account_id=account_id,
            delivery_id=self.new_id(at),
            recipient_id=recipient_id,
            event=Event.TEST,
            occurred_at=at,
            state=DeliveryState.PENDING,
            next_try_at=at,
        )
        await self.store.submit(AddDelivery(account_id, delivery))
        return delivery

    async def start(self, account_id: int, recipient_id: str) -> Recipient:
        """What was held for him is sent. Raises NotFoundError."""
        return await self._stand(account_id, recipient_id, Standing.ACTIVE)

    async def stop(self, account_id: int, recipient_id: str) -> Recipient:
        """What is on its way is held, nothing more is added. Raises NotFoundError."""
        return await self._stand(account_id, recipient_id, Standing.OFF)

    async def unsubscribe(self, account_id: int, recipient_id: str) -> Recipient:
        """He himself wants no more. Raises NotFoundError."""
        return await self._stand(account_id, recipient_id, Standing.UNSUBSCRIBED)

    async def _stand(self, account_id: int, recipient_id: str, standing: Standing) -> Recipient:
        self.own(account_id, recipient_id)
        await self.store.submit(SetStanding(account_id, recipient_id, standing, self.clock()))
        await self.directory.refresh()
        return self.own(account_id, recipient_id)

    async def replay(self, account_id: int, delivery_id: str) -> Delivery:
        """Deliver once more what was delivered, or given up, before.

        Raises NotFoundError, FieldInvalidError when it is on its way or its recipient not active.
        """
        delivery = await self.delivery(account_id, delivery_id)
        self._active(account_id, delivery.recipient_id)
        if not await self.store.submit(SendAgain(account_id, (delivery_id,), self.clock())):
            raise FieldInvalidError("it is on its way already", "delivery")
        return await self.delivery(account_id, delivery_id)

    async def replay_lost(self, account_id: int, recipient_id: str, since: int) -> int:
        """All that was given up of what happened since then; answers how many.

        Raises NotFoundError, FieldInvalidError.
        """
        self._active(account_id, recipient_id)
        where, sent, offset = DeliveryFilter(recipient_id, DeliveryState.DEAD), 0, 0
        while True:
            page = await self.store.deliveries(account_id, where, _PAGE, offset)
            lost = tuple(d.delivery_id for d in page.deliveries if d.occurred_at >= since)
            again = await self.store.submit(SendAgain(account_id, lost, self.clock()))
            if not again:
                return sent
            sent += again
            offset += len(page.deliveries) - again

    async def delivery(self, account_id: int, delivery_id: str) -> Delivery:
        """Raises NotFoundError."""
        delivery = await self.store.delivery(account_id, delivery_id)
        if delivery is None:
            raise NotFoundError("no such delivery", "delivery")
        return delivery

    def _active(self, account_id: int, recipient_id: str) -> None:
        if self.own(account_id, recipient_id).standing is not Standing.ACTIVE:
            raise FieldInvalidError("the recipient is not active: start him first", "recipient")
