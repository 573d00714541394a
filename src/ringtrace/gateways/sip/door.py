"""How many may call at once, and how many a second."""

import time
from collections import Counter, OrderedDict
from typing import Final

from ringtrace.gateways.sip.rate import Rate
from ringtrace.gateways.sip.settings import NodeSettings

_NUMBERS: Final = 10_000
"""So many numbers' rates are remembered; a forgotten one begins anew."""


class Door:
    """Has room for a call, or has not."""

    def __init__(self, settings: NodeSettings) -> None:
        self._max_calls = settings.max_calls
        self._max_per_number = settings.max_calls_per_number
        self._per_second = settings.max_calls_per_second_per_number
        self._rate = Rate(settings.max_calls_per_second, time.monotonic())
        self._rates: OrderedDict[str, Rate] = OrderedDict()
        self._live: Counter[str] = Counter()
        self.closed = False

    @property
    def live(self) -> int:
        return self._live.total()

    def admits(self, number: str) -> bool:
        """Take one call to `number` in, where there is room for it; `left` says when it ends."""
        now = time.monotonic()
        rates = [self._rate]
        if self._per_second is not None:
            rates.append(self._rate_of(number, self._per_second, now))
        most = self._max_per_number
        is_full = self.live >= self._max_calls or (most is not None and self._live[number] >= most)
        if self.closed or is_full or not all(rate.has_room(now) for rate in rates):
            return False
        for rate in rates:
            rate.take()
        self._live[number] += 1
        return True

    def left(self, number: str) -> None:
        self._live[number] -= 1
        if not self._live[number]:
            del self._live[number]

    def _rate_of(self, number: str, per_second: float, now: float) -> Rate:
        rate = self._rates.pop(number, None) or Rate(per_second, now)
        self._rates[number] = rate
        if len(self._rates) > _NUMBERS:
            self._rates.popitem(last=False)
        return rate
