"""What becomes slower when data, pools and clients grow? See README.md.

python -m benchmarks.growth [--full] [--only data,pool,clients] [--cache DIR]
"""

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from benchmarks import business, processes, wrk
from benchmarks.business import BUSY, BUSY_POOL, CALM, CALM_POOL
from benchmarks.measure import Client
from benchmarks.pages import Marketer
from benchmarks.past import Past, Shown
from benchmarks.processes import Server
from benchmarks.request import Template
from benchmarks.results import RESULTS, surroundings, write
from benchmarks.rounds import Figures, Point, in_turn, of_run
from ringtrace.store.sqlite.importing import SqliteImporting

DAYS: Final = 3.6
"""Of the smallest past; a hundred times as many are a year, of which nothing leaves yet."""
FULL_VISITS: Final = 30_000
_BROWSER: Final = {"Origin": business.ORIGIN, "User-Agent": "Mozilla/5.0 Chrome/142.0.0.0"}
_SHOWN_EACH: Final = 40
_WARM: Final = 200


@dataclass(frozen=True, slots=True)
class Options:
    """`visits` of the smallest past; `looks` at each page in a round."""

    visits: int = FULL_VISITS // 10
    scales: tuple[int, ...] = (1, 10, 100)
    pools: tuple[int, ...] = (20, 200, 2_000, 20_000)
    clients: tuple[int, ...] = (1, 2, 4, 8)
    only: tuple[str, ...] = ("data", "pool", "clients")
    rounds: int = 3
    seconds: int = 1
    connections: int = 64
    looks: int = 3
    cache: Path | None = None
    results: Path = RESULTS
    own_client: bool = False


def run(options: Options) -> list[Path]:
    """Measure, print the tables, write a JSON for each part; answers their paths."""
    by_wrk = wrk.path() is not None and not options.own_client
    written = []
    for part in options.only:
        with tempfile.TemporaryDirectory(prefix="ringtrace-bench-") as name:
            folder = Path(name)
            said = surroundings(folder) | {
                "client": "wrk" if by_wrk else "own", "rounds": options.rounds,
                "seconds": options.seconds, "connections": options.connections,
            }  # fmt: skip
            found = PARTS[part](options, folder, Client(by_wrk=by_wrk))
        written.append(write(options.results, f"growth_{part}", said | found))
    return written


def data(options: Options, folder: Path, client: Client) -> dict[str, object]:
    """A past of a few days, of ten times as many and of a hundred times as many."""
    past = {scale: _past(options, scale) for scale in options.scales}
    with contextlib.ExitStack() as parts:
        servers, looks = {}, {}
        for scale, one in past.items():
            place = folder / str(scale)
            _filled(options, one, place)
            server = servers[one.visits] = _server(parts, place)
            looks[one.visits] = Marketer(server.url, place)
            parts.callback(looks[one.visits].close)
        pages = {
            page: _told(page, in_turn(
                {size: partial(one.look, page, options.looks) for size, one in looks.items()},
                options.rounds,
            ))
            for page in next(iter(looks.values())).paths
        }  # fmt: skip
        places = {one.visits: folder / str(scale) for scale, one in past.items()}
        return {
            "what": "visits in the store",
            "days": [round(one.days, 2) for one in past.values()],
            "pages": pages,
            "pool_read": _told("pool_read", in_turn(
                {size: partial(_pool_read, server, places[size], BUSY_POOL)
                 for size, server in servers.items()},
                options.rounds,
            )),
            "subjects": _subjects(options, client, servers, places, CALM_POOL[0]),
        }  # fmt: skip


def pool(options: Options, folder: Path, client: Client) -> dict[str, object]:
    """Pools of ever more numbers; those that are called were shown to as many visits each."""
    with contextlib.ExitStack() as parts:
        servers, setups = {}, {}
        places = {size: folder / str(size) for size in options.pools}
        for size, place in places.items():
            numbers = business.numbers(size)
            called = [Shown(BUSY, number) for number in numbers[: len(CALM_POOL)]]
            setups[size] = _opened(place, numbers)
            _write(Past(_SHOWN_EACH * len(called), 0.2, called, calls=False), place)
            servers[size] = _server(parts, place)
        return {
            "what": "numbers in the pool",
            "setup_seconds": setups,
            "pool_read": _told("pool_read", in_turn(
                {size: partial(_pool_read, server, places[size], business.numbers(size))
                 for size, server in servers.items()},
                options.rounds,
            )),
            "subjects": _subjects(options, client, servers, places, business.numbers(1)[0]),
        }  # fmt: skip


def clients(options: Options, folder: Path, client: Client) -> dict[str, object]:
    """One server, and the echo floor, asked by ever more connections at once."""
    place = folder / "data"
    shown = [Shown(CALM, number) for number in CALM_POOL]
    _opened(place, BUSY_POOL)
    _write(Past(_SHOWN_EACH * len(shown), 0.2, shown, calls=False), place)
    with contextlib.ExitStack() as parts:
        floor = parts.enter_context(processes.echo(folder))
        server = _server(parts, place)
        templates = _templates(server, place, CALM_POOL[0])
        asked: dict[str, tuple[Server, Template]] = {
            one.name: (server, one) for one in templates
        } | {f"{one.name}_floor": (floor, one) for one in templates}
        found = {}
        for name, (subject, template) in asked.items():
            client.ask(subject, template, _WARM, 8)
            found[name] = _told(name, in_turn(
                {many: partial(_asked, client, subject, template, many, options.seconds)
                 for many in options.clients},
                options.rounds,
            ))  # fmt: skip
    return {"what": "connections", "subjects": found}


PARTS: Final[Mapping[str, Callable[[Options, Path, Client], dict[str, object]]]] = {
    "data": data, "pool": pool, "clients": clients,
}  # fmt: skip


def _subjects(
    options: Options,
    client: Client,
    servers: Mapping[int, Server],
    places: Mapping[int, Path],
    number: str,
) -> dict[str, object]:
    """Reports first: hits add to the visits that are shown a number, and plans to what is noted."""
    asked = {size: _templates(server, places[size], number) for size, server in servers.items()}
    found: dict[str, object] = {}
    for turn, name in enumerate(one.name for one in next(iter(asked.values()))):
        for size, server in servers.items():
            client.ask(server, asked[size][turn], _WARM, 8)
        found[name] = _told(name, in_turn(
            {size: partial(_asked, client, server, asked[size][turn], options.connections,
                           options.seconds)
             for size, server in servers.items()},
            options.rounds,
        ))  # fmt: skip
    return found


def _server(parts: contextlib.ExitStack, place: Path) -> Server:
    """Killed in the end: it would note thousands of arrivals first that nobody asks for."""
    server = parts.enter_context(processes.ringtrace(place))
    parts.callback(server.kill)
    return server


def _templates(server: Server, place: Path, number: str) -> tuple[Template, ...]:
    with business.api(server.url, place) as api:
        answer = api.post("/api/v1/tokens", json={"kind": "sip"}).raise_for_status()
    token = str(answer.json()["token"])
    return (
        business.report("report_pool", token, number),
        business.page(),
        business.arrival("plan_pool", token, number),
    )


def _asked(
    client: Client, server: Server, template: Template, connections: int, seconds: int
) -> Figures:
    return of_run(client.run(server, template, connections, seconds))


def _pool_read(server: Server, place: Path, numbers: Sequence[str]) -> Figures:
    """How long the set-up takes, and the next hit, for which the leases are read from the file."""
    with business.api(server.url, place) as api:
        began = time.perf_counter()
        api.put("/api/v1/setup", json=business.setup(numbers)).raise_for_status()
        applied = time.perf_counter()
        visit = f"{time.time_ns() // 1_000_000:012x}{time.time_ns():020x}"
        hit = {"site": BUSY, "kind": "page", "visitor": visit, "visit": visit, "url": business.PAGE}
        answer = httpx.post(
            f"{server.url}/t/hit", json=hit, headers=_BROWSER, timeout=60.0, trust_env=False
        )
        assert answer.json()["number"] is not None
        ended = time.perf_counter()
    return {"setup_ms": 1_000 * (applied - began), "hit_ms": 1_000 * (ended - applied)}


def _past(options: Options, scale: int) -> Past:
    shown = [Shown(BUSY, one) for one in BUSY_POOL] + [Shown(CALM, one) for one in CALM_POOL]
    return Past(options.visits * scale, DAYS * scale, shown)


def _filled(options: Options, past: Past, place: Path) -> None:
    """A copy of what an earlier run of the day kept in the cache, which this one keeps there."""
    if options.cache is None:
        _fill(past, place)
        return
    kept = options.cache / f"{past.visits}-{past.days:g}-{time.strftime('%Y-%m-%d', time.gmtime())}"
    if not kept.exists():
        half = kept.with_name(f"{kept.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        _fill(past, half)
        half.rename(kept)
    _say(f"{past.visits} visits are kept in {kept}")
    shutil.copytree(kept, place)


def _fill(past: Past, place: Path) -> None:
    """The days that have ended are sealed, as they are every night."""
    _say(f"writing {past.visits} visits of {past.days:g} days")
    _opened(place, BUSY_POOL)
    _write(past, place)
    subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "ringtrace", "seal", "--data", str(place)],
        check=True, capture_output=True,
    )  # fmt: skip


def _opened(place: Path, numbers: Sequence[str]) -> float:
    """The account, by a server that ends again; answers the seconds that its set-up took."""
    place.mkdir(parents=True)
    with processes.ringtrace(place) as server:
        began = time.perf_counter()
        business.open_business(server.url, place, numbers)
        return round(time.perf_counter() - began, 3)


def _write(past: Past, place: Path) -> None:
    with SqliteImporting(place / "ringtrace.db") as into:
        past.write(into, time.time_ns() // 1_000_000)


def _told(name: str, points: Sequence[Point]) -> list[dict[str, object]]:
    for one in points:
        figures = "  ".join(
            f"{figure} {value:,.4g} (x{one.ratios[figure].median:.2f})"
            for figure, value in one.figures.items()
        )
        print(f"{name:<18}{one.size:>9,}  {figures}", flush=True)
    return [asdict(one) for one in points]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="benchmarks.growth", description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"{FULL_VISITS} visits and more")
    parser.add_argument("--visits", type=int, default=FULL_VISITS // 10, help="the fewest")
    parser.add_argument("--only", default="data,pool,clients", help="parts, comma separated")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all sizes")
    parser.add_argument("--seconds", type=int, default=1, help="of each run")
    parser.add_argument("--cache", type=Path, help="folder that keeps the filled stores of today")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--own-client", action="store_true", help="do not use wrk")
    given = parser.parse_args(arguments)
    only = tuple(given.only.split(","))
    if not set(only) <= PARTS.keys():
        parser.error(f"--only: some of {', '.join(PARTS)} are needed")
    if min(given.visits, given.rounds, given.seconds) < 1:
        parser.error("every count is at least 1")
    return Options(
        visits=FULL_VISITS if given.full else given.visits, only=only, rounds=given.rounds,
        seconds=given.seconds, cache=given.cache, results=given.results,
        own_client=given.own_client,
    )  # fmt: skip


def main() -> None:
    for path in run(_options(None)):
        _say(f"wrote {path}")


if __name__ == "__main__":
    main()
