"""Texts that the operator's own command speaks, at 22 kHz, as most of them do."""

import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers, Calling
from ringtrace.demo.phone import Phone
from tests.integration.sip.conftest import (
    AGENT,
    CALLER,
    COLLECT,
    Backend,
    Node,
    dial,
    plan_of,
    said,
    until,
)
from tests.sipsound import agent_call, heard

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
SPOKEN_HZ = 700
STAND_IN_HZ = 500
PLEASE_KEY_HZ = 600

SPEAKER = f"""#!{sys.executable}
import array, math, os, sys, time, wave
_, text, language, file, seconds = sys.argv
with open(os.environ.get("SPOKEN", os.path.dirname(__file__) + "/spoken"), "a") as log:
    log.write(language + " " + text + "\\n")
time.sleep(float(seconds))
if "unspeakable" in text:
    sys.exit(3)
with wave.open(file, "wb") as out:
    out.setparams((1, 2, 22050, 0, "NONE", ""))
    turn = 2 * math.pi * {SPOKEN_HZ} / 22050
    tone = (int(8000 * math.sin(turn * i)) for i in range(22050))
    out.writeframes(array.array("h", tone).tobytes())
"""


@pytest.fixture
def speaking(own_node: Callable[..., Node], tmp_path: Path) -> Callable[[float], Node]:
    """Starts a node whose texts take so many seconds to be spoken."""

    def start(seconds: float) -> Node:
        command = tmp_path / "speak"
        command.write_text(SPEAKER)
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        made = own_node(tts_command=[str(command), "{text}", "{language}", "{file}", str(seconds)])
        made.start()
        return made

    return start


def announce(text: str) -> dict[str, Any]:
    return {"do": "announce", "prompt": said(text)}


async def test_a_text_is_spoken_once_and_kept_over_a_restart(
    speaking: Callable[[float], Node],
    backend: Backend,
    caller: Phone,
    agents: OpenAgents,
    tmp_path: Path,
) -> None:
    await agents({AGENT: Answers(after=0)})
    node = speaking(0.2)
    backend.plan = plan_of(announce("Welcome, --all of you."), dial((AGENT, 5)))
    for restart in (False, True):
        result = await caller.call(node.uri(), CALLER, Calling(tone_hz=0, talk_seconds=2.2))
        await backend.report()
        assert len(heard(result.heard.samples, SPOKEN_HZ)) / 10 == pytest.approx(1.0, abs=0.2)
        backend.reports.clear()
        await until(lambda: not node.waiting())
        if not restart:
            node.stop()
            node.start()
    assert (tmp_path / "spoken").read_text() == "en-US Welcome, --all of you.\n"
    kept = list((node.spool / "prompts").iterdir())
    assert [path.suffix for path in kept] == [".wav"]
    assert not kept[0].stat().st_mode & 0o077


async def test_a_slow_voice_delays_no_call_and_is_ready_for_the_next(
    speaking: Callable[[float], Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    node = speaking(4.0)
    backend.plan = plan_of(announce("Welcome."), dial((AGENT, 5)))
    first = await caller.call(node.uri(), CALLER, Calling(tone_hz=0, talk_seconds=2.6))
    assert first.ring_seconds < 1.0
    assert heard(first.heard.samples, STAND_IN_HZ)[0] == pytest.approx(1.7, abs=0.5)
    assert not heard(first.heard.samples, SPOKEN_HZ)
    await until(lambda: bool(list((node.spool / "prompts").glob("*.wav"))))
    second = await caller.call(node.uri(), CALLER, Calling(tone_hz=0, talk_seconds=2.0))
    assert heard(second.heard.samples, SPOKEN_HZ)[0] < 0.7
    await until(lambda: len(backend.reports) == 2)


async def test_a_voice_that_fails_costs_no_call_and_is_not_asked_again_at_once(
    speaking: Callable[[float], Node],
    backend: Backend,
    caller: Phone,
    agents: OpenAgents,
    tmp_path: Path,
) -> None:
    await agents({AGENT: Answers(after=0)})
    node = speaking(0)
    collect = {**COLLECT, "prompt": said("unspeakable"), "seconds": 1}
    backend.plan = plan_of(collect, dial((AGENT, 5)))
    for _ in range(2):
        result = await caller.call(node.uri(), CALLER, Calling(tone_hz=0, talk_seconds=2.6))
        assert heard(result.heard.samples, PLEASE_KEY_HZ)
        assert (await backend.report())["outcome"] == "answered"
        backend.reports.clear()
    assert (tmp_path / "spoken").read_text() == "en-US unspeakable\n"
    assert "tts_failed" in node.log
    assert "unspeakable" not in node.log


async def test_a_whisper_is_spoken_while_the_agent_still_rings(
    speaking: Callable[[float], Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=1.4, tone_hz=880)})
    node = speaking(1.0)
    backend.plan = plan_of(dial((AGENT, 5), whisper=said("Call from search, keyword shoes")))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.6))
    seen = await agent_call(agent)
    await backend.report()
    assert heard(seen.heard.samples, SPOKEN_HZ)[0] < 0.7
    assert not heard(result.heard.samples, SPOKEN_HZ, 100)
