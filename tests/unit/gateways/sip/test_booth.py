"""What a party that is alone with the node hears, and which of its keys count."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest

from ringtrace.gateways.sip.announcer import Announcer
from ringtrace.gateways.sip.booth import Booth, KeyWay
from ringtrace.gateways.sip.session import Pickup
from ringtrace.gateways.sip.tones import Sound

PICKUP = Pickup("", 4000, 0, 101)
SOUND = Sound(np.zeros(160))
OTHER = Sound(np.ones(160))


@dataclass
class Silent:
    """In place of the announcer and its channel: says what it was told."""

    playing: Sound | None = None
    finished: Callable[[], None] | None = None
    is_open: bool = False
    press: Callable[[str], None] = field(default=lambda _: None)

    def open(self, port: int, codec: int, events: int | None, on_key: Callable[[str], None]) -> Any:
        assert (port, codec, events) == (4000, 0, 101)
        self.is_open, self.press = True, on_key
        return self

    def play(self, sound: Sound, finished: Callable[[], None]) -> None:
        self.playing, self.finished = sound, finished

    def stop(self) -> None:
        self.playing = None

    def close(self) -> None:
        self.is_open = False


@dataclass
class Desk:
    announcer: Silent = field(default_factory=Silent)
    keys: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.booth = Booth(cast("Announcer", self.announcer), self.keys.append)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_sound_waits_until_the_party_is_reached(desk: Desk) -> None:
    desk.booth.play(desk.booth.next_turn(), SOUND, lambda: desk.ended.append("first"))
    assert not desk.announcer.is_open
    desk.booth.open(PICKUP)
    assert desk.announcer.playing is SOUND
    assert desk.announcer.finished is not None
    desk.announcer.finished()
    assert desk.ended == ["first"]


def test_a_sound_that_is_found_after_its_turn_is_not_played(desk: Desk) -> None:
    desk.booth.open(PICKUP)
    first = desk.booth.next_turn()
    desk.booth.play(desk.booth.next_turn(), OTHER, lambda: None)
    desk.booth.play(first, SOUND, lambda: None)
    assert desk.announcer.playing is OTHER


def test_a_sound_that_was_stopped_does_not_tell_that_it_ended(desk: Desk) -> None:
    desk.booth.open(PICKUP)
    desk.booth.play(desk.booth.next_turn(), SOUND, lambda: desk.ended.append("first"))
    finished = desk.announcer.finished
    desk.booth.next_turn()
    assert desk.announcer.playing is None
    assert finished is not None
    finished()
    assert desk.ended == []


def test_keys_that_come_in_two_ways_count_once(desk: Desk) -> None:
    desk.booth.open(PICKUP)
    for key in "42#":
        desk.announcer.press(key)
        desk.booth.key(key, KeyWay.INFO)
    assert desk.keys == ["4", "2", "#"]


def test_keys_that_no_telephone_has_are_passed_over(desk: Desk) -> None:
    desk.booth.open(PICKUP)
    for key in ("A", "", "D", "*"):
        desk.announcer.press(key)
    assert desk.keys == ["*"]


def test_a_booth_that_is_closed_plays_and_tells_nothing(desk: Desk) -> None:
    desk.booth.open(PICKUP)
    turn = desk.booth.next_turn()
    desk.booth.close()
    desk.booth.play(turn, SOUND, lambda: None)
    desk.announcer.press("1")
    assert (desk.announcer.playing, desk.announcer.is_open, desk.keys) == (None, False, [])


def test_a_party_that_is_reached_too_late_hears_nothing(desk: Desk) -> None:
    desk.booth.close()
    desk.booth.open(PICKUP)
    assert not desk.announcer.is_open
