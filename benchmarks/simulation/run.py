"""Runs one policy over the seeds of one world and writes the figures down."""

import json
import shlex
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from math import isnan, nan, sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks.simulation.bound import ranks
from benchmarks.simulation.play import play
from benchmarks.simulation.policies import LongestIdle, Policy, Trade
from benchmarks.simulation.scores import (
    Reliability,
    calibration_error,
    covered,
    named_bins,
    pooled,
    score,
)
from benchmarks.simulation.settings import DAY, MIXES, WORLDS, Settings
from benchmarks.simulation.stdio import Stdio
from benchmarks.simulation.world import World, generate

POLICIES = ("engine", "trade", "lru", "stdio")
# Quantiles 0.975 of Student's t by degrees of freedom; beyond, the normal one is close.
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
)  # fmt: skip
_NORMAL = 1.96


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. Calls are scored after `learn` days; `mix` None is the world's own."""

    visits: float = 10_000
    numbers: int = 20
    days: int = 13
    learn: int = 10
    seeds: int = 3
    first_seed: int = 1
    world: str = "reference"
    mix: str | None = None
    taps: bool = False
    site: int | None = None
    policy: str = "engine"
    command: str = "ringtrace engine --stdio"
    bound: bool = True

    def settings(self) -> Settings:
        base = replace(WORLDS[self.world], visits=self.visits, days=self.days, taps=self.taps)
        if self.mix is not None:
            base = replace(base, mix=MIXES[self.mix])
        return base if self.site is None else replace(base, site=self.site)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Mean over seeds and half of its 95 % t-interval (NaN with one seed)."""

    mean: float
    half: float


def estimate(values: Iterable[float]) -> Estimate:
    kept = [value for value in values if not isnan(value)]
    if not kept:
        return Estimate(nan, nan)
    if len(kept) == 1:
        return Estimate(kept[0], nan)
    quantile = _T[len(kept) - 2] if len(kept) - 2 < len(_T) else _NORMAL
    return Estimate(fmean(kept), quantile * stdev(kept) / sqrt(len(kept)))


def _policy(plan: Plan, world: World) -> AbstractContextManager[Policy]:
    if plan.policy == "trade":
        return nullcontext(Trade(plan.numbers, world.channels))
    if plan.policy == "lru":
        return nullcontext(LongestIdle(plan.numbers, world.channels))
    if plan.policy == "stdio":
        return Stdio(shlex.split(plan.command), plan.numbers, world.channels)
    from ringtrace.domain.engine import Engine  # noqa: PLC0415 - the others run without it

    return nullcontext(Engine(plan.numbers, world.channels))


def case(plan: Plan, seed: int, progress: Callable[[int], None]) -> dict[str, Any]:
    """The figures of one seed."""
    world = generate(plan.settings(), plan.numbers, seed)
    since = plan.learn * DAY
    with _policy(plan, world) as policy:
        record = play(world, policy, since, progress)
    figures = score(world, record, since)
    if plan.bound:
        places = ranks(world, since)
        figures["bound"] = float((places <= plan.numbers).mean()) if len(places) else nan
    return {
        "seed": seed,
        **figures,
        "covered": covered(world, record, since),
        "bins": [asdict(one) for one in named_bins(world, record, since)],
    }


def run(plan: Plan, *, quiet: bool = False) -> dict[str, Any]:
    """All seeds, and every figure's mean and interval over them."""
    cases: list[dict[str, Any]] = []
    for seed in range(plan.first_seed, plan.first_seed + plan.seeds):

        def progress(day: int, seed: int = seed) -> None:
            if not quiet:
                print(
                    f"\rseed {seed} ({len(cases) + 1}/{plan.seeds}) day {day + 1}/{plan.days} ",
                    end="", file=sys.stderr, flush=True,
                )  # fmt: skip

        cases.append(case(plan, seed, progress))
    if not quiet:
        print(file=sys.stderr)
    names = [name for name, value in cases[0].items() if isinstance(value, float)]
    summary = {name: asdict(estimate(one[name] for one in cases)) for name in names}
    summary["ece_pooled"] = asdict(Estimate(_pooled_error(cases), nan))
    return {"plan": asdict(plan), "summary": summary, "cases": cases}


def _pooled_error(cases: list[dict[str, Any]]) -> float:
    return calibration_error(pooled([[Reliability(**b) for b in one["bins"]] for one in cases]))


def save(result: dict[str, object], path: Path) -> None:
    """NaN is written as null."""
    path.write_text(json.dumps(_plain(result), indent=1) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and isnan(value) else value
