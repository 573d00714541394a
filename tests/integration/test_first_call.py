"""docs/sip.md, from a trunk's credentials to the first recorded call, with SIPp as the provider."""

import asyncio
import contextlib
import json
import re
import socket
import sys
import time
import tomllib
import wave
from array import array
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks import sipp
from ringtrace.config import Settings
from tests.integration.sip.conftest import toml
from tests.server import server
from tests.shop import bearer
from tests.sipnode import free_port

pytestmark = pytest.mark.phones
ROOT = Path(__file__).parents[2]
PROVIDER = ROOT / "tests/fixtures/sip_trunk.xml"
PASSWORD = "s3cret"
DEADLINE = 30.0


def shown(name: str) -> str:
    """The file of that name in the documentation."""
    text = (ROOT / "docs/sip.md").read_text("utf-8")
    found = re.search(rf"```toml\n# {re.escape(name)}\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


@contextlib.asynccontextmanager
async def provider(folder: Path) -> AsyncIterator[str]:
    """Its address; it also calls from CALLER_IP, by `sipp.call`."""
    sipp.write_tone(folder / "tone.ulaw", 2.0)
    port = free_port(socket.SOCK_DGRAM)
    process = await asyncio.create_subprocess_exec(
        *("sipp", "-sf", str(PROVIDER), "-i", sipp.AGENT_IP, "-mi", sipp.AGENT_IP),
        *("-p", str(port), "-mp", "50000", "-nostdin", "-default_behaviors", "all,-abortunexp"),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"{sipp.AGENT_IP}:{port}"
    finally:
        process.kill()
        await process.wait()


def settings_here(trunk: str, **changes: Any) -> tuple[dict[str, Any], str]:
    """The documentation's node.toml on loopback, and where it listens."""
    settings = tomllib.loads(shown("node.toml"))
    port = free_port(socket.SOCK_DGRAM)
    settings |= {"listen_ip": "127.0.0.1", "advertised_ip": "127.0.0.1", "listen_port": port}
    # The provider answers at one address and calls from the other.
    settings |= {"trusted_networks": ["127.0.0.2/31"], "health_listen": "127.0.0.1:0"}
    settings["trunks"][0] |= {"host": trunk, "password": PASSWORD, **changes}
    return settings, f"127.0.0.1:{port}"


async def ringtrace(*words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ringtrace", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.1)


async def test_the_first_recorded_call(tmp_path: Path) -> None:
    data, log, config = tmp_path / "data", tmp_path / "log", tmp_path / "node.toml"
    setup = tmp_path / "setup.toml"
    setup.write_text(shown("setup.toml"))
    (number,) = tomllib.loads(setup.read_text())["number"]
    async with provider(tmp_path) as trunk:
        settings, address = settings_here(trunk)
        config.write_text(toml(settings))
        config.chmod(0o600)

        code, said = await ringtrace("sip-node", "--config", str(config), "--check")
        assert (code, "FAILED" in said) == (0, False), said
        assert "OPTIONS: " + trunk + " answers 200" in said
        assert "takes the credentials" in said

        async with server(data, 0, "--with-sip", str(config), log=log) as (_, url):
            code, said = await ringtrace("apply", str(setup), "--data", str(data))
            assert code == 0, said
            await until(lambda: "trunk_registered" in log.read_text())
            calls = await asyncio.to_thread(
                sipp.call,
                tmp_path,
                address,
                number["number"].removeprefix("+"),
                calls=1,
                rate=1.0,
                hold_seconds=2.0,
                tone=tmp_path / "tone.ulaw",
            )
            assert (calls.successful, calls.failed) == (1, 0)

            recordings = Settings(data).recordings
            await until(lambda: list(recordings.rglob("*.wav")))
            code, said = await ringtrace("calls", "--json", "--data", str(data))
            health = re.findall(r"health_served address=(\S+)", log.read_text())[-1]
            async with httpx.AsyncClient(trust_env=False) as client:
                metrics = (await client.get(f"http://{health}/metrics")).text
                key = Settings(data).api_token_file.read_text().strip()
                heard = await client.get(f"{url}/api/v1/gateways", headers=bearer(key))
    (call,) = [json.loads(line) for line in said.splitlines()]
    assert (call["outcome"], call["target"]) == ("answered", number["target"])
    lines = log.read_text()
    for event in ("call_started", "call_answered", "call_ended"):
        assert f" {event} call={call['call']}" in lines
    assert PASSWORD not in lines
    for metric in (
        f'ringtrace_sip_trunk_registered{{trunk="{trunk}"}} 1.0',
        f'ringtrace_sip_trunk_up{{trunk="{trunk}"}} 1.0',
        'ringtrace_sip_calls_total{outcome="answered"} 1.0',
        "ringtrace_sip_outbox_reports 0.0",
        "ringtrace_sip_backend_up 1.0",
    ):
        assert metric in metrics
    assert [one["gateway"] for one in heard.json()["gateways"]] == ["sip"]
    (recording,) = recordings.rglob("*.wav")
    with wave.open(str(recording)) as wav:
        assert wav.getnchannels() == 2
        assert wav.getnframes() / wav.getframerate() == pytest.approx(2.0, abs=0.5)
        samples = array("h", wav.readframes(wav.getnframes()))
    for side in (samples[::2], samples[1::2]):
        assert max(side) > 5_000, "both sides are heard"


async def test_wrong_credentials_are_found_before_anybody_calls(tmp_path: Path) -> None:
    async with provider(tmp_path) as trunk:
        settings, _ = settings_here(trunk, password="wrong")
        config = tmp_path / "node.toml"
        config.write_text(toml(settings | {"trusted_networks": ["198.51.100.0/24"]}))
        config.chmod(0o644)
        code, said = await ringtrace("sip-node", "--config", str(config), "--check")
    assert code == 1
    assert f"FAILED   trunks[0] REGISTER: {trunk} refuses the credentials (403)" in said
    assert f"warning  {config}: others can read its secrets" in said
    assert "calls from 127.0.0.3 get 403: it is not in trusted_networks" in said


async def test_a_check_says_what_is_not_there(tmp_path: Path) -> None:
    settings, _ = settings_here(f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
    settings |= {"spool_dir": "spool", "backend_url": "http://127.0.0.1:9", "token": "t"}
    settings["tts_command"] = ["/nowhere/speak", "{file}", "{text}"]
    settings["trunks"].append({"host": "nobody.invalid"})
    config = tmp_path / "node.toml"
    config.write_text(toml(settings))
    code, said = await ringtrace("sip-node", "--config", str(config), "--check")
    assert code == 1
    for line in (
        "FAILED   backend_url: http://127.0.0.1:9 does not answer within 2 s",
        "FAILED   trunks[0] OPTIONS: no answer",
        "FAILED   trunks[1].host: nobody.invalid has no IPv4 address",
        "FAILED   tts_command: `/nowhere/speak` gives no sound",
    ):
        assert line in said
    assert not (tmp_path / "spool").exists(), "a check changes nothing"


async def test_a_check_asks_the_backend_whether_it_knows_the_token(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with server(data) as (_, url):
        _, token = await ringtrace("token", "sip", "--data", str(data))
        options = (
            *("sip-node", "--check", "--trunk", "127.0.0.0/8", "--backend", url),
            *("--spool", str(tmp_path / "spool")),
        )
        listen = ("--listen", f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
        good = await ringtrace(*options, *listen, "--token", token.strip())
        bad = await ringtrace(*options, *listen, "--token", "rt_sip_none")
    assert good[0] == 0, good[1]
    assert f"{url} knows the token" in good[1]
    assert bad[0] == 1
    assert "FAILED   token: " in bad[1]
