"""`ringtrace serve --with-sip`: a node beside the server that comes back when it is killed."""

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ringtrace.config import Settings
from ringtrace.demo.behaviour import Answers, Calling, NeverAnswers
from ringtrace.demo.phone import Phone
from tests.integration.sip.conftest import toml
from tests.integration.test_backend_away import calls, configured
from tests.server import server
from tests.shop import RADIO, TARGET
from tests.sipnode import free_port

pytestmark = pytest.mark.phones
DEADLINE = 30.0
CALLER = "+12025550177"


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.05)


class Place:
    """Where the server and its node are, and what both have logged."""

    def __init__(self, folder: Path, agent: Phone) -> None:
        self.data = folder / "data"
        self.log = folder / "log"
        self.config = folder / "node.toml"
        self.sip = f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
        ip, _, port = self.sip.partition(":")
        host = f"127.0.0.1:{agent.address[1]}"
        settings = {
            "listen_ip": ip,
            "listen_port": int(port),
            "trusted_networks": ["127.0.0.0/8"],
            "trunks": [{"host": host}],
            "health_listen": "off",
            "drain_seconds": 10,
        }
        self.config.write_text(toml(settings))

    @property
    def said(self) -> str:
        return self.log.read_text()

    def nodes(self) -> list[int]:
        """The pids of the nodes that became ready, in order."""
        ready = self.said.count("sip_node_ready")
        pids = re.findall(r"child_started name=sip-node pid=(\d+)", self.said)
        return [int(pid) for pid in pids[:ready]]


async def test_a_killed_node_comes_back_and_its_calls_are_known_to_be_cut_off(
    tmp_path: Path,
) -> None:
    agent = await Phone.open("127.0.0.1", 0, {TARGET: Answers(after=0)})
    caller = await Phone.open("127.0.0.1")
    place = Place(tmp_path, agent)
    options = ("--with-sip", str(place.config))
    async with server(place.data, 0, *options, log=place.log) as (process, url):
        token = await configured(place.data, url, "sip")
        await until(place.nodes)
        before = await caller.call(f"sip:{RADIO}@{place.sip}", CALLER, Calling(talk_seconds=0.3))

        lost = asyncio.create_task(
            caller.call(f"sip:{RADIO}@{place.sip}", CALLER, Calling(talk_seconds=60))
        )
        await until(lambda: place.said.count("call_answered") == 2)
        os.kill(place.nodes()[0], signal.SIGKILL)
        await until(lambda: len(place.nodes()) == 2)
        lost.cancel()

        after = await caller.call(f"sip:{RADIO}@{place.sip}", CALLER, Calling(talk_seconds=0.3))
        assert (before.code, after.code, process.returncode) == (200, 200, None)
        deadline = time.monotonic() + DEADLINE
        while len(found := await calls(place.data, url)) < 3 or not all(
            c["outcome"] for c in found
        ):
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.1)

    await caller.close()
    await agent.close()
    assert [call["outcome"] for call in found] == ["answered"] * 3
    assert [call["reason"] for call in found] == [None, "gateway_failure", None]
    secret = Settings(place.data).node_token_file.read_text().strip()
    assert secret != token
    assert secret not in place.said
    assert "calls_recovered count=1" in place.said


async def test_the_server_ends_after_its_nodes_last_call_is_reported(tmp_path: Path) -> None:
    agent = await Phone.open("127.0.0.1", 0, {TARGET: NeverAnswers()})
    caller = await Phone.open("127.0.0.1")
    place = Place(tmp_path, agent)
    async with server(place.data, 0, "--with-sip", str(place.config), log=place.log) as (
        process,
        url,
    ):
        await configured(place.data, url, "sip")
        await until(place.nodes)
        call = asyncio.create_task(
            caller.call(f"sip:{RADIO}@{place.sip}", CALLER, Calling(cancel_after=1.5))
        )
        await until(lambda: "call_started" in place.said)
        process.terminate()
        await until(lambda: "sip_node_draining" in place.said)
        refused = await caller.call(f"sip:{RADIO}@{place.sip}", CALLER, Calling())
        assert (refused.code, (await call).code) == (503, 487)
        assert await asyncio.wait_for(process.wait(), DEADLINE) == 0
    async with server(place.data) as (_, url):
        (found,) = await calls(place.data, url)
    await caller.close()
    await agent.close()
    assert found["outcome"] == "abandoned"
    assert "outbox_empty=True" in place.said


async def test_a_node_whose_server_was_killed_drains_and_ends(tmp_path: Path) -> None:
    agent = await Phone.open("127.0.0.1", 0, {})
    place = Place(tmp_path, agent)
    async with server(place.data, 0, "--with-sip", str(place.config), log=place.log) as (
        process,
        _,
    ):
        await until(place.nodes)
        (node,) = place.nodes()
        process.kill()
        await process.wait()

        def is_gone() -> bool:
            try:
                os.kill(node, 0)
            except ProcessLookupError:
                return True
            return Path(f"/proc/{node}/stat").read_text().split()[2] == "Z"

        await until(is_gone)
    await agent.close()


async def test_wrong_settings_of_the_node_are_said_before_anything_starts(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text('trusted_networks = ["198.51.100.0/24"]\nmax_cals = 5\n')
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ringtrace", "serve", "--with-sip", str(config)),
        *("--data", str(tmp_path / "data")),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert f"--with-sip: {config}: max_cals: unknown setting, did you mean max_calls?" in " ".join(
        said.decode().split()
    )
    assert not (tmp_path / "data").exists()
