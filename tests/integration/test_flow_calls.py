"""One server and both gateways: what is uploaded once is heard on both, and caps hold over both."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringtrace.config import Settings
from ringtrace.demo.behaviour import Answers, Calling
from ringtrace.demo.phone import Phone
from ringtrace.gateways.voximplant.emulator import Answer, Case, Result, Storage, run
from tests.server import server
from tests.shop import bearer
from tests.sipnode import FALLBACK, sip_node
from tests.sipsound import heard
from tests.sounds import wav

pytestmark = pytest.mark.phones
TV, DESK, NIGHT = "+12025550161", "+12025550192", "+12025550193"
SCENARIO = (files("ringtrace.gateways.voximplant") / "scenario.js").read_text("utf-8")
HELLO_HZ = 700.0
DEADLINE = 30.0


@dataclass
class Office:
    """A server, a SIP node before it, and two telephones."""

    process: asyncio.subprocess.Process
    url: str
    api: httpx.AsyncClient
    node: str
    voximplant: str
    caller: Phone

    async def apply(self, *steps: dict[str, Any]) -> None:
        flow = {"name": "tv", "step": list(steps)}
        number = {"number": TV, "channel": "TV", "flow": "tv"}
        document = {"flow": [flow], "number": [number]}
        (await self.api.put("/api/v1/setup", json=document)).raise_for_status()

    def call_by_voximplant(self, *answers: Answer, http_hosts: tuple[str, ...]) -> Result:
        case = Case(
            TV.removeprefix("+"),
            "12025550177",
            answers=answers,
            http="real",
            http_hosts=http_hosts,
            secrets={
                "RINGTRACE_URL": self.url,
                "RINGTRACE_TOKEN": self.voximplant,
                "RINGTRACE_FALLBACK": FALLBACK,
            },
        )
        return run([SCENARIO], case, storage=Storage())

    async def by_voximplant(self, *answers: Answer) -> Result:
        hosts = (httpx.URL(self.url).netloc.decode(),)
        return await asyncio.to_thread(self.call_by_voximplant, *answers, http_hosts=hosts)

    async def calls(self, count: int) -> list[dict[str, Any]]:
        """Newest first, once there are so many reports."""
        deadline = time.monotonic() + DEADLINE
        while True:
            found: list[dict[str, Any]] = (await self.api.get("/api/v1/calls")).json()["calls"]
            if sum(one["outcome"] is not None for one in found) >= count:
                return found
            assert time.monotonic() < deadline, "the reports did not arrive"
            await asyncio.sleep(0.1)

    async def legs(self, call: dict[str, Any]) -> list[tuple[str, str | None]]:
        answer = await self.api.get(f"/api/v1/calls/{call['gateway']}/{call['call']}")
        return [(leg["target"], leg["reason"]) for leg in answer.json()["legs"]]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    agent = await Phone.open("127.0.0.1", 0, {DESK: Answers(), NIGHT: Answers()})
    caller = await Phone.open("127.0.0.1")
    data = tmp_path / "data"
    async with contextlib.AsyncExitStack() as parts:
        process, url = await parts.enter_async_context(server(data))
        headers = bearer(Settings(data).api_token_file.read_text().strip())
        api = await parts.enter_async_context(
            httpx.AsyncClient(base_url=url, headers=headers, trust_env=False)
        )
        tokens = [
            (await api.post("/api/v1/tokens", json={"kind": kind})).json()["token"]
            for kind in ("sip", "voximplant")
        ]
        node = await parts.enter_async_context(sip_node(data, url, tokens[0], agent))
        yield Office(process, url, api, node, tokens[1], caller)
    await caller.close()
    await agent.close()


async def test_a_sound_that_is_uploaded_once_is_heard_on_both_gateways(office: Office) -> None:
    upload = await office.api.put("/api/v1/sounds/hello.wav", content=wav(1.0, 22_050, hz=HELLO_HZ))
    assert upload.status_code == 200, upload.text
    await office.apply({"do": "announce", "play": "hello.wav"}, {"do": "dial", "targets": [DESK]})
    uri = f"sip:{TV}@{office.node}"

    by_sip = await office.caller.call(uri, "+12025550177", Calling(talk_seconds=2.0))
    by_voximplant = await office.by_voximplant(Answer("*", answer=1, talk=5))
    office.process.kill()
    await office.process.wait()
    without = await office.caller.call(uri, "+12025550178", Calling(talk_seconds=2.0))

    assert by_sip.code == 200
    assert heard(by_sip.heard.samples, HELLO_HZ)
    started = [m.data for m in by_voximplant.timeline if m.name == "Player.Started"]
    assert [one["duration"] for one in started] == [1000]
    assert [leg.to for leg in by_voximplant.legs] == [DESK.removeprefix("+")]
    assert heard(without.heard.samples, HELLO_HZ), "the node has kept it"


async def test_a_targets_cap_counts_the_calls_of_both_gateways(office: Office) -> None:
    desk = {"to": DESK, "most_calls": 1}
    await office.apply({"do": "dial", "targets": [desk, NIGHT]})
    uri = f"sip:{TV}@{office.node}"

    talking = asyncio.create_task(
        office.caller.call(uri, "+12025550177", Calling(talk_seconds=6.0))
    )
    deadline = time.monotonic() + DEADLINE
    during = await office.by_voximplant(Answer("*", answer=1, talk=1))
    while [leg.to for leg in during.legs] == [DESK.removeprefix("+")]:
        assert time.monotonic() < deadline, "the cap was never kept"
        during = await office.by_voximplant(Answer("*", answer=1, talk=1))
    await talking
    after = await office.by_voximplant(Answer("*", answer=1, talk=1))

    assert [leg.to for leg in during.legs] == [NIGHT.removeprefix("+")]
    assert [leg.to for leg in after.legs] == [DESK.removeprefix("+")]
    legs = [await office.legs(call) for call in await office.calls(3)]
    assert [(DESK, "operator_busy"), (NIGHT, None)] in legs
    flows = {call["flow"] for call in await office.calls(3)}
    assert flows == {"tv 1"}, "as the reports say"
