"""kill -9 in the middle of traffic loses nothing that was acknowledged."""

import asyncio
import contextlib
import os
import secrets
import signal
import sqlite3
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from ringtrace.config import Settings
from tests.server import server
from tests.shop import BROWSER, ORIGIN, POOL, REPORT, bearer, rfc, setup_of

ROUNDS = int(os.environ.get("RINGTRACE_KILLS", "4"))
CLIENTS = 24
NUMBERS = [POOL, *(f"+12025550{n}" for n in range(112, 152))]


@dataclass
class Acknowledged:
    """What the server said yes to, over all rounds."""

    shown: dict[str, str] = field(default_factory=dict)
    contacts: set[str] = field(default_factory=set)
    reports: set[str] = field(default_factory=set)


async def visitor(client: httpx.AsyncClient, known: Acknowledged, token: str) -> None:
    """Views a page, reads on, is reported as a caller, until the server is gone."""
    while True:
        visit = f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
        shown = await hit(client, visit, "page")
        known.shown[visit] = shown.json()["number"]["e164"]
        again = await hit(client, visit, "page")
        assert again.json()["number"]["e164"] == known.shown[visit]
        await hit(client, visit, "contact")
        known.contacts.add(visit)
        report = REPORT | {"number": known.shown[visit], "started_at": rfc(time.time_ns() // 10**6)}
        answer = await client.post(
            f"/gateway/v1/calls/{visit}/report", json=report, headers=bearer(token)
        )
        assert answer.status_code == 200
        known.reports.add(visit)


async def hit(client: httpx.AsyncClient, visit: str, kind: str) -> httpx.Response:
    answer = await client.post(
        "/t/hit",
        json={"site": "shop", "kind": kind, "visitor": visit, "visit": visit, "url": ORIGIN},
        headers={"Origin": ORIGIN, "User-Agent": BROWSER},
    )
    assert answer.status_code in {200, 204}
    return answer


async def round_of_traffic(data: Path, known: Acknowledged, token: str | None) -> str:
    """Traffic from many clients, ended by SIGKILL at a moment nobody knows."""
    async with contextlib.AsyncExitStack() as parts:
        process, url = await parts.enter_async_context(server(data))
        client = await parts.enter_async_context(
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=10)
        )
        if token is None:
            api = bearer(Settings(data).api_token_file.read_text().strip())
            document = setup_of("shop", "+12025550101", NUMBERS)
            (await client.put("/api/v1/setup", json=document, headers=api)).raise_for_status()
            answer = await client.post("/api/v1/tokens", json={"kind": "sip"}, headers=api)
            token = str(answer.json()["token"])
        for visit in list(known.shown)[-5:]:
            shown = (await hit(client, visit, "page")).json()["number"]["e164"]
            assert shown == known.shown[visit], "the visit lost its number over the kill"
        visitors = [asyncio.create_task(visitor(client, known, token)) for _ in range(CLIENTS)]
        await asyncio.sleep(0.3 + secrets.randbelow(900) / 1_000)
        process.send_signal(signal.SIGKILL)
        ends = await asyncio.gather(*visitors, return_exceptions=True)
        assert all(isinstance(end, httpx.TransportError) for end in ends), ends
    return token


async def test_nothing_acknowledged_is_lost_over_kills(tmp_path: Path) -> None:
    known = Acknowledged()
    token: str | None = None
    for _ in range(ROUNDS):
        token = await round_of_traffic(tmp_path, known, token)

    async with server(tmp_path):
        pass
    with contextlib.closing(sqlite3.connect(Settings(tmp_path).database)) as file:
        visits = dict(file.execute("SELECT visit_id, number FROM visits"))
        exposed = set(file.execute("SELECT visit_id, number FROM exposures"))
        contacts = {
            row[0] for row in file.execute("SELECT visit_id FROM hits WHERE kind='contact'")
        }
        reports = {row[0] for row in file.execute("SELECT call_id FROM calls")}
        (integrity,) = file.execute("PRAGMA integrity_check").fetchone()
    assert integrity == "ok"
    assert len(known.shown) > 20 * ROUNDS
    assert known.shown.items() <= visits.items()
    assert known.shown.items() <= exposed
    assert known.contacts <= contacts
    assert known.reports <= reports


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
