"""Packets of two directions become one stereo recording on one time axis."""

import array
import math
import random
import struct
import wave
from pathlib import Path

import pytest

from ringtrace.gateways.sip.capture import CaptureError, read_packets
from ringtrace.gateways.sip.recording import write_wav

RATE = 8000
FRAME = 160
START = 1_795_000_000.25
LOUD_MULAW = b"\x80" * FRAME  # +32124
LOUD_ALAW = b"\xaa" * FRAME  # +32256
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
Sent = tuple[float, bytes]


def rtp(  # a packet as the relay captures it
    number: int, payload: bytes, *, kind: int = 0, ssrc: int = 7, timestamp: int | None = None
) -> bytes:
    stamp = number * FRAME if timestamp is None else timestamp
    return struct.pack("!BBHII", 0x80, kind, number % 65536, stamp % 2**32, ssrc) + payload


def capture(path: Path, packets: list[Sent]) -> Path:
    data = PCAP_HEADER
    for arrival, packet in packets:
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, 28 + len(packet), 0, 0, 64, 17, 0, 1, 2)
        frame = bytes(14) + ip + struct.pack("!HHHH", 1, 2, 8 + len(packet), 0) + packet
        seconds, micros = divmod(round(arrival * 1e6), 1_000_000)
        data += struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame
    path.write_bytes(data)
    return path


def steady(count: int, payload: bytes, *, kind: int = 0, start: float = START) -> list[Sent]:
    return [(start + n * 0.02, rtp(n, payload, kind=kind)) for n in range(count)]


def channels(path: Path) -> tuple["array.array[int]", "array.array[int]"]:
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getframerate(), wav.getsampwidth()) == (2, RATE, 2)
        samples = array.array("h", wav.readframes(wav.getnframes()))
    return samples[0::2], samples[1::2]


def convert(
    tmp_path: Path, caller: list[Sent], agent: list[Sent]
) -> tuple["array.array[int]", "array.array[int]"]:
    left, right = capture(tmp_path / "c", caller), capture(tmp_path / "a", agent)
    seconds = write_wav(left, right, tmp_path / "wav")
    both = channels(tmp_path / "wav")
    assert seconds == len(both[0]) / RATE
    return both


def test_caller_is_left_in_mulaw_and_agent_right_in_alaw(tmp_path: Path) -> None:
    left, right = convert(tmp_path, steady(50, LOUD_MULAW), steady(50, LOUD_ALAW, kind=8))
    assert len(left) == RATE
    assert set(left) == {32124}
    assert set(right) == {32256}


@pytest.mark.parametrize(
    ("kind", "code", "sample"),
    [
        *((0, 0x00, -32124), (0, 0x80, 32124), (0, 0xFF, 0), (0, 0x7F, 0), (0, 0xEF, 132)),
        *((8, 0x2A, -32256), (8, 0xAA, 32256), (8, 0xD5, 8), (8, 0x55, -8), (8, 0xC5, 264)),
    ],
)
def test_codes_decode_as_g711_says(tmp_path: Path, kind: int, code: int, sample: int) -> None:
    left, _ = convert(tmp_path, steady(1, bytes([code]) * FRAME, kind=kind), [])
    assert set(left) == {sample}


def test_direction_that_begins_later_is_silent_until_then(tmp_path: Path) -> None:
    _, right = convert(tmp_path, steady(100, LOUD_MULAW), steady(50, LOUD_MULAW, start=START + 0.5))
    assert set(right[: RATE // 2]) == {0}
    assert set(right[RATE // 2 : RATE * 3 // 2]) == {32124}
    assert set(right[RATE * 3 // 2 :]) == {0}


def test_lost_packets_leave_silence_in_their_place(tmp_path: Path) -> None:
    packets = steady(60, LOUD_MULAW)
    del packets[30:35]
    left, _ = convert(tmp_path, packets, [])
    assert set(left[: 30 * FRAME]) == {32124}
    assert set(left[30 * FRAME : 35 * FRAME]) == {0}
    assert set(left[35 * FRAME :]) == {32124}


def test_late_and_repeated_packets_find_their_place(tmp_path: Path) -> None:
    rising = [(START + n * 0.02, rtp(n, bytes([n]) * FRAME)) for n in range(100)]
    expected, _ = convert(tmp_path, rising, [])
    payloads = [packet for _, packet in rising]
    payloads[40], payloads[42] = payloads[42], payloads[40]
    payloads[3], payloads[4] = payloads[4], payloads[3]
    shuffled = [(START + n * 0.02, packet) for n, packet in enumerate(payloads)]
    shuffled.insert(60, shuffled[58])
    left, _ = convert(tmp_path, shuffled, [])
    assert left == expected


def test_jitter_moves_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)  # noqa: S311 - jitter, not a secret
    jittered = [(at + chance.uniform(0, 0.06), packet) for at, packet in steady(200, LOUD_MULAW)]
    left, right = convert(tmp_path, jittered, steady(200, LOUD_MULAW))
    first = next(i for i, s in enumerate(left) if s)
    assert first - next(i for i, s in enumerate(right) if s) <= 0.01 * RATE
    assert 0 not in left[first:]


def test_timestamps_may_wrap(tmp_path: Path) -> None:
    packets = [
        (START + n * 0.02, rtp(n, LOUD_MULAW, timestamp=2**32 - 10 * FRAME + n * FRAME))
        for n in range(50)
    ]
    left, _ = convert(tmp_path, packets, [])
    assert len(left) == 50 * FRAME
    assert set(left) == {32124}


@pytest.mark.parametrize("jump", [0, 1_000_000], ids=["another sender", "another timestamp"])
def test_stream_that_starts_anew_is_placed_by_its_arrival(tmp_path: Path, jump: int) -> None:
    first = steady(50, LOUD_MULAW)
    ssrc = 7 if jump else 8
    second = [
        (START + 2 + n * 0.02, rtp(n, LOUD_MULAW, ssrc=ssrc, timestamp=jump + n * FRAME))
        for n in range(50)
    ]
    left, _ = convert(tmp_path, first + second, [])
    assert set(left[:RATE]) == {32124}
    assert set(left[RATE : 2 * RATE]) == {0}
    assert set(left[2 * RATE :]) == {32124}
    assert len(left) == 3 * RATE


def test_direction_without_packets_is_silent(tmp_path: Path) -> None:
    left = capture(tmp_path / "c", steady(10, LOUD_MULAW))
    assert write_wav(left, tmp_path / "missing", tmp_path / "wav") == pytest.approx(0.2)
    assert set(channels(tmp_path / "wav")[1]) == {0}


def test_no_packets_make_no_file(tmp_path: Path) -> None:
    empty = capture(tmp_path / "c", [])
    assert write_wav(empty, tmp_path / "missing", tmp_path / "wav") is None
    assert not (tmp_path / "wav").exists()


def test_torn_capture_counts_as_far_as_it_goes(tmp_path: Path) -> None:
    path = capture(tmp_path / "c", steady(10, LOUD_MULAW))
    path.write_bytes(path.read_bytes()[:-100])
    assert write_wav(path, tmp_path / "missing", tmp_path / "wav") == pytest.approx(0.18)


def test_other_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"RIFF" + bytes(40))
    with pytest.raises(CaptureError, match="not an Ethernet packet capture"):
        write_wav(tmp_path / "c", tmp_path / "a", tmp_path / "wav")


def test_clock_set_forward_does_not_lengthen_the_recording(tmp_path: Path) -> None:
    packets = steady(50, LOUD_MULAW)
    packets += [(at + 365 * 86400, packet) for at, packet in steady(5, LOUD_MULAW)]
    left, _ = convert(tmp_path, packets, [])
    assert len(left) == RATE


def test_only_audio_is_read(tmp_path: Path) -> None:
    header = struct.pack("!BBHII", 0x91, 0, 1, FRAME, 7) + bytes(4)
    extended = header + b"\xbe\xde\x00\x01" + bytes(4)
    padded = struct.pack("!BBHII", 0xA0, 0, 2, 2 * FRAME, 7)
    packets = [
        (START, rtp(0, b"\x01" * 4, kind=101)),
        (START, extended + LOUD_MULAW),
        (START, padded + LOUD_MULAW + b"\x00\x00\x00\x04"),
        (START, b"\x00" * 40),
        (START, b"\x80"),
    ]
    path = capture(tmp_path / "c", packets)
    assert [packet.payload for packet in read_packets(path)] == [LOUD_MULAW, LOUD_MULAW]


@pytest.mark.parametrize("clock", [7900, 8100])
def test_sender_with_a_bad_clock_is_heard_without_gaps(tmp_path: Path, clock: int) -> None:
    """Its sound is as long as it took to speak, and no sample of it is missing."""
    packets = [(START + n * FRAME / clock, rtp(n, LOUD_MULAW)) for n in range(3000)]
    left, _ = convert(tmp_path, packets, [])
    assert len(left) / RATE == pytest.approx(3000 * FRAME / clock, abs=0.01)
    assert set(left) == {32124}


def test_two_hours_of_sound_keep_their_time(tmp_path: Path) -> None:
    """A sender whose clock runs 50 ppm fast drifts by less than what is heard as out of step."""
    packets = [(START + n * 0.02 * 0.99995, rtp(n, LOUD_MULAW)) for n in range(0, 360_000, 500)]
    left, _ = convert(tmp_path, packets, [])
    assert math.isclose(len(left) / RATE, 7200, abs_tol=11)
