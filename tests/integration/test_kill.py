"""kill -9 in the middle of traffic loses nothing that was acknowledged."""

import asyncio
import contextlib
import os
import secrets
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from ringtrace.config import Settings
from tests.postgres import Postgres, postgres_server
from tests.server import server
from tests.shop import BROWSER, ORIGIN, POOL, REPORT, bearer, rfc, setup_of

ROUNDS = int(os.environ.get("RINGTRACE_KILLS", "4"))
DATABASE_ROUNDS = max(2, ROUNDS // 4)
"""A server notices at leisure that its database is gone."""

CLIENTS = 24
FOUND_SECONDS = 20.0
NUMBERS = [POOL, *(f"+12025550{n}" for n in range(112, 152))]


@pytest.fixture(scope="module")
def durable() -> Iterator[Postgres]:
    """A database server that waits for the disk."""
    with postgres_server(durable=True) as server:
        yield server


@dataclass
class Acknowledged:
    """What the server said yes to, over all rounds."""

    shown: dict[str, str] = field(default_factory=dict)
    contacts: set[str] = field(default_factory=set)
    reports: set[str] = field(default_factory=set)


class NotTakenError(Exception):
    """The server says that it cannot keep what it was told."""


async def visitor(client: httpx.AsyncClient, known: Acknowledged, token: str) -> None:
    """Views a page, reads on, is reported as a caller, until the server or its store is gone."""
    while True:
        visit = f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
        known.shown[visit] = await shown(client, visit)
        assert await shown(client, visit) == known.shown[visit]
        await hit(client, visit, "contact")
        known.contacts.add(visit)
        report = REPORT | {"number": known.shown[visit], "started_at": rfc(time.time_ns() // 10**6)}
        answer = await client.post(
            f"/gateway/v1/calls/{visit}/report", json=report, headers=bearer(token)
        )
        taken(answer)
        known.reports.add(visit)


async def shown(client: httpx.AsyncClient, visit: str) -> str:
    said = (await hit(client, visit, "page")).json()
    if said["number"] is None:
        assert said["reason"] == "store_away"
        raise NotTakenError
    return str(said["number"]["e164"])


def taken(answer: httpx.Response) -> None:
    if answer.status_code == 503:
        raise NotTakenError
    assert answer.status_code in {200, 204}


async def hit(client: httpx.AsyncClient, visit: str, kind: str) -> httpx.Response:
    answer = await client.post(
        "/t/hit",
        json={"site": "shop", "kind": kind, "visitor": visit, "visit": visit, "url": ORIGIN},
        headers={"Origin": ORIGIN, "User-Agent": BROWSER},
    )
    taken(answer)
    return answer


async def round_of_traffic(
    data: Path, known: Acknowledged, token: str | None, database_url: str = ""
) -> str:
    """Traffic from many clients, ended by SIGKILL at a moment nobody knows."""
    async with contextlib.AsyncExitStack() as parts:
        process, url = await parts.enter_async_context(server(data, database_url=database_url))
        client = await parts.enter_async_context(
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=10)
        )
        if token is None:
            token = await set_up(data, client)
        await keeps_its_numbers(client, known)
        visitors = [asyncio.create_task(visitor(client, known, token)) for _ in range(CLIENTS)]
        await asyncio.sleep(0.3 + secrets.randbelow(900) / 1_000)
        process.send_signal(signal.SIGKILL)
        ends = await asyncio.gather(*visitors, return_exceptions=True)
        assert all(isinstance(end, httpx.TransportError) for end in ends), ends
    return token


async def set_up(data: Path, client: httpx.AsyncClient) -> str:
    """The business; answers a gateway's token."""
    api = bearer(Settings(data).api_token_file.read_text().strip())
    document = setup_of("shop", "+12025550101", NUMBERS)
    (await client.put("/api/v1/setup", json=document, headers=api)).raise_for_status()
    answer = await client.post("/api/v1/tokens", json={"kind": "sip"}, headers=api)
    return str(answer.json()["token"])


async def keeps_its_numbers(client: httpx.AsyncClient, known: Acknowledged) -> None:
    for visit in list(known.shown)[-5:]:
        number = await shown(client, visit)
        assert number == known.shown[visit], "the visit lost its number over the kill"


def expect_kept(
    known: Acknowledged, rows: dict[str, list[tuple[Any, ...]]], rounds: int = ROUNDS
) -> None:
    assert len(known.shown) > 20 * rounds
    assert known.shown.items() <= dict(rows["visits"]).items()
    assert known.shown.items() <= set(rows["exposures"])
    assert known.contacts <= {visit for (visit,) in rows["hits"]}
    assert known.reports <= {call for (call,) in rows["calls"]}


KEPT = {
    "visits": "SELECT visit_id, number FROM visits",
    "exposures": "SELECT visit_id, number FROM exposures",
    "hits": "SELECT visit_id FROM hits WHERE kind='contact'",
    "calls": "SELECT call_id FROM calls WHERE report IS NOT NULL",
}


async def in_database(url: str) -> dict[str, list[tuple[Any, ...]]]:
    connection = await asyncpg.connect(url)
    found = {name: [tuple(row) for row in await connection.fetch(KEPT[name])] for name in KEPT}
    await connection.close()
    return found


async def test_nothing_acknowledged_is_lost_over_kills(tmp_path: Path) -> None:
    known = Acknowledged()
    token: str | None = None
    for _ in range(ROUNDS):
        token = await round_of_traffic(tmp_path, known, token)

    async with server(tmp_path):
        pass
    with contextlib.closing(sqlite3.connect(Settings(tmp_path).database)) as file:
        found = {name: file.execute(query).fetchall() for name, query in KEPT.items()}
        (integrity,) = file.execute("PRAGMA integrity_check").fetchone()
    assert integrity == "ok"
    expect_kept(known, found)


async def test_nothing_acknowledged_is_lost_over_kills_of_a_server_over_a_database(
    tmp_path: Path, durable: Postgres
) -> None:
    url = await durable.database()
    known = Acknowledged()
    token: str | None = None
    for _ in range(ROUNDS):
        token = await round_of_traffic(tmp_path, known, token, url)

    expect_kept(known, await in_database(url))


async def test_nothing_acknowledged_is_lost_over_kills_of_the_database(
    tmp_path: Path, durable: Postgres
) -> None:
    """The server stays; it says that its store is away, and finds it again."""
    database_url = await durable.database()
    known = Acknowledged()
    async with contextlib.AsyncExitStack() as parts:
        _, url = await parts.enter_async_context(server(tmp_path, database_url=database_url))
        client = await parts.enter_async_context(
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=30)
        )
        token = await set_up(tmp_path, client)
        for _ in range(DATABASE_ROUNDS):
            visitors = [asyncio.create_task(visitor(client, known, token)) for _ in range(CLIENTS)]
            await asyncio.sleep(0.3 + secrets.randbelow(900) / 1_000)
            durable.kill()
            ends = await asyncio.gather(*visitors, return_exceptions=True)
            assert all(isinstance(end, NotTakenError) for end in ends), ends
            durable.start()
            await found_again(client)
            await keeps_its_numbers(client, known)

    expect_kept(known, await in_database(database_url), DATABASE_ROUNDS)


async def found_again(client: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + FOUND_SECONDS
    while True:
        with contextlib.suppress(NotTakenError):
            await shown(client, f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}")
            return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


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
