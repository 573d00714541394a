"""The same measured at several sizes in turn, and how it changes from the smallest on."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from benchmarks.measure import Run, Spread

Figures: TypeAlias = Mapping[str, float]
"""By name; the same names in every round."""


@dataclass(frozen=True, slots=True)
class Point:
    """Medians over the rounds; ratios are to the first size within one round."""

    size: int
    figures: Figures
    ratios: Mapping[str, Spread]


def in_turn(runs: Mapping[int, Callable[[], Figures]], rounds: int) -> list[Point]:
    """By size, one run of each in every round."""
    found: dict[int, list[Figures]] = {size: [] for size in runs}
    for _ in range(rounds):
        for size, run in runs.items():
            found[size].append(run())
    first = next(iter(found.values()))
    return [_point(size, some, first) for size, some in found.items()]


def of_run(run: Run) -> Figures:
    """Raises AssertionError when a request was refused."""
    assert run.failed == 0, f"{run.failed} refused or without answer"
    return {"rate": run.rate, "p50_us": run.p50_us, "p99_us": run.p99_us, "cpu_us": run.cpu_us}


def _point(size: int, some: Sequence[Figures], first: Sequence[Figures]) -> Point:
    ratios = {}
    for name in some[0]:
        each = [one[name] / max(smallest[name], 1e-9)
                for one, smallest in zip(some, first, strict=True)]  # fmt: skip
        ratios[name] = Spread(statistics.median(each), min(each), max(each))
    return Point(size, {name: statistics.median(one[name] for one in some) for name in some[0]},
                 ratios)  # fmt: skip
