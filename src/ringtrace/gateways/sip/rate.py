"""How often something may happen."""


class Rate:
    """So many times a second, and `most` (else a second's worth) at once; `now` in seconds."""

    def __init__(self, per_second: float, now: float, *, most: float | None = None) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second) if most is None else most
        self._credit = self._most
        self._filled = now

    def has_room(self, now: float) -> bool:
        refill = (now - self._filled) * self._per_second
        self._credit = min(self._most, self._credit + refill)
        self._filled = now
        return self._credit >= 1

    def take(self) -> None:
        self._credit -= 1
