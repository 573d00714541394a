"""The disk is full, or read-only: callers still reach a target, and what was acknowledged stays.

Each server gets a small disk of its own, mounted in a private mount namespace.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from ringtrace.config import Settings
from tests.shop import BROWSER, ORIGIN, POOL, RADIO, REPORT, TARGET, bearer, rfc, setup_of

pytestmark = pytest.mark.skipif(
    subprocess.run(
        ["/usr/bin/unshare", "-m", "--propagation", "unchanged", "true"], check=False
    ).returncode
    != 0,
    reason="this machine allows nobody a mount namespace of his own",
)

SIZE = 12 * 1024 * 1024
START_SECONDS = 30.0
NUMBERS = [POOL, "+12025550112", "+12025550113"]

# Debian's unshare makes all mounts private, which a chroot does not allow and does not need.
_PRIVATE = (
    'unshare -m true 2>/dev/null && exec unshare -m sh -c "$1" || '
    'exec unshare -m --propagation unchanged sh -c "$1"'
)


@contextlib.asynccontextmanager
async def server_on(
    data: Path, options: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    """A server whose data folder is a disk of its own; yields the folder as seen from outside."""
    data.mkdir()
    inside = (
        f"mount -t tmpfs -o size={SIZE} tmpfs {data} && mount -o remount,{options} {data}"
        f" && exec {sys.executable} -m ringtrace serve --data {data} --port 0"
        " --hits-per-address 1000000"
    )
    with data.with_suffix(".log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", _PRIVATE, "sh", inside, stderr=log
        )
    try:
        yield process, Path(f"/proc/{process.pid}/root{data}")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ready(process: asyncio.subprocess.Process, folder: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not Settings(folder).address_file.exists():
        assert process.returncode is None, "the server ended instead of starting"
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    return Settings(folder).address_file.read_text().strip()


async def viewed(client: httpx.AsyncClient, visit: str) -> tuple[str | None, str | None]:
    """The number shown, or the reason why none is."""
    answer = await client.post(
        "/t/hit",
        json={"site": "shop", "kind": "page", "visitor": visit, "visit": visit, "url": ORIGIN},
        headers={"Origin": ORIGIN, "User-Agent": BROWSER},
    )
    assert answer.status_code == 200, answer.text
    said = answer.json()
    return (said["number"] or {}).get("e164"), said["reason"]


def new_visit() -> str:
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def fill(folder: Path) -> Path:
    """Nothing more can be written."""
    # On the machine's own disk this would be a disaster.
    assert os.statvfs(folder).f_blocks * os.statvfs(folder).f_frsize == SIZE
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return ballast


async def test_a_full_disk_loses_nothing_and_no_caller(tmp_path: Path) -> None:
    async with server_on(tmp_path / "data", "rw") as (process, folder):
        url = await ready(process, folder)
        api = bearer(Settings(folder).api_token_file.read_text().strip())
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            document = setup_of("shop", RADIO, NUMBERS)
            (await client.put("/api/v1/setup", json=document, headers=api)).raise_for_status()
            issued = await client.post("/api/v1/tokens", json={"kind": "sip"}, headers=api)
            sip = bearer(issued.json()["token"])
            known = {visit: (await viewed(client, visit))[0] for visit in [new_visit()]}

            ballast = fill(folder)
            refused = 0
            for _ in range(400):
                visit = new_visit()
                number, reason = await viewed(client, visit)
                if number is None:
                    assert reason == "store_away"
                    refused += 1
                else:
                    known[visit] = number
            assert refused, "the disk was not full"
            plan = await client.post(
                "/gateway/v1/calls",
                json={"call": "c", "number": RADIO, "caller": None, "started_at": rfc_now()},
                headers=sip,
            )
            assert plan.json()["steps"][0]["targets"][0]["to"] == TARGET
            body = REPORT | {"started_at": rfc_now()}
            report = await client.post("/gateway/v1/calls/c/report", json=body, headers=sip)
            assert (report.status_code, report.json()["error_id"]) == (503, "store_away")
            assert (await client.get("/health")).json() == {"status": "ok", "store": "away"}

            ballast.unlink()
            for visit, number in known.items():
                assert await viewed(client, visit) == (number, None)
            assert (await viewed(client, new_visit()))[0] in NUMBERS
            assert (await client.get("/health")).json() == {"status": "ok", "store": "ok"}
            for _ in range(2):
                report = await client.post("/gateway/v1/calls/c/report", json=body, headers=sip)
                assert report.status_code == 200
            calls = (await client.get("/api/v1/calls", headers=api)).json()["calls"]
            assert [call["call"] for call in calls] == ["c"]
    log = (tmp_path / "data.log").read_text()
    assert 1 <= log.count("store_write_failed") <= 3, "a full disk must not be filled by the log"


def rfc_now() -> str:
    return rfc(time.time_ns() // 1_000_000)


async def test_a_recording_that_finds_no_room_is_sent_again(tmp_path: Path) -> None:
    async with server_on(tmp_path / "data", "rw") as (process, folder):
        url = await ready(process, folder)
        api = bearer(Settings(folder).api_token_file.read_text().strip())
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            document = setup_of("shop", RADIO, NUMBERS)
            (await client.put("/api/v1/setup", json=document, headers=api)).raise_for_status()
            issued = await client.post("/api/v1/tokens", json={"kind": "sip"}, headers=api)
            sip = bearer(issued.json()["token"])
            body = REPORT | {"started_at": rfc_now()}
            await client.post("/gateway/v1/calls/c/report", json=body, headers=sip)
            audio = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(2_000_000)

            ballast = fill(folder)
            refused = await client.put("/gateway/v1/calls/c/recording", content=audio, headers=sip)
            assert (refused.status_code, refused.json()["error_id"]) == (503, "recordings_away")
            assert not [one for one in Settings(folder).recordings.rglob("*") if one.is_file()]

            ballast.unlink()
            kept = await client.put("/gateway/v1/calls/c/recording", content=audio, headers=sip)
            assert kept.status_code == 204


async def test_a_read_only_disk_is_told_in_one_line(tmp_path: Path) -> None:
    async with server_on(tmp_path / "data", "ro") as (process, _):
        await asyncio.wait_for(process.wait(), START_SECONDS)
    said = (tmp_path / "data.log").read_text()

    assert process.returncode == 1
    assert os.strerror(errno.EROFS) in said
    assert len(said.strip().splitlines()) == 1, said
