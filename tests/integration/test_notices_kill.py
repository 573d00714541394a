"""kill -9 between a report and the notice of it: the notice comes after the restart."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx

from ringtrace.config import Settings
from tests.receiver import Reply, receiver
from tests.server import server
from tests.shop import RADIO, REPORT, bearer, rfc, setup_of

OPTIONS = ("--outbound-allow", "127.0.0.1")
CALLS = 20


async def put_up(client: httpx.AsyncClient, data: Path, url: str) -> dict[str, str]:
    """A shop with a webhook; answers the headers of its gateway."""
    api = bearer(Settings(data).api_token_file.read_text().strip())
    document = setup_of("shop", RADIO, []) | {
        "recipient": [{"to": url, "events": ["call.answered"]}]
    }
    (await client.put("/api/v1/setup", json=document, headers=api)).raise_for_status()
    answer = await client.post("/api/v1/tokens", json={"kind": "sip"}, headers=api)
    return bearer(answer.json()["token"])


async def report(client: httpx.AsyncClient, call: str, headers: dict[str, str]) -> None:
    body = REPORT | {"started_at": rfc(time.time_ns() // 10**6)}
    answer = await client.post(f"/gateway/v1/calls/{call}/report", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


def client_of(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=10)


async def test_what_was_reported_before_a_kill_is_told_after_it(tmp_path: Path) -> None:
    """While the receiver hangs some notices are on their way and others wait for their turn."""
    hang = asyncio.Event()

    async def never(_: object) -> Reply:
        await hang.wait()
        return Reply(500)

    async with receiver() as one:
        one.answer = never
        async with server(tmp_path, 0, *OPTIONS) as (process, url), client_of(url) as client:
            gateway = await put_up(client, tmp_path, f"http://127.0.0.1:{one.port}/")
            for i in range(CALLS):
                await report(client, f"call-{i}", gateway)
            await one.wait(1)
            process.kill()
            await process.wait()
        hang.set()
        before = len(one.received)
        one.received.clear()
        one.answer = lambda _: Reply(200)

        async with server(tmp_path, 0, *OPTIONS) as (_, url), client_of(url) as client:
            came = await one.wait(CALLS)
            await settled(client, tmp_path)

    told: list[dict[str, Any]] = [json.loads(request.body) for request in came]
    assert before >= 1
    assert sorted(x["data"]["call"]["call"] for x in told) == sorted(
        f"call-{i}" for i in range(CALLS)
    )
    assert len({x["id"] for x in told}) == CALLS


async def settled(client: httpx.AsyncClient, data: Path) -> None:
    """Until the log says that all was delivered."""
    api = bearer(Settings(data).api_token_file.read_text().strip())
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        answer = await client.get("/api/v1/deliveries?state=delivered", headers=api)
        if answer.json()["total"] == CALLS:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not all was noted as delivered")
