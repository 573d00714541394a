"""A real server of several worker processes, and a client at each of them."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ringtrace.config import Settings
from tests.server import server
from tests.shop import bearer, setup_of

DEADLINE = 30.0
RADIO, POOL = "+12025550101", [f"+120255501{last}" for last in range(11, 31)]


async def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.05)


@dataclass
class Workers:
    """`at` are clients that keep one connection each, to the first and to the second worker."""

    data: Path
    url: str
    keeper: asyncio.subprocess.Process
    log: Path
    at: list[httpx.AsyncClient]
    token: str = ""

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def api(self) -> dict[str, str]:
        return bearer(Settings(self.data).api_token_file.read_text().strip())

    @property
    def gateway(self) -> dict[str, str]:
        return bearer(self.token)

    def pid(self, number: int) -> int:
        """Of the worker's newest process."""
        found = re.findall(rf"child_started name=worker-{number} pid=(\d+)", self.said)
        return int(found[-1])

    def kill(self, number: int) -> None:
        os.kill(self.pid(number), signal.SIGKILL)

    async def all_run(self) -> None:
        """Wait for it."""
        deadline = time.monotonic() + DEADLINE
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            while time.monotonic() < deadline:
                workers = (await client.get("/health")).json()["workers"]
                if workers["running"] == workers["wanted"]:
                    return
                await asyncio.sleep(0.05)
        raise AssertionError("not all workers run")

    async def set_up(self, document: dict[str, Any] | None = None) -> None:
        """The business, told to the first worker."""
        applied = await self.at[0].put(
            "/api/v1/setup", json=document or setup_of("shop", RADIO, POOL), headers=self.api
        )
        applied.raise_for_status()
        made = await self.at[0].post("/api/v1/tokens", json={"kind": "sip"}, headers=self.api)
        self.token = made.json()["token"]

    async def arrive(self, worker: int, call: str, **changes: Any) -> httpx.Response:
        """A call that came a moment ago to the static number, unless told otherwise."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        body = {"call": call, "number": RADIO, "caller": "+12025550177", "started_at": now}
        return await self.at[worker].post(
            "/gateway/v1/calls", json=body | changes, headers=self.gateway
        )

    async def ask(self, worker: int, path: str, body: dict[str, Any]) -> httpx.Response:
        """A gateway does, of a call."""
        return await self.at[worker].post(
            f"/gateway/v1/calls/{path}", json=body, headers=self.gateway
        )


@contextlib.asynccontextmanager
async def workers(data: Path, database_url: str, *options: str) -> AsyncIterator[Workers]:
    """Two of them, over a database."""
    data.mkdir(exist_ok=True)
    log = data.parent / "server.log"
    async with contextlib.AsyncExitStack() as parts:
        keeper, url = await parts.enter_async_context(
            server(data, 0, "--workers", "2", *options, log=log, database_url=database_url)
        )
        crew = Workers(data, url, keeper, log, [])
        for number in (1, 2):
            client = httpx.AsyncClient(
                base_url=url,
                trust_env=False,
                timeout=30,
                limits=httpx.Limits(max_connections=1, keepalive_expiry=600),
            )
            crew.at.append(await parts.enter_async_context(client))
            await _connect(crew, client, number)
        yield crew


async def _connect(crew: Workers, client: httpx.AsyncClient, number: int) -> None:
    """While the other one stands still, only this one takes connections."""
    other = crew.pid(3 - number)
    os.kill(other, signal.SIGSTOP)
    try:
        assert (await client.get("/health")).status_code == 200
    finally:
        os.kill(other, signal.SIGCONT)
