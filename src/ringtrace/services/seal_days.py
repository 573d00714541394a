"""Every night the days that have ended, and those that changed since, are sealed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from ringtrace.services.lake import DAY_MS
from ringtrace.services.ports import Clock

log = logging.getLogger(__name__)

NIGHT_MS: Final = 30 * 60_000
"""A day is closed so long after midnight UTC: its last reports are in, its models are learnt."""

_LOOK_SECONDS: Final = 60.0


def open_since(now: int) -> int:
    """The first day (since 1970 UTC) that is not closed at `now`, ms since 1970 UTC."""
    return (now - NIGHT_MS) // DAY_MS


async def every_night(seal: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Runs until it is cancelled; soon after a start as well, for the nights that were missed."""
    done = 0
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if open_since(clock()) == done:
            continue
        done = open_since(clock())
        try:
            await seal()
        except Exception:  # one night that goes wrong must not end the nights
            log.exception("days_not_sealed")
