"""A mistake of ours in the beginning of a call costs that call, and no room of the node."""

from pathlib import Path
from typing import Any

import pytest
from sippy.SipConf import SipConf
from sippy.SipRequest import SipRequest

from ringtrace.gateways.sip import node
from ringtrace.gateways.sip.settings import settings_of

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\n"
)


def invite() -> Any:
    lines = [
        "INVITE sip:+15550100101@127.0.0.1 SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.2:5062;branch=z9hG4bKa",
        "From: <sip:+15550177001@127.0.0.2>;tag=a",
        "To: <sip:+15550100101@127.0.0.1>",
        "Call-ID: a",
        "CSeq: 1 INVITE",
        "Contact: <sip:c@127.0.0.2>",
        "Content-Type: application/sdp",
        f"Content-Length: {len(SDP)}",
        "",
        SDP,
    ]
    SipConf.my_address, SipConf.my_port = "127.0.0.1", 5060
    return SipRequest("\r\n".join(lines))


def test_a_call_that_cannot_begin_is_answered_and_leaves_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("+15550177001 is none of the log's business")

    settings = settings_of(
        {
            "backend_url": "http://127.0.0.1:9",
            "token": "secret",
            "spool_dir": str(tmp_path),
            "trusted_networks": ["127.0.0.0/8"],
            "max_calls": 1,
        }
    )
    running = node._Node(settings, None)
    running._exchange = object()  # type: ignore[assignment]  # nothing of it is reached
    monkeypatch.setattr(node, "Call", broken)

    codes = [running._on_invite(invite(), None)[0].getSCode() for _ in range(3)]

    assert codes == [(500, "Server Internal Error")] * 3, "there was room each time"
    assert running._door.live == 0
    assert "call_not_begun" in caplog.text
    assert "+15550177001" not in caplog.text
