"""The entry of digits: which keys count, and when it is over."""

from collections.abc import Callable
from enum import Enum

from ringtrace.gateways.sip.loop import Loop, Timer


class KeyWay(Enum):
    """How a key came; some networks deliver each of them in two ways."""

    MEDIA = "media"
    INFO = "info"


class DigitEntry:
    """Up to `count` digits, `#` ends early; over also `seconds` after the prompt or the last key.

    `keyed` gets all digits so far after each of them, `done` all of them, once. Runs on the loop.
    """

    def __init__(
        self,
        loop: Loop,
        count: int,
        seconds: float,
        *,
        keyed: Callable[[str], None],
        done: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._count = count
        self._seconds = seconds
        self._keyed = keyed
        self._done = done
        self._digits = ""
        self._way: KeyWay | None = None
        self._timer: Timer | None = None
        self._over = False

    def key(self, key: str, way: KeyWay) -> None:
        # The way of the first key is the call's: a second one would double the digits.
        self._way = self._way or way
        if self._over or way is not self._way:
            return
        if key == "#":
            self._finish()
            return
        if key.isdigit():
            self._digits += key
            self._keyed(self._digits)
        if len(self._digits) == self._count:
            self._finish()
            return
        self.wait()

    def wait(self) -> None:
        """The prompt has ended: from now on the caller has `seconds`."""
        if self._over:
            return
        self._cancel_timer()
        self._timer = self._loop.after(self._seconds, self._finish)

    def abandon(self) -> None:
        """The caller is gone; `done` is not called."""
        self._over = True
        self._cancel_timer()

    def _finish(self) -> None:
        if self._over:
            return
        self.abandon()
        self._done(self._digits)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
