"""How much memory does a server keep, and is there an end to it? See README.md.

python -m benchmarks.memory [--full] [--only pools,accounts,lake]
"""

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from benchmarks import business, lake, processes, wrk
from benchmarks.days import LAST
from benchmarks.measure import Client
from benchmarks.processes import Server
from benchmarks.request import Template
from benchmarks.results import RESULTS, surroundings, write
from ringtrace.domain.moment import DAY_MS
from ringtrace.store.lake.place import LakeFolder
from ringtrace.store.lake.worker import LakeReports, Sources
from ringtrace.store.sqlite.days import SqliteDays

_SECONDS: Final = 2
_CONNECTIONS: Final = 64
_AREA_LINES: Final = 200
_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Options:
    """`visits`, `others`: after so many new visits, plans and signs of life memory is looked at.

    `lake_visits` are sealed.
    """

    visits: tuple[int, ...] = (20_000, 40_000)
    others: tuple[int, ...] = (20_000, 40_000)
    pools: tuple[int, ...] = (20, 20_000)
    accounts: tuple[int, ...] = (1, 100)
    lake_visits: int = 200_000
    only: tuple[str, ...] = ("pools", "accounts", "lake")
    results: Path = RESULTS
    own_client: bool = False


FULL: Final = Options(visits=(100_000, 400_000), lake_visits=2_000_000)


def run(options: Options) -> list[Path]:
    """Measure, print, write a JSON for each part; answers their paths. All figures are MiB."""
    client = Client(by_wrk=wrk.path() is not None and not options.own_client)
    written = []
    for part in options.only:
        with tempfile.TemporaryDirectory(prefix="ringtrace-bench-") as name:
            said = surroundings(Path(name))
            found = PARTS[part](options, Path(name), client)
        print(f"{part}: {found}", flush=True)
        written.append(write(options.results, f"memory_{part}", said | {part: found}))
    return written


def pools(options: Options, folder: Path, client: Client) -> list[dict[str, object]]:
    """After plans for ever-new calls, signs of life of the same visits, and ever-new visits."""
    found: list[dict[str, object]] = []
    for size in options.pools:
        data = folder / f"pool-{size}"
        with processes.ringtrace(data) as server:
            start = server.resident_mib()
            token = business.open_business(server.url, data, business.numbers(size))
            client.ask(server, business.page(business.CALM), business.CALM_VISITS, 16)
            set_up = server.resident_mib()
            asked = (
                (business.arrival("plan", token, business.STATIC), options.others),
                (business.beat(), options.others),
                (business.page(), options.visits),
            )
            found.append(
                {"numbers": size, "start": round(start, 1), "set_up": round(set_up, 1)}
                | {one.name: _after(wanted, client, server, one) for one, wanted in asked}
            )
            # It would note thousands of arrivals first that nobody asks for.
            server.kill()
    return found


def _after(
    counts: Sequence[int], client: Client, server: Server, template: Template
) -> list[dict[str, object]]:
    marks: list[dict[str, object]] = []
    answered = 0
    before = server.resident_mib()
    for wanted in counts:
        while answered < wanted:
            run = client.run(server, template, _CONNECTIONS, _SECONDS)
            assert run.failed == 0, f"{run.failed} refused or without answer"
            answered += run.answered
        mib = server.resident_mib()
        marks.append({
            "requests": answered, "mib": round(mib, 1), "more": round(mib - before, 1),
        })  # fmt: skip
    return marks


def accounts(options: Options, folder: Path, _client: Client) -> list[dict[str, object]]:
    """Each with a site, a pool of 20 numbers and a static one; then the server starts anew."""
    found: list[dict[str, object]] = []
    data = folder / "accounts"
    opened = 0
    for count in options.accounts:
        with processes.ringtrace(data) as server, business.api(server.url, data) as operator:
            for turn in range(opened, count):
                _open(operator, server, turn)
        opened = count
        with processes.ringtrace(data) as server:
            found.append({"accounts": count, "mib": round(server.resident_mib(), 1)})
    return found


def _open(operator: httpx.Client, server: Server, turn: int) -> None:
    """The first one is the operator's own."""
    numbers = business.numbers((turn + 1) * _AREA_LINES)[turn * _AREA_LINES :]
    site = {
        "key": f"site-{turn}", "name": f"Site {turn}", "origins": [business.ORIGIN],
        "swap": [], "pool": {"numbers": numbers[:20], "target": business.TARGET},
    }  # fmt: skip
    document = {
        "account": {"name": f"Client {turn}", "region": "US"}, "site": [site],
        "number": [{"number": numbers[20], "channel": "Radio", "target": business.TARGET}],
    }  # fmt: skip
    if turn == 0:
        operator.put("/api/v1/setup", json=document).raise_for_status()
        return
    said = {"name": f"Client {turn}", "region": "US", "login": f"client-{turn}"}
    answer = operator.post("/api/v1/accounts", json=said).raise_for_status().json()
    headers = {"Authorization": f"Bearer {answer['token']}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60.0, trust_env=False) as own:
        own.put("/api/v1/setup", json=document).raise_for_status()


def worker(options: Options, folder: Path, _client: Client) -> dict[str, object]:
    """The process that reads the lake: once it is there, and the most that reports made of it."""
    days = folder / "days"
    days.mkdir()
    lake.make_days(days, options.lake_visits, options.lake_visits // 20)
    return asyncio.run(_reports(days)) | {"visits": options.lake_visits}


async def _reports(days: Path) -> dict[str, object]:
    sources = Sources(
        partial(SqliteDays, days / "ringtrace.db"), LakeFolder(days / "lake"), days / "reports"
    )
    reports = LakeReports(sources, lambda: LAST * DAY_MS)
    try:
        await reports.channels(lake.SMALL, lake.ALL)
        (process,) = (one for one in multiprocessing.active_children() if one.name == "lake")
        small = _status_mib(process.pid, "VmRSS")
        for where in (lake.ALL, lake.MONTH) * 3:
            await reports.channels(lake.BIG, where)
        return {
            "after_a_small_report": small,
            "most": _status_mib(process.pid, "VmHWM"),
            "afterwards": _status_mib(process.pid, "VmRSS"),
        }
    finally:
        reports.close()


def _status_mib(process: int | None, name: str) -> float:
    status = Path(f"/proc/{process}/status").read_text("ascii")
    (line,) = (one for one in status.splitlines() if one.startswith(f"{name}:"))
    return round(int(line.split()[1]) / _KIB, 1)


PARTS: Final[Mapping[str, Callable[[Options, Path, Client], object]]] = {
    "pools": pools, "accounts": accounts, "lake": worker,
}  # fmt: skip


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="benchmarks.memory", description=__doc__)
    parser.add_argument("--full", action="store_true", help="400 000 visits")
    parser.add_argument("--only", default="pools,accounts,lake", help="parts, comma separated")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--own-client", action="store_true", help="do not use wrk")
    given = parser.parse_args(arguments)
    only = tuple(given.only.split(","))
    if not set(only) <= PARTS.keys():
        parser.error(f"--only: some of {', '.join(PARTS)} are needed")
    size = FULL if given.full else Options()
    return Options(
        visits=size.visits, others=size.others, lake_visits=size.lake_visits, only=only,
        results=given.results, own_client=given.own_client,
    )  # fmt: skip


def main() -> None:
    for path in run(_options(None)):
        sys.stderr.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
