"""The job that closes calls nobody reported, over a store that fails as told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest

from ringtrace.domain.account import Account
from ringtrace.services import write_off_calls
from ringtrace.services.call_records import CallRecord
from ringtrace.services.directory import Directory
from ringtrace.services.ports import Store
from ringtrace.services.record_call import RecordCall
from ringtrace.services.setup_records import Configuration
from ringtrace.services.write_off_calls import WriteOffCalls


class Calls:
    """A store of no calls; it breaks when it is asked first."""

    def __init__(self) -> None:
        self.asked = 0
        self.asked_again = asyncio.Event()

    async def configuration(self) -> Configuration:
        return Configuration((Account(1, "Shop", "US"),), (), (), ())

    async def unreported(self, _account: int, _since: int, _until: int) -> Sequence[CallRecord]:
        self.asked += 1
        if self.asked == 1:
            raise ValueError("a row that nobody can read")
        self.asked_again.set()
        return ()

    @contextlib.asynccontextmanager
    async def alone(self, _job: str) -> AsyncIterator[bool]:
        yield True


async def job(calls: Calls) -> WriteOffCalls:
    directory = Directory(cast(Store, calls))
    await directory.refresh()
    recording = cast(RecordCall, None)
    return WriteOffCalls(cast(Store, calls), directory, lambda: 1_000, recording)


async def test_after_a_start_the_gateways_deliver_first_what_waited_for_us() -> None:
    """Else every call that an outage ended would be told of as failed, and then as what it was."""
    calls = Calls()
    running = asyncio.create_task((await job(calls)).for_ever())

    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()

    assert calls.asked == 0


async def test_a_look_that_breaks_is_not_the_last(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(write_off_calls, "LOOK_SECONDS", 0.0)
    calls = Calls()
    running = asyncio.create_task((await job(calls)).for_ever())

    await asyncio.wait_for(calls.asked_again.wait(), 5)
    running.cancel()

    assert "write_off_failed" in caplog.text
