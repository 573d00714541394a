"""The parts of a demo, started for real: server, SIP node, web site, agent's phone."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import uvicorn

from ringtrace.config import Settings
from ringtrace.demo.behaviour import Behaviour, Refuses
from ringtrace.demo.phone import Phone
from ringtrace.demo.script import REGION, Script
from ringtrace.demo.website import site_app

log = logging.getLogger(__name__)

SITE_KEY = "bluebird"
BUSINESS = ("+12025550100", "(202) 555-0100")
RING_SECONDS = 5
START_SECONDS = 30.0
STOP_SECONDS = 15.0


class StageError(RuntimeError):
    """A part did not start; its log says why."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the running parts are, and what opens them."""

    settings: Settings
    url: str
    api: httpx.AsyncClient
    sip_address: str
    agent: Phone
    behaviours: dict[str, Behaviour]
    voximplant_token: str
    site_url: str

    @property
    def console(self) -> str:
        return self.url + "/"


@contextlib.asynccontextmanager
async def stage(script: Script, data: Path, port: int = 0) -> AsyncIterator[Stage]:
    """Start everything for `script` over the folder `data`; everything ends on leaving."""
    data.mkdir(parents=True, exist_ok=True)
    settings = Settings(data.absolute(), port=port)
    async with contextlib.AsyncExitStack() as parts:
        url = await _server(parts, settings)
        api = await parts.enter_async_context(_api(url, settings))
        site_socket = socket.create_server(("127.0.0.1", 0))
        site_url = f"http://127.0.0.1:{site_socket.getsockname()[1]}"
        await _call_api(api, "PUT", "/api/v1/setup", setup(script, site_url))
        await _site(parts, site_socket, url)
        tokens = [
            (await _call_api(api, "POST", "/api/v1/tokens", {"kind": kind}))["token"]
            for kind in ("sip", "voximplant")
        ]
        behaviours: dict[str, Behaviour] = {}
        agent = await Phone.open("127.0.0.1", 0, behaviours, Refuses(404))
        parts.push_async_callback(agent.close)
        sip_address = await _sip_node(parts, settings, url, tokens[0], agent)
        yield Stage(settings, url, api, sip_address, agent, behaviours, tokens[1], site_url)


def setup(script: Script, site_url: str) -> dict[str, object]:
    """The script's business as the document that `ringtrace apply` sends."""
    origins = {site_url}
    for visit in script.visit:
        parts = urlsplit(visit.url)
        origins.add(f"{parts.scheme}://{parts.netloc}")
    site: dict[str, object] = {
        "key": SITE_KEY,
        "name": "Bluebird Dental",
        "origins": sorted(origins),
        "swap": [BUSINESS[0]],
    }
    if script.pool is not None:
        site["pool"] = {
            "numbers": script.pool.numbers,
            "target": script.pool.target,
            "ring_seconds": RING_SECONDS,
        }
    return {
        "account": {"name": "Bluebird Dental", "region": REGION},
        "site": [site],
        "number": [
            {
                "number": one.number,
                "channel": one.channel,
                "target": one.target,
                "campaign": one.campaign,
                "keyword": one.keyword,
                "name": one.campaign or one.channel,
                "ring_seconds": RING_SECONDS,
            }
            for one in script.number
        ],
    }


async def _server(parts: contextlib.AsyncExitStack, settings: Settings) -> str:
    settings.address_file.unlink(missing_ok=True)
    command = ("serve", "--data", str(settings.data), "--port", str(settings.port))
    # The demo's day is its own, whatever database other servers here are told to use.
    environment = {"DATABASE_URL": ""}
    await parts.enter_async_context(
        _process("server", command, settings.data, settings.address_file, environment)
    )
    return settings.address_file.read_text().strip()


async def _sip_node(
    parts: contextlib.AsyncExitStack, settings: Settings, url: str, token: str, agent: Phone
) -> str:
    ready = settings.data / "sip-node-ready"
    ready.unlink(missing_ok=True)
    proxy = f"{agent.address[0]}:{agent.address[1]}"
    command = (
        "sip-node", "--listen", f"127.0.0.1:{_free_udp_port()}", "--trunk", "127.0.0.0/8",
        "--proxy", proxy, "--backend", url, "--spool", str(settings.data / "sip-spool"),
        "--ready-file", str(ready), "--health", "off",
    )  # fmt: skip
    environment = {"RINGTRACE_TOKEN": token}
    await parts.enter_async_context(
        _process("sip-node", command, settings.data, ready, environment)
    )
    return ready.read_text().strip()


async def _site(parts: contextlib.AsyncExitStack, listener: socket.socket, url: str) -> None:
    app = site_app(f"{url}/t/tag.js", SITE_KEY, *BUSINESS)
    server = uvicorn.Server(
        uvicorn.Config(app, ws="none", access_log=False, log_level="warning", lifespan="off")
    )
    task = asyncio.create_task(server._serve([listener]))  # noqa: SLF001 - serve() takes the signals

    async def stop() -> None:
        server.should_exit = True
        await task

    parts.push_async_callback(stop)


def _api(url: str, settings: Settings) -> httpx.AsyncClient:
    token = settings.api_token_file.read_text().strip()
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=10.0,
        trust_env=False,
    )


async def _call_api(api: httpx.AsyncClient, method: str, path: str, body: object) -> dict[str, str]:
    answer = await api.request(method, path, json=body)
    if answer.is_error:
        raise StageError(f"{method} {path}: {answer.text}")
    return answer.json() if answer.content else {}


@contextlib.asynccontextmanager
async def _process(
    name: str,
    arguments: tuple[str, ...],
    data: Path,
    ready: Path,
    environment: dict[str, str] | None = None,
) -> AsyncIterator[None]:
    """A `ringtrace` process from the moment `ready` appears; its output is in `NAME.log`."""
    path = data / f"{name}.log"
    with path.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ringtrace", *arguments,
            stdout=output, stderr=output, env=os.environ | (environment or {}),
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if process.returncode is not None or time.monotonic() > deadline:
                raise StageError(f"{name} did not start, see {path}")
            await asyncio.sleep(0.05)
        yield
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
