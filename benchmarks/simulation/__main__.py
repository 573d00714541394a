"""`python -m benchmarks.simulation`: one policy over the seeds of one simulated world."""

import argparse
from pathlib import Path

from benchmarks.simulation.run import POLICIES, Plan, run, save
from benchmarks.simulation.settings import MIXES, WORLDS

_BOUND_UP_TO = 20_000.0


def _plan(arguments: argparse.Namespace) -> Plan:
    options = {name: value for name, value in vars(arguments).items() if name != "json"}
    if options["bound"] is None:
        options["bound"] = arguments.visits <= _BOUND_UP_TO
    return Plan(**options)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulation", description=__doc__)
    plan = Plan()
    parser.add_argument("--visits", type=float, default=plan.visits, help="a day")
    parser.add_argument("--numbers", type=int, default=plan.numbers)
    parser.add_argument("--days", type=int, default=plan.days)
    parser.add_argument("--learn", type=int, default=plan.learn, help="days before scoring")
    parser.add_argument("--seeds", type=int, default=plan.seeds)
    parser.add_argument("--first-seed", type=int, default=plan.first_seed)
    parser.add_argument("--world", choices=sorted(WORLDS), default=plan.world)
    parser.add_argument("--mix", choices=sorted(MIXES), help="of call delays (the world's own)")
    parser.add_argument("--taps", action="store_true")
    parser.add_argument("--site", type=int, help="seed of keywords and their call rates")
    parser.add_argument("--policy", choices=POLICIES, default=plan.policy)
    parser.add_argument("--command", default=plan.command, help="what --policy stdio starts")
    parser.add_argument(
        "--bound", action=argparse.BooleanOptionalAction, help="up to 20 000 visits a day"
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not 0 <= arguments.learn < arguments.days:
        parser.error("--learn must be less than --days")
    if arguments.numbers < 1 or arguments.seeds < 1:
        parser.error("--numbers and --seeds must be at least 1")
    return arguments


def main() -> None:
    arguments = _arguments()
    result = run(_plan(arguments))
    summary = result["summary"]
    assert isinstance(summary, dict)
    for name, figure in summary.items():
        print(f"{name:20} {figure['mean']:10.4f} ± {figure['half']:.4f}")
    if arguments.json is not None:
        save(result, arguments.json)


if __name__ == "__main__":
    main()
