"""How fast are the routes that visitors and callers wait for? See README.md.

python -m benchmarks.hot_routes [--rounds 5] [--seconds 1] [--concurrency 64,1,256]
    [--database-url postgresql://...]
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks import business, facts, processes, wrk
from benchmarks.kept import Where, kept, reported_ids, visit_ids
from benchmarks.layers import Layers, NotProfiledError
from benchmarks.measure import Bench, Result, Tally
from benchmarks.request import Template

RESULTS = Path(__file__).with_name("results")
BAR_CONNECTIONS = 64
_BARS = {
    "hit_page": ("hit to number, durable: requests/s over the floor's", 0.5),
    "plan": ("call arrived to plan: requests/s over the floor's", 0.8),
    "plan_pool": ("call to a pool number arrived to plan: requests/s over the floor's", 0.8),
}
_DATABASE_HIT_BAR = 0.4
"""Of `hit_page`, where the store is a database of its own."""

_MOST_P99_RATIO = 3.0
_AT_ANY_CONCURRENCY = {"plan", "hit_page"}


@dataclass(frozen=True, slots=True)
class Options:
    """`rounds` at the concurrency of the bars; at others half as many."""

    rounds: int = 5
    seconds: int = 1
    profile_seconds: int = 5
    concurrency: tuple[int, ...] = (64, 1, 256)
    exact: int = 2_000
    results: Path = RESULTS
    data: Path | None = None
    own_client: bool = False
    warm: bool = True
    database_url: str | None = field(default=None, repr=False)

    def bar(self, name: str) -> float:
        if name == "hit_page" and self.database_url is not None:
            return _DATABASE_HIT_BAR
        return _BARS[name][1]


class NotDurableError(AssertionError):
    """An acknowledged request is not in the file, or something is that nobody sent."""


def run(options: Options) -> Path:
    """Measure, print the table, write the JSON; answers its path. Raises NotDurableError."""
    by_wrk = wrk.path() is not None and not options.own_client
    if not by_wrk and not options.own_client:
        _say(f"{wrk.HOW_TO_GET}: falling back to the own client, whose own CPU blurs the figures")
    folder = Path(tempfile.mkdtemp(prefix="ringtrace-bench-", dir=options.data))
    try:
        with contextlib.ExitStack() as servers:
            document: dict[str, object] = {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "commit": facts.commit(),
                "machine": facts.machine(folder),
                "versions": facts.versions(),
                "client": "wrk" if by_wrk else "own",
                "store": "sqlite" if options.database_url is None else "postgresql",
                "rounds": options.rounds,
                "seconds": options.seconds,
            }
            floor = servers.enter_context(processes.echo(folder))
            subject = servers.enter_context(
                processes.ringtrace(folder / "data", options.database_url)
            )
            document |= _measure(options, Bench(subject, floor, by_wrk=by_wrk), folder / "data")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _write(options, document)


def _measure(options: Options, bench: Bench, data: Path) -> dict[str, object]:
    token = business.open_business(bench.subject.url, data)
    # The first ids are those of the calm site's visits: beats come from them.
    bench.ask(business.page(business.CALM), business.CALM_VISITS, 16)
    calm = business.CALM_POOL[0]
    templates = (
        business.arrival("plan", token, business.STATIC),
        business.arrival("plan_pool", token, calm),
        business.report("report", token, business.STATIC),
        business.report("report_pool", token, calm),
        business.page(),
        business.beat(),
    )
    print(_HEAD)
    found = {one.name: _subject(options, bench, one) for one in templates}
    profiles = _profiles(options, bench, templates)
    where = options.database_url or data
    stored = _stored(bench.tallies, where)
    memory = bench.subject.resident_mib()
    return {
        "subjects": {name: [asdict(one) for one in results] for name, results in found.items()},
        "layers": {name: asdict(one) for name, one in profiles.items()},
        "bars": _bars(options, found),
        "stored": stored,
        "killed": _killed(options, bench, token, where),
        "resident_mib": round(memory),
    }


def _subject(options: Options, bench: Bench, template: Template) -> list[Result]:
    if options.warm:
        bench.rounds(template, BAR_CONNECTIONS, 1, 1)  # not reported
    results = []
    for connections in options.concurrency:
        if connections != BAR_CONNECTIONS and template.name not in _AT_ANY_CONCURRENCY:
            continue
        rounds = options.rounds if connections == BAR_CONNECTIONS else options.rounds // 2
        result = bench.rounds(template, connections, max(1, rounds), options.seconds)
        assert result.failed == 0, f"{template.name}: {result.failed} refused or without answer"
        print(_row(template.name, result), flush=True)
        results.append(result)
    return results


def _profiles(options: Options, bench: Bench, templates: Iterable[Template]) -> dict[str, Layers]:
    """Nothing where the profiler may not look at the server."""
    found: dict[str, Layers] = {}
    print(_LAYERS_HEAD)
    for template in templates:
        if template.name not in _AT_ANY_CONCURRENCY:
            continue
        try:
            one = bench.layers(
                template, BAR_CONNECTIONS, options.profile_seconds, options.database_url
            )
        except NotProfiledError as error:
            _say(f"no profile: {error}")
            return {}
        print(_layers_row(template.name, one), flush=True)
        found[template.name] = one
    return found


def _stored(tallies: dict[str, Tally], where: Where) -> dict[str, object]:
    """What was acknowledged is stored; what is stored was sent.

    wrk breaks off what is under way when its time is up, so some that are stored were not
    acknowledged. A page view without a number leaves no visit, so the count proves the numbers too.
    """
    found = kept(where)
    pages = tallies["hit_page"]
    reports = _sum(tallies["report"], tallies["report_pool"])
    plans = _sum(tallies["plan"], tallies["plan_pool"])
    expect_stored("visits", pages, found.visits)
    expect_stored("reports", reports, found.reports)
    if found.seen != business.CALM_VISITS:
        raise NotDurableError(f"{found.seen} of {business.CALM_VISITS} visits kept their beats")
    return {
        "visits": asdict(pages) | {"stored": found.visits},
        "reports": asdict(reports) | {"stored": found.reports},
        "plans": asdict(plans) | {"noted": found.ringing},
    }


def expect_stored(what: str, tally: Tally, stored: int) -> None:
    """Raises NotDurableError."""
    if not tally.acknowledged <= stored <= tally.sent:
        raise NotDurableError(f"{what}: {tally} but {stored} are stored")


def _sum(*tallies: Tally) -> Tally:
    return Tally(sum(one.sent for one in tallies), sum(one.acknowledged for one in tallies))


def _killed(options: Options, bench: Bench, token: str, where: Where) -> dict[str, int]:
    """Ask, kill the server on the last answer, and look for every acknowledged id in the file."""
    before = visit_ids(where, bench.prefix), reported_ids(where, bench.prefix)
    report = business.report("report", token, business.STATIC)
    reports = bench.ask(report, max(1, options.exact // 4), BAR_CONNECTIONS)
    visits = bench.ask(business.page(), options.exact, BAR_CONNECTIONS)
    bench.subject.kill()
    stored = (
        visit_ids(where, bench.prefix) - before[0],
        reported_ids(where, bench.prefix) - before[1],
    )
    if stored != (visits, reports):
        raise NotDurableError("after kill -9 the store does not hold what was acknowledged")
    return {"visits": len(visits), "reports": len(reports), "missing": 0}


def _bars(options: Options, found: dict[str, list[Result]]) -> list[dict[str, object]]:
    bars: list[dict[str, object]] = []
    for name, results in found.items():
        for result in results:
            if name not in _BARS or result.connections != BAR_CONNECTIONS:
                continue
            what, bar = _BARS[name][0], options.bar(name)
            bars.append(_bar(what, f">= {bar}", result.rate_ratio.median,
                             met=result.rate_ratio.median >= bar))  # fmt: skip
            if name == "hit_page":
                ratio = result.p99_ratio.median
                bars.append(_bar("hit to number: p99 over the floor's", f"<= {_MOST_P99_RATIO}",
                                 ratio, met=ratio <= _MOST_P99_RATIO))  # fmt: skip
    return bars


def _bar(what: str, bar: str, measured: float, *, met: bool) -> dict[str, object]:
    return {"what": what, "bar": bar, "measured": round(measured, 3), "met": met}


_HEAD = (
    f"{'subject':<12}{'conn':>5}{'req/s':>9}{'floor':>9}{'ratio (min-max)':>20}"
    f"{'p50 ms':>9}{'p99 ms':>9}{'p99/floor':>11}{'CPU us':>8}{'floor':>7}"
)


def _row(name: str, one: Result) -> str:
    ratio = one.rate_ratio
    spread = f"{ratio.median:.2f} ({ratio.min:.2f}-{ratio.max:.2f})"
    return (
        f"{name:<12}{one.connections:>5}{one.rate:>9.0f}{one.floor_rate:>9.0f}{spread:>20}"
        f"{one.p50_us / 1e3:>9.2f}{one.p99_us / 1e3:>9.2f}{one.p99_ratio.median:>11.1f}"
        f"{one.cpu_us:>8.0f}{one.floor_cpu_us:>7.0f}"
    )


_LAYERS_HEAD = f"\n{'CPU us of':<12}" + "".join(
    f"{name:>10}" for name in ("http", "web", "services", "store", "writer", "database", "all")
)


def _layers_row(name: str, one: Layers) -> str:
    parts = (one.http, one.web, one.services, one.store, one.writer, one.database)
    return f"{name:<12}" + "".join(f"{part:>10.1f}" for part in (*parts, sum(parts)))


def _write(options: Options, document: dict[str, object]) -> Path:
    options.results.mkdir(parents=True, exist_ok=True)
    name = "hot_routes" if options.database_url is None else "hot_routes-postgresql"
    path = options.results / f"{name}-{datetime.now(UTC):%Y-%m-%d}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    return path


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="benchmarks.hot_routes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of floor and subject")
    parser.add_argument("--seconds", type=int, default=1, help="of each run")
    parser.add_argument("--profile-seconds", type=int, default=5, help="of each profile")
    parser.add_argument("--concurrency", default="64,1,256", help="connections, comma separated")
    parser.add_argument("--exact", type=int, default=2_000, help="page views before the kill")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--data", type=Path, help="folder on the disk to measure (default: TMP)")
    parser.add_argument("--database-url", help="an empty PostgreSQL database to measure over")
    parser.add_argument("--own-client", action="store_true", help="do not use wrk")
    given = parser.parse_args(arguments)
    try:
        concurrency = tuple(int(one) for one in given.concurrency.split(","))
    except ValueError:
        parser.error("--concurrency: numbers like 64,1,256 are needed")
    if min(given.rounds, given.seconds, given.profile_seconds, given.exact, *concurrency) < 1:
        parser.error("every count is at least 1")
    return Options(
        given.rounds, given.seconds, given.profile_seconds, concurrency, given.exact,
        given.results, given.data, given.own_client, database_url=given.database_url,
    )  # fmt: skip


def main() -> None:
    _say(f"wrote {run(_options(None))}")


if __name__ == "__main__":
    main()
