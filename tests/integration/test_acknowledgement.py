"""An acknowledgement leaves the server after the disk has said yes, as strace sees it."""

import asyncio
import contextlib
import re
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from ringtrace.config import Settings
from tests.server import server
from tests.shop import BROWSER, ORIGIN, POOL, RADIO, REPORT, bearer, rfc, setup_of

pytestmark = pytest.mark.skipif(
    subprocess.run(["/usr/bin/strace", "-f", "-o", "/dev/null", "true"], check=False).returncode
    != 0,
    reason="this machine lets nobody watch a process",
)

_CALLS = "fsync,fdatasync,read,recvfrom,recvmsg,write,writev,sendto,sendmsg"
STRACE = ("/usr/bin/strace", "-D", "-f", "-y", "-s", "64", "-e", f"trace={_CALLS}")
"""As a grandchild, so that the server is the process that was started."""

_SYNC = re.compile(r"^(\d+) +(?:fsync|fdatasync)\(\d+<[^>]*/ringtrace\.db-wal>")
_SYNCED = re.compile(r"^(\d+) +.*(?:fsync|fdatasync)(?:\(| resumed).* = 0$")
_ANSWER = re.compile(r"(?:write|writev|sendto|sendmsg)\(.*HTTP/1\.1 (\d+)")


async def test_hits_leases_and_reports_are_acknowledged_when_the_disk_has_them(
    tmp_path: Path,
) -> None:
    said = tmp_path / "strace"
    async with contextlib.AsyncExitStack() as parts:
        process, url = await parts.enter_async_context(
            server(tmp_path, under=(*STRACE, "-o", str(said)))
        )
        client = await parts.enter_async_context(
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=30)
        )
        token = await set_up(client, tmp_path)
        visit = f"{now():012x}{1:020x}"
        for kind in ("page", "contact", "leave"):
            await hit(client, visit, kind)
        await report(client, token)

    trace = await whole(said, process.pid)
    for request, count in (("POST /t/hit", 3), ("POST /gateway/v1/calls/c/report", 1)):
        asked = [line for line, text in enumerate(trace) if f'"{request}' in text]
        assert len(asked) == count, request
        for line in asked:
            assert synced_before_the_answer(trace[line:]), trace[line]


async def whole(said: Path, process: int) -> list[str]:
    """What strace has written, which outlives the server for a moment."""
    deadline = time.monotonic() + 20
    end = re.compile(rf"^{process} +\+\+\+ ", re.MULTILINE)
    while not end.search(text := said.read_text(errors="replace")):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    return text.splitlines()


def synced_before_the_answer(trace: list[str]) -> bool:
    """From a request on: whether its log was synced before anything was answered."""
    syncing: set[str] = set()
    synced = False
    for text in trace:
        if (begun := _SYNC.match(text)) is not None:
            syncing.add(begun[1])
        if (ended := _SYNCED.match(text)) is not None and ended[1] in syncing:
            synced = True
        if (answer := _ANSWER.search(text)) is not None:
            assert answer[1] in {"200", "204"}, text
            return synced
    raise AssertionError("nothing was answered")


async def set_up(client: httpx.AsyncClient, data: Path) -> str:
    api = bearer(Settings(data).api_token_file.read_text().strip())
    document = setup_of("shop", RADIO, [POOL])
    (await client.put("/api/v1/setup", json=document, headers=api)).raise_for_status()
    issued = await client.post("/api/v1/tokens", json={"kind": "sip"}, headers=api)
    return str(issued.json()["token"])


async def hit(client: httpx.AsyncClient, visit: str, kind: str) -> None:
    body = {"site": "shop", "kind": kind, "visitor": visit, "visit": visit, "url": ORIGIN}
    headers = {"Origin": ORIGIN, "User-Agent": BROWSER}
    answer = await client.post("/t/hit", json=body, headers=headers)
    assert answer.status_code in {200, 204}, answer.text


async def report(client: httpx.AsyncClient, token: str) -> None:
    body = REPORT | {"started_at": rfc(now())}
    path = "/gateway/v1/calls/c/report"
    (await client.post(path, json=body, headers=bearer(token))).raise_for_status()


def now() -> int:
    return time.time_ns() // 1_000_000
