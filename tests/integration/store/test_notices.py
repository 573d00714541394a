"""Who is told, and the outbox of what he is told, as every store keeps them."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ringtrace.domain.call import Outcome, Recording
from ringtrace.domain.moment import DAY_MS, MINUTE_MS
from ringtrace.domain.notice import (
    STOP_MS,
    Delivery,
    DeliveryState,
    Event,
    Recipient,
    Secret,
    Standing,
    Try,
    tried,
)
from ringtrace.domain.sending import Failure
from ringtrace.services.commands import (
    AddDelivery,
    BeginTry,
    Command,
    DropDeliveries,
    KeepSecret,
    KeepTry,
    NoteRecording,
    SendAgain,
    SetStanding,
)
from ringtrace.services.errors import NotFoundError
from ringtrace.services.notice_records import DeliveryFilter
from ringtrace.services.ports import Store
from tests.stores import AUDIO, NOW, SIP, STATIC, report, setup

HOOK = Recipient(1, "https://crm.example.com/hook", (Event.ANSWERED, Event.MISSED))
DESK = Recipient(1, "mail:desk@example.com", (Event.MISSED,))
EVERY, MOST = 4, 32
PENDING, WAITING, HELD = DeliveryState.PENDING, DeliveryState.WAITING, DeliveryState.HELD


@pytest.fixture(autouse=True)
async def known(store: Store) -> None:
    await store.submit(replace(setup(), recipients=(HOOK, DESK)))


def notice(name: str, to: Recipient = HOOK, call: str | None = "c", **changes: Any) -> Delivery:
    gateway = None if call is None else SIP
    delivery = Delivery(
        to.account_id, name, to.recipient_id, Event.ANSWERED, NOW, PENDING, NOW, gateway, call
    )
    return replace(delivery, **changes)


async def add(store: Store, *some: Delivery) -> None:
    await asyncio.gather(*(store.submit(AddDelivery(one.account_id, one)) for one in some))


async def kept(store: Store, name: str, account_id: int = 1) -> Delivery:
    found = await store.delivery(account_id, name)
    assert found is not None
    return found


async def logged(store: Store, **where: Any) -> list[str]:
    page = await store.deliveries(1, DeliveryFilter(**where), 100, 0)
    assert page.total == len(page.deliveries)
    return [one.delivery_id for one in page.deliveries]


async def due(store: Store, at: int = NOW, each: int = EVERY, most: int = MOST) -> list[str]:
    return [one.delivery_id for one in await store.due_deliveries(at, each, most)]


async def recipient(store: Store, address: str = HOOK.address) -> Recipient:
    (found,) = [one for one in await store.recipients(1) if one.address == address]
    return found


async def try_(
    store: Store, delivery: Delivery, failure: Failure | None = None, at: int = NOW
) -> bool:
    one = Try(at, 0.5, 200, failure, "d\0tail")
    return await store.submit(KeepTry(1, tried(delivery, one, 0.5), one))


async def test_recipients_are_known_to_the_configuration_and_to_their_account(
    store: Store,
) -> None:
    foreign = replace(HOOK, account_id=2)
    await store.submit(replace(setup(2, (STATIC,)), recipients=(foreign,)))

    assert (await store.configuration()).recipients == (HOOK, DESK, foreign)
    assert tuple(await store.recipients(1)) == (HOOK, DESK)
    assert list(await store.recipients(3)) == []


async def test_a_setup_that_is_sent_again_leaves_secrets_and_failures(store: Store) -> None:
    await add(store, notice("n"))
    await store.submit(KeepSecret(1, HOOK.recipient_id, Secret("first", NOW)))
    await store.submit(KeepSecret(1, HOOK.recipient_id, Secret("second", NOW + 1)))
    await try_(store, notice("n"), Failure.TIMED_OUT)

    changed = replace(HOOK, events=(Event.BUSY,))
    await store.submit(replace(setup(), recipients=(HOOK, changed)))

    secrets = (Secret("second", NOW + 1), Secret("first", NOW))
    assert await recipient(store) == replace(changed, secrets=secrets, failing_since=NOW)


async def test_a_setup_switches_a_recipient_off_and_on(store: Store) -> None:
    await add(store, notice("n"), notice("desk", DESK))

    await store.submit(replace(setup(), recipients=(replace(HOOK, standing=Standing.OFF),)))
    off = (await kept(store, "n")).state, await due(store)
    await store.submit(replace(setup(), recipients=(HOOK,), at=NOW + 5))

    assert off == (HELD, ["desk"])
    assert await kept(store, "n") == notice("n", next_try_at=NOW + 5)


async def test_a_call_is_told_of_when_it_comes_to_its_outcome_and_when_that_changes(
    store: Store,
) -> None:
    """Not by a report that says the same, completes it or contradicts it."""
    missed: dict[str, Any] = {"outcome": Outcome.MISSED, "talk_seconds": 0.0, "code": 480}

    async def tell(name: str, **changes: Any) -> None:
        told = (notice(name), notice(f"{name}-desk", DESK))
        await store.submit(replace(report("c", **changes), notices=told))

    await tell("1", **missed)
    await tell("2", **missed)
    await tell("3", **missed, session="s")
    await tell("4", **missed, number=STATIC)
    await tell("5", session="s")
    await tell("6", session="s", target="+12025550195")

    assert await logged(store) == ["5-desk", "5", "1-desk", "1"]
    assert await kept(store, "1") == notice("1")


async def test_reports_of_one_batch_are_told_of_as_if_they_came_alone(store: Store) -> None:
    missed = report("a", outcome=Outcome.MISSED, talk_seconds=0.0)
    reports = [
        missed, missed, report("a"), report("b"), report("b", session="s"),
        report("b", account_id=9),
    ]  # fmt: skip
    told = [
        replace(one, notices=(notice(str(n), call=one.call, account_id=one.account_id),))
        for n, one in enumerate(reports)
    ]

    await asyncio.gather(*(store.submit(one) for one in told), return_exceptions=True)

    assert await logged(store) == ["3", "2", "0"]


async def test_a_message_is_told_of_with_its_audio(store: Store) -> None:
    """Handed over, or named by a later report."""
    until = NOW + 10 * MINUTE_MS
    silent: dict[str, Any] = {"outcome": Outcome.VOICEMAIL, "recording": Recording(None, 9.0, 2)}
    names = ("handed", "named", "late")
    for call in names:
        waits = notice(call, call=call, state=WAITING, next_try_at=until)
        await store.submit(replace(report(call, **silent), notices=(waits,)))
    before = await due(store, NOW + 1)

    await store.submit(NoteRecording(1, SIP, "handed", AUDIO))
    await store.submit(report("named", **silent | {"recording": Recording("https://r", 9.0, 2)}))

    assert (before, await due(store)) == ([], ["handed", "named"])
    assert (await kept(store, "handed")).state is PENDING
    assert (await kept(store, "late")).state is WAITING
    assert await due(store, until) == ["handed", "named", "late"]


async def test_everybodys_oldest_are_due_first_and_few_of_each_recipient(store: Store) -> None:
    foreign = replace(DESK, account_id=2)
    await store.submit(replace(setup(2, (STATIC,)), recipients=(foreign,)))
    hooks = [notice(f"h{n}", next_try_at=NOW - n) for n in range(6)]
    desks = [notice(f"d{n}", DESK, next_try_at=NOW - n) for n in range(2)]
    await add(
        store, *hooks, *desks, notice("f", foreign), notice("later", DESK, next_try_at=NOW + 1)
    )

    assert await due(store, each=2) == ["h5", "d1", "f", "h4", "d0"]
    assert await due(store, each=2, most=3) == ["h5", "d1", "f"]
    assert await due(store, NOW - 3, each=9) == ["h5", "h4", "h3"]


async def test_what_came_late_for_one_who_is_no_longer_active_keeps_nobody_waiting(
    store: Store,
) -> None:
    await store.submit(SetStanding(1, HOOK.recipient_id, Standing.OFF, NOW))
    await add(store, notice("a"), notice("b", DESK))

    assert await due(store, most=1) == ["b"]


async def test_a_delivery_is_tried_by_one_at_a_time(store: Store) -> None:
    await add(store, notice("n"), notice("other"))
    take = BeginTry(1, "n", NOW, NOW + MINUTE_MS)

    told = await asyncio.gather(*(store.submit(take) for _ in range(3)))
    other = await store.submit(replace(take, delivery_id="other"))

    assert sorted(told, key=bool) == [None, None, notice("n")]
    assert other == notice("other")
    assert await store.submit(replace(take, at=NOW + MINUTE_MS - 1)) is None
    assert await store.submit(replace(take, account_id=2)) is None
    # Whoever took it is gone.
    taken = await store.submit(replace(take, at=NOW + MINUTE_MS, until=NOW + 2 * MINUTE_MS))
    assert taken == notice("n")


async def test_after_a_try_a_delivery_is_due_again_when_that_says_so(store: Store) -> None:
    await add(store, notice("n"))
    take = BeginTry(1, "n", NOW, NOW + 9 * MINUTE_MS)
    assert await store.submit(take) is not None

    assert not await try_(store, notice("n"), Failure.TIMED_OUT)

    after = await kept(store, "n")
    assert (after.count, len(after.tries), after.tries[0].detail) == (1, 1, "d\0tail")
    assert after.next_try_at is not None
    assert await store.submit(take) is None
    again = await store.submit(replace(take, at=after.next_try_at))
    assert again == after
    await try_(store, after, at=after.next_try_at)
    assert (await kept(store, "n")).state is DeliveryState.DELIVERED
    assert await store.submit(replace(take, at=NOW + DAY_MS)) is None


async def test_a_success_ends_the_failures_of_a_recipient(store: Store) -> None:
    await add(store, notice("a"), notice("b"))

    await try_(store, notice("a"), Failure.TIMED_OUT)
    await try_(store, notice("b"), Failure.TIMED_OUT, NOW + 5)
    since = (await recipient(store)).failing_since
    await try_(store, notice("b"), at=NOW + 9)

    assert (since, (await recipient(store)).failing_since) == (NOW, None)


async def test_one_who_is_gone_is_stopped_and_what_is_on_its_way_to_him_held(
    store: Store,
) -> None:
    waits = notice("waits", state=WAITING, next_try_at=NOW + 1)
    await add(store, notice("a"), notice("b"), waits, notice("desk", DESK))

    told = await asyncio.gather(
        try_(store, notice("a"), Failure.GONE), try_(store, notice("b"), Failure.TIMED_OUT)
    )

    assert sorted(told) == [False, True]
    assert (await recipient(store)).standing is Standing.STOPPED
    assert (await kept(store, "a")).state is DeliveryState.DEAD
    assert await logged(store, state=HELD) == ["waits", "b"]
    assert await due(store, NOW + DAY_MS) == ["desk"]
    assert [one.standing for one in (await store.configuration()).recipients] == [
        Standing.STOPPED, Standing.ACTIVE
    ]  # fmt: skip


async def test_one_whom_nothing_reached_for_two_days_is_stopped_when_one_is_given_up(
    store: Store,
) -> None:
    await add(store, notice("a"), notice("b"))
    await try_(store, notice("a"), Failure.TIMED_OUT)

    early = await try_(store, notice("b"), Failure.MAIL_REFUSED, NOW + STOP_MS - 1)
    late = await try_(store, notice("b"), Failure.MAIL_REFUSED, NOW + STOP_MS)

    assert (early, late) == (False, True)


async def test_who_was_switched_off_during_a_try_is_not_tried_again(store: Store) -> None:
    await add(store, notice("a"))
    assert await store.submit(BeginTry(1, "a", NOW, NOW + MINUTE_MS)) is not None
    await store.submit(SetStanding(1, HOOK.recipient_id, Standing.UNSUBSCRIBED, NOW))

    assert not await try_(store, notice("a"), Failure.TIMED_OUT)

    assert ((await kept(store, "a")).state, (await kept(store, "a")).next_try_at) == (HELD, None)
    assert (await recipient(store)).standing is Standing.UNSUBSCRIBED


async def test_who_is_started_again_gets_what_was_held_and_has_no_past(store: Store) -> None:
    await add(store, notice("a"), notice("b"), notice("desk", DESK))
    await try_(store, notice("a"), Failure.GONE)

    await store.submit(SetStanding(1, HOOK.recipient_id, Standing.ACTIVE, NOW + 9))

    assert await recipient(store) == HOOK
    assert await kept(store, "b") == notice("b", next_try_at=NOW + 9)
    assert (await kept(store, "a")).state is DeliveryState.DEAD


async def test_finished_deliveries_are_sent_again_to_those_who_are_active(store: Store) -> None:
    await add(store, notice("a"), notice("on its way"), notice("desk", DESK))
    await try_(store, notice("a"))
    await try_(store, notice("desk", DESK))
    await store.submit(SetStanding(1, DESK.recipient_id, Standing.OFF, NOW))
    asked = SendAgain(1, ("a", "a", "on its way", "desk", "no\0such"), NOW + 5)

    assert await store.submit(asked) == 1
    assert await store.submit(replace(asked, account_id=2)) == 0

    again = await kept(store, "a")
    assert (again.state, again.next_try_at, again.count, len(again.tries)) == (
        PENDING, NOW + 5, 0, 1
    )  # fmt: skip
    assert await store.submit(BeginTry(1, "a", NOW + 5, NOW + 6)) == again


async def test_old_finished_deliveries_are_dropped(store: Store) -> None:
    old = notice("old", occurred_at=NOW - 1)
    await add(store, old, notice("on its way", occurred_at=NOW - 1), notice("new"))
    await try_(store, old)
    await try_(store, notice("new"))

    assert await store.submit(DropDeliveries(2, NOW)) == 0
    assert await store.submit(DropDeliveries(1, NOW)) == 1
    assert await logged(store) == ["on its way", "new"]


async def test_the_log_is_filtered_and_read_page_by_page_newest_first(store: Store) -> None:
    test = notice("4", call=None, event=Event.TEST)
    await add(store, notice("1"), notice("2", call="d"), notice("3", DESK), test)
    await try_(store, notice("1"))

    assert await logged(store) == ["4", "3", "2", "1"]
    assert await logged(store, recipient_id=DESK.recipient_id) == ["3"]
    assert await logged(store, state=DeliveryState.DELIVERED) == ["1"]
    assert await logged(store, call=(SIP, "d")) == ["2"]
    assert await logged(store, call=(SIP, "\0"), recipient_id="\0") == []
    page = await store.deliveries(1, DeliveryFilter(), 2, 1)
    assert ([one.delivery_id for one in page.deliveries], page.total) == (["3", "2"], 4)
    assert await kept(store, "4") == test
    assert await store.delivery(1, "no\0such") is None


async def test_nobody_else_has_the_recipients_and_deliveries_of_an_account(store: Store) -> None:
    foreign = replace(HOOK, account_id=2)
    await store.submit(replace(setup(2, (STATIC,)), recipients=(foreign,)))
    await add(store, notice("n"), notice("n", foreign))

    await try_(store, notice("n"), Failure.GONE)

    assert await kept(store, "n", 2) == notice("n", foreign)
    assert list(await store.recipients(2)) == [foreign]
    assert (await store.deliveries(2, DeliveryFilter(), 9, 0)).total == 1


async def test_an_unknown_recipient_is_refused(store: Store) -> None:
    one = Try(NOW, 0.1)
    stray = notice("n", replace(HOOK, account_id=2))
    await add(store, notice("n"))
    asked: list[Command[Any]] = [
        KeepSecret(1, "x", Secret("s", NOW)), KeepSecret(2, HOOK.recipient_id, Secret("s", NOW)),
        SetStanding(1, "x", Standing.OFF, NOW), KeepTry(2, tried(stray, one, 0.5), one),
    ]  # fmt: skip

    told = await asyncio.gather(
        *(store.submit(command) for command in asked), return_exceptions=True
    )

    assert {type(answer) for answer in told} == {NotFoundError}
    assert await kept(store, "n") == notice("n")
