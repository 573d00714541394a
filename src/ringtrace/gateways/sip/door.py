"""Who may call, how many at once, and how many a second."""

import ipaddress
import time
from collections import Counter, OrderedDict
from typing import Final

from ringtrace.gateways.sip.settings import NodeSettings

_NUMBERS: Final = 10_000
"""So many numbers' rates are remembered; a forgotten one begins anew."""


class Rate:
    """So many calls a second, and a second's worth at once."""

    def __init__(self, per_second: float, now: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._credit = self._most
        self._filled = now

    def has_room(self, now: float) -> bool:
        refill = (now - self._filled) * self._per_second
        self._credit = min(self._most, self._credit + refill)
        self._filled = now
        return self._credit >= 1

    def take(self) -> None:
        self._credit -= 1


class Door:
    """Decides on requests outside of known dialogues."""

    def __init__(self, settings: NodeSettings) -> None:
        self._trusted = [ipaddress.IPv4Network(n) for n in settings.trusted_networks]
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

    def trusts(self, ip: str) -> bool:
        address = ipaddress.IPv4Address(ip)
        return any(address in network for network in self._trusted)

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
