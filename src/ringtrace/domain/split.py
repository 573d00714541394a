"""How a pool is split: which channels share which group of numbers, and how many numbers each gets.

The share of a channel is its expected calls, not its visits: holding a number longer is worth the
chance that its former holder still calls (pool.md 2.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass

TAIL = ""
"""The group of the channels that have none of their own; the name of no channel."""


@dataclass(frozen=True, slots=True)
class Split:
    """`groups` maps a channel to its group, `sizes` a group to its count of numbers.

    `fallback` is the group of a channel that nobody expected.
    """

    groups: Mapping[str, str]
    sizes: Mapping[str, int]
    fallback: str


def undivided(numbers: int) -> Split:
    return Split({}, {TAIL: numbers}, TAIL)


def divide(numbers: int, expected_calls: Mapping[str, float]) -> Split:
    """Split `numbers` in proportion to `expected_calls` (calls per channel in any one period).

    Channels that expect nothing count as very small ones; the mapping's order is of no account.
    Where there are fewer numbers than channels the smallest ones share a group.
    """
    wanted = _wanted(expected_calls)
    if not wanted or not numbers:
        return undivided(numbers)
    enough = numbers >= len(wanted)
    groups = {name: name for name in wanted} if enough else _merged_tail(numbers, wanted)
    due: dict[str, float] = {}
    for name, calls in wanted.items():
        due[groups[name]] = due.get(groups[name], 0.0) + calls
    sizes = largest_remainder(numbers, due)
    fallback = TAIL if TAIL in sizes else max(sizes, key=lambda name: (sizes[name], name))
    return Split(groups, sizes, fallback)


def _wanted(expected_calls: Mapping[str, float]) -> dict[str, float]:
    total = sum(calls for calls in expected_calls.values() if calls > 0)
    least = total * 1e-6 or 1.0
    return {name: max(expected_calls[name], least) for name in sorted(expected_calls)}


def _merged_tail(numbers: int, wanted: Mapping[str, float]) -> dict[str, str]:
    """Groups of their own for the biggest channels, one for all others."""
    by_calls = sorted(wanted, key=lambda name: (-wanted[name], name))
    own = set(by_calls[: numbers - 1])
    return {name: name if name in own else TAIL for name in wanted}


def largest_remainder(numbers: int, due: Mapping[str, float]) -> dict[str, int]:
    """Whole shares of `numbers` in proportion to `due`, at least one each.

    Needs at least as many numbers as names.
    """
    total = sum(due.values())
    # One each is a floor, not a gift: who is due more than one gets the rest of what he is due.
    rest = {name: max(0.0, numbers * calls / total - 1) for name, calls in due.items()}
    scale = (numbers - len(due)) / (sum(rest.values()) or 1.0)
    exact = {name: share * scale for name, share in rest.items()}
    sizes = {name: 1 + int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (int(exact[name]) - exact[name], name))
    for name in by_remainder[: numbers - sum(sizes.values())]:
        sizes[name] += 1
    return sizes
