"""Recordings leave the node whole, in the format that was asked for, and exactly once."""

import asyncio
import base64
import io
import subprocess
import wave
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers, Calling
from ringtrace.demo.phone import Phone
from tests.integration.sip.conftest import AGENT, CALLER, Backend, Node, Put, plan, until
from tests.sipsound import RATE, channels, level

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
CALLS = 6


def digest_of(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(sha256(body).digest()).decode()}:"


def decoded(flac: bytes) -> bytes:
    command = ["flac", "--silent", "--decode", "-"]
    return subprocess.run(command, input=flac, capture_output=True, check=True).stdout  # noqa: S603 - a decoder


async def test_a_recording_is_sent_in_its_format_with_its_digest(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0, tone_hz=880)})
    backend.plan = plan((AGENT, 5), record=True)
    node = own_node(recording_format="flac")
    node.start()
    await caller.call(node.uri(), CALLER, Calling(tone_hz=440, talk_seconds=1.5))
    await backend.recording()

    (put,) = backend.puts
    assert (put.media_type, put.digest) == ("audio/flac", digest_of(put.body))
    left, right = channels(await asyncio.to_thread(decoded, put.body))
    middle = slice(len(left) // 2, len(left) // 2 + RATE // 2)
    assert level(left[middle], 440) > 5000
    assert level(right[middle], 880) > 5000


async def test_a_recording_that_arrived_damaged_is_sent_again(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5), record=True)
    backend.recording_status = 400
    node = own_node()
    node.start()
    await caller.call(node.uri(), CALLER, Calling(talk_seconds=1))
    await until(lambda: bool(backend.puts))
    backend.recording_status = 204
    await backend.recording()

    first, *others = backend.puts
    assert all(put == first for put in others)
    await until(lambda: not node.waiting())


async def test_recorded_calls_that_a_kill_ended_arrive_once_with_what_was_said(
    own_node: Callable[..., Node], backend: Backend, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0, tone_hz=880)})
    backend.plan = plan((AGENT, 5), record=True)
    node = own_node()
    node.start()
    phones = [await Phone.open("127.0.0.2") for _ in range(CALLS)]
    calls = [
        asyncio.create_task(phone.call(node.uri(), CALLER, Calling(440, talk_seconds=60)))
        for phone in phones
    ]
    await until(lambda: node.log.count("call_answered") == CALLS)
    await asyncio.sleep(3)  # what is said until the node dies
    node.kill()
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    for phone in phones:
        await phone.close()
    node.start()
    await until(lambda: len(backend.recordings) == CALLS, 15)
    await until(lambda: not node.waiting())
    node.stop()
    node.start()
    await until(lambda: not node.waiting())

    assert len(backend.reports) == CALLS
    assert Counter(put.call for put in backend.puts) == dict.fromkeys(backend.reports, 1)
    assert all(_is_whole(put) for put in backend.puts)
    for name, report in backend.reports.items():
        left, right = channels(backend.recordings[name])
        assert report["outcome"] == "answered"
        assert report["talk_seconds"] > 2
        assert report["recording"]["seconds"] == pytest.approx(len(left) / RATE, abs=0.001)
        assert report["recording"]["seconds"] == pytest.approx(report["talk_seconds"], abs=1.5)
        middle = slice(len(left) // 2, len(left) // 2 + RATE // 2)
        assert level(left[middle], 440) > 5000
        assert level(right[middle], 880) > 5000


def _is_whole(put: Put) -> bool:
    with wave.open(io.BytesIO(put.body)) as file:
        return file.getnframes() > 0 and put.digest == digest_of(put.body)
