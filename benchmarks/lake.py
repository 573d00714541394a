"""Reports from the lake beside the raw query, sealing beside hits. Prints one JSON object.

    python -m benchmarks.lake [--full] [--rounds 5]

`--full` is 20 million visits and a million calls of 90 days, and a day of a million hits; without
it a tenth of that.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

import duckdb
import httpx

from benchmarks.business import BUSY, ORIGIN, open_business
from benchmarks.facts import commit, machine, versions
from benchmarks.processes import ringtrace
from ringtrace.config import Settings
from ringtrace.services.lake import DAY_MS, Kind, Part, day_name
from ringtrace.services.ports import CallFilter
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake import parquet
from ringtrace.store.lake.channels import MEMORY, THREADS
from ringtrace.store.lake.manifest import SealedPart
from ringtrace.store.lake.place import LakeFolder
from ringtrace.store.lake.putting import put
from ringtrace.store.lake.worker import LakeReports, Sources
from ringtrace.store.sqlite.connection import connect, migrate

DAYS, LAST = 90, 20_700
BIG, SMALL = 1, 2
"""The accounts: everything, and one of four hundred like it."""
HITS_A_SECOND = 150
REPORT_BAR, DASHBOARD_BAR_MS, HITS_BAR, P99_BAR = 1.5, 300, 1_000_000, 2.0
_BROWSER = {"Origin": ORIGIN, "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0"}
_CHANNELS = "['Paid Search', 'Organic', 'Direct', 'Email', 'Social', 'Referral', 'Maps', 'Radio']"

_CALLS = """
SELECT 'sip' AS gateway, format('{}-{}', $day, i) AS call_id,
  format('+1202555{:04d}', (random() * 200)::INT) AS number,
  format('+1303{:07d}', (random() * $callers)::INT) AS caller,
  epoch_ms($day * 86400000::BIGINT + (random() * 86399000)::BIGINT) AS started_at,
  CASE WHEN random() < 0.8 THEN 'answered' ELSE 'missed' END AS outcome, NULL::VARCHAR AS reason,
  200::BIGINT AS code, NULL::VARCHAR AS target, random() * 20 AS ring_seconds,
  random() * 300 AS talk_seconds, '[]' AS legs, NULL::VARCHAR AS recording_url,
  NULL::DOUBLE AS recording_seconds, NULL::BIGINT AS recording_channels, NULL::VARCHAR AS session,
  'backend' AS plan_source, NULL::VARCHAR AS node, NULL::VARCHAR AS digits, NULL::VARCHAR AS flow,
  NULL::VARCHAR AS audio_format, NULL::VARCHAR AS audio_sha256, random() < 0.03 AS spam,
  'exposures' AS basis, 'm' AS model, 1 - a - b - c AS unknown,
  CASE WHEN random() < 0.1 THEN random() ELSE 0 END AS repeat, true AS from_visits,
  [{'channel': $channels[1 + i % 8], 'share': a},
   {'channel': $channels[1 + (i + 1) % 8], 'share': b},
   {'channel': $channels[1 + (i + 3) % 8], 'share': c}] AS shares
FROM (SELECT i, random() * 0.6 AS a, random() * 0.2 AS b, random() * 0.1 AS c
  FROM range($rows) r(i))
"""
_VISITS = """
SELECT md5((random() * 1e18)::VARCHAR) AS visit_id, md5((random() * 1e7)::VARCHAR) AS visitor_id,
  'shop' AS site_key, began AS started_at, began AS seen_at, began AS left_at,
  NULL::TIMESTAMP AS contact_at, NULL::TIMESTAMP AS tapped_at, 'desktop' AS device,
  $channels[1 + i % 8] AS channel,
  'google' AS source, 'cpc' AS medium, format('campaign-{}', i % 200) AS campaign,
  format('term-{}', i % 5000) AS term, NULL::VARCHAR AS content, NULL::VARCHAR AS click_id_type,
  NULL::VARCHAR AS click_id, format('shop.example/{}', i % 300) AS landing_page,
  NULL::VARCHAR AS reason, format('+1202555{:04d}', i % 200) AS number,
  NULL::VARCHAR AS extension
FROM (SELECT i, epoch_ms($day * 86400000::BIGINT + (random() * 86399000)::BIGINT) AS began
  FROM range($rows) r(i))
"""
_RAW_CALLS = (
    "SELECT s.channel, sum(s.share), sum(s.share) FILTER (outcome = 'answered'),"
    " sum(s.share * talk_seconds) FROM read_parquet({}) c, unnest(shares) AS u(s)"
    " WHERE NOT spam GROUP BY 1"
)
_RAW_VISITS = "SELECT channel, count(*) FROM read_parquet({}) GROUP BY 1"


def fill(folder: Path, place: LakeFolder, account_id: int, visits: int, calls: int) -> None:
    """Sealed days that the store knows to be as they are."""
    store = sqlite3.connect(folder / "ringtrace.db")
    for day in range(LAST - DAYS, LAST):
        manifest = manifests.Manifest(account_id, day_name(day))
        for part, kind, query, rows in (
            (Part.CALLS, Kind.CALLS, _CALLS, calls // DAYS),
            (Part.TRAFFIC, Kind.VISITS, _VISITS, visits // DAYS),
        ):
            target = folder / "made.parquet"
            with parquet.connect(folder) as database:
                database.execute(f"SELECT setseed({(day % 1_000) / 1_000})")
                values = {"day": day, "rows": rows, "callers": calls // 3, "channels": _CHANNELS}
                parquet.copy(database, Template(query).substitute(values), kind, target)
            file = put(place, account_id, kind, day, target, (rows, ""))
            manifest = manifest.having(part, SealedPart(str(day), 0, {kind: file}))
            store.execute("INSERT INTO days VALUES (?, ?, ?, ?)", (account_id, part, day, day))
        manifests.keep(place, manifest)
    store.commit()
    store.close()


def raw(folder: Path, place: LakeFolder, account_id: int) -> None:
    """What anybody would write to ask the files the same."""
    named: dict[Kind, list[Path]] = {Kind.CALLS: [], Kind.VISITS: []}
    for manifest in manifests.read_all(place, account_id):
        for kind, file in manifest.files():
            named[kind].append(place.fetch(file.name))
    with parquet.connect(folder, memory=MEMORY, threads=THREADS) as database:
        for kind, query in ((Kind.CALLS, _RAW_CALLS), (Kind.VISITS, _RAW_VISITS)):
            database.execute(query.format(parquet.literal_list(named[kind]))).fetchall()


async def reports(folder: Path, visits: int, calls: int, rounds: int) -> dict[str, Any]:
    place = LakeFolder(folder / "lake")
    connection = connect(folder / "ringtrace.db")
    migrate(connection)
    connection.close()
    fill(folder, place, BIG, visits, calls)
    fill(folder, place, SMALL, visits // 400, max(DAYS, calls // 400))
    sources = Sources(folder / "ringtrace.db", place, folder / "reports")
    lake = LakeReports(sources, lambda: LAST * DAY_MS)
    ratios, took, floor, dashboard = [], [], [], []
    try:
        await lake.channels(SMALL, CallFilter())
        for _ in range(rounds):
            floor.append(_timed(lambda: raw(folder, place, BIG)))
            took.append(await _awaited(lake, BIG))
            ratios.append(took[-1] / floor[-1])
            dashboard.append(1_000 * await _awaited(lake, SMALL))
    finally:
        lake.close()
    return {
        "visits": visits, "calls": calls,
        "raw_seconds": _spread(floor), "report_seconds": _spread(took),
        "ratio": _spread(ratios), "dashboard_ms": _spread(dashboard),
    }  # fmt: skip


async def _awaited(lake: LakeReports, account_id: int) -> float:
    began = time.perf_counter()
    found = await lake.channels(account_id, CallFilter())
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
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            for _ in range(3):
                alone.append(_p99(await _hits(client, seconds)))
                seal = asyncio.create_task(_seal(data))
                latencies = []
                while not seal.done():
                    latencies += await _hits(client, 1.0)
                beside.append(_p99(latencies))
                took.append(await seal)
                with sqlite3.connect(Settings(data).database) as store:
                    store.execute("UPDATE days SET mark = random() WHERE day = 7")
                store.close()
    return {
        "hits": hits, "seal_seconds": _spread(took),
        "hits_a_minute": round(60 * hits / statistics.median(took)),
        "p99_ms_alone": _spread(alone), "p99_ms_beside": _spread(beside),
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
    store.execute("INSERT INTO days VALUES (1, 'traffic', 7, 1)")
    store.commit()
    store.close()


async def _hits(client: httpx.AsyncClient, seconds: float) -> list[float]:
    """Latencies in ms, each from when the hit was due: a stall counts for all it held up."""
    began = time.perf_counter()

    async def hit(number: int) -> float:
        due = began + number / HITS_A_SECOND
        await asyncio.sleep(due - time.perf_counter())
        visit = f"{time.time_ns() // 10**6:012x}{os.urandom(10).hex()}"
        body = {"site": BUSY, "kind": "page", "visitor": visit, "visit": visit, "url": ORIGIN}
        answer = await client.post("/t/hit", json=body, headers=_BROWSER)
        assert answer.json()["number"] is not None
        return 1_000 * (time.perf_counter() - due)

    return list(await asyncio.gather(*(hit(n) for n in range(int(seconds * HITS_A_SECOND)))))


def _p99(latencies: list[float]) -> float:
    return sorted(latencies)[int(0.99 * len(latencies))]


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--full", action="store_true")
    words.add_argument("--rounds", type=int, default=5)
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
        (folder / "reports").mkdir()
        told = asyncio.run(
            reports(folder, int(20_000_000 * scale), int(1_000_000 * scale), asked.rounds)
        )
        done = asyncio.run(sealing(folder, int(1_000_000 * scale), 10.0))
    bars = {
        "report_ratio": [told["ratio"]["median"], REPORT_BAR],
        "dashboard_ms": [told["dashboard_ms"]["median"], DASHBOARD_BAR_MS],
        "hits_a_minute": [done["hits_a_minute"], HITS_BAR],
        "p99_ratio": [done["p99_ratio"], P99_BAR],
    }
    print(
        json.dumps(facts | {"reports": told, "sealing": done, "measured_and_bar": bars}, indent=1)
    )


if __name__ == "__main__":
    main()
