"""A real browser plays recordings of every format from a bucket, and may jump about in them."""

import time
import wave
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from ringtrace.config import Settings
from ringtrace.domain.audio import AudioFormat
from ringtrace.gateways.sip.encoder import Encoder
from tests.bucket import BUCKET, CREDENTIALS, s3_service
from tests.server import server
from tests.shop import REPORT, bearer, rfc, setup_of

RATE, SECONDS = 8_000, 60
LISTEN = """
(async link => {
  const audio = new Audio(link);
  const once = name => new Promise((resolve, reject) => {
    audio.addEventListener(name, resolve, {once: true});
    audio.addEventListener("error", () => reject(new Error(audio.error.message)), {once: true});
  });
  audio.preload = "auto";
  await once("loadedmetadata");
  const jumped = once("seeked");
  audio.currentTime = 45;
  await jumped;
  const bytes = await (await fetch(link)).arrayBuffer();
  const sound = await new OfflineAudioContext(2, 8000, 8000).decodeAudioData(bytes);
  const loudest = side => sound.getChannelData(side).slice(8000 * 50, 8000 * 51)
    .reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  return {seconds: audio.duration, at: audio.currentTime, sides: sound.numberOfChannels,
    caller: loudest(0), agent: loudest(1)};
})
"""


def speech(path: Path) -> Path:
    """The caller speaks for the first half, the agent for the second."""
    times = np.arange(SECONDS * RATE) / RATE
    tone = 8_000 * np.sin(2 * np.pi * 440 * times)
    sides = np.stack([tone * (times < SECONDS / 2), tone * (times >= SECONDS / 2)], axis=1)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        file.writeframes(sides.astype("<i2").tobytes())
    return path


@pytest.mark.browser
async def test_recordings_of_every_format_are_played_from_a_bucket(
    tmp_path: Path, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav, data = speech(tmp_path / "call.wav"), tmp_path / "data"
    monkeypatch.setenv("RINGTRACE_RECORDINGS", f"s3://{BUCKET}")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with s3_service() as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL", service)
        async with server(data) as (_, url):
            token = Settings(data).api_token_file.read_text().strip()
            api = httpx.AsyncClient(base_url=url, headers=bearer(token), trust_env=False)
            await api.put("/api/v1/setup", json=setup_of("shop", "+12025550101", []))
            sip = (await api.post("/api/v1/tokens", json={"kind": "sip"})).json()["token"]
            page = await browser.page()
            await page.goto(f"{url}/health")
            for kind in AudioFormat:
                file = tmp_path / f"call.{kind}"
                assert kind is AudioFormat.WAV or Encoder(kind).encode(wav, SECONDS, file)
                link = await kept(api, sip, kind, file.read_bytes())
                heard = await page.evaluate(f"{LISTEN}({link!r})")

                assert heard["seconds"] == pytest.approx(SECONDS, abs=0.3), kind
                assert heard["at"] == pytest.approx(45, abs=0.3), kind
                assert heard["sides"] == 2, kind
                assert heard["caller"] < 0.01, kind
                assert heard["agent"] > 0.2, kind
            await api.aclose()


async def kept(api: httpx.AsyncClient, sip: str, kind: AudioFormat, content: bytes) -> str:
    """The link to it."""
    call = f"/gateway/v1/calls/call-{kind}"
    report = REPORT | {"started_at": rfc(time.time_ns() // 10**6)}
    await api.post(f"{call}/report", json=report, headers=bearer(sip))
    headers = bearer(sip) | {"Content-Type": kind.media_type}
    put = await api.put(f"{call}/recording", content=content, headers=headers)
    assert put.status_code == 204, put.text
    answer = await api.get(f"/api/v1/calls/sip/call-{kind}")
    return str(answer.json()["recording"]["link"])
