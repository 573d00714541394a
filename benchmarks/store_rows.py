"""How many hits a second the store alone writes, beside inserts of the same rows in batches.

python -m benchmarks.store_rows [--rounds 3] [--visits 20000] [--at-once 64,512]
    [--database-url postgresql://...]

No HTTP: page views of new visitors are submitted by so many tasks at once. The floor inserts their
visits and exposures and does nothing else, so many rows a transaction. See README.md.
"""

import argparse
import asyncio
import contextlib
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

import asyncpg
import msgspec
import uvloop

from benchmarks import facts
from benchmarks.business import BUSY, BUSY_POOL, PAGE, setup
from benchmarks.hot_routes import RESULTS
from benchmarks.processes import database_cpu_seconds
from ringtrace.bootstrap import open_house
from ringtrace.config import Settings
from ringtrace.domain.leasing import Lease
from ringtrace.domain.source import classify
from ringtrace.domain.visit import Device, Visit
from ringtrace.services.commands import ShowNumber
from ringtrace.services.ports import Store
from ringtrace.services.setup_form import SetupForm
from ringtrace.store import rows
from ringtrace.store.postgres.rowset import unnested
from ringtrace.store.sqlite.connection import connect, migrate

_ACCOUNT: Final = 1
_VISIT_TYPES: Final = ("bigint", *("text",) * 3, "bigint", "bigint", *("text",) * 13)
_EXPOSURES: Final = "account_id, number, shown_at, visit_id, extension"
_EXPOSURE_TYPES: Final = ("bigint", "text", "bigint", "text", "text")

Insert: TypeAlias = Callable[[Sequence[Visit]], Awaitable[None]]
"""Into both tables, in one transaction."""


@dataclass(frozen=True, slots=True)
class Run:
    """`cpu_us`: of this process for a hit; `database_us`: of PostgreSQL's processes."""

    rate: float
    cpu_us: float
    database_us: float


@dataclass(frozen=True, slots=True)
class Result:
    """Medians over the rounds; the ratio is store to floor within a round."""

    at_once: int
    rate: float
    floor_rate: float
    ratio: float
    cpu_us: float
    floor_cpu_us: float
    database_us: float
    floor_database_us: float


@dataclass(frozen=True, slots=True)
class Options:
    rounds: int = 3
    visits: int = 20_000
    at_once: tuple[int, ...] = (64, 512)
    results: Path = RESULTS
    database_url: str | None = None


def run(options: Options) -> Path:
    """Measure, print the table, write the JSON; answers its path."""
    with tempfile.TemporaryDirectory(prefix="ringtrace-bench-") as folder:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            results = runner.run(_measured(options, Path(folder)))
        document = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": facts.commit(),
            "machine": facts.machine(Path(folder)),
            "versions": facts.versions(),
            "store": "sqlite" if options.database_url is None else "postgresql",
            "rounds": options.rounds,
            "visits": options.visits,
            "results": [asdict(one) for one in results],
        }
    options.results.mkdir(parents=True, exist_ok=True)
    name = "store_rows" if options.database_url is None else "store_rows-postgresql"
    path = options.results / f"{name}-{datetime.now(UTC):%Y-%m-%d}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    return path


async def _measured(options: Options, folder: Path) -> list[Result]:
    url = options.database_url
    results = []
    house = await open_house(Settings(data=folder / "data", lake_at="off", database_url=url))
    try:
        uses = house.use_cases
        await uses.apply_setup(_ACCOUNT, msgspec.convert(setup(), SetupForm))
        await uses.directory.refresh()
        async with _floor(folder / "floor.db", url) as insert:
            print(_HEAD)
            for at_once in options.at_once:
                pairs = []
                for _ in range(options.rounds):
                    by_floor = await _timed(_batches(insert, at_once), options, url)
                    by_store = await _timed(_tasks(uses.store, at_once), options, url)
                    pairs.append((by_store, by_floor))
                results.append(_result(at_once, pairs))
                print(_row(results[-1]), flush=True)
    finally:
        await house.close()
    return results


async def _timed(
    write: Callable[[Sequence[Visit]], Awaitable[None]], options: Options, url: str | None
) -> Run:
    visits = _visits(options.visits)
    database = await asyncio.to_thread(database_cpu_seconds, url)
    began, cpu = time.perf_counter(), time.process_time()
    await write(visits)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    database = await asyncio.to_thread(database_cpu_seconds, url) - database
    return Run(len(visits) / seconds, 1e6 * cpu / len(visits), 1e6 * database / len(visits))


def _visits(count: int) -> list[Visit]:
    at = time.time_ns() // 1_000_000
    prefix, source = f"{at:012x}{secrets.token_hex(4)}", classify(PAGE, None)
    return [
        Visit(f"{prefix}{i:012x}", f"{i:012x}{prefix}", BUSY, at, Device.DESKTOP, source)
        for i in range(count)
    ]


def _tasks(store: Store, at_once: int) -> Insert:
    async def write(visits: Sequence[Visit]) -> None:
        waiting = iter(visits)

        async def submit() -> None:
            for one in waiting:
                shown = await store.submit(ShowNumber(_ACCOUNT, one, "", one.started_at))
                assert shown is not None

        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(submit())

    return write


def _batches(insert: Insert, at_once: int) -> Insert:
    async def write(visits: Sequence[Visit]) -> None:
        for first in range(0, len(visits), at_once):
            await insert(visits[first : first + at_once])

    return write


@contextlib.asynccontextmanager
async def _floor(file: Path, url: str | None) -> AsyncIterator[Insert]:
    if url is None:
        with contextlib.closing(connect(file)) as connection:
            migrate(connection)

            async def into_file(visits: Sequence[Visit]) -> None:
                many, slots = connection.executemany, ", ".join("?" * len(_VISIT_TYPES))
                connection.execute("BEGIN IMMEDIATE")
                many(
                    f"INSERT INTO visits ({rows.VISIT_COLUMNS}) VALUES ({slots})",  # noqa: S608 - our own names
                    map(_visit_row, visits),
                )
                many(
                    f"INSERT INTO exposures ({_EXPOSURES}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608 - our own names
                    map(_exposure, visits),
                )
                connection.execute("COMMIT")

            yield into_file
        return
    database = await asyncpg.connect(url)

    async def into_database(visits: Sequence[Visit]) -> None:
        async with database.transaction():
            await database.execute(
                f"INSERT INTO visits ({rows.VISIT_COLUMNS})"  # noqa: S608 - our own names
                f" SELECT * FROM {unnested(_VISIT_TYPES)} u",
                *map(list, zip(*map(_visit_row, visits), strict=True)),
            )
            await database.execute(
                f"INSERT INTO exposures ({_EXPOSURES}) SELECT * FROM {unnested(_EXPOSURE_TYPES)} u",  # noqa: S608 - our own names
                *map(list, zip(*map(_exposure, visits), strict=True)),
            )

    try:
        yield into_database
    finally:
        await database.close()


def _visit_row(visit: Visit) -> tuple[object, ...]:
    return rows.visit_row(_ACCOUNT, visit, Lease(_number(visit), new=True))


def _exposure(visit: Visit) -> tuple[object, ...]:
    return _ACCOUNT, _number(visit), visit.started_at, visit.visit_id, None


def _number(visit: Visit) -> str:
    """In turn, as the leases come to."""
    return BUSY_POOL[int(visit.visit_id[-6:], 16) % len(BUSY_POOL)]


def _result(at_once: int, pairs: Sequence[tuple[Run, Run]]) -> Result:
    def median(name: str, which: int) -> float:
        return float(statistics.median(getattr(pair[which], name) for pair in pairs))

    return Result(
        at_once=at_once,
        rate=median("rate", 0),
        floor_rate=median("rate", 1),
        ratio=statistics.median(store.rate / floor.rate for store, floor in pairs),
        cpu_us=median("cpu_us", 0),
        floor_cpu_us=median("cpu_us", 1),
        database_us=median("database_us", 0),
        floor_database_us=median("database_us", 1),
    )


_HEAD = (
    f"{'at once':>8}{'hits/s':>9}{'floor':>9}{'ratio':>7}"
    f"{'CPU us':>8}{'floor':>7}{'database':>10}{'floor':>7}"
)


def _row(one: Result) -> str:
    return (
        f"{one.at_once:>8}{one.rate:>9.0f}{one.floor_rate:>9.0f}{one.ratio:>7.2f}"
        f"{one.cpu_us:>8.0f}{one.floor_cpu_us:>7.0f}"
        f"{one.database_us:>10.0f}{one.floor_database_us:>7.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.store_rows", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of floor and store")
    parser.add_argument("--visits", type=int, default=20_000, help="of each run")
    parser.add_argument("--at-once", default="64,512", help="tasks, and rows of the floor's batch")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--database-url", help="an empty PostgreSQL database to measure over")
    given = parser.parse_args()
    at_once = tuple(int(one) for one in given.at_once.split(","))
    path = run(Options(given.rounds, given.visits, at_once, given.results, given.database_url))
    sys.stderr.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
