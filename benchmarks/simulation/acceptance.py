"""The table of what must be shown, from files that `--json` wrote: targets beside figures.

`python -m benchmarks.simulation.acceptance FILE…` prints Markdown and fails (exit 1) when a target
is missed, or no file shows it.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

_LEARNED_DAYS = 10
_COVERAGE = (0.92, 0.98)
_COVERAGE_CASES = 500
_LEASE_GROWTH = 2.0


class Verdict(StrEnum):
    SHOWN = "shown"
    MISSED = "missed"
    ABSENT = "not run"
    REPORTED = "reported"


@dataclass(frozen=True, slots=True)
class Point:
    """One figure of a kind of run. Without a target it is only reported."""

    numbers: int
    figure: str
    at_least: float | None = None
    at_most: float | None = None
    visits: float = 10_000
    mix: str = "base"
    taps: bool = False
    policy: str = "engine"

    @property
    def world(self) -> str:
        taps = " with taps" if self.taps else ""
        return f"{self.visits:,.0f} visits/day, {self.mix}{taps}, {self.numbers} numbers"

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return "report" if self.at_most is None else f"≤ {self.at_most:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    world: str
    figure: str
    target: str
    reached: str
    verdict: Verdict


# The figures; of 80 and 320 numbers, small sites and taps the learned reference of the
# published study (of small sites with 3, 8 and 25 numbers only that of known hazards exists).
POINTS = (
    Point(20, "channel", at_least=0.99),
    Point(20, "keyword", at_least=0.70),
    Point(20, "visit", at_least=0.53),
    Point(20, "bound"),
    Point(20, "visit", at_least=0.68, taps=True),
    Point(20, "bound", taps=True),
    Point(20, "ece_pooled", at_most=0.04),
    Point(20, "ece_pooled", at_most=0.05, mix="fast"),
    Point(20, "ece_pooled", mix="slow"),
    Point(20, "visit", policy="trade"),
    Point(80, "visit", at_least=0.68),
    Point(80, "keyword", at_least=0.83),
    Point(160, "visit", at_least=0.74),
    Point(160, "keyword", at_least=0.87),
    Point(320, "visit", at_least=0.789),
    Point(320, "keyword", at_least=0.94),
    Point(10, "visit", at_least=0.67, taps=True),
    Point(40, "visit", at_least=0.73, taps=True),
    Point(160, "visit", at_least=0.78, taps=True),
    Point(3, "visit", visits=500),
    Point(8, "visit", visits=500),
    Point(12, "visit", at_least=0.75, visits=500),
    Point(25, "visit", visits=500),
    Point(400, "visit", visits=200_000),
    Point(400, "channel", visits=200_000),
    Point(20, "totals_error", at_most=0.05),
    Point(320, "totals_error", at_most=0.10),
)


def _shows(point: Point, run: Mapping[str, Any]) -> bool:
    plan = run["plan"]
    return (
        plan["numbers"] == point.numbers
        and plan["visits"] == point.visits
        and (plan["mix"] or "base") == point.mix
        and plan["world"] == "reference"
        and plan["site"] is None
        and plan["taps"] == point.taps
        and plan["policy"] == point.policy
        and (plan["learn"] >= _LEARNED_DAYS or point.target == "report")
    )


def _row(point: Point, runs: Sequence[Mapping[str, Any]]) -> Row:
    who = "" if point.policy == "engine" else f" ({point.policy})"
    for run in runs:
        found = run["summary"].get(point.figure) if _shows(point, run) else None
        if found is None or found["mean"] is None:
            continue
        mean, half = found["mean"], found["half"]
        reached = f"{mean:.3f}" if half is None else f"{mean:.3f} ± {half:.3f}"
        verdict = Verdict.REPORTED
        if point.at_least is not None:
            verdict = Verdict.SHOWN if mean >= point.at_least else Verdict.MISSED
        if point.at_most is not None:
            verdict = Verdict.SHOWN if mean <= point.at_most else Verdict.MISSED
        return Row(point.world, point.figure + who, point.target, reached, verdict)
    return Row(point.world, point.figure + who, point.target, "", Verdict.ABSENT)


def _coverage(runs: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Over all sizes and sites of a world; the target is the reference world's."""
    within: dict[str, list[bool]] = {"reference": []}
    for run in runs:
        if run["plan"]["policy"] == "engine" and run["plan"]["learn"] >= _LEARNED_DAYS:
            cases = within.setdefault(run["plan"]["world"], [])
            cases.extend(one for case in run["cases"] for one in case["covered"] or ())
    return [_covered(world, cases) for world, cases in within.items()]


def _covered(world: str, cases: Sequence[bool]) -> Row:
    target = "report"
    if world == "reference":
        target = f"{_COVERAGE[0]:.2f}-{_COVERAGE[1]:.2f} of ≥ {_COVERAGE_CASES} cases"
    if not cases:
        return Row(world, "coverage", target, "", Verdict.ABSENT)
    share = sum(cases) / len(cases)
    reached = f"{share:.3f} of {len(cases)}"
    if world != "reference":
        return Row(world, "coverage", target, reached, Verdict.REPORTED)
    good = len(cases) >= _COVERAGE_CASES and _COVERAGE[0] <= share <= _COVERAGE[1]
    return Row(world, "coverage", target, reached, Verdict.SHOWN if good else Verdict.MISSED)


def _lease_cost(runs: Sequence[Mapping[str, Any]]) -> list[Row]:
    cost = {
        run["plan"]["numbers"]: run["summary"]["lease_us"]["mean"]
        for run in runs
        if run["plan"]["policy"] == "engine"
    }
    small, large = cost.get(1_000), cost.get(20_000)
    rows = [("1,000 numbers", "≤ 60 µs", small, 60.0)]
    if small is not None:
        target = f"≤ {_LEASE_GROWTH:g} times that"
        rows.append(("20,000 numbers", target, large, _LEASE_GROWTH * small))
    return [
        Row(world, "CPU per lease", target, "", Verdict.ABSENT)
        if reached is None
        else Row(
            world, "CPU per lease", target, f"{reached:.1f} µs",
            Verdict.SHOWN if reached <= most else Verdict.MISSED,
        )
        for world, target, reached, most in rows
    ]  # fmt: skip


def table(runs: Sequence[Mapping[str, Any]]) -> list[Row]:
    return [*(_row(point, runs) for point in POINTS), *_coverage(runs), *_lease_cost(runs)]


def record(runs: Sequence[Mapping[str, Any]], rows: Sequence[Row]) -> dict[str, Any]:
    """The table and what it was read from, without the single seeds."""
    return {
        "table": [asdict(row) for row in rows],
        "runs": [
            {
                "plan": run["plan"],
                "summary": run["summary"],
                "covered": [
                    [sum(one["covered"]), len(one["covered"])]
                    for one in run["cases"]
                    if one["covered"] is not None
                ],
            }
            for run in runs
        ],
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.simulation.acceptance", description=__doc__
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--json", type=Path, help="where to keep the figures of all runs")
    arguments = parser.parse_args()
    runs = [json.loads(path.read_text()) for path in arguments.files]
    rows = table(runs)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(record(runs, rows), indent=1) + "\n")
    print("| world | figure | target | reached | |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.world} | {row.figure} | {row.target} | {row.reached} | {row.verdict} |")
    return int(any(row.verdict in {Verdict.MISSED, Verdict.ABSENT} for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
