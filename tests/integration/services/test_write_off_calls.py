"""Calls that were never reported are closed, and give way to a report that comes after all."""

import asyncio

from ringtrace.domain.call import Outcome, Reason
from ringtrace.domain.moment import HOUR_MS
from tests.shop import RADIO, Shop, rfc

CALL = "0193c0de"


async def arrived(shop: Shop) -> None:
    answer = await shop.arrive(call=CALL, started_at=rfc(shop.clock.now))
    assert answer.status_code == 200, answer.text
    await shop.house.use_cases.route_call.settle()


async def test_a_call_is_closed_when_it_cannot_go_on_any_more(shop: Shop) -> None:
    write_off = shop.house.use_cases.write_off_calls
    await arrived(shop)
    shop.clock.now += 3 * HOUR_MS - 1_000
    assert await write_off() == 0
    assert (await shop.call(CALL)).report is None

    shop.clock.now += 2_000
    assert await write_off() == 1
    assert await write_off() == 0

    call = await shop.call(CALL)
    assert call.report is not None
    assert (call.report.outcome, call.report.reason) == (Outcome.FAILED, Reason.NEVER_REPORTED)
    assert (call.number, call.report.talk_seconds) == (RADIO, None)
    assert call.attribution.basis == "static_number", "it keeps what it is credited to"


async def test_a_report_that_comes_after_all_takes_its_place(shop: Shop) -> None:
    began = shop.clock.now
    await arrived(shop)
    shop.clock.now += 4 * HOUR_MS
    await shop.house.use_cases.write_off_calls()

    late = await shop.report(CALL, started_at=rfc(began))

    assert late.json() == {"result": "updated"}
    call = await shop.call(CALL)
    assert call.report is not None
    assert (call.report.outcome, call.report.reason) == (Outcome.ANSWERED, None)
    assert call.contradictions == 0


async def test_a_report_and_a_write_off_at_once_leave_the_report(shop: Shop) -> None:
    began = shop.clock.now
    await arrived(shop)
    shop.clock.now += 4 * HOUR_MS
    await asyncio.gather(
        shop.report(CALL, started_at=rfc(began)),
        shop.house.use_cases.write_off_calls(),
    )
    call = await shop.call(CALL)
    assert call.report is not None
    assert call.report.outcome is Outcome.ANSWERED
    assert call.contradictions == 0


async def test_a_call_that_was_reported_is_left_alone(shop: Shop) -> None:
    await arrived(shop)
    await shop.report(CALL, started_at=rfc(shop.clock.now))
    shop.clock.now += 40 * HOUR_MS
    assert await shop.house.use_cases.write_off_calls() == 0
