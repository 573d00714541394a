"""The job that empties the outbox, over a store that fails as told."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from ringtrace.domain.notice import (
    Delivery,
    DeliveryState,
    Event,
    Recipient,
    RecipientKind,
)
from ringtrace.domain.sending import Failure
from ringtrace.services import deliver_notices
from ringtrace.services.commands import BeginTry, KeepTry
from ringtrace.services.deliver_notices import (
    MOST_AT_ONCE,
    MOST_EACH,
    TAKEN_MS,
    DeliverNotices,
)
from ringtrace.services.directory import Directory
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.notice_records import Notice, Sent
from ringtrace.services.ports import Store
from ringtrace.services.setup_records import Configuration


def delivery(name: str, to: Recipient) -> Delivery:
    return Delivery(1, name, to.recipient_id, Event.TEST, 0, DeliveryState.PENDING, 0)


class Outbox:
    """A store of deliveries due to so many recipients; the first `away` notes of a try fail.

    `deaf`: no try can be begun; `taken`: another server is trying all of them.
    """

    def __init__(self, count: int, away: int = 0, hooks: int = 1) -> None:
        self.hooks = [Recipient(1, f"https://example.com/{i}") for i in range(hooks)]
        self.due = [delivery(f"id-{i}", self.hooks[i % hooks]) for i in range(count)]
        self.away = away
        self.deaf = self.taken = False
        self.asked: list[BeginTry] = []
        self.offered: dict[str, Delivery] = {}
        self.kept: list[KeepTry] = []

    async def configuration(self) -> Configuration:
        return Configuration((), (), (), (), recipients=tuple(self.hooks))

    async def due_deliveries(self, _at: int, _each: int, limit: int) -> Sequence[Delivery]:
        self.offered |= {one.delivery_id: one for one in self.due[:limit]}
        return self.due[:limit]

    async def submit(self, command: BeginTry | KeepTry) -> Delivery | bool | None:
        if isinstance(command, BeginTry):
            if self.deaf:
                raise StoreAwayError("the store cannot write")
            self.asked.append(command)
            return None if self.taken else self.offered[command.delivery_id]
        if self.away:
            self.away -= 1
            raise StoreAwayError("the store cannot write")
        self.kept.append(command)
        self.due = [one for one in self.due if one.delivery_id != command.delivery.delivery_id]
        return False


class Sender:
    def __init__(self) -> None:
        self.sent: list[Notice] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, notice: Notice) -> Sent:
        self.sent.append(notice)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Sent(200)


async def job(outbox: Outbox, sender: Sender) -> DeliverNotices:
    store = cast(Store, outbox)
    directory = Directory(store)
    await directory.refresh()
    senders: Any = {RecipientKind.WEBHOOK: sender}
    return DeliverNotices(store, directory, lambda: 1_000, lambda: 0.5, senders, 30)


async def test_what_is_on_its_way_is_not_begun_again() -> None:
    outbox, sender = Outbox(3), Sender()
    deliver = await job(outbox, sender)

    for _ in range(3):
        await deliver.look()
        await asyncio.sleep(0)
    sender.gate.set()
    await deliver.settle()

    assert [one.delivery.delivery_id for one in sender.sent] == ["id-0", "id-1", "id-2"]
    assert [kept.delivery.state for kept in outbox.kept] == [DeliveryState.DELIVERED] * 3


async def test_what_another_server_tries_is_left_to_it_until_it_is_gone() -> None:
    outbox, sender = Outbox(1), Sender()
    sender.gate.set()
    outbox.taken = True
    deliver = await job(outbox, sender)

    await deliver.look()
    await deliver.settle()
    before = len(sender.sent)
    outbox.taken = False
    await deliver.look()
    await deliver.settle()

    assert (before, len(sender.sent)) == (0, 1)
    assert outbox.asked == [BeginTry(1, "id-0", 1_000, 1_000 + TAKEN_MS)] * 2


async def test_what_cannot_be_taken_is_not_told_of_yet() -> None:
    outbox, sender = Outbox(1), Sender()
    sender.gate.set()
    outbox.deaf = True
    deliver = await job(outbox, sender)

    await deliver.look()
    await deliver.settle()
    before = len(sender.sent)
    outbox.deaf = False
    await deliver.look()
    await deliver.settle()

    assert (before, len(sender.sent)) == (0, 1)


async def test_no_more_are_begun_than_there_is_room_for() -> None:
    outbox, sender = Outbox(MOST_AT_ONCE + 9, hooks=MOST_AT_ONCE), Sender()
    deliver = await job(outbox, sender)

    await deliver.look()
    await deliver.look()
    await asyncio.sleep(0)

    assert len(sender.sent) == MOST_AT_ONCE
    await deliver.close()


async def test_one_recipient_gets_few_at_once_also_when_more_fall_due_before_them() -> None:
    outbox, sender = Outbox(MOST_EACH), Sender()
    deliver = await job(outbox, sender)
    await deliver.look()
    outbox.due = [delivery(f"earlier-{i}", outbox.hooks[0]) for i in range(MOST_EACH)]

    await deliver.look()
    await asyncio.sleep(0)
    assert len(sender.sent) == MOST_EACH
    sender.gate.set()
    await deliver.settle()
    await deliver.look()
    await deliver.settle()

    assert len(sender.sent) == 2 * MOST_EACH


async def test_while_the_store_is_away_nothing_is_told_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deliver_notices, "NOTE_SECONDS", 0.0)
    outbox, sender = Outbox(1, away=4), Sender()
    sender.gate.set()
    deliver = await job(outbox, sender)

    for _ in range(8):
        await deliver.look()
        await asyncio.sleep(0)
    await deliver.settle()

    assert len(sender.sent) == 1
    assert len(outbox.kept) == 1


async def test_a_sender_that_breaks_is_a_failed_try_and_its_words_are_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox, sender = Outbox(1), Sender()
    sender.gate.set()
    sender.error = RuntimeError("+12025550177 broke it")
    deliver = await job(outbox, sender)

    await deliver.look()
    await deliver.settle()

    (kept,) = outbox.kept
    assert kept.one.failure is Failure.INTERNAL
    assert kept.delivery.state is DeliveryState.PENDING
    assert "delivery_failed id=id-0 error=RuntimeError" in caplog.text
    assert "2025550177" not in caplog.text


async def test_what_a_close_breaks_off_stays_due() -> None:
    outbox, sender = Outbox(2), Sender()
    deliver = await job(outbox, sender)
    await deliver.look()
    await asyncio.sleep(0)

    await deliver.close()

    assert (len(sender.sent), outbox.kept, len(outbox.due)) == (2, [], 2)
