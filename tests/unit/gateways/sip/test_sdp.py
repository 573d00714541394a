"""Each side is offered what this node can relay, and nothing of the other side's own."""

import pytest

from ringtrace.gateways.sip.sdp import Author, SdpError, parse_audio

OFFER = """v=0
o=trunk 1 1 IN IP4 192.0.2.7
s=call
c=IN IP4 192.0.2.7
t=0 0
m=audio 4000 RTP/AVP 18 8 0 101 96
a=rtpmap:18 G729/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtpmap:96 opus/48000/2
a=candidate:1 1 UDP 1 10.1.2.3 4000 typ host
a=ptime:20
a=sendrecv
m=video 4002 RTP/AVP 99
a=rtpmap:99 H264/90000
"""


def test_only_pcmu_pcma_and_events_pass_in_the_offered_order() -> None:
    audio = parse_audio(OFFER)
    assert (audio.ip, audio.port) == ("192.0.2.7", 4000)
    assert audio.formats == (8, 0, 101)
    text = Author("203.0.113.5", 9).write(audio, 20002)
    assert text == (
        "v=0\r\no=- 9 1 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\nt=0 0\r\n"
        "m=audio 20002 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )


def test_answer_refuses_the_offered_video_in_its_place() -> None:
    layout = parse_audio(OFFER).layout
    assert layout == (None, "video 0 RTP/AVP 99")
    text = Author("203.0.113.5", 9).write(parse_audio(OFFER), 20002, layout)
    assert text.index("m=audio 20002") < text.index("m=video 0 RTP/AVP 99\r\n")


def test_connection_of_the_stream_wins_over_that_of_the_session() -> None:
    text = OFFER.replace("a=ptime:20", "a=ptime:20\nc=IN IP4 192.0.2.8")
    assert parse_audio(text).ip == "192.0.2.8"


def test_hold_by_the_old_address_is_hold() -> None:
    audio = parse_audio(OFFER.replace("c=IN IP4 192.0.2.7", "c=IN IP4 0.0.0.0"))
    assert audio.direction == "sendonly"


@pytest.mark.parametrize("direction", ["sendonly", "recvonly", "inactive"])
def test_direction_passes(direction: str) -> None:
    audio = parse_audio(OFFER.replace("a=sendrecv", f"a={direction}"))
    assert f"a={direction}\r\n" in Author("203.0.113.5", 9).write(audio, 20002)


def test_version_moves_with_the_content_only() -> None:
    author, audio = Author("203.0.113.5", 9), parse_audio(OFFER)
    assert author.write(audio, 20002) == author.write(audio, 20002)
    assert "o=- 9 2 IN" in author.write(audio, 20004)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RTP/AVP 18 8 0 101 96", "RTP/AVP 18"),
        ("RTP/AVP 18 8 0 101 96", "RTP/SAVP 0"),
        ("m=audio 4000", "m=audio 0"),
        ("m=audio", "m=text"),
        ("c=IN IP4 192.0.2.7", "c=IN IP6 2001:db8::1"),
        ("c=IN IP4 192.0.2.7\n", ""),
        ("c=IN IP4 192.0.2.7", "c=IN IP4 trunk.example"),
        (OFFER, ""),
        (OFFER, "not a description"),
    ],
)
def test_unusable_offer_is_refused(old: str, new: str) -> None:
    with pytest.raises(SdpError):
        parse_audio(OFFER.replace(old, new))


def test_a_narrowed_stream_has_the_codec_and_the_events_and_nothing_else() -> None:
    audio = parse_audio(OFFER)
    assert (audio.codec, audio.events) == (8, 101)
    assert audio.narrowed(0).formats == (0, 101)
    assert audio.narrowed(0).fmtp == {101: "0-15"}


def test_a_codec_that_is_not_offered_cannot_be_kept() -> None:
    without_pcmu = parse_audio(OFFER.replace("18 8 0 101", "18 8 101"))
    with pytest.raises(SdpError):
        without_pcmu.narrowed(0)


def test_without_events_there_is_no_payload_type_for_them() -> None:
    audio = parse_audio(OFFER.replace(" 101 96", " 96"))
    assert audio.events is None
    assert audio.narrowed(8).formats == (8,)


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        ("sendrecv", "sendrecv"),
        ("sendonly", "recvonly"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
    ],
)
def test_an_answer_mirrors_the_direction(offered: str, answered: str) -> None:
    audio = parse_audio(OFFER.replace("a=sendrecv", f"a={offered}"))
    assert audio.answered().direction == answered
