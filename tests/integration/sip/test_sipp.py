"""The same with SIPp, a telephone that neither we nor the node's stack wrote."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers, Refuses
from tests.integration.sip.conftest import (
    AGENT,
    CALLER_IP,
    COLLECT,
    NUMBER,
    SECOND_AGENT,
    Backend,
    Node,
    dial,
    plan,
    plan_of,
    until,
)

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]

WAITS_FOR_BYE = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="waits for BYE">
  <send retrans="500"><![CDATA[
    INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:15550177001@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:sipp@[local_ip]:[local_port];transport=UDP>
    Max-Forwards: 70
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=user1 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 18 8 0
    a=rtpmap:18 G729/8000
    m=video 7000 RTP/AVP 99
    a=rtpmap:99 H264/90000
  ]]></send>
  <recv response="100" optional="true"></recv>
  <recv response="180" optional="true"></recv>
  <recv response="200" crlf="true"></recv>
  <send><![CDATA[
    ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:15550177001@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0
  ]]></send>
  <recv request="BYE" timeout="6000"></recv>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0
  ]]></send>
</scenario>
"""

PRESSES_KEYS = (
    WAITS_FOR_BYE.replace("RTP/AVP 18 8 0", "RTP/AVP 0 8 96")
    .replace("a=rtpmap:18 G729/8000", "a=rtpmap:96 telephone-event/8000")
    .replace(
        '<recv request="BYE"',
        """<pause milliseconds="200"></pause>
  <nop><action><exec play_dtmf="4217"></exec></action></nop>
  <recv request="BYE\"""",
    )
)


async def sipp(node: Node, folder: Path, *options: str, calls: int = 1) -> int:
    process = await asyncio.create_subprocess_exec(
        "sipp",
        *(
            "-m",
            str(calls),
            "-r",
            "10",
            "-i",
            CALLER_IP,
            "-mi",
            CALLER_IP,
            "-s",
            NUMBER,
            "-nostdin",
        ),
        *("-timeout", "10s", "-timeout_error", *options, node.address),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await asyncio.wait_for(process.wait(), 15)


async def test_sipp_calls_and_hangs_up(
    node: Node, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    agent = await agents({AGENT: Answers(after=0.1)})
    backend.plan = plan((AGENT, 5))
    assert await sipp(node, tmp_path, "-sn", "uac", "-d", "500") == 0
    seen = await asyncio.wait_for(agent.agent_calls.get(), 5)
    report = await backend.report()
    assert seen.talk_seconds == pytest.approx(0.5, abs=0.4)
    assert (report["outcome"], report["caller"]) == ("answered", None)
    assert report["talk_seconds"] == pytest.approx(0.5, abs=0.4)


async def test_odd_contact_and_foreign_media_are_taken_and_the_bye_arrives(
    node: Node, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    """Upper-case transport in the Contact, G.729 and video in the offer; the agent hangs up."""
    await agents({AGENT: Answers(after=0, hang_up_after=0.3)})
    backend.plan = plan((AGENT, 5))
    scenario = tmp_path / "waits.xml"
    scenario.write_text(WAITS_FOR_BYE)
    assert await sipp(node, tmp_path, "-sf", str(scenario)) == 0
    assert (await backend.report())["caller"] == "15550177001"


async def test_call_without_media_is_ended(
    own_node: Callable[..., Node], backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    """SIPp sends no RTP; the silent agent's phone is closed, so nothing flows."""
    agent = await agents({AGENT: Answers(after=0)})
    backend.plan = plan((AGENT, 5))
    node = own_node(media_timeout=1)
    node.start()
    scenario = tmp_path / "waits.xml"
    scenario.write_text(WAITS_FOR_BYE)
    call = asyncio.create_task(sipp(node, tmp_path, "-sf", str(scenario)))
    await asyncio.sleep(0.5)
    await agent.close()
    assert await call == 0
    assert "media_timeout" in node.log
    assert (await backend.report())["outcome"] == "answered"


@pytest.mark.skipif(os.geteuid() != 0, reason="SIPp sends its digits through a raw socket")
async def test_digits_of_sipp_are_collected(
    node: Node, backend: Backend, agents: OpenAgents, tmp_path: Path
) -> None:
    await agents({AGENT: Answers(after=0, hang_up_after=0.3)})
    backend.plan = plan((AGENT, 5), collect={**COLLECT, "seconds": 3})
    backend.plan_for_digits = plan((AGENT, 5))
    scenario = tmp_path / "keys.xml"
    scenario.write_text(PRESSES_KEYS)
    assert await sipp(node, tmp_path, "-sf", str(scenario)) == 0
    report = await backend.report()
    assert backend.digits[0][1] == {"digits": "4217"}
    assert (report["outcome"], report["digits"]) == ("answered", "4217")


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
    assert await sipp(node, tmp_path, "-sn", "uac", "-d", "1000", calls=30) == 0
    await until(lambda: len(backend.reports) == 30 and not node.waiting())
    codes = {tuple(leg["code"] for leg in report["legs"]) for report in backend.reports.values()}
    assert codes == {(480, 503, 404, 486, 200)}
    assert {report["target"] for report in backend.reports.values()} == {SECOND_AGENT}
    assert "error" not in node.log
