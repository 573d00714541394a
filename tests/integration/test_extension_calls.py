"""A visitor is shown an extension, calls and keys it: with the real server, on both gateways."""

import asyncio
import contextlib
import time
import uuid
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
from tests.shop import BROWSER, ORIGIN, RADIO, TARGET, bearer, setup_of
from tests.sipnode import free_port, sip_node

DEADLINE = 30.0
NUMBER = "+12025550141"
SCENARIO = (files("ringtrace.gateways.voximplant") / "scenario.js").read_text("utf-8")


async def shown(url: str, source: str) -> tuple[str, dict[str, Any]]:
    """A new visit on page, and what it is shown."""
    visit = f"{time.time_ns() // 1_000_000:012x}{uuid.uuid4().hex[:20]}"
    body = {
        "site": "shop",
        "kind": "page",
        "visitor": uuid.uuid4().hex,
        "visit": visit,
        "url": f"https://shop.example/?utm_source={source}&utm_medium=cpc&utm_campaign={source}",
    }
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        answer = await client.post(
            "/t/hit", json=body, headers={"Origin": ORIGIN, "User-Agent": BROWSER}
        )
        number: dict[str, Any] = answer.json()["number"]
        return visit, number


async def crowded(data: Path, url: str, kind: str) -> tuple[str, str, dict[str, Any]]:
    """One number, two visitors: a gateway's token, and the visit that has an extension."""
    document = setup_of("shop", RADIO, [NUMBER])
    document["site"][0]["extensions_above"] = 0.2  # type: ignore[index]
    api = bearer(Settings(data).api_token_file.read_text().strip())
    async with httpx.AsyncClient(base_url=url, headers=api, trust_env=False) as client:
        (await client.put("/api/v1/setup", json=document)).raise_for_status()
        token = (await client.post("/api/v1/tokens", json={"kind": kind})).json()["token"]
    await shown(url, "first")
    visit, number = await shown(url, "second")
    assert number["extension"]
    return token, visit, number


async def only_call(data: Path, url: str) -> dict[str, Any]:
    """The one call there is, once it is reported."""
    api = bearer(Settings(data).api_token_file.read_text().strip())
    deadline = time.monotonic() + DEADLINE
    async with httpx.AsyncClient(base_url=url, headers=api, trust_env=False) as client:
        while True:
            found = (await client.get("/api/v1/calls")).json()["calls"]
            if found and found[0]["outcome"]:
                assert len(found) == 1
                return dict(found[0])
            assert time.monotonic() < deadline, "the report did not arrive"
            await asyncio.sleep(0.1)


def assert_proven(call: dict[str, Any], visit: str, extension: str) -> None:
    assert (call["outcome"], call["target"]) == ("answered", TARGET)
    assert call["digits"] == extension
    said = call["attribution"]
    assert (said["basis"], said["visit_id"], said["visit_probability"]) == ("extension", visit, 1)
    assert said["campaign"] == "second"


@pytest.mark.phones
async def test_a_sip_caller_keys_the_extension_he_was_shown(tmp_path: Path) -> None:
    agent = await Phone.open("127.0.0.1", 0, {TARGET: Answers()})
    caller = await Phone.open("127.0.0.1")
    async with contextlib.AsyncExitStack() as parts:
        _, url = await parts.enter_async_context(server(tmp_path, free_port()))
        token, visit, number = await crowded(tmp_path, url, "sip")
        node = await parts.enter_async_context(sip_node(tmp_path, url, token, agent))

        keying = Calling(talk_seconds=6.0, keys=number["extension"])
        result = await caller.call(f"sip:{NUMBER}@{node}", "+12025550177", keying)
        reached = await agent.agent_calls.get()
        call = await only_call(tmp_path, url)
    await caller.close()
    await agent.close()

    assert (result.code, reached.number) == (200, TARGET)
    assert_proven(call, visit, number["extension"])


async def test_a_voximplant_caller_keys_the_extension_he_was_shown(tmp_path: Path) -> None:
    port = free_port()
    async with server(tmp_path, port) as (_, url):
        token, visit, number = await crowded(tmp_path, url, "voximplant")
        keys = tuple((1.0 + 0.4 * i, key) for i, key in enumerate(number["extension"]))
        case = Case(
            destination=NUMBER.removeprefix("+"),
            caller="12025550177",
            caller_does=CallerDoes(keys=keys),
            answers=(Answer("*", ring=1.0, answer=3.0, talk=20.0),),
            secrets={
                "RINGTRACE_URL": url,
                "RINGTRACE_TOKEN": token,
                "RINGTRACE_FALLBACK": "+12025550195",
            },
        )
        web = RealHttp((f"127.0.0.1:{port}",))
        await asyncio.to_thread(run, [SCENARIO], case, http=web)
        web.close()
        call = await only_call(tmp_path, url)

    assert_proven(call, visit, number["extension"])
