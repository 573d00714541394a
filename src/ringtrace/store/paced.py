"""Writing much beside servers, so that they hardly wait."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

Rest = Callable[[float], None]
"""Waits for seconds."""

_REST: Final = 9
"""How much longer than a transaction the rest after it is: others have nine tenths of the time."""


class Pace:
    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """A transaction, and the rest after it."""
        began = time.monotonic()
        yield
        self._rest(_REST * (time.monotonic() - began))
