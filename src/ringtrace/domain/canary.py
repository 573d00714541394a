"""Canaries: numbers that nobody is shown, so that what calls them is noise."""

from collections.abc import Iterable
from dataclasses import dataclass

from ringtrace.domain.learning import Canaries


@dataclass(frozen=True, slots=True)
class Canary:
    """A number that nobody who could still call was shown from `since` on, and its calls.

    All times are ms since 1970 UTC.
    """

    since: int
    calls: tuple[int, ...] = ()


def heard(canaries: Iterable[Canary], since: int, until: int) -> Canaries:
    """What they measured in [since, until)."""
    ms = calls = 0
    for one in canaries:
        began = max(since, one.since)
        ms += max(0, until - began)
        calls += sum(began <= at < until for at in one.calls)
    return Canaries(ms / 1_000, calls)
