"""The same with SIPp, a telephone that neither we nor the node's stack wrote."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringtrace.demo.behaviour import Answers, NeverAnswers, Refuses
from ringtrace.gateways.sip.g711 import PCMU, encode
from tests.integration.sip.conftest import (
    AGENT,
    COLLECT,
    SECOND_AGENT,
    Backend,
    Node,
    dial,
    plan,
    plan_of,
    until,
)
from tests.sipp import (
    ANSWERED,
    OFFER,
    RINGING,
    answer,
    asked,
    invite,
    pause,
    received,
    refused_ack,
    request,
    scenario,
    sipp,
)

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]

FOREIGN_OFFER = """v=0
    o=user1 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 18 8 0
    a=rtpmap:18 G729/8000
    m=video 7000 RTP/AVP 99
    a=rtpmap:99 H264/90000"""
CANCEL = """<send retrans="500"><![CDATA[
    CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-3]
    From: <sip:15550177001@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 CANCEL
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>"""
SAYS_RECVONLY = """<recv response="200" rrs="true"><action>
    <ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="said"/>
    </action></recv><Reference variables="said"/>"""
WAITS_FOR_BYE = (
    invite().replace(OFFER, FOREIGN_OFFER),
    ANSWERED,
    request("ACK"),
    asked("BYE", timeout="6000"),
    answer("200 OK"),
)
BYE = (request("BYE", 2), received(200))


async def call(node: Node, folder: Path, *steps: str, **more: Any) -> int:
    """With a scenario of `steps`."""
    file = scenario(folder, *steps)
    return await sipp(node.address, folder, "-sf", file, **more)


async def test_sipp_calls_and_hangs_up(
    node: Node, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    agent = await agents({AGENT: Answers(after=0.1)})
    backend.plan = plan((AGENT, 5))
    options = ("-sn", "uac", "-d", "500")
    assert await sipp(node.address, tmp_path, *options) == 0
    seen = await asyncio.wait_for(agent.agent_calls.get(), 5)
    report = await backend.report()
    assert seen.talk_seconds == pytest.approx(0.5, abs=0.4)
    assert (report["outcome"], report["caller"]) == ("answered", None)
    assert report["talk_seconds"] == pytest.approx(0.5, abs=0.4)


@pytest.mark.parametrize("transport", ["UDP", "tcp", "TLS"])
async def test_odd_contact_and_foreign_media_are_taken_and_the_bye_arrives(
    node: Node, backend: Backend, agents: OpenAgents, tmp_path: Path, transport: str
) -> None:
    """Any transport in the Contact, G.729 and video in the offer; the agent hangs up."""
    await agents({AGENT: Answers(after=0, hang_up_after=0.3)})
    backend.plan = plan((AGENT, 5))
    named = WAITS_FOR_BYE[0].replace("transport=[transport]", f"transport={transport}")
    assert await call(node, tmp_path, named, *WAITS_FOR_BYE[1:]) == 0
    assert (await backend.report())["caller"] == "15550177001"


async def test_call_without_media_is_ended(
    own_node: Callable[..., Node], backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    """SIPp sends no RTP; the silent agent's phone is closed, so nothing flows."""
    agent = await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    node = own_node(media_timeout=1)
    node.start()
    silent = asyncio.create_task(call(node, tmp_path, *WAITS_FOR_BYE))
    await until(lambda: "call_answered" in node.log)
    await agent.close()
    assert await silent == 0
    assert "media_timeout" in node.log
    assert (await backend.report())["outcome"] == "answered"


def info(sequence: int, digit: str) -> str:
    """A key as SIP INFO."""
    body = f"Signal={digit}\n    Duration=160"
    made = request("INFO", sequence, headers="Content-Type: application/dtmf-relay", body=body)
    return made + received(200)


def tones(keys: str) -> bytes:
    """Each key as two tones for 100 ms and 100 ms of silence, mu-law (ITU-T Q.23, G.711)."""
    low, high = (697, 770, 852, 941), (1209, 1336, 1477)
    angle = 2 * np.pi * np.arange(800) / 8_000
    sound = []
    for key in keys:
        row, column = divmod("123456789*0#".index(key), 3)
        sound.append(6_000 * (np.sin(angle * low[row]) + np.sin(angle * high[column])))
        sound.append(np.zeros(800))
    return encode(np.concatenate(sound), PCMU)


def keyed(way: str, folder: Path) -> tuple[str, ...]:
    """The keys 4217 in one of three ways."""
    if way == "INFO":
        return tuple(info(number + 2, digit) for number, digit in enumerate("4217"))
    if way == "event":
        return ('<nop><action><exec play_dtmf="4217"/></action></nop>',)
    (folder / "keys.ul").write_bytes(bytes([255]) * 2_400 + tones("4217"))
    return (f'<nop><action><exec rtp_stream="{folder / "keys.ul"},1,0"/></action></nop>',)


@pytest.mark.parametrize("way", ["INFO", "event", "tones"])
async def test_digits_of_sipp_are_collected(
    node: Node, backend: Backend, agents: OpenAgents, tmp_path: Path, way: str
) -> None:
    if way == "event" and os.geteuid() != 0:
        pytest.skip("SIPp sends its events through a raw socket")
    await agents({AGENT: Answers(after=0.3, hang_up_after=0.3)})
    backend.plan = plan((AGENT, 5), collect={**COLLECT, "seconds": 3})
    backend.plan_for_digits = plan((AGENT, 5))
    # SIPp's own events have payload type 96; without the offered one the tones count.
    offer = invite().replace("101", "96") if way == "event" else invite().replace(" 101\n", "\n")
    steps = (offer, ANSWERED, request("ACK"), pause(200), *keyed(way, tmp_path))
    assert await call(node, tmp_path, *steps, *WAITS_FOR_BYE[3:]) == 0
    report = await backend.report()
    assert backend.digits[0][1] == {"digits": "4217"}
    assert (report["outcome"], report["digits"]) == ("answered", "4217")


@pytest.mark.parametrize(("refusal", "answered"), [(486, 486), (480, 480), (603, 603), (404, 404)])
async def test_sipp_is_told_why_nobody_answers(
    node: Node,
    backend: Backend,
    agents: OpenAgents,
    tmp_path: Path,
    refusal: int,
    answered: int,
) -> None:
    await agents({AGENT: Refuses(refusal)})
    backend.plan = plan((AGENT, 5))
    assert await call(node, tmp_path, invite(), RINGING, received(answered), refused_ack()) == 0
    assert (await backend.report())["code"] == refusal


async def test_nobody_answers_sipp(
    node: Node, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    await agents({AGENT: NeverAnswers()})
    backend.plan = plan((AGENT, 1))
    assert await call(node, tmp_path, invite(), RINGING, received(480), refused_ack()) == 0
    report = await backend.report()
    assert (report["outcome"], report["code"]) == ("missed", 487)


async def test_sipp_cancels_while_it_rings(
    node: Node, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    agent = await agents({AGENT: NeverAnswers()})
    backend.plan = plan((AGENT, 20))
    steps = (
        invite(),
        received(100, optional="true"),
        received(180),
        CANCEL,
        received(200),
        received(487),
        refused_ack(),
    )
    assert await call(node, tmp_path, *steps) == 0
    seen = await asyncio.wait_for(agent.agent_calls.get(), 5)
    report = await backend.report()
    assert (seen.code, report["outcome"], report["code"]) == (487, "abandoned", 487)


async def test_a_hunt_of_sipps_call_passes_every_kind_of_failure(
    node: Node, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    """Busy, unavailable, out of service, nobody there, and then somebody."""
    ways = (Refuses(486), Refuses(480), Refuses(503), NeverAnswers(), Answers(after=0.1))
    targets = [f"+1555019902{n}" for n in range(len(ways))]
    await agents(dict(zip(targets, ways, strict=True)))
    backend.plan = plan(*((target, 1) for target in targets))
    talks = (invite(), ANSWERED, request("ACK"), pause(200), *BYE)
    assert await call(node, tmp_path, *talks) == 0
    report = await backend.report()
    assert [leg["code"] for leg in report["legs"]] == [486, 480, 503, 487, 200]
    assert report["target"] == targets[-1]


async def test_the_first_of_three_to_answer_sipp_wins(
    node: Node, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    targets = [f"+1555019903{n}" for n in range(3)]
    await agents({
        targets[0]: NeverAnswers(), targets[1]: Answers(after=0.2), targets[2]: NeverAnswers()
    })  # fmt: skip
    backend.plan = plan_of(dial(*((target, 5) for target in targets), at_once=True))
    talks = (invite(), ANSWERED, request("ACK"), pause(200), *BYE)
    assert await call(node, tmp_path, *talks) == 0
    report = await backend.report()
    assert sorted((leg["code"], leg["reason"]) for leg in report["legs"]) == [
        (200, None), (487, "answered_elsewhere"), (487, "answered_elsewhere")
    ]  # fmt: skip


async def test_sipp_holds_and_comes_back(
    node: Node, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    """Two re-INVITEs in the call, both answered with a description and passed on."""
    agent = await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    held = OFFER.replace("user1 1 1", "user1 1 2") + "\n    a=sendonly"
    back = OFFER.replace("user1 1 1", "user1 1 3")
    steps = (
        invite(),
        ANSWERED,
        request("ACK"),
        request("INVITE", 2, body=held),
        received(100, optional="true"),
        SAYS_RECVONLY,
        request("ACK", 2),
        pause(200),
        request("INVITE", 3, body=back),
        ANSWERED,
        request("ACK", 3),
        request("BYE", 4),
        received(200),
    )
    assert await call(node, tmp_path, *steps) == 0
    seen = await asyncio.wait_for(agent.agent_calls.get(), 5)
    assert seen.held
    assert (await backend.report())["outcome"] == "answered"


async def test_a_burst_of_calls_rings_several_at_once_and_hunts_without_a_loss(
    own_node: Callable[..., Node], backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    """Ten a second: three ring at once and nobody is there, one is busy, one answers."""
    refusing = ["+15550199021", "+15550199022", "+15550199023"]
    behaviours = {refusing[0]: Refuses(480), refusing[1]: Refuses(503), refusing[2]: Refuses(404)}
    await agents({**behaviours, AGENT: Refuses(486), SECOND_AGENT: Answers(after=0.1)})
    backend.plan = plan_of(
        dial(*((number, 5) for number in refusing), at_once=True),
        dial((AGENT, 5), (SECOND_AGENT, 5), record=True),
    )
    node = own_node(max_calls=40)
    node.start()
    options = ("-sn", "uac", "-d", "1000")
    assert await sipp(node.address, tmp_path, *options, calls=30) == 0
    await until(lambda: len(backend.reports) == 30 and not node.waiting())
    codes = {tuple(leg["code"] for leg in report["legs"]) for report in backend.reports.values()}
    assert codes == {(480, 503, 404, 486, 200)}
    assert {report["target"] for report in backend.reports.values()} == {SECOND_AGENT}
    assert "error" not in node.log
