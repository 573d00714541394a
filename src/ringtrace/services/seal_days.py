"""Every night the days that have ended, and those that changed since, are sealed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from ringtrace.domain.moment import DAY_MS, MINUTE_MS
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.ports import Clock, Store

log = logging.getLogger(__name__)

NIGHT_MS: Final = 30 * MINUTE_MS
"""A day is closed so long after midnight UTC: its last reports are in, its models are learnt."""

LOOK_SECONDS: Final = 60.0


def open_since(now: int) -> int:
    """The first day (since 1970 UTC) that is not closed at `now`, ms since 1970 UTC."""
    return (now - NIGHT_MS) // DAY_MS


async def every_night(seal: Callable[[], Awaitable[None]], store: Store, clock: Clock) -> None:
    """Runs until it is cancelled; soon after a start as well, for the nights that were missed.

    Of several servers one seals; who comes second finds everything sealed.
    """
    done = 0
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        night = open_since(clock())
        if night == done:
            continue
        try:
            async with store.alone("sealing") as mine:
                if mine:
                    done = night
                    await seal()
        except StoreAwayError:
            log.warning("days_not_sealed")
        except Exception:  # one night that goes wrong must not end the nights
            log.exception("days_not_sealed")
