"""Reports from the lake beside the raw query, sealing beside hits. Writes one JSON object.

    python -m benchmarks.lake [--full] [--rounds 5]

`--full` is 20 million visits and a million calls of 90 days, and a day of a million hits; without
it a tenth of that.
"""

import argparse
import asyncio
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import httpx

from benchmarks.business import open_business
from benchmarks.days import DAYS, LAST, fill
from benchmarks.facts import commit, machine, versions
from benchmarks.processes import ringtrace
from benchmarks.steady import hits as steady_hits
from benchmarks.steady import p99, spread
from ringtrace.bootstrap import changing_lake
from ringtrace.config import Settings
from ringtrace.domain.moment import DAY_MS, day_of
from ringtrace.services.call_records import CallFilter
from ringtrace.services.lake import Kind
from ringtrace.services.spam_records import Spam
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake import parquet
from ringtrace.store.lake.begun import MEMORY, THREADS
from ringtrace.store.lake.place import LakeFolder
from ringtrace.store.lake.worker import LakeReports, Sources
from ringtrace.store.sqlite.connection import connect, migrate
from ringtrace.store.sqlite.days import SqliteDays

RESULTS = Path(__file__).with_name("results")
BIG, SMALL = 1, 2
"""The accounts: everything, and one of four hundred like it."""
REPORT_BAR, DASHBOARD_BAR_MS, HITS_BAR, P99_BAR = 1.5, 300, 1_000_000, 2.0
_RAW_CALLS = (
    "SELECT s.channel, sum(s.share), sum(s.share) FILTER (outcome = 'answered'),"
    " sum(s.share * talk_seconds) FROM {} c, unnest(shares) AS u(s)"
    " WHERE NOT spam AND {} GROUP BY 1"
)
_RAW_VISITS = "SELECT channel, count(*) FROM {} WHERE {} GROUP BY 1"
MONTH = CallFilter(since=(LAST - 30) * DAY_MS - 9 * 3_600_000, spam=Spam.WITHOUT)
ALL = CallFilter(spam=Spam.WITHOUT)


def raw(folder: Path, place: LakeFolder, account_id: int, since: int | None) -> None:
    """What anybody would write to ask the files the same."""
    named: dict[Kind, list[Path]] = {Kind.CALLS: [], Kind.VISITS: []}
    first = None if since is None else day_of(since)
    asked = "true" if since is None else f"started_at >= epoch_ms({since})"
    for manifest in manifests.read_all(place, account_id, first):
        for kind, file in manifest.files():
            named[kind].append(place.fetch(file.name))
    with parquet.connect(folder, memory=MEMORY, threads=THREADS) as database:
        for kind, query in ((Kind.CALLS, _RAW_CALLS), (Kind.VISITS, _RAW_VISITS)):
            files = parquet.sealed_source(named[kind])
            database.execute(query.format(files, asked)).fetchall()


def make_days(folder: Path, visits: int, calls: int) -> None:
    connection = connect(folder / "ringtrace.db")
    migrate(connection)
    connection.close()
    place = LakeFolder(folder / "lake")
    fill(folder, place, BIG, visits, calls)
    fill(folder, place, SMALL, visits // 400, max(DAYS, calls // 400))


def _rows(place: LakeFolder, kind: Kind) -> int:
    found = [one.files() for one in manifests.read_all(place, BIG)]
    return sum(file.rows for files in found for of, file in files if of is kind)


async def reports(folder: Path, rounds: int) -> dict[str, Any]:
    place = LakeFolder(folder / "lake")
    sources = Sources(partial(SqliteDays, folder / "ringtrace.db"), place, folder / "reports")
    lake = LakeReports(sources, lambda: LAST * DAY_MS)
    told: dict[str, Any] = {
        "visits": _rows(place, Kind.VISITS), "calls": _rows(place, Kind.CALLS),
    }  # fmt: skip
    dashboard = []
    try:
        await _awaited(lake, SMALL, ALL)
        for name, where in (("all", ALL), ("month", MONTH)):
            ratios, took, floor = [], [], []
            for _ in range(rounds):
                floor.append(_timed(partial(raw, folder, place, BIG, where.since)))
                took.append(await _awaited(lake, BIG, where))
                ratios.append(took[-1] / floor[-1])
                dashboard.append(1_000 * await _awaited(lake, SMALL, where))
            told[name] = {
                "raw_seconds": spread(floor), "report_seconds": spread(took),
                "ratio": spread(ratios),
            }  # fmt: skip
    finally:
        lake.close()
    return told | {"dashboard_ms": spread(dashboard)}


async def _awaited(lake: LakeReports, account_id: int, where: CallFilter) -> float:
    began = time.perf_counter()
    found = await lake.channels(account_id, where)
    assert found is not None
    assert len(found) == 9
    return time.perf_counter() - began


def _timed(step: Callable[[], None]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


async def sealing(folder: Path, hits: int, seconds: float) -> dict[str, Any]:
    """Hits of real visitors at a steady rate, alone and while a day of `hits` is sealed."""
    data = folder / "data"
    with ringtrace(data) as server:
        open_business(server.url, data)
        _a_day(Settings(data).database, hits)
        alone, beside, took = [], [], []
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60.0) as client:
            for _ in range(3):
                with changing_lake(Settings(data)):  # the server's own night has to wait
                    alone.append(p99(await steady_hits(client, seconds)))
                seal = asyncio.create_task(_seal(data))
                latencies = []
                while not seal.done():
                    latencies += await steady_hits(client, 1.0)
                beside.append(p99(latencies))
                took.append(await seal)
                with sqlite3.connect(Settings(data).database) as store:
                    store.execute("UPDATE days SET mark = random() WHERE day = 7")
                store.close()
    return {
        "hits": hits, "seal_seconds": spread(took),
        "hits_a_minute": round(60 * hits / statistics.median(took)),
        "p99_ms_alone": spread(alone), "p99_ms_beside": spread(beside),
        "p99_ratio": round(statistics.median(beside) / statistics.median(alone), 2),
    }  # fmt: skip


async def _seal(data: Path) -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringtrace", "seal", "--data", str(data),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert await process.wait() == 0
    return time.perf_counter() - began


def _a_day(database: Path, hits: int) -> None:
    """A tenth as many visits as hits, on a day long past."""
    store = sqlite3.connect(database)
    store.executemany(
        "INSERT INTO hits VALUES (1, ?, ?, 'page', ?)",
        ((f"{n // 10:032x}", 7 * DAY_MS + n * 50, f"shop.example/{n % 300}") for n in range(hits)),
    )
    store.execute("INSERT INTO days (account_id, part, day, mark) VALUES (1, 'traffic', 7, 1)")
    store.commit()
    store.close()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--full", action="store_true")
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON")
    words.add_argument("--days", type=Path, help="folder that has the days, or is to keep them")
    words.add_argument("--scale", type=float, default=0.1, help="of the full size")
    asked = words.parse_args()
    scale = 1.0 if asked.full else asked.scale
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        facts = {
            "machine": machine(folder),
            "versions": versions() | {"duckdb": duckdb.__version__},
            "commit": commit(),
            "scale": scale,
        }
        days = asked.days or folder
        if not (days / "ringtrace.db").exists():
            days.mkdir(parents=True, exist_ok=True)
            make_days(days, int(20_000_000 * scale), int(1_000_000 * scale))
        told = asyncio.run(reports(days, asked.rounds))
        done = asyncio.run(sealing(folder, int(1_000_000 * scale), 10.0))
    bars = {
        "report_ratio": [told["all"]["ratio"]["median"], REPORT_BAR],
        "month_ratio": [told["month"]["ratio"]["median"], REPORT_BAR],
        "dashboard_ms": [told["dashboard_ms"]["median"], DASHBOARD_BAR_MS],
        "hits_a_minute": [done["hits_a_minute"], HITS_BAR],
        "p99_ratio": [done["p99_ratio"], P99_BAR],
    }
    document = facts | {"reports": told, "sealing": done, "measured_and_bar": bars}
    asked.results.mkdir(parents=True, exist_ok=True)
    size = "" if scale == 1.0 else f"-x{scale:g}"
    path = asked.results / f"lake{size}-{datetime.now(UTC):%Y-%m-%d}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(json.dumps(bars), f"wrote {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
