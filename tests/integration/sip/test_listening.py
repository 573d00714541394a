"""Recordings listened to: both parties are on them, each on its side, and in step."""

import asyncio
import itertools
import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from ringtrace.demo.behaviour import Answers, Calling
from ringtrace.demo.phone import Phone
from ringtrace.demo.rtp import RtpStream
from ringtrace.gateways.sip.g711 import PCMU, encode
from tests.integration.sip.conftest import (
    AGENT_IP,
    CALLER,
    CALLER_IP,
    Backend,
    Node,
    dial,
    plan_of,
    said,
    until,
)
from tests.sipsound import RATE, channels, level

pytestmark = pytest.mark.phones
Samples = npt.NDArray[np.float64]

FRAME = 160
TALK = 16.0
CALLER_HZ, AGENT_HZ = 440.0, 1210.0
IN_STEP = 0.04
BURST = 0.05
_noise = np.random.default_rng(7).uniform(-20_000, 20_000, int(BURST * RATE))


@dataclass(frozen=True)
class Line:
    """How somebody's voice gets to the node.

    `clock` is the samples a second that his telephone counts; `jitter` is in seconds, `loss` a
    share. `hold_after` so many seconds he is silent for one, then goes on as another sender.
    """

    clock: float = 8000
    jitter: float = 0.0
    loss: float = 0.0
    hold_after: float | None = None


@dataclass(frozen=True)
class Case:
    """A call to `desk`; with a `whisper` the agent has media ports of his own."""

    desk: str
    caller: Line = Line()
    agent: Line = Line()
    whisper: bool = False


CASES = (
    Case("plain"),
    Case("own-ports", whisper=True),
    Case("hold", caller=Line(hold_after=5)),
    Case("loss", caller=Line(loss=0.2, jitter=0.03), agent=Line(loss=0.2)),
    Case("clocks", caller=Line(clock=8100), agent=Line(clock=7900)),
)


def bursts(since: float, until: float) -> list[float]:
    """When everybody who is in a call makes the same short noise; at uneven distances."""
    first, last = int(since * 2) - 1, int(until * 2) + 1
    return [k / 2 + 0.2 * (k * 0.618 % 1) for k in range(first, last)]


class Voice(RtpStream):
    """A tone of its party, and the noise of the moment, over a line."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line
        self._chance = random.Random(3)  # noqa: S311 - a network, not a secret

    async def _speak(self, hz: float) -> None:
        loop, line = asyncio.get_running_loop(), self._line
        start = loop.time()
        ssrc, first = self._chance.getrandbits(32), 2**32 - 100 * FRAME
        for number in itertools.count():
            at = start + number * FRAME / line.clock
            await asyncio.sleep(at + FRAME / line.clock - loop.time())
            since = -1.0 if line.hold_after is None else number * 0.02 - line.hold_after
            if since > 0 and ssrc:
                ssrc, first = 0, self._chance.getrandbits(32)
            if 0 < since < 1 or self._chance.random() < line.loss:
                continue
            head = bytes([0x80, 0]) + (number % 2**16).to_bytes(2)
            head += ((first + number * FRAME) % 2**32).to_bytes(4) + ssrc.to_bytes(4)
            packet = head + encode(_sound(at, line.clock, hz), PCMU)
            loop.call_later(self._chance.uniform(0, line.jitter), self._send, packet)

    def _send(self, packet: bytes) -> None:
        if self._transport is not None and self.remote is not None:
            self._transport.sendto(packet, self.remote)


def _sound(at: float, clock: float, hz: float) -> Samples:
    times = at + np.arange(FRAME) / clock
    sound = 1_500 * np.sin(2 * np.pi * hz * times)
    for burst in bursts(at, times[-1]):
        within = ((times - burst) * RATE).astype(int)
        heard = (times >= burst) & (within < len(_noise))
        sound[heard] += _noise[within[heard]]
    return sound


def bursts_in(channel: Samples) -> list[float]:
    """At which seconds the noise is heard."""
    match = np.correlate(channel, _noise) / np.dot(_noise, _noise)
    found = []
    while (at := int(np.argmax(match))) >= 0 and match[at] > 0.35:
        found.append(at / RATE)
        match[max(0, at - RATE // 8) : at + RATE // 8] = 0
    return sorted(found)


def out_of_step(left: Samples, right: Samples) -> list[float]:
    """How much later, in seconds, each noise is on the right than on the left."""
    others = np.array(bursts_in(right))
    near = [others[np.argmin(np.abs(others - at))] - at for at in bursts_in(left)]
    return [float(gap) for gap in near if abs(gap) < 0.14]  # else its fellow was lost


async def a_call(case: Case, node: Node, backend: Backend) -> asyncio.Task[None]:
    """Begin it; the task ends with the call."""
    caller = await Phone.open(CALLER_IP, voice=lambda: Voice(case.caller))
    answers = {case.desk: Answers(after=0, tone_hz=AGENT_HZ)}
    agent = await Phone.open(AGENT_IP, 0, answers, voice=lambda: Voice(case.agent))
    target = f"sip:{case.desk}@{AGENT_IP}:{agent.address[1]}"
    more = {"whisper": said("A call.")} if case.whisper else {}
    backend.plan = plan_of(dial((target, 10), record=True, **more))
    arrived = len(backend.arrivals)
    calling = Calling(CALLER_HZ, TALK, hold_after=case.caller.hold_after)

    async def talk() -> None:
        result = await caller.call(node.uri(), CALLER, calling)
        assert result.code == 200
        await caller.close()
        await agent.close()

    task = asyncio.create_task(talk())
    await until(lambda: len(backend.arrivals) > arrived)
    return task


def recording_of(case: Case, backend: Backend) -> tuple[Samples, Samples]:
    (call,) = (
        call for call, report in backend.reports.items() if f"sip:{case.desk}@" in report["target"]
    )
    left, right = channels(backend.recordings[call])
    return np.array(left, np.float64), np.array(right, np.float64)


async def test_both_parties_are_heard_in_step_whatever_their_lines(
    node: Node, backend: Backend
) -> None:
    """The shares of the noises that are found are what the loss leaves of them."""
    for task in [await a_call(case, node, backend) for case in CASES]:
        await task
    await until(lambda: len(backend.recordings) == len(CASES), 15)

    for case in CASES:
        left, right = recording_of(case, backend)
        for channel, own, others in ((left, CALLER_HZ, AGENT_HZ), (right, AGENT_HZ, CALLER_HZ)):
            middle = channel[len(channel) // 2 :][: 2 * RATE]
            assert level(middle.tolist(), others) < 100, case
            assert level(middle.tolist(), own) > 500, case
        gaps = out_of_step(left, right)
        lost = 1 - (1 - case.caller.loss) * (1 - case.agent.loss)
        print(  # noqa: T201 - the figures of docs/sip.md
            f"{case.desk}: {len(gaps)} noises, furthest {1000 * max(map(abs, gaps)):.1f} ms,"
            f" spread {1000 * (max(gaps) - min(gaps)):.1f} ms"
        )
        assert len(gaps) > 2 * (TALK - 3) * (1 - lost) * 0.8, case
        assert max(map(abs, gaps)) <= IN_STEP, case
