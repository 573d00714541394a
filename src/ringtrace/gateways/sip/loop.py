"""The one thread in which calls live, as seen by everything that must not know the SIP stack."""

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


class Loop(Protocol):
    def post(self, action: Callable[[], None]) -> None:
        """Run `action` on the loop soon; callable from any thread."""

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` on the loop in `seconds`; callable on the loop only."""
