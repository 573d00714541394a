"""Room at targets that take only so many calls: the backend knows, else the node's own count."""

import time
from collections.abc import Callable
from typing import Protocol

from ringtrace.domain.occupancy import TOLD_SECONDS, Occupancy
from ringtrace.domain.plan import Target
from ringtrace.gateways.sip.backend import LegNote
from ringtrace.gateways.sip.loop import Loop, Timer

_AWAY_SECONDS = 10.0  # a backend that did not answer keeps no further caller waiting for so long


class Teller(Protocol):
    """Who speaks to the backend; `done` is called on the loop, with `None` when it does not say."""

    def ask_room(self, call: str, note: LegNote, done: Callable[[bool | None], None]) -> None: ...

    def tell_leg(self, call: str, note: LegNote) -> None: ...


class Room:
    """Runs on the loop. Legs that are rung without a cap are not counted."""

    def __init__(
        self, loop: Loop, teller: Teller, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._loop = loop
        self._teller = teller
        self._now = now
        self._own = Occupancy(lasts=None)
        self._timers: dict[tuple[str, int], Timer] = {}
        self._away_until = 0.0

    def take(self, call: str, leg: int, target: Target, done: Callable[[bool], None]) -> None:
        """`done` is told whether the target has room, at once or when the backend has answered.

        The leg counts from now on, until `leave`.
        """
        if not self._own.occupy(target.to, call, leg, target.most_calls, 0):
            done(False)
            return
        self._tell_later(call, LegNote(leg, target.to))
        if self._now() < self._away_until:
            done(True)
            return

        def answered(free: bool | None) -> None:
            if free is None:
                self._away_until = self._now() + _AWAY_SECONDS
            done(free is not False)

        self._teller.ask_room(call, LegNote(leg, target.to, target.most_calls), answered)

    def leave(self, call: str, leg: int) -> None:
        """The leg is over; more than once is no harm."""
        timer = self._timers.pop((call, leg), None)
        if timer is None:
            return
        timer.cancel()
        self._own.vacate(call, leg)
        self._teller.tell_leg(call, LegNote(leg))

    def _tell_later(self, call: str, note: LegNote) -> None:
        """Say again and again that the leg is still there."""

        def tell() -> None:
            self._tell_later(call, note)
            self._teller.tell_leg(call, note)

        self._timers[call, note.leg] = self._loop.after(TOLD_SECONDS, tell)
