"""A call gets its plan in time: from the backend, the cache or the fallback."""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from ringtrace.domain.call import PlanSource
from ringtrace.domain.plan import Dial, Plan
from ringtrace.gateways.sip.backend import (
    Arrival,
    Backend,
    BackendAwayError,
    LegNote,
    NumberUnknownError,
)
from ringtrace.gateways.sip.planner import CACHED_SECONDS, Decision, PlanCache, Planner
from ringtrace.gateways.sip.plans import fallback_plan

NUMBER = "15550100101"
ARRIVAL = Arrival("c1", NUMBER, None, "2026-11-23T06:30:00.120Z")
PLAN = msgspec.structs.replace(fallback_plan(NUMBER, "+15550199001", 20), cacheable=True)
OTHER = msgspec.structs.replace(PLAN, max_seconds=60, cacheable=False)
FALLBACK = "sip:desk@127.0.0.5"


@dataclass
class Clock:
    """A loop that runs what is posted when told, and timers when they are fired."""

    posted: "queue.Queue[Callable[[], None]]" = field(default_factory=queue.Queue)
    timers: list["Alarm"] = field(default_factory=list)

    def post(self, action: Callable[[], None]) -> None:
        self.posted.put(action)

    def after(self, seconds: float, action: Callable[[], None]) -> "Alarm":
        self.timers.append(Alarm(seconds, action))
        return self.timers[-1]

    def run_next(self) -> None:
        self.posted.get(timeout=5)()


@dataclass
class Alarm:
    seconds: float
    action: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class Scripted(Backend):
    """A backend that answers with a plan or an error, perhaps not before it is let."""

    def __init__(self, answer: Plan | Exception) -> None:
        super().__init__("http://backend.example", "t", 2.0, node="n")
        self.answer = answer
        self.let = threading.Event()
        self.let.set()
        self.told: queue.Queue[str] = queue.Queue()

    def has_room(self, call: str, note: LegNote, timeout: float) -> bool:
        assert (note, timeout) == (LegNote(1), 1.0)
        self.told.put(call)
        return self.let.wait(5)

    def plan(self, arrival: Arrival) -> Plan:
        assert arrival == ARRIVAL
        assert self.let.wait(5)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def plan_for_digits(self, call: str, digits: str, timeout: float) -> Plan:
        assert (call, digits, timeout) == ("c1", "4217", 3.0)
        return self.plan(ARRIVAL)


@dataclass
class Desk:
    folder: Path
    clock: Clock = field(default_factory=Clock)
    backend: Scripted = field(default_factory=lambda: Scripted(PLAN))
    fallback: str | None = FALLBACK
    decisions: list[Decision] = field(default_factory=list)

    def planner(self) -> Planner:
        return Planner(
            self.clock,
            self.backend,
            PlanCache(self.folder),
            timeout=2.0,
            fallback_target=self.fallback,
            fallback_ring_seconds=25,
        )

    def ask(self) -> Planner:
        planner = self.planner()
        planner.decide(ARRIVAL, self.decisions.append)
        return planner

    def decide(self) -> Decision:
        planner = self.ask()
        self.clock.run_next()
        planner.close()
        return self.decisions[-1]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "plans")
    yield desk
    desk.backend.close()


def test_backend_plan_is_followed_and_kept_for_its_absence(desk: Desk) -> None:
    assert desk.decide() == Decision(PLAN, PlanSource.BACKEND)
    assert (desk.clock.timers[0].seconds, desk.clock.timers[0].cancelled) == (2.0, True)
    desk.backend.answer = BackendAwayError("gone")
    assert desk.decide() == Decision(PLAN, PlanSource.CACHE)


def test_plan_of_a_visitor_is_not_kept(desk: Desk) -> None:
    desk.backend.answer = OTHER
    assert desk.decide() == Decision(OTHER, PlanSource.BACKEND)
    desk.backend.answer = BackendAwayError("gone")
    plan = desk.decide().plan
    assert plan is not None
    (dial,) = plan.steps
    assert isinstance(dial, Dial)
    assert dial.targets[0].to == FALLBACK


def test_plan_of_a_visitor_leaves_the_last_cacheable_one(desk: Desk) -> None:
    desk.decide()
    desk.backend.answer = OTHER
    desk.decide()
    desk.backend.answer = BackendAwayError("gone")
    assert desk.decide() == Decision(PLAN, PlanSource.CACHE)


def changed(plan: Plan, revision: str) -> Plan:
    return msgspec.structs.replace(plan, flow=f"office {revision}", revision=revision)


def test_a_flow_that_is_no_longer_cacheable_does_not_ring_its_former_targets(desk: Desk) -> None:
    desk.backend.answer = changed(PLAN, "1")
    desk.decide()
    desk.backend.answer = changed(OTHER, "2")
    desk.decide()
    desk.backend.answer = BackendAwayError("gone")
    assert desk.decide().source is PlanSource.FALLBACK


def test_a_callers_own_plan_of_the_same_flow_says_nothing_against_the_kept_one(desk: Desk) -> None:
    desk.backend.answer = changed(PLAN, "1")
    desk.decide()
    desk.backend.answer = changed(OTHER, "1")
    desk.decide()
    desk.backend.answer = BackendAwayError("gone")
    assert desk.decide() == Decision(changed(PLAN, "1"), PlanSource.CACHE)


@pytest.mark.parametrize(("days", "source"), [(89, PlanSource.CACHE), (91, PlanSource.FALLBACK)])
def test_a_plan_that_nobody_stood_by_for_long_is_not_trusted(
    desk: Desk, days: float, source: PlanSource
) -> None:
    desk.decide()
    (path,) = desk.folder.iterdir()
    aged(path, days)
    desk.backend.answer = BackendAwayError("gone")
    assert desk.decide().source is source


@pytest.mark.parametrize("answer", [PLAN, OTHER], ids=["the same", "a caller's own"])
def test_an_answer_of_the_same_flow_makes_the_kept_plan_young_again(
    desk: Desk, answer: Plan
) -> None:
    desk.decide()
    (path,) = desk.folder.iterdir()
    aged(path, 89)
    desk.backend.answer = answer
    desk.decide()
    assert time.time() - path.stat().st_mtime < CACHED_SECONDS / 2


def aged(path: Path, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(path, (then, then))


def test_fallback_rings_its_target_and_records_nothing(desk: Desk) -> None:
    desk.backend.answer = BackendAwayError("gone")
    decision = desk.decide()
    assert decision.source is PlanSource.FALLBACK
    assert decision.plan is not None
    (dial,) = decision.plan.steps
    assert isinstance(dial, Dial)
    assert (dial.targets[0].to, dial.targets[0].ring_seconds) == (FALLBACK, 25)
    assert (dial.caller_id, dial.record) == (NUMBER, False)


def test_without_fallback_there_is_no_plan(desk: Desk) -> None:
    desk.fallback = None
    desk.backend.answer = BackendAwayError("gone")
    assert desk.decide() == Decision(None, None)


def test_number_that_became_unknown_loses_its_kept_plan(desk: Desk) -> None:
    desk.decide()
    desk.backend.answer = NumberUnknownError()
    assert desk.decide().number_unknown
    desk.backend.answer = BackendAwayError("gone")
    assert desk.decide().source is PlanSource.FALLBACK


def test_slow_backend_is_not_waited_for_and_its_late_answer_changes_nothing(desk: Desk) -> None:
    desk.backend.let.clear()
    planner = desk.ask()
    desk.clock.timers[0].action()
    assert [d.source for d in desk.decisions] == [PlanSource.FALLBACK]
    desk.backend.let.set()
    desk.clock.run_next()
    planner.close()
    assert len(desk.decisions) == 1


def test_damaged_kept_plan_is_passed_over(desk: Desk) -> None:
    desk.decide()
    (path,) = desk.folder.iterdir()
    path.write_bytes(b"{")
    desk.backend.answer = BackendAwayError("gone")
    assert desk.decide().source is PlanSource.FALLBACK


def test_kept_plan_is_private_and_written_only_when_it_changes(desk: Desk) -> None:
    desk.decide()
    (path,) = desk.folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.stat().st_mtime_ns
    desk.decide()
    assert path.stat().st_mtime_ns == before
    desk.backend.answer = msgspec.structs.replace(PLAN, max_seconds=9)
    desk.decide()
    assert path.stat().st_mtime_ns > before


@pytest.mark.parametrize(
    ("answer", "expected"), [(OTHER, OTHER), (PLAN, PLAN), (BackendAwayError("gone"), None)]
)
def test_plan_for_digits_is_the_backends_or_none_and_never_kept(
    desk: Desk, answer: Plan | Exception, expected: Plan | None
) -> None:
    desk.backend.answer = answer
    found: list[Plan | None] = []
    planner = desk.planner()
    planner.decide_again("c1", "4217", found.append)
    desk.clock.run_next()
    planner.close()
    assert found == [expected]
    assert desk.clock.timers[0].cancelled
    assert list(desk.folder.iterdir()) == []


def test_digits_that_hang_are_given_up_after_three_seconds(desk: Desk) -> None:
    desk.backend.let.clear()
    found: list[Plan | None] = []
    planner = desk.planner()
    planner.decide_again("c1", "4217", found.append)
    (timer,) = desk.clock.timers
    assert timer.seconds == 3.0
    timer.action()
    desk.backend.let.set()
    desk.clock.run_next()
    planner.close()
    assert found == [None]


def test_what_a_hanging_backend_was_not_told_in_time_delays_no_plan_later(desk: Desk) -> None:
    """Nothing waits for such a word, and a leg that is never told of is forgotten by itself."""
    desk.backend.let.clear()
    planner = desk.planner()
    for _ in range(32):
        planner.tell_leg("hangs", LegNote(1))
    for _ in range(32):
        assert desk.backend.told.get(timeout=5) == "hangs"
    for _ in range(500):
        planner.tell_leg("too late", LegNote(1))
    time.sleep(1.0)  # so long a word of a leg is worth something
    desk.backend.let.set()
    planner.tell_leg("in time", LegNote(1))
    assert desk.backend.told.get(timeout=5) == "in time"
    planner.close()
