"""The virtual clock: what is due when."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

Action = Callable[[], None]


@dataclass(order=True, slots=True)
class Appointment:
    at: float
    """Virtual seconds since the session began."""
    sequence: int
    action: Action = field(compare=False)
    cancelled: bool = field(default=False, compare=False)


class Agenda:
    """Things due at the same moment happen in the order they were asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[Appointment] = []
        self._sequence = count()

    def after(self, seconds: float, action: Action) -> Appointment:
        return self.at(self.now + seconds, action)

    def at(self, moment: float, action: Action) -> Appointment:
        appointment = Appointment(max(moment, self.now), next(self._sequence), action)
        heapq.heappush(self._due, appointment)
        return appointment

    def step(self, until: float) -> bool:
        """Do the next thing and move the clock to it; False when nothing is due by `until`."""
        while self._due and self._due[0].cancelled:
            heapq.heappop(self._due)
        if not self._due or self._due[0].at > until:
            return False
        appointment = heapq.heappop(self._due)
        self.now = appointment.at
        appointment.action()
        return True
