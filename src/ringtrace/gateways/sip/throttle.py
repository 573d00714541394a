"""Keeps what strangers can cause at will from filling the log."""

import time

_INTERVAL = 1.0


class Throttle:
    """Admits one message a second."""

    def __init__(self) -> None:
        self._next = 0.0
        self._suppressed = 0

    def admit(self) -> int | None:
        """How many were suppressed since the last one admitted; `None` suppresses this one too."""
        now = time.monotonic()
        if now < self._next:
            self._suppressed += 1
            return None
        suppressed, self._suppressed = self._suppressed, 0
        self._next = now + _INTERVAL
        return suppressed
