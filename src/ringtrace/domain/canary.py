"""Canaries: numbers that nobody is shown, so that what calls them is noise."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ringtrace.domain.learning import Canaries
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.number import NumberKind

PUBLISHED_WAIT_MS: Final = 365 * DAY_MS
"""People keep a number that was published, and call it long after.

For so long a network may let the number of a business rest at most before it gives it to somebody
else, in the United States (47 CFR 52.15(f)(1)(ii)). Some call even later.
"""


@dataclass(frozen=True, slots=True)
class Canary:
    """A number that nobody who could still call was shown from `since` on, and its calls.

    All times are ms since 1970 UTC.
    """

    since: int
    calls: tuple[int, ...] = ()


def published_until(was: NumberKind | None, becomes: NumberKind, at: int) -> int | None:
    """Till when a number that stops being static `at` is called by those who kept it."""
    if was is NumberKind.STATIC and becomes is not NumberKind.STATIC:
        return at + PUBLISHED_WAIT_MS
    return None


def heard(canaries: Iterable[Canary], since: int, until: int) -> Canaries:
    """What they measured in [since, until)."""
    ms = calls = 0
    for one in canaries:
        began = max(since, one.since)
        ms += max(0, until - began)
        calls += sum(began <= at < until for at in one.calls)
    return Canaries(ms / 1_000, calls)
