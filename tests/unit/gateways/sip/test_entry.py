"""When an entry of digits is over, and which keys belong to it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ringtrace.gateways.sip.entry import DigitEntry, KeyWay


@dataclass
class Alarm:
    seconds: float
    action: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Desk:
    """An entry of four digits with eight seconds, and what came of it."""

    alarms: list[Alarm] = field(default_factory=list)
    keyed: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.entry = DigitEntry(self, 4, 8, keyed=self.keyed.append, done=self.done.append)

    def post(self, action: Callable[[], None]) -> None:
        action()

    def after(self, seconds: float, action: Callable[[], None]) -> Alarm:
        assert all(alarm.cancelled for alarm in self.alarms), "one timer at a time"
        self.alarms.append(Alarm(seconds, action))
        return self.alarms[-1]

    def key(self, keys: str, way: KeyWay = KeyWay.MEDIA) -> None:
        for key in keys:
            self.entry.key(key, way)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_last_digit_ends_the_entry(desk: Desk) -> None:
    desk.key("42179")
    assert desk.keyed == ["4", "42", "421", "4217"]
    assert desk.done == ["4217"]
    assert desk.alarms[-1].cancelled


@pytest.mark.parametrize(("keys", "digits"), [("42#", "42"), ("#", ""), ("4*2D#", "42")])
def test_the_hash_key_ends_it_early_and_other_keys_are_no_digits(
    desk: Desk, keys: str, digits: str
) -> None:
    desk.key(keys)
    assert desk.done == [digits]


def test_silence_after_the_prompt_ends_it_without_digits(desk: Desk) -> None:
    desk.entry.wait()
    (alarm,) = desk.alarms
    assert alarm.seconds == 8
    alarm.action()
    assert desk.done == [""]


def test_each_key_gives_the_whole_time_again(desk: Desk) -> None:
    desk.entry.wait()
    desk.key("42")
    assert [alarm.cancelled for alarm in desk.alarms] == [True, True, False]
    desk.alarms[-1].action()
    assert desk.done == ["42"]


def test_keys_that_come_in_two_ways_count_once(desk: Desk) -> None:
    for key in "4217":
        desk.key(key, KeyWay.INFO)
        desk.key(key, KeyWay.MEDIA)
    assert desk.done == ["4217"]


def test_an_abandoned_entry_says_nothing(desk: Desk) -> None:
    desk.key("4")
    desk.entry.abandon()
    desk.key("217")
    desk.entry.wait()
    assert (desk.keyed, desk.done) == (["4"], [])
    assert all(alarm.cancelled for alarm in desk.alarms)
