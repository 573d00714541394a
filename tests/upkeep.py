"""A server that has something to back up, and the commands that look after it."""

import secrets
import time
from pathlib import Path

import httpx
from click.testing import CliRunner, Result

from ringtrace import cli
from ringtrace.config import Settings
from tests.shop import BROWSER, ORIGIN, POOL, REPORT, bearer, rfc, setup_of

NUMBERS = [POOL, *(f"+12025550{n}" for n in range(112, 122))]
AUDIO = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(4_000)


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(word) for word in words])


async def viewed(client: httpx.AsyncClient, visit: str) -> str:
    answer = await client.post(
        "/t/hit",
        json={"site": "shop", "kind": "page", "visitor": visit, "visit": visit, "url": ORIGIN},
        headers={"Origin": ORIGIN, "User-Agent": BROWSER},
    )
    return str(answer.json()["number"]["e164"])


def new_visit() -> str:
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


async def worked(url: str, data: Path) -> dict[str, str]:
    """A call with its recording and a few visits; returns what each visit was shown."""
    api = bearer(Settings(data).api_token_file.read_text().strip())
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        document = setup_of("shop", "+12025550101", NUMBERS)
        (await client.put("/api/v1/setup", json=document, headers=api)).raise_for_status()
        token = (await client.post("/api/v1/tokens", json={"kind": "sip"}, headers=api)).json()
        sip = bearer(token["token"])
        shown = {}
        for _ in range(5):
            visit = new_visit()
            shown[visit] = await viewed(client, visit)
        report = REPORT | {"number": POOL, "started_at": rfc(time.time_ns() // 10**6)}
        await client.post("/gateway/v1/calls/kept/report", json=report, headers=sip)
        put = await client.put("/gateway/v1/calls/kept/recording", content=AUDIO, headers=sip)
        put.raise_for_status()
    return shown
