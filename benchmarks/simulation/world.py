"""One seeded world: its visits, its calls, and what the pool gets to see of them, in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from benchmarks.simulation.calls import Calls, Taps, calls, first_calls, taps
from benchmarks.simulation.sessions import Floats, Ints, Visits, visits
from benchmarks.simulation.settings import DAY, HEARTBEAT, Settings


class Kind(IntEnum):
    """Kinds of events, in the order in which simultaneous ones happen."""

    LEASE = 0
    CONTACT = 1
    SEEN = 2
    TAP = 3
    LEAVE = 4
    CALL = 5


# Time, kind, row of the visit (of the call for CALL).
Event = tuple[float, int, int]


@dataclass(frozen=True, slots=True)
class World:
    """Rows of `visits` are the visits' ids; rows of `calls` say what is true of each call."""

    settings: Settings
    numbers: int
    visits: Visits
    calls: Calls
    taps: Taps

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(channel.name for channel in self.settings.channels)

    def days(self) -> Iterator[list[Event]]:
        """The events of one day after the other, each in order of time."""
        columns = (np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        for day in range(self.settings.days):
            fresh = self._begun(day * DAY, (day + 1) * DAY)
            at, kind, row = (np.concatenate(both) for both in zip(columns, fresh, strict=True))
            order = np.lexsort((kind, at))
            at, kind, row = at[order], kind[order], row[order]
            cut = int(np.searchsorted(at, (day + 1) * DAY))
            yield list(zip(at[:cut].tolist(), kind[:cut].tolist(), row[:cut].tolist(), strict=True))
            columns = at[cut:], kind[cut:], row[cut:]

    def _begun(self, since: float, until: float) -> tuple[Floats, Ints, Ints]:
        """All events of the visits that begin in the span; calls and taps made in the span."""
        seen = self.visits
        rows = np.arange(*np.searchsorted(seen.at, (since, until)))
        at, seconds = seen.at[rows], seen.seconds[rows]
        beats = np.ceil(seconds / HEARTBEAT).astype(np.int64) - 1
        beat = np.arange(int(beats.sum())) - np.repeat(np.cumsum(beats) - beats, beats) + 1
        asked = np.flatnonzero(seen.contact[rows] < seconds)
        left = np.flatnonzero(seen.beacon[rows])
        tapped = slice(*np.searchsorted(self.taps.at, (since, until)))
        called = np.arange(*np.searchsorted(self.calls.at, (since, until)))
        parts = (
            (Kind.LEASE, at, rows),
            (Kind.CONTACT, (at + seen.contact[rows])[asked], rows[asked]),
            (Kind.SEEN, np.repeat(at, beats) + HEARTBEAT * beat, np.repeat(rows, beats)),
            (Kind.TAP, self.taps.at[tapped], self.taps.visit[tapped]),
            (Kind.LEAVE, (at + seconds)[left], rows[left]),
            (Kind.CALL, self.calls.at[called], called),
        )
        return (
            np.concatenate([times for _, times, _ in parts]),
            np.concatenate([np.full(len(times), int(kind)) for kind, times, _ in parts]),
            np.concatenate([ids for _, _, ids in parts]),
        )


def generate(settings: Settings, numbers: int, seed: int) -> World:
    """The same visits and genuine calls for every size of pool; wrong calls go with numbers."""
    streams = np.random.SeedSequence(seed).spawn(4)
    visiting, calling, tapping, ringing = (np.random.default_rng(stream) for stream in streams)
    seen = visits(settings, visiting)
    first = first_calls(settings, seen, calling)
    touched = taps(settings, seen, first, tapping)
    if not settings.taps:
        touched = Taps(touched.at[:0], touched.visit[:0])
    return World(settings, numbers, seen, calls(settings, seen, first, numbers, ringing), touched)
