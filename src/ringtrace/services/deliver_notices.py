"""Takes what is due out of the outbox and tells the recipients, again and again until they know."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping

from ringtrace.domain.moment import DAY_MS, HOUR_MS, MINUTE_MS
from ringtrace.domain.notice import (
    Delivery,
    Event,
    Recipient,
    RecipientKind,
    Standing,
    Try,
    tried,
)
from ringtrace.domain.sending import Failure
from ringtrace.services.call_records import CallRecord
from ringtrace.services.commands import BeginTry, DropDeliveries, KeepTry
from ringtrace.services.directory import Directory
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.notice_records import Notice, Sender, Sent
from ringtrace.services.ports import Clock, Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
NOTE_SECONDS = 5.0
MOST_AT_ONCE = 32
MOST_EACH = 4
"""So many tries run at once, and so many to one recipient."""

TAKEN_MS = MINUTE_MS
"""So long a delivery is ours to try, which is longer than any try takes."""

_TIDY_MS = HOUR_MS


class DeliverNotices:
    """At least once: a try that a crash ended is made again. One server at a time tries a delivery.

    `draw` gives a number from 0 to 1, for the pauses; finished deliveries are kept for `days`.
    """

    def __init__(
        self,
        store: Store,
        directory: Directory,
        clock: Clock,
        draw: Callable[[], float],
        senders: Mapping[RecipientKind, Sender],
        days: int,
    ) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._draw = draw
        self._senders = senders
        self._days = days
        self._running: dict[str, asyncio.Task[None]] = {}
        self._busy: Counter[tuple[int, str]] = Counter()
        self._tidied_at = 0

    async def for_ever(self) -> None:
        """Runs until it is cancelled, whatever fails."""
        while True:
            try:
                await self.look()
                await self.tidy()
            except StoreAwayError:
                log.warning("outbox_out_of_reach")
            except Exception:  # one bad row must not end all deliveries
                log.exception("outbox_failed")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Begin to deliver what is due by now, as far as there is room."""
        for one in await self._store.due_deliveries(self._clock(), MOST_EACH, MOST_AT_ONCE):
            if one.delivery_id not in self._running and len(self._running) < MOST_AT_ONCE:
                self._begin(one)

    def _begin(self, delivery: Delivery) -> None:
        recipient = self._directory.recipient(delivery.account_id, delivery.recipient_id)
        if recipient is None or recipient.standing is not Standing.ACTIVE:
            return  # he has just become active, and we have not heard of it yet
        key, who = delivery.delivery_id, (recipient.account_id, recipient.recipient_id)
        if self._busy[who] >= MOST_EACH:
            return  # what came in since then may be due before what is running

        def over(_: asyncio.Task[None]) -> None:
            del self._running[key]
            self._busy[who] -= 1
            if not self._busy[who]:
                del self._busy[who]

        self._busy[who] += 1
        self._running[key] = asyncio.create_task(self._deliver(delivery, recipient))
        self._running[key].add_done_callback(over)

    async def settle(self) -> None:
        """Wait until all tries that have begun are over."""
        await asyncio.gather(*self._running.values())

    async def close(self) -> None:
        """Break off what is running: it is due again at the next start."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _deliver(self, found: Delivery, recipient: Recipient) -> None:
        began = self._clock()
        delivery = await self._taken(found, began)
        if delivery is None:
            return
        sent = await self._send(delivery, recipient)
        one = Try(began, (self._clock() - began) / 1_000, sent.code, sent.failure, sent.detail)
        after = tried(delivery, one, self._draw(), sent.retry_after)
        if await self._noted(KeepTry(delivery.account_id, after, one)):
            log.warning("recipient_stopped recipient=%s", delivery.recipient_id)
            await self._directory.refresh()

    async def _taken(self, delivery: Delivery, at: int) -> Delivery | None:
        """None: another server tries it, or has tried it meanwhile."""
        take = BeginTry(delivery.account_id, delivery.delivery_id, at, at + TAKEN_MS)
        try:
            return await self._store.submit(take)
        except StoreAwayError:
            log.warning("delivery_not_begun delivery=%s", delivery.delivery_id)
            return None

    async def _noted(self, command: KeepTry) -> bool:
        """While the store is away this waits: to try again meanwhile would tell it twice."""
        while True:
            try:
                return await self._store.submit(command)
            except StoreAwayError:
                log.warning("delivery_not_noted delivery=%s", command.delivery.delivery_id)
                await asyncio.sleep(NOTE_SECONDS)

    async def _send(self, delivery: Delivery, recipient: Recipient) -> Sent:
        try:
            call = await self._call(delivery)
            if call is None and delivery.event is not Event.TEST:
                return Sent(failure=Failure.CALL_FORGOTTEN)
            return await self._senders[recipient.kind](Notice(delivery, recipient, call))
        except Exception as error:  # noqa: BLE001 - whatever it is, the next try may go better
            # Without the exception's text: it may hold what the notice says of the caller.
            log.error("delivery_failed id=%s error=%s", delivery.delivery_id, type(error).__name__)  # noqa: TRY400 - as above
            return Sent(failure=Failure.INTERNAL)

    async def _call(self, delivery: Delivery) -> CallRecord | None:
        if delivery.gateway is None or delivery.call is None:
            return None
        return await self._store.call(delivery.account_id, delivery.gateway, delivery.call)

    async def tidy(self) -> None:
        """Forget, once an hour, what was finished so many days ago."""
        now = self._clock()
        if now - self._tidied_at < _TIDY_MS:
            return
        self._tidied_at = now
        for account_id in self._directory.account_ids():
            await self._store.submit(DropDeliveries(account_id, now - self._days * DAY_MS))
