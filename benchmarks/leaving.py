"""Hits while rows leave the store for the lake. Writes one JSON object.

    python -m benchmarks.leaving [--database-url postgresql://...] [--visits 900000] [--rounds 5]

Over the file, or over an empty PostgreSQL database. Hits come alone, then beside
`ringtrace retain`, which is killed at the end of each round and goes on in the next.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.business import BUSY, BUSY_POOL, open_business
from benchmarks.facts import commit, machine, versions
from benchmarks.past import Past, Shown
from benchmarks.processes import ringtrace
from benchmarks.steady import HITS_A_SECOND, hits, p99, spread
from ringtrace.bootstrap import changing_lake, open_importing
from ringtrace.config import DATABASE_URL, Settings
from ringtrace.domain.moment import DAY_MS

RESULTS: Final = Path(__file__).with_name("results")
P99_BAR: Final = 2.0
_ENDED_DAYS, _DAYS = 100, 10
_WARM_UP_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Options:
    """Seconds of hits alone, and as many beside, in each of the rounds."""

    visits: int = 900_000
    rounds: int = 5
    seconds: float = 6.0
    results: Path = RESULTS
    database_url: str | None = field(default=None, repr=False)


def prepare(settings: Settings, visits: int) -> None:
    """Visits with a page view and an exposure each, all old enough to leave."""
    with ringtrace(settings.data, settings.database_url) as server:
        open_business(server.url, settings.data)
    past = Past(visits, _DAYS, [Shown(BUSY, number) for number in BUSY_POOL], calls=False)
    with open_importing(settings) as into:
        past.write(into, time.time_ns() // 10**6 - _ENDED_DAYS * DAY_MS)
    command = _command("seal", settings)
    subprocess.run(command, env=_environment(settings), check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own


async def measure(settings: Settings, rounds: int, seconds: float) -> dict[str, Any]:
    """Medians of rounds, each alone and then beside."""
    alone, beside, ratios = [], [], []
    with ringtrace(settings.data, settings.database_url) as server:
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60.0) as client:
            await hits(client, _WARM_UP_SECONDS)
            for _ in range(rounds):
                with changing_lake(settings):  # the server's own night has to wait, too
                    alone.append(p99(await hits(client, seconds)))
                beside.append(p99(await _beside(settings, client, seconds)))
                ratios.append(beside[-1] / alone[-1])
    return {
        "hits_a_second": HITS_A_SECOND, "p99_ms_alone": spread(alone),
        "p99_ms_beside": spread(beside), "p99_ratio": spread(ratios),
    }  # fmt: skip


async def _beside(settings: Settings, client: httpx.AsyncClient, seconds: float) -> list[float]:
    leaving = await asyncio.create_subprocess_exec(
        *_command("retain", settings), env=_environment(settings),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    latencies = await hits(client, seconds)
    assert leaving.returncode is None, "all have left: more --visits"
    leaving.kill()
    await leaving.wait()
    return latencies


def _command(word: str, settings: Settings) -> list[str]:
    return [sys.executable, "-m", "ringtrace", word, "--data", str(settings.data)]


def _environment(settings: Settings) -> dict[str, str]:
    return os.environ | {DATABASE_URL: settings.database_url or ""}


def run(options: Options) -> Path:
    """Answers where the results are."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(folder / "data", database_url=options.database_url)
        settings.data.mkdir()
        facts = {"machine": machine(folder), "versions": versions(), "commit": commit()}
        prepare(settings, options.visits)
        told = asyncio.run(measure(settings, options.rounds, options.seconds))
    bars = {"p99_ratio": [told["p99_ratio"]["median"], P99_BAR]}
    store = "sqlite" if options.database_url is None else "postgresql"
    document = {**facts, "store": store, "visits": options.visits, **told, "measured_and_bar": bars}
    options.results.mkdir(parents=True, exist_ok=True)
    stem = "leaving" if options.database_url is None else "leaving-postgresql"
    path = options.results / f"{stem}-{datetime.now(UTC):%Y-%m-%d}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(json.dumps(bars), f"wrote {path}", file=sys.stderr)
    return path


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--database-url")
    words.add_argument("--visits", type=int, default=Options.visits)
    words.add_argument("--rounds", type=int, default=Options.rounds)
    words.add_argument("--seconds", type=float, default=Options.seconds)
    words.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON")
    run(Options(**vars(words.parse_args())))


if __name__ == "__main__":
    main()
