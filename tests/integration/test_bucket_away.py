"""From a call to a bucket: recordings wait with the node while the bucket is away."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringtrace.config import Settings
from ringtrace.demo.behaviour import Answers, Calling
from ringtrace.demo.phone import Phone
from tests.bucket import BUCKET, CREDENTIALS, s3_service
from tests.server import server
from tests.shop import RADIO, TARGET, bearer, setup_of
from tests.sipnode import free_port, sip_node

DEADLINE = 40.0


@pytest.mark.phones
async def test_a_recording_waits_for_the_bucket_and_is_then_played_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("RINGTRACE_RECORDINGS", f"s3://{BUCKET}/shop")
    data = tmp_path / "data"
    agent = await Phone.open("127.0.0.1", 0, {TARGET: Answers()})
    caller = await Phone.open("127.0.0.1")
    async with contextlib.AsyncExitStack() as parts:
        _, url = await parts.enter_async_context(server(data))
        api = await parts.enter_async_context(
            httpx.AsyncClient(
                base_url=url,
                headers=bearer(Settings(data).api_token_file.read_text().strip()),
                trust_env=False,
            )
        )
        (await api.put("/api/v1/setup", json=setup_of("shop", RADIO, []))).raise_for_status()
        answer = await api.post("/api/v1/tokens", json={"kind": "sip"})
        token = str(answer.json()["token"])
        node = await parts.enter_async_context(
            sip_node(data, url, token, agent, "--recording-format", "opus")
        )
        calling = Calling(talk_seconds=1.0)
        result = await caller.call(f"sip:{RADIO}@{node}", "+12025550177", calling)
        assert result.code == 200

        waiting = await recording(api, lambda said: said["seconds"] is not None)
        assert waiting["link"] is None
        assert list((data / "spool/outbox").glob("*.opus"))
        with s3_service(port):
            arrived = await recording(api, lambda said: said["link"] is not None)
            played = await api.get(arrived["link"])
    await caller.close()
    await agent.close()

    assert (arrived["format"], played.headers["content-type"]) == ("opus", "audio/ogg")
    assert played.content.startswith(b"OggS")
    assert not [path for path in (data / "recordings").rglob("*") if path.is_file()]


async def recording(api: httpx.AsyncClient, wanted: Any) -> dict[str, Any]:
    """Of the only call, once it is as `wanted`."""
    deadline = time.monotonic() + DEADLINE
    while True:
        calls = (await api.get("/api/v1/calls")).json()["calls"]
        said: dict[str, Any] | None = calls[0]["recording"] if calls else None
        if said is not None and wanted(said):
            return said
        assert time.monotonic() < deadline, said
        await asyncio.sleep(0.1)
