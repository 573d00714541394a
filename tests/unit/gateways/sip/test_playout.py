"""Packets are put where they were spoken, whatever the network and the sender's clock do."""

import random
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrace.gateways.sip.capture import Packet
from ringtrace.gateways.sip.playout import play_out

FRAME = 160
START = 1_795_000_000.25
IN_STEP = 0.01
"""Seconds; what is heard as out of step begins at several times that."""


@dataclass(frozen=True)
class Network:
    """`clock` is the samples that the sender counts in a second; lengths are seconds."""

    clock: float = 8000
    jitter: float = 0.0
    loss: float = 0.0
    twice: float = 0.0
    stamp: int = 0

    def carries(self, packets: int, seed: int = 1) -> list[tuple[float, Packet]]:
        """In the order of arrival, each with when it was spoken."""
        chance = random.Random(seed)  # noqa: S311 - a network, not a secret
        there: list[tuple[float, Packet]] = []
        for number in range(packets):
            spoken = START + number * FRAME / self.clock
            stamp = (self.stamp + number * FRAME) % 2**32
            copies = 0 if chance.random() < self.loss else 1 + (chance.random() < self.twice)
            for _ in range(copies):
                arrival = spoken + chance.uniform(0, self.jitter)
                there.append((spoken, Packet(arrival, 0, 7, stamp, bytes(FRAME))))
        return sorted(there, key=lambda one: one[1].arrival)


def errors(carried: list[tuple[float, Packet]]) -> list[float]:
    """By how many seconds each packet sounds later than it was spoken."""
    begins, _ = play_out([packet for _, packet in carried])
    return [float(begin) - spoken for begin, (spoken, _) in zip(begins, carried, strict=True)]


@settings(max_examples=40, deadline=None)
@given(
    network=st.builds(
        Network,
        clock=st.floats(7900, 8100),
        jitter=st.floats(0, 0.06),
        loss=st.floats(0, 0.3),
        twice=st.floats(0, 0.1),
        stamp=st.sampled_from([0, 2**31 - 80, 2**32 - 30 * FRAME]),
    ),
    packets=st.integers(1, 3_000),
    seed=st.integers(0, 2**16),
)
def test_every_packet_sounds_when_it_was_spoken(network: Network, packets: int, seed: int) -> None:
    """Few packets say little of their shortest delay: before that, the jitter is what it is."""
    carried = network.carries(packets, seed)
    allowed = IN_STEP if len(carried) > 100 else 0.035 + network.jitter

    assert all(abs(error) <= allowed for error in errors(carried))


@pytest.mark.parametrize("clock", [7900, 7999.6, 8000.4, 8100])
def test_a_clock_that_drifts_stays_in_step_for_an_hour(clock: float) -> None:
    carried = Network(clock=clock, jitter=0.02, loss=0.02).carries(180_000)

    assert max(map(abs, errors(carried))) < IN_STEP


@pytest.mark.parametrize("clock", [7900, 8000, 8100])
def test_sound_without_gaps_is_played_without_gaps(clock: float) -> None:
    packets = [packet for _, packet in Network(clock=clock, jitter=0.03).carries(1_000)]
    packets.sort(key=lambda packet: packet.timestamp)
    begins, ends = play_out(sorted(packets, key=lambda packet: packet.arrival))
    order = np.argsort(begins)

    assert np.array_equal(ends[order][:-1], begins[order][1:])


def test_a_pause_that_the_timestamps_tell_is_kept() -> None:
    carried = Network(clock=8050, jitter=0.01).carries(3_000)
    spoken = carried[:500] + carried[2_000:]

    assert max(map(abs, errors(spoken))) < IN_STEP


def test_a_pause_that_the_timestamps_do_not_tell_is_kept() -> None:
    carried = Network(jitter=0.01).carries(1_000)
    resumed = [
        (spoken + 5, Packet(one.arrival + 5, 0, 7, one.timestamp, one.payload))
        for spoken, one in carried[500:]
    ]

    assert max(map(abs, errors(carried[:500] + resumed))) < IN_STEP


def test_another_route_is_followed() -> None:
    """From one moment on everything takes 80 ms more: that is how the parties hear each other."""
    carried = Network(jitter=0.01).carries(3_000)
    longer = [
        (spoken + 0.08, Packet(one.arrival + 0.08, 0, 7, one.timestamp, one.payload))
        for spoken, one in carried[1_500:]
    ]
    said = errors(carried[:1_500] + longer)

    assert max(map(abs, said[:1_000] + said[2_000:])) < IN_STEP


def test_what_a_stalled_network_delivers_at_once_is_not_late() -> None:
    carried = Network().carries(1_000)
    stalled = [
        (spoken, Packet(max(one.arrival, START + 12), 0, 7, one.timestamp, one.payload))
        if spoken > START + 11.2
        else (spoken, one)
        for spoken, one in carried
    ]

    assert max(map(abs, errors(stalled))) < IN_STEP


def test_packets_that_come_a_second_late_are_put_where_they_belong() -> None:
    carried = Network().carries(1_000)
    late = [
        (spoken, Packet(one.arrival + 1, 0, 7, one.timestamp, one.payload))
        for spoken, one in carried[300:310]
    ]
    arrived = sorted(carried[:300] + carried[310:] + late, key=lambda one: one[1].arrival)

    assert max(map(abs, errors(arrived))) < IN_STEP


def test_two_senders_that_are_mixed_up_keep_their_own_time() -> None:
    """A transfer: the last packets of the one arrive among the first ones of the other."""
    first = Network(clock=8040).carries(500)
    other = [
        (spoken + 9.9, Packet(one.arrival + 9.9, 0, 8, one.timestamp, one.payload))
        for spoken, one in Network(clock=7960, stamp=2**32 - 100 * FRAME).carries(500)
    ]
    both = sorted(first + other, key=lambda one: one[1].arrival)

    assert max(map(abs, errors(both))) < IN_STEP


def test_nothing_is_played_out_of_nothing() -> None:
    begins, ends = play_out([])

    assert len(begins) == len(ends) == 0
