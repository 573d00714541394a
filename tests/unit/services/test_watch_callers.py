"""What is remembered of callers is bounded, and nothing is held against whom nobody remembers."""

from collections.abc import Sequence
from typing import cast

import pytest

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.screening import Finding, PastCall, Rule
from ringtrace.services import watch_callers
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.neighbours import CallKey
from ringtrace.services.ports import Reads
from ringtrace.services.spam_records import WatchedCall
from ringtrace.services.watch_callers import CallerWatch

CALLER = "+12025550177"


def key(call: int) -> CallKey:
    return (1, GatewayKind.SIP, f"call-{call}")


def past(at: int) -> PastCall:
    return PastCall("+12025550101", at)


class Away:
    async def watched_calls(self, *_: object) -> Sequence[WatchedCall]:
        raise StoreAwayError("away")


async def test_without_the_store_the_watch_begins_empty(caplog: pytest.LogCaptureFixture) -> None:
    watch = CallerWatch(cast(Reads, Away()))

    await watch.load([1], 0)

    assert watch.calls_of(key(0), CALLER) == []
    assert "callers_not_loaded account=1" in caplog.text


def test_the_oldest_calls_of_a_caller_are_forgotten() -> None:
    watch = CallerWatch(cast(Reads, Away()))
    for call in range(80):
        watch.note(key(call), CALLER, past(call))

    assert sorted(one.at for one in watch.calls_of(key(99), CALLER)) == list(range(16, 80))
    assert len(watch.calls_of(key(79), CALLER)) == 63, "without the call itself"


def test_the_callers_of_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_callers, "_MOST_CALLERS", 3)
    watch = CallerWatch(cast(Reads, Away()))
    for call, caller in enumerate("abcad"):
        watch.note(key(call), caller, past(call))

    assert {one: len(watch.calls_of(key(99), one)) for one in "abcd"} == {
        "a": 2,
        "b": 0,
        "c": 1,
        "d": 1,
    }


def test_what_was_done_to_the_newest_calls_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_callers, "_MOST_FINDINGS", 2)
    watch, found = CallerWatch(cast(Reads, Away())), Finding(Rule.SILENT, "so")
    for call in range(3):
        watch.acted(key(call), found)

    assert [watch.finding(key(call)) for call in range(3)] == [None, found, found]


def test_callers_of_another_account_are_others() -> None:
    watch = CallerWatch(cast(Reads, Away()))
    watch.note(key(0), CALLER, past(0))

    assert watch.calls_of((2, GatewayKind.SIP, "call-9"), CALLER) == []
