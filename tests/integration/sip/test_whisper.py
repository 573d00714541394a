"""A target that is spoken to first, and that may have to accept the call."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringtrace.demo.behaviour import Answers, Calling, NeverAnswers
from ringtrace.demo.keypad import KeysAs
from ringtrace.demo.phone import Phone
from ringtrace.gateways.sip.wav import write_wav
from tests.integration.sip.conftest import (
    AGENT,
    CALLER,
    COLLECT,
    SECOND_AGENT,
    Backend,
    Node,
    dial,
    plan_of,
    said,
)
from tests.sipsound import RATE, agent_call, channels, heard, level

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
WHISPER_HZ = 1500
WHISPER = {**said("Call from search ads"), "file": "whisper.wav"}


@pytest.fixture
def whispering(own_node: Callable[..., Node], tmp_path: Path) -> Node:
    """A node whose whisper is a second of 1500 Hz."""
    folder = tmp_path / "prompts"
    folder.mkdir()
    tone = 8000 * np.sin(2 * np.pi * WHISPER_HZ * np.arange(RATE) / RATE)
    write_wav(folder / "whisper.wav", tone)
    node = own_node(prompt_dir=str(folder))
    node.start()
    return node


@pytest.mark.parametrize("collect", [None, COLLECT], ids=["unanswered", "answered"])
async def test_only_the_agent_hears_the_whisper_and_then_they_talk(
    whispering: Node,
    backend: Backend,
    caller: Phone,
    agents: OpenAgents,
    collect: dict[str, Any] | None,
) -> None:
    """Whether or not the caller was answered before."""
    agent = await agents({AGENT: Answers(after=0.3, tone_hz=880)})
    steps = [dial((AGENT, 5), whisper=WHISPER, record=True)]
    backend.plan = plan_of(*([collect] if collect else []), *steps)
    calling = Calling(tone_hz=440, talk_seconds=5 if collect else 1.5, keys="#" if collect else "")
    result = await caller.call(whispering.uri(), CALLER, calling)
    seen = await agent_call(agent)
    report = await backend.report()
    left, right = channels(await backend.recording())

    whispered, spoken = heard(seen.heard.samples, WHISPER_HZ), heard(seen.heard.samples, 440)
    assert 0.8 <= len(whispered) / 10 <= 1.3
    assert spoken[0] >= whispered[-1], "the caller is not heard before the whisper is over"
    assert not heard(result.heard.samples, WHISPER_HZ, 100)
    assert level(result.heard.samples[-8000:], 880) > 5000
    assert level(seen.heard.samples[-8000:], 440) > 5000
    assert not heard(right, WHISPER_HZ, 100), "nor is the whisper recorded"
    assert heard(left, 440, 5000)
    assert heard(right, 880, 5000)
    assert report["outcome"] == "answered"
    (leg,) = report["legs"]
    assert leg["talk_seconds"] == pytest.approx(seen.talk_seconds - 1.3, abs=0.4)


@pytest.mark.parametrize("keys_as", list(KeysAs))
async def test_a_key_of_any_kind_accepts_the_call(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents, keys_as: KeysAs
) -> None:
    agent = await agents(
        {AGENT: Answers(after=0, tone_hz=880, keys="21", keys_after=0.5, keys_as=keys_as)}
    )
    backend.plan = plan_of(dial((AGENT, 5), accept="1"))
    result = await caller.call(node.uri(), CALLER, Calling(tone_hz=440, talk_seconds=0.8))
    seen = await agent_call(agent)
    report = await backend.report()
    assert (result.code, report["outcome"]) == (200, "answered")
    assert result.ring_seconds == pytest.approx(0.8, abs=0.4), "answered when the call is accepted"
    assert level(seen.heard.samples[-3000:], 440) > 5000
    assert report["legs"][0]["ring_seconds"] == pytest.approx(0, abs=0.2)
    assert report["talk_seconds"] == pytest.approx(0.8, abs=0.3)


async def test_who_hangs_up_instead_of_accepting_is_followed_by_the_next(
    whispering: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents(
        {
            AGENT: Answers(after=0, hang_up_after=0.4),
            SECOND_AGENT: Answers(after=0, tone_hz=880, keys="1", keys_after=0.4),
        }
    )
    backend.plan = plan_of(dial((AGENT, 5), (SECOND_AGENT, 5), whisper=WHISPER, accept="1"))
    result = await caller.call(whispering.uri(), CALLER, Calling(talk_seconds=0.8))
    first, second = await agent_call(agent), await agent_call(agent)
    report = await backend.report()
    assert (first.number, second.number, result.code) == (AGENT, SECOND_AGENT, 200)
    assert heard(first.heard.samples, WHISPER_HZ)
    assert not heard(first.heard.samples, 440)
    assert [leg["reason"] for leg in report["legs"]] == ["no_operator_confirmation", None]
    assert report["target"] == SECOND_AGENT
    assert level(result.heard.samples[-3000:], 880) > 5000


async def test_of_two_who_answered_the_one_who_accepts_is_connected(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents(
        {AGENT: Answers(after=0), SECOND_AGENT: Answers(after=0.3, keys="1", keys_after=0.4)}
    )
    backend.plan = plan_of(dial((AGENT, 5), (SECOND_AGENT, 5), at_once=True, accept="1"))
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.6))
    seen = {call.number: call for call in [await agent_call(agent) for _ in range(2)]}
    report = await backend.report()
    assert result.code == 200
    assert not heard(seen[AGENT].heard.samples, 440)
    assert heard(seen[SECOND_AGENT].heard.samples, 440)
    assert [leg["reason"] for leg in report["legs"]] == ["answered_elsewhere", None]


@pytest.mark.parametrize("behaviour", [Answers(after=0), NeverAnswers()])
async def test_a_caller_who_leaves_before_the_call_is_accepted_has_abandoned_it(
    whispering: Node,
    backend: Backend,
    caller: Phone,
    agents: OpenAgents,
    behaviour: Answers | NeverAnswers,
) -> None:
    agent = await agents({AGENT: behaviour})
    backend.plan = plan_of(dial((AGENT, 5), whisper=WHISPER, accept="1"))
    result = await caller.call(whispering.uri(), CALLER, Calling(cancel_after=0.7))
    seen = await agent_call(agent)
    report = await backend.report()
    assert result.code == 487
    assert (report["outcome"], report["talk_seconds"]) == ("abandoned", 0)
    assert report["legs"][0]["reason"] == "caller_disconnects"
    assert seen.code == (200 if isinstance(behaviour, Answers) else 487)


async def test_a_talk_after_a_whisper_is_limited_by_the_plan(
    whispering: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=0)})
    backend.plan = plan_of(dial((AGENT, 5), whisper=WHISPER), max_seconds=0.5)
    result = await caller.call(whispering.uri(), CALLER, Calling(talk_seconds=None))
    await agent_call(agent)
    report = await backend.report()
    assert result.talk_seconds == pytest.approx(0.5, abs=0.4)
    assert report["talk_seconds"] == pytest.approx(0.5, abs=0.3)


async def test_a_node_on_all_addresses_whispers_and_connects(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=0, tone_hz=880, keys="1", keys_after=1.2)})
    backend.plan = plan_of(dial((AGENT, 5), whisper=said("A call."), accept="1"))
    node = own_node(listen_ip="0.0.0.0", advertised_ip="127.0.0.1")  # noqa: S104 - on trial
    node.start()
    node.address = node.address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - as above
    result = await caller.call(node.uri(), CALLER, Calling(tone_hz=440, talk_seconds=0.8))
    seen = await asyncio.wait_for(agent.agent_calls.get(), 5)
    assert heard(seen.heard.samples, 600), "the tones that ask for a key"
    assert level(seen.heard.samples[-3000:], 440) > 5000
    assert level(result.heard.samples[-3000:], 880) > 5000
