"""Many browsers at once against real servers: the promise of leasing, and what the store says.

One server over a file, one over a database, three over one database: each browser then asks all
three at once. RINGTRACE_VISITS is the number of visits each client makes (2 000 in `make soak`).
"""

import asyncio
import contextlib
import json
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from ringtrace.config import Settings
from tests.postgres import Postgres
from tests.promise import Span, Told, judge
from tests.server import server
from tests.shop import BROWSER, ORIGIN, TARGET, bearer

CLIENTS = 64
VISITS = int(os.environ.get("RINGTRACE_VISITS", "48"))
ROUND = 8
"""Visits of a client in one round: one when all arrive at once, the others as they come."""

ANSWER_SECONDS = 20.0

PAID = [f"{ORIGIN}/?utm_source=google&utm_medium=cpc&utm_term=k{n}" for n in range(12)]
MIXED = [*PAID[:3], f"{ORIGIN}/?utm_medium=email", f"{ORIGIN}/?utm_medium=affiliate", ORIGIN]
POOLS = {"house": CLIENTS, "roomy": 400, "small": 7, "split": 120}
"""As many numbers as clients; more than ever are on page; now too few, now enough; divided."""
PAGES = {"house": PAID, "roomy": PAID, "small": PAID, "split": MIXED}
ONE_GROUP = ("house", "roomy", "small")
"""Pools of one channel: any free number may be leased."""


class Connection:
    """One of a browser's connections; asks one thing at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def hit(self, kind: str, one: Told, url: str) -> str | None:
        """The number shown; None to anything but a page view."""
        hit = {"site": one.site, "kind": kind, "visitor": one.visitor, "visit": one.visit}
        body = json.dumps(hit | {"url": url}).encode()
        head = (
            f"POST /t/hit HTTP/1.1\r\nHost: ringtrace.test\r\nOrigin: {ORIGIN}\r\n"
            f"User-Agent: {BROWSER}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        async with asyncio.timeout(ANSWER_SECONDS):
            status, _, fields = (await self._reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
            length = fields.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            answer = await self._reader.readexactly(int(length or 0))
        if kind != "page":
            assert b" 204 " in status, status
            return None
        shown: dict[str, str] = json.loads(answer)["number"]
        return shown["e164"]

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@dataclass
class Client:
    """A home with many visitors behind one address; everything it asks is remembered."""

    connections: Sequence[Connection]
    chance: random.Random
    told: list[Told] = field(default_factory=list)
    known: dict[str, list[str]] = field(default_factory=dict)

    def arrival(self, site: str, visitor: str | None = None) -> Told:
        """A visit of somebody new or, as often, of somebody who was here before."""
        before = self.known.setdefault(site, [])
        if visitor is None and before and self.chance.random() < 0.5:
            visitor = self.chance.choice(before[-8:])
        visit = f"{now():012x}{self.chance.getrandbits(80):020x}"
        one = Told(site, visit, visitor or f"{self.chance.getrandbits(128):032x}")
        before.append(one.visitor)
        self.told.append(one)
        return one

    async def open(self, *visits: Told) -> None:
        """Every visit asks two or three times at once."""
        asked = [(one, "page") for one in visits for _ in range(self.chance.choice((2, 3)))]
        sent, times = await self._at_once(asked)
        for one in visits:
            answered = [at for (who, _), at in zip(asked, times, strict=True) if who is one]
            one.asked = (sent, min(answered))
            one.signed(sent, max(answered))

    async def read_on(self, one: Told) -> None:
        kinds = self.chance.choice((["beat"], ["beat", "page"], ["contact", "page", "page", "tap"]))
        sent, times = await self._at_once([(one, kind) for kind in kinds])
        one.signed(sent, max(times))

    async def leave(self, one: Told, *beside: str) -> None:
        """`beside` is what it sends at the same time; then it leaves for good."""
        sent, times = await self._at_once([(one, "leave"), *((one, kind) for kind in beside)])
        if beside:
            one.doubted(sent, max(times))
            await self.leave(one)
        else:
            one.went(sent, max(times))

    async def pass_by(self, site: str) -> None:
        """A visit from its beginning to one of its possible ends."""
        one = self.arrival(site)
        both = (one, self.arrival(site, one.visitor)) if self.chance.random() < 0.1 else (one,)
        await self.open(*both)
        for each in both:
            await self.read_on(each)
            await self._end(each)

    async def _end(self, one: Told) -> None:
        fate = self.chance.random()
        if fate < 0.02 and one.site != "small":
            await self.leave(one)
            await self.read_on(one)
            one.fell_silent()
        elif fate < 0.03 and one.site != "small":
            one.fell_silent()
        elif fate < 0.15:
            await self.leave(one, self.chance.choice(("beat", "page")))
        elif fate < 0.3:
            await self.leave(one)
            await self.read_on(one)
            await self.leave(one)
        else:
            await self.leave(one)

    async def _at_once(self, asked: Sequence[tuple[Told, str]]) -> tuple[int, list[int]]:
        """When it was sent, and when each was answered."""
        lines = [asked[start :: len(self.connections)] for start in range(len(self.connections))]
        sent, times = now(), [0] * len(asked)

        async def ask(line: int) -> None:
            for turn, (one, kind) in enumerate(lines[line]):
                url = self.chance.choice(PAGES[one.site])
                number = await self.connections[line].hit(kind, one, url)
                times[line + turn * len(lines)] = now()
                if number is not None:
                    one.numbers.add(number)

        await asyncio.gather(*(ask(line) for line in range(len(lines)) if lines[line]))
        return sent, times


@dataclass
class FullHouse:
    """All clients arrive at once at a pool with a number for each."""

    barrier: asyncio.Barrier
    here: list[Told] = field(default_factory=list)

    async def visit(self, client: Client) -> None:
        one = client.arrival("house")
        second = client.chance.random() < 0.2
        visits = (one, client.arrival("house", one.visitor)) if second else (one,)
        await self.barrier.wait()
        await client.open(*visits)
        self.here.append(one)
        assert len({number for each in visits for number in each.numbers}) == 1
        await self.barrier.wait()
        assert len({each.number for each in self.here}) == CLIENTS
        await client.read_on(one)
        await self.barrier.wait()
        self.here.clear()
        for each in visits:
            await client.leave(each)
        await self.barrier.wait()


async def play(client: Client, house: FullHouse) -> None:
    passing = [*["roomy"] * 5, *["split"] * 5, "small"]
    for _ in range(VISITS // ROUND):
        await house.visit(client)
        for _ in range(ROUND - 1):
            await client.pass_by(client.chance.choice(passing))


def now() -> int:
    """Ms since 1970 UTC, as the server reads it."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Ground:
    """Servers over one store: the file of their folder, or a database."""

    data: Path
    urls: Sequence[str]
    database_url: str | None

    async def read(self, query: str) -> list[tuple[Any, ...]]:
        if self.database_url is None:
            with contextlib.closing(sqlite3.connect(Settings(self.data).database)) as file:
                return file.execute(query).fetchall()
        connection = await asyncpg.connect(self.database_url)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()


@contextlib.asynccontextmanager
async def ground(data: Path, servers: int, database_url: str | None) -> AsyncIterator[Ground]:
    async with contextlib.AsyncExitStack() as parts:
        urls = [
            (await parts.enter_async_context(server(data, database_url=database_url or "")))[1]
            for _ in range(servers)
        ]
        await set_up(data, urls[0])
        for url in urls[1:]:
            await knows_the_sites(url)
        yield Ground(data, urls, database_url)


async def knows_the_sites(url: str) -> None:
    """Another server was told of them."""
    hit = {"site": "house", "kind": "beat", "visitor": "0" * 32, "visit": "0" * 32}
    headers = {"Origin": ORIGIN, "User-Agent": BROWSER}
    deadline = time.monotonic() + ANSWER_SECONDS
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        while (await client.post("/t/hit", json=hit, headers=headers)).status_code == 404:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def set_up(data: Path, url: str) -> None:
    names = iter(f"+1202555{n:04d}" for n in range(1_000, 10_000))
    sites = [
        {
            "key": site,
            "name": site,
            "origins": [ORIGIN],
            "pool": {"numbers": [next(names) for _ in range(numbers)], "target": TARGET},
        }
        for site, numbers in POOLS.items()
    ]
    token = Settings(data).api_token_file.read_text().strip()
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        answer = await client.put("/api/v1/setup", json={"site": sites}, headers=bearer(token))
    assert answer.status_code == 200, answer.text


@contextlib.asynccontextmanager
async def homes(urls: Sequence[str]) -> AsyncIterator[list[Client]]:
    """The clients, each at a loopback address of its own; their connections are to all servers."""
    ends = [urlsplit(urls[turn % len(urls)]) for turn in range(3)]
    clients = []
    for index in range(CLIENTS):
        connections = [
            Connection(
                *await asyncio.open_connection(
                    at.hostname, at.port, local_addr=(f"127.0.1.{index + 1}", 0)
                )
            )
            for at in ends
        ]
        clients.append(Client(connections, random.Random(index)))  # noqa: S311 - no secret
    try:
        yield clients
    finally:
        for client in clients:
            for connection in client.connections:
                await connection.close()


async def agreed(where: Ground, told: Sequence[Told]) -> dict[str, int]:
    """When each visit was leased its number, once the store says of all what they were told."""
    exposures = await where.read("SELECT visit_id, number, shown_at FROM exposures")
    visits = {
        visit: rest
        for visit, *rest in await where.read(
            "SELECT visit_id, visitor_id, site_key, number, seen_at, left_at FROM visits"
        )
    }
    counted = Counter((visit, number) for visit, number, _ in exposures)
    assert counted == Counter((one.visit, one.number) for one in told)
    assert visits.keys() == {one.visit for one in told}
    leased_at = {visit: at for visit, _, at in exposures}
    for one in told:
        *said, seen_at, left_at = visits[one.visit]
        assert said == [one.visitor, one.site, one.number]
        assert within(leased_at[one.visit], one.asked), one
        assert within(seen_at, one.last), one
        assert left_at == seen_at if one.left else left_at is None, one
    return leased_at


def within(at: int, span: Span) -> bool:
    return span[0] <= at <= span[1]


@pytest.mark.parametrize(("servers", "over"), [(1, "file"), (1, "database"), (3, "database")])
async def test_many_clients_at_once_get_what_was_promised_and_what_the_store_says(
    tmp_path: Path, request: pytest.FixtureRequest, servers: int, over: str
) -> None:
    url = None
    if over == "database":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = await postgres.database()
    async with ground(tmp_path, servers, url) as where, homes(where.urls) as clients:
        house = FullHouse(asyncio.Barrier(CLIENTS))
        async with asyncio.TaskGroup() as tasks:
            for client in clients:
                tasks.create_task(play(client, house))
    told = [one for client in clients for one in client.told]

    assert [one for one in told if len(one.numbers) != 1] == []
    leased_at = await agreed(where, told)
    figures = {}
    for site, numbers in POOLS.items():
        visits = [one for one in told if one.site == site]
        found = judge(visits, leased_at, numbers if site in ONE_GROUP else 0)
        print(site, len(visits), found.kept, found.apart, found.shared)  # noqa: T201 - figures
        assert found.broken == []
        figures[site] = found
    assert figures["house"].kept > 0
    assert figures["roomy"].kept > 0
    assert figures["roomy"].apart > 100
    assert figures["small"].apart > 0
    assert figures["small"].shared > 0
