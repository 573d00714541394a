"""Each key pressed is one key read, in whatever way it comes."""

import itertools
import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.gateways.sip.dtmf import EventReader, KeyReader, info_key
from ringtrace.gateways.sip.rtp import RtpPacket, parse

EVENTS = 101
ALL_KEYS = "0123456789*#ABCD"


def event(
    key: str, onset: int, *, packets: int = 5, ends: int = 3, ssrc: int = 7, code: int | None = None
) -> list[RtpPacket]:
    """A press of `packets` times 20 ms, with the packets a phone sends."""
    number = ALL_KEYS.index(key) if code is None else code
    durations = [160 * (n + 1) for n in range(packets)] + [160 * packets] * ends
    return [
        RtpPacket(
            EVENTS,
            ssrc,
            onset % 2**32,
            struct.pack("!BBH", number, (0x80 if n >= packets else 0) | 10, duration),
        )
        for n, duration in enumerate(durations)
    ]


def presses(keys: str, start: int = 0) -> list[list[RtpPacket]]:
    return [event(key, start + 2000 * n) for n, key in enumerate(keys)]


def read(packets: Iterable[RtpPacket]) -> str:
    reader = EventReader()
    return "".join(reader.read(packet) for packet in packets)


def test_every_key_is_read_once_with_its_repeated_packets() -> None:
    assert read(itertools.chain(*presses(ALL_KEYS))) == ALL_KEYS


@pytest.mark.parametrize("which", range(8))
def test_one_packet_of_each_event_is_enough(which: int) -> None:
    assert read(packets[which] for packets in presses("44171")) == "44171"


def test_the_wrap_of_the_timestamp_is_no_new_key() -> None:
    assert read(itertools.chain(*presses("123", start=2**32 - 3000))) == "123"


def test_a_packet_overtaken_by_the_next_event_is_not_read_again() -> None:
    first, second = presses("12")
    assert read([*first[:6], second[0], first[7], *second[1:]]) == "12"


def test_duplicated_packets_are_no_new_keys() -> None:
    assert read(packet for packet in itertools.chain(*presses("33")) for _ in range(2)) == "33"


def test_a_key_held_for_ten_seconds_is_one_key() -> None:
    """RFC 4733 2.5.1.3: the duration has 16 bits, then a new segment begins."""
    first = event("5", 0, packets=409, ends=0)
    second = event("5", 0xFFFF, packets=50)
    assert read([*first, *second, *event("5", 0xFFFF + 50 * 160 + 2000)]) == "55"


def test_a_phone_that_stamps_each_packet_anew_presses_once() -> None:
    packets = [p._replace(timestamp=160 * n) for n, p in enumerate(event("9", 0))]
    assert read([*packets, *event("9", 4000)]) == "99"


def test_a_new_stream_begins_anew() -> None:
    assert read([*event("1", 90_000), *event("2", 10, ssrc=8)]) == "12"


def test_a_zero_duration_is_no_key_yet() -> None:
    begun = event("1", 0)
    zero = begun[0]._replace(payload=begun[0].payload[:2] + b"\0\0")
    assert read([zero]) == ""
    assert read([zero, *begun]) == "1"


def test_what_is_no_key_is_passed_over() -> None:
    assert read([*event("0", 0, code=16), RtpPacket(EVENTS, 7, 5000, b"\1")]) == ""


def test_with_events_negotiated_tones_and_other_payloads_are_not_looked_at() -> None:
    reader = KeyReader(EVENTS)
    packet = event("7", 0)[0]
    assert reader.read(packet._replace(payload_type=97)) == ""
    assert reader.read(packet._replace(payload_type=0, payload=bytes(160))) == ""
    assert reader.read(packet) == "7"


@given(st.binary(max_size=400), st.sampled_from([None, EVENTS]))
def test_noise_on_the_port_does_no_harm(data: bytes, event_type: int | None) -> None:
    packet = parse(data)
    if packet is not None:
        assert KeyReader(event_type).read(packet) in {"", *ALL_KEYS}


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", "signal = *\nDuration = 100", "*"),
        ("application/dtmf-relay", "Duration=160\r\nSignal=11", "#"),
        ("application/dtmf-relay", "Signal=d", "D"),
        ("application/dtmf-relay", "Signal=12345", ""),
        ("application/dtmf-relay", "", ""),
        ("application/dtmf", "7", "7"),
        ("application/dtmf", " 10 \r\n", "*"),
        ("application/dtmf", "seven", ""),
        ("application/sdp", "7", ""),
    ],
)
def test_keys_in_info(kind: str, body: str, key: str) -> None:
    assert info_key(kind, body) == key
