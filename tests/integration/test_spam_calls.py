"""A suspect calls, robots and people: with the real server, on both gateways."""

import asyncio
import contextlib
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringtrace.config import Settings
from ringtrace.demo.behaviour import Answers, Calling
from ringtrace.demo.phone import Phone
from ringtrace.gateways.voximplant.emulator import Answer, CallerDoes, Case, run
from ringtrace.gateways.voximplant.emulator.http import RealHttp
from tests.server import server
from tests.shop import RADIO, TARGET, bearer, setup_of
from tests.sipnode import free_port, sip_node

DEADLINE = 30.0
CALLER = "+12025550177"
SCENARIO = (files("ringtrace.gateways.voximplant") / "scenario.js").read_text("utf-8")


@contextlib.asynccontextmanager
async def api(data: Path, url: str) -> Any:
    headers = bearer(Settings(data).api_token_file.read_text().strip())
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, trust_env=False) as one:
        yield one


async def suspected(data: Path, url: str, kind: str) -> str:
    """CALLER is on the list of robots; answers a gateway's token."""
    robot = {"callers": [{"caller": CALLER, "treatment": "ask"}]}
    async with api(data, url) as client:
        (await client.put("/setup", json=setup_of("shop", RADIO, []))).raise_for_status()
        (await client.post("/blocklist", json=robot)).raise_for_status()
        token: str = (await client.post("/tokens", json={"kind": kind})).json()["token"]
        return token


async def calls(data: Path, url: str, count: int) -> list[dict[str, Any]]:
    """Oldest first, once so many are reported."""
    deadline = time.monotonic() + DEADLINE
    async with api(data, url) as client:
        while True:
            found = (await client.get("/calls")).json()["calls"]
            if len(found) == count and all(one["outcome"] for one in found):
                return list(reversed(found))
            assert time.monotonic() < deadline, "the reports did not arrive"
            await asyncio.sleep(0.1)


def said(call: dict[str, Any]) -> tuple[str, str | None, str | None, bool]:
    screening = call["screening"]
    return call["outcome"], call["reason"], screening and screening["passage"], call["spam"]


@pytest.mark.phones
async def test_a_person_with_a_sip_phone_presses_a_key_once(tmp_path: Path) -> None:
    agent = await Phone.open("127.0.0.1", 0, {TARGET: Answers()})
    caller = await Phone.open("127.0.0.1")
    async with contextlib.AsyncExitStack() as parts:
        _, url = await parts.enter_async_context(server(tmp_path, free_port()))
        token = await suspected(tmp_path, url, "sip")
        node = await parts.enter_async_context(sip_node(tmp_path, url, token, agent))

        for done, keys in enumerate(("7", ""), start=1):
            await caller.call(f"sip:{RADIO}@{node}", CALLER, Calling(talk_seconds=3.0, keys=keys))
            reached = await asyncio.wait_for(agent.agent_calls.get(), DEADLINE)
            assert reached.number == TARGET
            found = await calls(tmp_path, url, done)
    await caller.close()
    await agent.close()

    assert [said(one) for one in found] == [
        ("answered", None, "passed", False),
        ("answered", None, None, False),
    ]


async def test_voximplant_asks_a_robot_until_somebody_presses_a_key(tmp_path: Path) -> None:
    port = free_port()
    async with server(tmp_path, port) as (_, url):
        token = await suspected(tmp_path, url, "voximplant")
        for done, keys in enumerate(((), ((3.0, "#"),), ()), start=1):
            case = Case(
                destination=RADIO.removeprefix("+"),
                caller=CALLER.removeprefix("+"),
                caller_does=CallerDoes(keys=keys),
                answers=(Answer("*", ring=1.0, answer=3.0, talk=20.0),),
                secrets={
                    "RINGTRACE_URL": url,
                    "RINGTRACE_TOKEN": token,
                    "RINGTRACE_FALLBACK": "+12025550195",
                },
            )
            web = RealHttp((f"127.0.0.1:{port}",))
            await asyncio.to_thread(run, [SCENARIO], case, http=web, session_id=4711 + done)
            web.close()
            found = await calls(tmp_path, url, done)

    assert [said(one) for one in found] == [
        ("rejected", "spam_list", "failed", True),
        ("answered", None, "passed", False),
        ("answered", None, None, False),
    ]
