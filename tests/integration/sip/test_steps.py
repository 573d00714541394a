"""The steps in which the caller is alone with the node: what he hears and what he is asked."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringtrace.demo.behaviour import Answers, Calling, Refuses
from ringtrace.demo.keypad import KeysAs
from ringtrace.demo.phone import Phone
from ringtrace.gateways.sip.wav import write_wav
from tests.integration.sip.conftest import (
    AGENT,
    CALLER,
    COLLECT,
    SECOND_AGENT,
    Backend,
    Json,
    Node,
    dial,
    plan_of,
    said,
    until,
)
from tests.sipsound import RATE, agent_call, channels, heard, level

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
NOTICE_HZ = 700
BEEP_HZ = 1000
STAND_IN_HZ = 500  # of a text that nobody can speak
NOTICE = {**said("This call is recorded."), "file": "notice.wav"}
ANNOUNCE = {"do": "announce", "prompt": NOTICE}


def menu(keys: dict[str, list[Json]], **more: Any) -> Json:
    base = {"do": "menu", "prompt": NOTICE, "keys": keys, "seconds": 1, "tries": 2}
    return {**base, **more}


def voicemail(seconds: float = 30, prompt: Json | None = None) -> Json:
    return {"do": "voicemail", "prompt": prompt or NOTICE, "seconds": seconds}


@pytest.fixture
def node(own_node: Callable[..., Node], tmp_path: Path) -> Node:
    """A node whose one prompt is a second of 700 Hz."""
    folder = tmp_path / "prompts"
    folder.mkdir()
    tone = 8000 * np.sin(2 * np.pi * NOTICE_HZ * np.arange(RATE) / RATE)
    write_wav(folder / "notice.wav", tone)
    made = own_node(prompt_dir=str(folder))
    made.start()
    return made


async def test_an_announcement_is_heard_whole_and_then_targets_ring(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0.6, tone_hz=880)})
    backend.plan = plan_of(ANNOUNCE, dial((AGENT, 5), record=True))
    result = await caller.call(node.uri(), CALLER, Calling(tone_hz=0, talk_seconds=3.0))
    report = await backend.report()
    left, right = channels(await backend.recording())
    sound = result.heard.samples
    assert result.ring_seconds < 0.5, "answered at once"
    assert len(heard(sound, NOTICE_HZ)) / 10 == pytest.approx(1.0, abs=0.2)
    assert heard(sound, NOTICE_HZ)[-1] <= heard(sound, 440)[0] < heard(sound, 880)[0]
    assert not heard(left, NOTICE_HZ, 100)
    assert heard(right, 880, 5000)
    assert report["ring_seconds"] == pytest.approx(1.9, abs=0.5)


@pytest.mark.parametrize("keys_as", list(KeysAs))
async def test_a_key_of_any_kind_chooses_and_interrupts(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents, keys_as: KeysAs
) -> None:
    agent = await agents({AGENT: Refuses(486), SECOND_AGENT: Answers(after=0, tone_hz=880)})
    backend.plan = plan_of(menu({"1": [dial((AGENT, 5))], "2": [dial((SECOND_AGENT, 5))]}))
    calling = Calling(tone_hz=0, talk_seconds=1.8, keys="2", keys_after=0.7, keys_as=keys_as)
    result = await caller.call(node.uri(), CALLER, calling)
    seen = await agent_call(agent)
    report = await backend.report()
    assert seen.number == SECOND_AGENT
    assert heard(result.heard.samples, NOTICE_HZ)[-1] < 1.0
    assert heard(result.heard.samples, 880)
    assert (report["outcome"], report["digits"]) == ("answered", None)


async def test_a_menu_is_repeated_after_a_wrong_key_and_then_goes_on_otherwise(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan_of(menu({"1": [dial((AGENT, 5))]}, otherwise=[voicemail(1)]))
    calling = Calling(tone_hz=0, talk_seconds=None, keys="9", keys_after=0.6)
    result = await caller.call(node.uri(), CALLER, calling)
    report = await backend.report()
    parts = heard(result.heard.samples, NOTICE_HZ)
    # Cut short by the wrong key, whole as the second try, whole before the message.
    assert len(parts) / 10 == pytest.approx(0.3 + 1.0 + 1.0, abs=0.5)
    assert heard(result.heard.samples, BEEP_HZ)
    assert report["outcome"] == "voicemail"


async def test_a_message_is_recorded_after_the_beep_and_holds_the_caller_alone(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Refuses(486)})
    backend.plan = plan_of(dial((AGENT, 5)), voicemail())
    calling = Calling(tone_hz=440, talk_seconds=3.6)
    result = await caller.call(node.uri(), CALLER, calling)
    report = await backend.report()
    left, right = channels(await backend.recording())
    assert (result.code, report["outcome"], report["code"]) == (200, "voicemail", 200)
    assert (report["reason"], report["talk_seconds"]) == (None, 0)
    assert [leg["code"] for leg in report["legs"]] == [486]
    beep = heard(result.heard.samples, BEEP_HZ)
    assert heard(result.heard.samples, NOTICE_HZ)[-1] < beep[0]
    assert len(left) / RATE == pytest.approx(3.6 - beep[-1] - 0.1, abs=0.3), "after the beep only"
    assert report["recording"]["seconds"] == pytest.approx(len(left) / RATE, abs=0.01)
    assert level(left[400:-400], 440) > 5000
    for hz in (NOTICE_HZ, BEEP_HZ):
        assert not heard(left, hz, 300)
    assert max(map(abs, right)) < 50, "the node is not on the message"


@pytest.mark.parametrize(
    ("seconds", "keys", "length"), [(1, "", 1.0), (30, "#", 1.0)], ids=["limit", "hash"]
)
async def test_a_message_ends_at_its_limit_or_by_the_hash_key(
    node: Node,
    backend: Backend,
    caller: Phone,
    seconds: float,
    keys: str,
    length: float,
) -> None:
    backend.plan = plan_of(voicemail(seconds))
    # A prompt of 1.3 s, a beep of 0.5 s; then a second of message.
    calling = Calling(tone_hz=440, talk_seconds=None, keys=keys, keys_after=2.8)
    result = await caller.call(node.uri(), CALLER, calling)
    report = await backend.report()
    assert result.talk_seconds == pytest.approx(2.8, abs=0.5)
    assert report["outcome"] == "voicemail"
    assert report["recording"]["seconds"] == pytest.approx(length, abs=0.4)


async def test_a_message_under_way_survives_kill_of_the_node(
    node: Node, backend: Backend, caller: Phone
) -> None:
    backend.plan = plan_of(voicemail())
    live = asyncio.create_task(caller.call(node.uri(), CALLER, Calling(talk_seconds=60)))
    journal = node.spool / "live"
    await until(lambda: any('"message_at":1' in f.read_text() for f in journal.glob("*.json")))
    await asyncio.sleep(2.2)  # the length of the message
    node.kill()
    live.cancel()
    node.start()
    report = await backend.report()
    left, _ = channels(await backend.recording())
    assert report["outcome"] == "voicemail"
    assert 1.0 <= len(left) / RATE <= 2.5


@pytest.mark.parametrize(("code", "answer"), [(603, 603), (486, 486), (404, 404), (607, 607)])
async def test_a_call_that_nobody_answered_is_rejected_with_the_flows_code(
    node: Node, backend: Backend, caller: Phone, code: int, answer: int
) -> None:
    backend.plan = plan_of({"do": "hang_up", "code": code, "reason": "blacklisted"})
    result = await caller.call(node.uri(), CALLER, Calling())
    report = await backend.report()
    assert result.code == answer
    assert (report["outcome"], report["reason"]) == ("rejected", "blacklisted")
    assert (report["code"], report["legs"], report["recording"]) == (code, [], None)


async def test_a_caller_who_was_answered_is_hung_up(
    node: Node, backend: Backend, caller: Phone
) -> None:
    backend.plan = plan_of(ANNOUNCE, {"do": "hang_up", "code": 603})
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=None))
    report = await backend.report()
    assert (result.code, report["code"]) == (200, 603)
    assert result.talk_seconds == pytest.approx(1.3, abs=0.4)
    assert (report["outcome"], report["reason"]) == ("rejected", "operator_disconnects")


STAGES = {
    "announce": (plan_of(ANNOUNCE, dial((AGENT, 5))), 0.6, "", "abandoned"),
    "menu": (plan_of(menu({"1": []})), 1.8, "", "abandoned"),
    "collect": (plan_of(COLLECT, dial((AGENT, 5))), 0.6, "", "abandoned"),
    "digits": (plan_of({**COLLECT, "seconds": 9}), 0.9, "42", "abandoned"),
    "ringback": (plan_of(ANNOUNCE, dial((AGENT, 9))), 2.2, "", "abandoned"),
    "busy": (plan_of(ANNOUNCE, dial((SECOND_AGENT, 9))), 2.2, "", "busy"),
    "greeting": (plan_of(voicemail()), 0.7, "", "abandoned"),
    "message": (plan_of(voicemail()), 2.8, "", "voicemail"),
}


@pytest.mark.parametrize("stage", STAGES)
async def test_a_caller_may_leave_at_every_stage(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents, stage: str
) -> None:
    agent = await agents({AGENT: Answers(after=8), SECOND_AGENT: Refuses(486)})
    backend.plan, seconds, keys, outcome = STAGES[stage]
    calling = Calling(talk_seconds=seconds, keys=keys, keys_after=0.1)
    result = await caller.call(node.uri(), CALLER, calling)
    report = await backend.report()
    assert (result.code, report["outcome"]) == (200, outcome)
    assert report["digits"] == (keys or None)
    assert (report["recording"] is not None) == (stage == "message")
    if stage == "ringback":
        assert (await agent_call(agent)).code == 487
    await until(lambda: not node.waiting())


async def test_a_text_that_nobody_can_speak_is_a_short_tone(
    node: Node, backend: Backend, caller: Phone
) -> None:
    steps = [{"do": "announce", "prompt": said("Nobody can speak this.")}, voicemail(30)]
    backend.plan = plan_of(*steps)
    result = await caller.call(node.uri(), CALLER, Calling(tone_hz=0, talk_seconds=1.6))
    await backend.report()
    found = heard(result.heard.samples, STAND_IN_HZ)
    assert 0.2 <= len(found) / 10 <= 0.6
    assert found[0] < 0.6
    assert heard(result.heard.samples, NOTICE_HZ)[0] < 1.2
