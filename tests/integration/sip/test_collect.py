"""A caller who is asked for digits: what he hears, what the backend gets, how it goes on."""

import array
import asyncio
import io
import itertools
import signal
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringtrace.demo.behaviour import Answers, Calling, NeverAnswers, Refuses
from ringtrace.demo.keypad import KeysAs
from ringtrace.demo.phone import Phone
from tests.integration.sip.conftest import (
    AGENT,
    CALLER,
    COLLECT,
    SECOND_AGENT,
    Backend,
    Node,
    plan,
    until,
)
from tests.sipsound import RATE, agent_call, heard, level

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]
PROMPT_HZ = 600  # the first of the node's own prompt tones


@pytest.mark.parametrize("keys_as", list(KeysAs))
async def test_keys_of_every_kind_choose_the_target(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents, keys_as: KeysAs
) -> None:
    answers = Answers(after=0.3, tone_hz=880, hang_up_after=0.8)
    agent = await agents({AGENT: Refuses(486), SECOND_AGENT: answers})
    backend.plan = plan((AGENT, 5), collect=COLLECT)
    backend.plan_for_digits = plan((SECOND_AGENT, 5))
    calling = Calling(tone_hz=0, talk_seconds=None, keys="4217", keys_after=0.4, keys_as=keys_as)
    result = await caller.call(node.uri(), CALLER, calling)
    seen = await agent_call(agent)
    report = await backend.report()

    ((call, body),) = backend.digits
    assert body == {"digits": "4217"}
    assert list(backend.reports) == [call]
    assert seen.number == SECOND_AGENT
    assert (result.code, report["outcome"], report["digits"]) == (200, "answered", "4217")
    assert (report["target"], report["plan_source"]) == (SECOND_AGENT, "backend")
    assert [leg["target"] for leg in report["legs"]] == [SECOND_AGENT]
    assert heard(result.heard.samples, PROMPT_HZ)
    assert heard(result.heard.samples, 440), "ringback while the target rings"
    assert heard(result.heard.samples, 880)[0] > heard(result.heard.samples, 440)[-1]


async def test_talk_begins_when_the_target_answers_and_only_the_talk_is_recorded(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=0.5, tone_hz=880)})
    backend.plan = plan((AGENT, 5), record=True, collect=COLLECT)
    backend.plan_for_digits = plan((AGENT, 5), record=True)
    # The keys after the # fall into the talk; each leaves a gap in the caller's sound.
    calling = Calling(tone_hz=440, talk_seconds=4.5, keys="12#55555555", keys_after=0.3)
    result = await caller.call(node.uri(), CALLER, calling)
    seen = await agent_call(agent)
    report = await backend.report()
    with wave.open(io.BytesIO(await backend.recording())) as file:
        both = array.array("h", file.readframes(file.getnframes()))
    left, right = both[0::2].tolist(), both[1::2].tolist()

    assert backend.digits[0][1] == {"digits": "12"}
    assert report["talk_seconds"] == pytest.approx(seen.talk_seconds, abs=0.3)
    assert report["ring_seconds"] + report["talk_seconds"] == pytest.approx(4.5, abs=0.5)
    assert report["ring_seconds"] == pytest.approx(0.3 + 3 * 0.25 + 0.5, abs=0.6)
    assert result.ring_seconds < 0.5, "the caller was answered at once"
    assert len(left) / RATE == pytest.approx(report["talk_seconds"], abs=0.4)
    end = slice(len(left) - RATE // 2, len(left) - RATE // 4)
    assert level(left[end], 440) > 5000
    assert level(right[end], 880) > 5000
    assert level(right[end], 440) < 100, "neither ringback nor the caller on the agent's side"
    assert seen.heard.hz is not None
    assert seen.tone_at is not None
    onset = next(i for i, s in enumerate(right) if abs(s) > 2000) / RATE
    last_gap = gaps(left)[-1]
    assert last_gap - onset == pytest.approx(result.keys_at[-1] - seen.tone_at, abs=0.04)


def gaps(samples: list[int]) -> list[float]:
    """When silences of more than 100 ms begin, in seconds."""
    loud = [-1, *(i for i, s in enumerate(samples) if abs(s) > 2000)]
    return [(a + 1) / RATE for a, b in itertools.pairwise(loud) if b - a > RATE // 10 and a >= 0]


async def test_a_node_on_all_addresses_hears_keys_and_is_heard(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5), collect=COLLECT)
    node = own_node(listen_ip="0.0.0.0", advertised_ip="127.0.0.1")  # noqa: S104 - on trial
    node.start()
    node.address = node.address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - as above
    calling = Calling(tone_hz=0, talk_seconds=1.8, keys="7#", keys_after=0.6)
    result = await caller.call(node.uri(), CALLER, calling)
    report = await backend.report()
    assert heard(result.heard.samples, PROMPT_HZ)
    assert (report["digits"], report["outcome"]) == ("7", "answered")


async def test_without_a_key_the_plan_goes_on_after_the_time_out(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5), collect=COLLECT)
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=3.2))
    report = await backend.report()
    assert result.code == 200
    assert backend.digits == []
    assert (report["outcome"], report["digits"]) == ("answered", None)
    # 0.3 s and two tones of 0.5 s altogether, then the second in which no key comes.
    assert 1.7 < report["ring_seconds"] < 3.0


async def test_a_key_interrupts_the_prompt_and_a_pause_ends_the_entry(
    own_node: Callable[..., Node],
    backend: Backend,
    caller: Phone,
    agents: OpenAgents,
    tmp_path: Path,
) -> None:
    """The configured prompt is a minute-long tone; 0.5 s of it are heard."""
    await agents({AGENT: Answers(after=0, tone_hz=880)})
    backend.plan = plan((AGENT, 5), collect=COLLECT)
    backend.plan_for_digits = plan((AGENT, 5))
    prompt = tmp_path / "prompt.wav"
    with wave.open(str(prompt), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        tone = 8000 * np.sin(2 * np.pi * 500 * np.arange(20 * RATE) / RATE)
        file.writeframes(tone.astype("<i2").tobytes())
    node = own_node(prompt_file=str(prompt))
    node.start()
    calling = Calling(tone_hz=0, talk_seconds=3.0, keys="42", keys_after=0.8)
    result = await caller.call(node.uri(), CALLER, calling)
    report = await backend.report()
    heard_at = heard(result.heard.samples, 500)
    assert heard_at[0] == pytest.approx(0.3, abs=0.3)
    assert heard_at[-1] == pytest.approx(0.8, abs=0.5)
    assert backend.digits[0][1] == {"digits": "42"}
    assert report["digits"] == "42"
    assert report["ring_seconds"] == pytest.approx(0.8 + 0.25 + 1.0, abs=0.7)


async def test_when_the_digits_are_not_taken_the_plan_at_hand_goes_on(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5), collect=COLLECT)
    result = await caller.call(
        node.uri(), CALLER, Calling(talk_seconds=1.8, keys="9999", keys_after=0)
    )
    report = await backend.report()
    assert result.code == 200
    assert len(backend.digits) == 1
    assert (report["outcome"], report["digits"]) == ("answered", "9999")
    assert report["target"] == AGENT


async def test_busy_tone_and_goodbye_when_nobody_answers(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Refuses(486)})
    backend.plan = plan((AGENT, 5), collect=COLLECT)
    backend.plan_for_digits = plan((AGENT, 5))
    calling = Calling(tone_hz=0, talk_seconds=None, keys="1234", keys_after=0.2)
    result = await caller.call(node.uri(), CALLER, calling)
    report = await backend.report()
    assert result.code == 200
    assert heard(result.heard.samples, 620), "busy tone"
    assert (report["outcome"], report["reason"], report["code"]) == (
        "busy",
        "operator_busy",
        486,
    )
    assert report["talk_seconds"] == 0
    assert report["ring_seconds"] < result.talk_seconds - 2.0, "the tone is no ringing"


async def test_a_caller_who_leaves_at_the_prompt_has_abandoned_the_call(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5), collect=COLLECT)
    calling = Calling(talk_seconds=0.6, keys="42", keys_after=0.1)
    await caller.call(node.uri(), CALLER, calling)
    report = await backend.report()
    assert (report["outcome"], report["reason"]) == ("abandoned", "caller_disconnects")
    assert (report["code"], report["target"], report["legs"]) == (487, None, [])
    assert (report["digits"], backend.digits) == ("42", [])
    assert agent.agent_calls.empty()


async def test_hold_during_the_entry_is_answered_and_the_keys_still_count(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: Answers(after=0.1)})
    backend.plan = plan((AGENT, 5), collect={**COLLECT, "seconds": 3})
    backend.plan_for_digits = plan((AGENT, 5))
    calling = Calling(talk_seconds=3.0, keys="4217", keys_after=0.8, hold_after=0.4)
    result = await caller.call(node.uri(), CALLER, calling)
    seen = await agent_call(agent)
    report = await backend.report()
    assert (result.hold_code, seen.code) == (200, 200)
    assert (report["digits"], report["outcome"]) == ("4217", "answered")


async def test_the_second_target_is_rung_after_the_first_and_hears_the_caller(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    agent = await agents({AGENT: NeverAnswers(), SECOND_AGENT: Answers(after=0.1, tone_hz=880)})
    backend.plan = plan((AGENT, 1), (SECOND_AGENT, 5), collect=COLLECT)
    calling = Calling(tone_hz=500, talk_seconds=4.0, keys="#", keys_after=0.1)
    result = await caller.call(node.uri(), CALLER, calling)
    first, second = await agent_call(agent), await agent_call(agent)
    report = await backend.report()
    assert (first.code, second.code) == (487, 200)
    assert backend.digits == [], "the key that ends an entry is no digit"
    assert second.heard.hz == pytest.approx(500, abs=5)
    assert heard(result.heard.samples, 880)
    assert [leg["code"] for leg in report["legs"]] == [487, 200]


async def test_a_cached_plan_asks_too_and_goes_on_without_the_backend(
    own_node: Callable[..., Node], backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5), collect=COLLECT)
    node = own_node()
    node.start()
    calling = Calling(talk_seconds=1.8, keys="42#", keys_after=0.1)
    await caller.call(node.uri(), CALLER, calling)
    await backend.report()
    backend.reports.clear()
    backend.delay = 3.0  # longer than the node waits for a plan
    result = await caller.call(node.uri(), CALLER, calling)
    report = await backend.report()
    assert result.code == 200
    assert (report["plan_source"], report["digits"]) == ("cache", "42")
    assert report["outcome"] == "answered"


async def test_digits_survive_the_death_of_the_node(
    own_node: Callable[..., Node], backend: Backend, caller: Phone
) -> None:
    backend.plan = plan((AGENT, 5), collect={**COLLECT, "seconds": 30})
    node = own_node()
    node.start()
    calling = Calling(talk_seconds=2.0, keys="42", keys_after=0.1)
    live = asyncio.create_task(caller.call(node.uri(), CALLER, calling))
    journal = node.spool / "live"
    await until(lambda: any('"digits":"42"' in f.read_text() for f in journal.glob("*.json")))
    node.kill()
    node.start()
    report = await backend.report()
    live.cancel()
    await asyncio.gather(live, return_exceptions=True)
    assert (report["digits"], report["outcome"]) == ("42", "failed")
    assert report["reason"] == "gateway_failure"


async def test_a_call_at_the_prompt_is_ended_and_reported_at_the_end_of_the_drain(
    own_node: Callable[..., Node], backend: Backend, caller: Phone
) -> None:
    backend.plan = plan((AGENT, 5), collect={**COLLECT, "seconds": 30})
    node = own_node(drain_seconds=0.2)
    node.start()
    calling = Calling(talk_seconds=None, keys="4", keys_after=0.1)
    live = asyncio.create_task(caller.call(node.uri(), CALLER, calling))
    journal = node.spool / "live"
    await until(lambda: any('"digits":"4"' in f.read_text() for f in journal.glob("*.json")))
    node.signal(signal.SIGTERM)
    assert (await live).code == 200
    assert await asyncio.to_thread(node.wait) == 0
    report = await backend.report()
    assert (report["digits"], report["outcome"]) == ("4", "failed")
