"""Lets a policy live through a world and notes what it said of every call, and what that cost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter, thread_time_ns
from typing import Protocol, runtime_checkable

import numpy as np

from benchmarks.simulation.calls import NOBODY
from benchmarks.simulation.policies import Answer, Policy
from benchmarks.simulation.sessions import Floats, Ints
from benchmarks.simulation.settings import DAY
from benchmarks.simulation.world import Kind, World

Totals = dict[str, tuple[float, float, float]]


@runtime_checkable
class Totalling(Protocol):
    """A policy that adds its calls up: (expected, low, high) by channel, 95 %."""

    def totals(self, since: float, until: float) -> Totals: ...


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of this thread: microseconds a lease and a call, seconds of the first event of each day.

    Of a policy in another process it is the cost of talking to it.
    """

    lease_us: Floats
    call_us: Floats
    learning_s: Floats
    wall_s: float


@dataclass(slots=True)
class Record:
    """`rows` of the world's calls, in order, with the answers; `number` of every visit, or -1."""

    rows: list[int] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    number: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    totals: Totals | None = None
    cost: Cost | None = None


class _Player:
    def __init__(self, world: World, policy: Policy) -> None:
        seen, calls = world.visits, world.calls
        self._policy = policy
        self._cookie: list[int] = seen.cookie.tolist()
        self._channel = [world.channels[index] for index in seen.channel.tolist()]
        self._keyword: list[int] = seen.keyword.tolist()
        self._device: list[int] = seen.device.tolist()
        self._visit: list[int] = calls.visit.tolist()
        self._caller: list[int] = calls.caller.tolist()
        self._wrong: list[int] = np.nan_to_num(calls.number * world.numbers).astype(int).tolist()
        self.number = [-1] * len(seen)
        self.lease_ns: list[int] = []
        self.call_ns: list[int] = []
        self.record = Record()

    def lease(self, t: float, row: int) -> None:
        channel, keyword = self._channel[row], self._keyword[row]
        began = thread_time_ns()
        number = self._policy.lease(t, row, self._cookie[row], channel, keyword, self._device[row])
        self.lease_ns.append(thread_time_ns() - began)
        self.number[row] = number

    def call(self, t: float, row: int) -> None:
        visit = self._visit[row]
        number = self._wrong[row] if visit == NOBODY else self.number[visit]
        began = thread_time_ns()
        answer = self._policy.call(t, number, self._caller[row])
        self.call_ns.append(thread_time_ns() - began)
        self.record.rows.append(row)
        self.record.answers.append(answer)


def play(
    world: World, policy: Policy, since: float, progress: Callable[[int], None] = lambda _: None
) -> Record:
    """Run all days; `progress` is told each day. Totals are asked for from `since` to the end."""
    player = _Player(world, policy)
    by_kind: dict[int, Callable[[float, int], None]] = {
        Kind.LEASE: player.lease,
        Kind.CONTACT: policy.contact,
        Kind.SEEN: policy.seen,
        Kind.TAP: policy.tap,
        Kind.LEAVE: policy.leave,
        Kind.CALL: player.call,
    }
    act = [by_kind[kind] for kind in Kind]
    learning: list[int] = []
    began = perf_counter()
    for day, events in enumerate(world.days()):
        progress(day)
        for t, kind, row in events[:1]:
            start = thread_time_ns()
            act[kind](t, row)
            learning.append(thread_time_ns() - start)
            del (player.lease_ns if kind == Kind.LEASE else [])[-1:]
            del (player.call_ns if kind == Kind.CALL else [])[-1:]
        for t, kind, row in events[1:]:
            act[kind](t, row)
    record = player.record
    record.number = np.array(player.number, dtype=np.int64)
    if isinstance(policy, Totalling):
        record.totals = policy.totals(since, world.settings.days * DAY)
    record.cost = Cost(
        np.array(player.lease_ns) / 1e3,
        np.array(player.call_ns) / 1e3,
        np.array(learning) / 1e9,
        perf_counter() - began,
    )
    return record
