"""How many may call at once, and how many a second."""

from pathlib import Path
from typing import Any

import pytest

from ringtrace.gateways.sip.door import Door
from ringtrace.gateways.sip.settings import NodeSettings


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def door(**changes: Any) -> Door:
    return Door(
        NodeSettings(
            backend_url="http://127.0.0.1",
            token="t",
            spool_dir=Path("spool"),
            trusted_networks=("192.0.2.0/24",),
            listen_ip="127.0.0.1",
            **changes,
        )
    )


def test_calls_at_once_are_bounded_in_all_and_for_each_number(clock: list[float]) -> None:
    made = door(max_calls=3, max_calls_per_number=2)
    assert [made.admits(number) for number in "11122"] == [True, True, False, True, False]
    made.left("1")
    assert [made.admits(number) for number in "21"] == [True, False]
    assert made.live == 3
    assert clock == [100.0]


def test_a_number_has_a_rate_of_its_own(clock: list[float]) -> None:
    made = door(max_calls_per_second=100, max_calls_per_second_per_number=2)
    assert [made.admits(number) for number in "1112"] == [True, True, False, True]
    clock[0] += 0.5
    assert [made.admits(number) for number in "11"] == [True, False]


def test_a_refused_call_costs_nobody_elses_credit(clock: list[float]) -> None:
    made = door(max_calls_per_second=2, max_calls_per_second_per_number=1)
    assert [made.admits(number) for number in "1112"] == [True, False, False, True]
    assert clock == [100.0]


def test_a_slow_rate_admits_one_call_and_then_waits(clock: list[float]) -> None:
    made = door(max_calls_per_second=0.5)
    assert [made.admits("1"), made.admits("1")] == [True, False]
    clock[0] += 2
    assert made.admits("1")


def test_a_closed_door_admits_nobody() -> None:
    made = door()
    made.closed = True
    assert not made.admits("1")
