"""Sound goes out every 20 ms, keys come in, and calls do not disturb each other."""

import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from ringtrace.gateways.sip.announcer import Announcer
from ringtrace.gateways.sip.g711 import PCMA, PCMU
from ringtrace.gateways.sip.loop import Timer
from ringtrace.gateways.sip.rtp import RtpPacket, parse
from ringtrace.gateways.sip.tones import FRAME, Sound, progress_tones, silence

UNIQUE = Sound(np.repeat(np.linspace(500, 20000, 30), FRAME))
"""Thirty frames, each unlike the others."""


class Direct:
    """A loop that runs what is posted at once, in the caller's thread."""

    def post(self, action: Callable[[], None]) -> None:
        action()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        raise NotImplementedError  # an announcer keeps its own time and sets no timers


class Relay:
    """Takes the place of the relay's port of one call."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(2)
        self.port: int = self.socket.getsockname()[1]

    def take(self, count: int) -> list[RtpPacket]:
        packets = [parse(self.socket.recv(2048)) for _ in range(count)]
        return [packet for packet in packets if packet is not None]

    def press(self, announcer: Announcer, code: int, onset: int) -> None:
        header = struct.pack("!BBHII", 0x80, 101, 1, onset, 9)
        packet = header + struct.pack("!BBH", code, 10, 160)
        self.socket.sendto(packet, announcer.address)


@pytest.fixture
def announcer() -> Iterator[Announcer]:
    announcer = Announcer(Direct(), "127.0.0.1")
    yield announcer
    announcer.close()


@pytest.fixture
def relays() -> Iterator[list[Relay]]:
    relays = [Relay(), Relay()]
    yield relays
    for relay in relays:
        relay.socket.close()


def test_a_sound_is_sent_whole_and_in_time_then_silence(
    announcer: Announcer, relays: list[Relay]
) -> None:
    ended = threading.Event()
    channel = announcer.open(relays[0].port, PCMA, 101, lambda _: None)
    channel.play(UNIQUE, ended.set)
    frames = list(UNIQUE.frames(PCMA))
    began = time.monotonic()
    packets = relays[0].take(len(frames) + 10)
    seconds = time.monotonic() - began
    payloads = [packet.payload for packet in packets]
    first = payloads.index(frames[0])
    assert payloads[first : first + len(frames)] == frames
    assert set(payloads[first + len(frames) :]) == {silence(PCMA)}
    assert ended.wait(1)
    assert {packet.payload_type for packet in packets} == {PCMA}
    stamps = [packet.timestamp for packet in packets]
    assert {(b - a) % 2**32 for a, b in itertools.pairwise(stamps)} == {160}
    assert seconds == pytest.approx(len(packets) * 0.02, abs=0.3)


def test_a_stopped_sound_does_not_tell_that_it_ended(
    announcer: Announcer, relays: list[Relay]
) -> None:
    ended: list[int] = []
    channel = announcer.open(relays[0].port, PCMU, 101, lambda _: None)
    channel.play(progress_tones("+1").busy, lambda: ended.append(1))
    relays[0].take(3)
    channel.stop()
    assert any(packet.payload == silence(PCMU) for packet in relays[0].take(3))
    assert ended == []


def test_ringback_goes_round(announcer: Announcer, relays: list[Relay]) -> None:
    ringback = progress_tones("+44").ringback
    channel = announcer.open(relays[0].port, PCMU, 101, lambda _: None)
    channel.play(ringback)
    count = len(ringback.frames(PCMU))
    payloads = [packet.payload for packet in relays[0].take(count + 10)]
    start = payloads.index(ringback.frames(PCMU)[0])
    assert payloads[start + count] == ringback.frames(PCMU)[0]


def test_keys_are_told_to_the_call_whose_port_they_come_from(
    announcer: Announcer, relays: list[Relay]
) -> None:
    keys: list[list[str]] = [[], []]
    for relay, pressed in zip(relays, keys, strict=True):
        announcer.open(relay.port, PCMU, 101, pressed.append)
    relays[0].press(announcer, 4, 1000)
    relays[1].press(announcer, 2, 1000)
    relays[0].press(announcer, 4, 1000)
    relays[0].press(announcer, 1, 9000)
    deadline = time.monotonic() + 2
    while keys != [["4", "1"], ["2"]] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert keys == [["4", "1"], ["2"]]


def test_a_closed_channel_sends_and_tells_nothing(
    announcer: Announcer, relays: list[Relay]
) -> None:
    keys: list[str] = []
    first = announcer.open(relays[0].port, PCMU, 101, keys.append)
    announcer.open(relays[1].port, PCMU, 101, keys.append)
    relays[0].take(1)
    first.close()
    relays[0].socket.setblocking(False)
    while True:
        try:
            relays[0].socket.recv(2048)
        except BlockingIOError:
            break
    relays[0].press(announcer, 4, 1000)
    relays[1].take(5)
    with pytest.raises(BlockingIOError):
        relays[0].socket.recv(2048)
    assert keys == []
