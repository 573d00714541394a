"""kill -9 in the middle of traffic loses nothing that was acknowledged, and breaks no promise.

RINGTRACE_KILLS is the number of kills of each kind (100 in `make soak`).
"""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import cycle
from pathlib import Path

import asyncpg
import httpx
import pytest

from ringtrace.config import Settings
from tests import soak
from tests.postgres import Postgres, postgres_server
from tests.server import server
from tests.sipnode import free_port
from tests.traffic import ANSWER_SECONDS, CLIENTS, QUERIES, Findings, Rows, Traffic, found, set_up

ROUNDS = int(os.environ.get("RINGTRACE_KILLS", "4"))
LOAD = 4 * CLIENTS
"""So many requests at least are acknowledged between two kills."""

UNKNOWN_SECONDS = 0.3
"""Then the kill comes at a moment that nobody knows, within so long."""


@pytest.fixture(scope="module")
def durable() -> Iterator[Postgres]:
    """A database server that waits for the disk."""
    with postgres_server(durable=True) as server:
        yield server


async def rounds(traffic: Traffic, kill: Callable[[], Awaitable[None]]) -> list[float]:
    """Kill ROUNDS times under load; `kill` returns when what it killed runs again.

    Answers the seconds from each such return to the next acknowledgement.
    """
    returns = []
    async with traffic.flowing():
        for _ in range(ROUNDS):
            await traffic.until_acknowledged(LOAD)
            await asyncio.sleep(random.uniform(0, UNKNOWN_SECONDS))  # noqa: S311 - no secret
            await kill()
            began = time.monotonic()
            traffic.go_on()
            await traffic.until_acknowledged(1)
            returns.append(time.monotonic() - began)
    return returns


class KilledServer:
    """A server at one address that is killed and started again over the same data."""

    def __init__(self, data: Path, database_url: str) -> None:
        self._data = data
        self._database_url = database_url
        self._port = free_port()
        self._parts = contextlib.AsyncExitStack()

    async def start(self) -> str:
        parts = contextlib.AsyncExitStack()
        started = server(self._data, self._port, database_url=self._database_url)
        self._process, url = await parts.enter_async_context(started)
        self._parts = parts
        return url

    async def kill(self) -> None:
        self._process.kill()
        await self._parts.aclose()


@contextlib.asynccontextmanager
async def traffic_to(url: str, data: Path) -> AsyncIterator[Traffic]:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=ANSWER_SECONDS) as client:
        yield Traffic(
            client, await set_up(client, Settings(data).api_token_file.read_text().strip())
        )


async def kills_of_the_server(data: Path, database_url: str) -> tuple[Traffic, list[float]]:
    killed = KilledServer(data, database_url)
    url = await killed.start()
    try:
        async with traffic_to(url, data) as traffic:

            async def kill() -> None:
                traffic.stop()
                await killed.kill()
                await killed.start()

            return traffic, await rounds(traffic, kill)
    finally:
        await killed.kill()


def in_file(path: Path) -> Rows:
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {name: file.execute(query).fetchall() for name, query in QUERIES.items()}


async def in_database(url: str) -> Rows:
    connection = await asyncpg.connect(url)
    try:
        return {
            name: [tuple(row) for row in await connection.fetch(query)]
            for name, query in QUERIES.items()
        }
    finally:
        await connection.close()


def judged(name: str, findings: Findings, returns: list[float], data: Path) -> None:
    figures = {"rounds": len(returns), "slowest_return_seconds": round(max(returns), 3)}
    soak.keep(name, figures | findings.figures(), data)
    findings.expect_kept()


async def test_nothing_acknowledged_is_lost_over_kills(tmp_path: Path) -> None:
    traffic, returns = await kills_of_the_server(tmp_path, "")

    findings = found(traffic, in_file(Settings(tmp_path).database))
    judged("kills_of_the_server_over_a_file", findings, returns, tmp_path)


async def test_nothing_acknowledged_is_lost_over_kills_of_a_server_over_a_database(
    tmp_path: Path, durable: Postgres
) -> None:
    url = await durable.database()

    traffic, returns = await kills_of_the_server(tmp_path, url)

    findings = found(traffic, await in_database(url))
    judged("kills_of_the_server_over_a_database", findings, returns, tmp_path)


async def test_nothing_acknowledged_is_lost_over_kills_of_the_database(
    tmp_path: Path, durable: Postgres
) -> None:
    """All of it at once, its first process alone, or one that writes; the server stays."""
    database_url = await durable.database()
    async with contextlib.AsyncExitStack() as parts:
        log = tmp_path / "log"
        started = server(tmp_path, log=log, database_url=database_url)
        _, url = await parts.enter_async_context(started)
        traffic = await parts.enter_async_context(traffic_to(url, tmp_path))
        ways = cycle((durable.kill, durable.kill_postmaster, None))

        async def kill() -> None:
            way = next(ways)
            if way is None:
                await kill_a_writer(database_url)
            else:
                await asyncio.to_thread(way)
                await asyncio.to_thread(durable.start)

        returns = await rounds(traffic, kill)

    findings = found(traffic, await in_database(database_url))
    judged("kills_of_the_database", findings, returns, tmp_path)
    assert "request_failed" not in log.read_text()


async def kill_a_writer(url: str) -> None:
    """The database then ends all sessions and recovers by itself."""
    connection = await asyncpg.connect(url)
    try:
        process = await connection.fetchval(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() ORDER BY state = 'active' DESC, random() LIMIT 1"
        )
    finally:
        connection.terminate()
    os.kill(process, signal.SIGKILL)


async def test_a_server_told_to_end_closes_in_good_order(tmp_path: Path) -> None:
    async with server(tmp_path) as (process, _):
        process.terminate()
        await process.wait()

        assert process.returncode == 0
        assert not Settings(tmp_path).address_file.exists()
        assert not Path(f"{Settings(tmp_path).database}-wal").exists()


async def test_two_servers_over_one_folder_are_refused(tmp_path: Path) -> None:
    async with server(tmp_path):
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ringtrace", "serve", "--data", str(tmp_path), "--port", "0",
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await second.communicate()

    assert second.returncode == 1
    assert b"another server runs over" in said
