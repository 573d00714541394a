"""The backend is down when the call comes: the caller gets through, the report arrives later."""

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
from ringtrace.gateways.voximplant.emulator import Answer, Case, Result, Storage, run
from ringtrace.gateways.voximplant.emulator.http import Backend, RealHttp, Reply, Request
from tests.server import server
from tests.shop import RADIO, TARGET, bearer, setup_of
from tests.sipnode import FALLBACK, free_port, sip_node

DEADLINE = 30.0
SCENARIO = (files("ringtrace.gateways.voximplant") / "scenario.js").read_text("utf-8")


async def configured(data: Path, url: str, kind: str) -> str:
    """Apply the shop's setup; returns a gateway's token."""
    api = bearer(Settings(data).api_token_file.read_text().strip())
    async with httpx.AsyncClient(base_url=url, headers=api, trust_env=False) as client:
        document = setup_of("shop", RADIO, ["+12025550111"])
        (await client.put("/api/v1/setup", json=document)).raise_for_status()
        answer = await client.post("/api/v1/tokens", json={"kind": kind})
        return str(answer.json()["token"])


async def calls(data: Path, url: str) -> list[dict[str, Any]]:
    api = bearer(Settings(data).api_token_file.read_text().strip())
    async with httpx.AsyncClient(base_url=url, headers=api, trust_env=False) as client:
        found: list[dict[str, Any]] = (await client.get("/api/v1/calls")).json()["calls"]
        return found


@pytest.mark.phones
async def test_sip_callers_reach_the_fallback_and_the_report_comes_after_the_restart(
    tmp_path: Path,
) -> None:
    port = free_port()
    agent = await Phone.open("127.0.0.1", 0, {FALLBACK: Answers(), TARGET: Answers()})
    caller = await Phone.open("127.0.0.1")
    data = tmp_path / "data"
    async with contextlib.AsyncExitStack() as parts:
        async with server(data, port) as (_, url):
            token = await configured(data, url, "sip")
        node = await parts.enter_async_context(sip_node(data, url, token, agent))

        result = await caller.call(f"sip:{RADIO}@{node}", "+12025550177", Calling(talk_seconds=1.0))
        reached = await agent.agent_calls.get()

        assert (result.code, reached.number, reached.caller) == (200, FALLBACK, RADIO)
        async with server(data, port):
            deadline = time.monotonic() + DEADLINE
            while not (found := await calls(data, url)):
                assert time.monotonic() < deadline, "the report did not arrive"
                await asyncio.sleep(0.1)
            second = await caller.call(
                f"sip:{RADIO}@{node}", "+12025550178", Calling(talk_seconds=0.5)
            )
            again = await agent.agent_calls.get()
        assert (second.code, again.number) == (200, TARGET)
        third = await caller.call(f"sip:{RADIO}@{node}", "+12025550179", Calling(talk_seconds=0.5))
        cached = await agent.agent_calls.get()
        assert (third.code, cached.number) == (200, TARGET)
    await caller.close()
    await agent.close()

    (call,) = found
    assert (call["number"]["e164"], call["caller"]) == (RADIO, "+12025550177")
    assert (call["outcome"], call["target"]) == ("answered", FALLBACK)
    assert call["attribution"]["channel"] == "Radio"


def voximplant_call(url: str, token: str, http: Backend, storage: Storage) -> Result:
    case = Case(
        destination=RADIO.removeprefix("+"),
        caller="12025550177",
        answers=(Answer("*", ring=1.0, answer=3.0, talk=20.0),),
        secrets={
            "RINGTRACE_URL": url,
            "RINGTRACE_TOKEN": token,
            "RINGTRACE_FALLBACK": FALLBACK,
        },
    )
    return run([SCENARIO], case, http=http, storage=storage)


@pytest.mark.parametrize("back_at", [25.0, 50.0])
async def test_voximplant_callers_reach_the_fallback_and_the_report_comes_within_the_retries(
    tmp_path: Path, back_at: float
) -> None:
    """`back_at`: virtual seconds into the call; its report is first tried about 25 seconds in."""
    port = free_port()
    async with server(tmp_path, port) as (_, url):
        token = await configured(tmp_path, url, "voximplant")
        web = RealHttp((f"127.0.0.1:{port}",))

        def away(request: Request, at: float) -> Reply:
            if at < back_at:
                return Reply(-4, delay=0.01)
            return web(request, at)

        result = await asyncio.to_thread(voximplant_call, url, token, away, Storage())
        found = await calls(tmp_path, url)
        web.close()

    assert [(leg.to, leg.result) for leg in result.legs] == [
        (FALLBACK.removeprefix("+"), "answered")
    ]
    (call,) = found
    assert (call["outcome"], call["target"]) == ("answered", FALLBACK)
    assert call["attribution"]["channel"] == "Radio"
    assert call["talk_seconds"] == 20


async def test_a_voximplant_number_called_before_rings_its_cached_target(tmp_path: Path) -> None:
    port, storage = free_port(), Storage()
    async with server(tmp_path, port) as (_, url):
        token = await configured(tmp_path, url, "voximplant")
        web = RealHttp((f"127.0.0.1:{port}",))
        first = await asyncio.to_thread(voximplant_call, url, token, web, storage)
    second = await asyncio.to_thread(voximplant_call, url, token, web, storage)
    web.close()

    target = TARGET.removeprefix("+")
    assert [leg.to for leg in first.legs] == [leg.to for leg in second.legs] == [target]
    reports = [one for one in second.requests if one.url.endswith("/report")]
    assert len(reports) == 5, "four tries and the last chance"
    assert '"plan_source":"cache"' in (reports[-1].body or "")
