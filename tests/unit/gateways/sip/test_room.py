"""A target with a cap is rung only when backend and node have counted fewer calls."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ringtrace.domain.occupancy import TOLD_SECONDS
from ringtrace.domain.plan import Target
from ringtrace.gateways.sip.backend import LegNote
from ringtrace.gateways.sip.room import Room

DESK = Target("+15550199001", 20, most_calls=1)
ONCE_MORE = Target("+15550199001", 20, most_calls=2)


@dataclass
class Alarm:
    seconds: float
    action: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Timers:
    """A loop on which only timers are waited for."""

    alarms: list[Alarm] = field(default_factory=list)

    def post(self, action: Callable[[], None]) -> None:
        action()

    def after(self, seconds: float, action: Callable[[], None]) -> Alarm:
        self.alarms.append(Alarm(seconds, action))
        return self.alarms[-1]


@dataclass
class Teller:
    """The backend says `free`, None: nothing."""

    free: bool | None = True
    asked: list[tuple[str, LegNote]] = field(default_factory=list)
    told: list[tuple[str, LegNote]] = field(default_factory=list)

    def ask_room(self, call: str, note: LegNote, done: Callable[[bool | None], None]) -> None:
        self.asked.append((call, note))
        done(self.free)

    def tell_leg(self, call: str, note: LegNote) -> None:
        self.told.append((call, note))


@pytest.fixture
def teller() -> Teller:
    return Teller()


@pytest.fixture
def timers() -> Timers:
    return Timers()


@pytest.fixture
def room(teller: Teller, timers: Timers) -> Room:
    return Room(timers, teller)


def take(room: Room, call: str, target: Target = DESK, leg: int = 1) -> bool:
    found: list[bool] = []
    room.take(call, leg, target, found.append)
    (free,) = found
    return free


def test_the_backend_is_asked_and_its_word_counts(room: Room, teller: Teller) -> None:
    assert take(room, "a", ONCE_MORE)
    teller.free = False
    assert not take(room, "b", ONCE_MORE)

    assert teller.asked[0] == ("a", LegNote(1, DESK.to, 2))


def test_what_the_node_counts_itself_needs_no_question(room: Room, teller: Teller) -> None:
    take(room, "a")

    assert not take(room, "b")
    assert [call for call, _ in teller.asked] == ["a"]


@pytest.mark.parametrize("again", [DESK, ONCE_MORE])
def test_without_the_backend_the_nodes_own_count_decides(
    room: Room, teller: Teller, again: Target
) -> None:
    teller.free = None

    assert take(room, "a")
    assert take(room, "b", again) == (again is ONCE_MORE)


def test_a_backend_that_is_away_keeps_no_second_caller_waiting(
    teller: Teller, timers: Timers
) -> None:
    now = [100.0]
    room = Room(timers, teller, lambda: now[0])
    teller.free = None
    take(room, "a", ONCE_MORE)
    take(room, "b", ONCE_MORE)
    assert [call for call, _ in teller.asked] == ["a"]

    now[0] += 10
    room.leave("b", 1)
    take(room, "c", ONCE_MORE)
    assert [call for call, _ in teller.asked] == ["a", "c"]


def test_a_leg_that_is_over_makes_room_and_the_backend_is_told(
    room: Room, teller: Teller, timers: Timers
) -> None:
    take(room, "a")
    room.leave("a", 1)
    room.leave("a", 1)

    assert teller.told == [("a", LegNote(1))]
    assert timers.alarms[0].cancelled
    assert take(room, "b")


def test_a_leg_that_goes_on_is_told_of_again_and_again(
    room: Room, teller: Teller, timers: Timers
) -> None:
    take(room, "a")
    for n in range(3):
        assert timers.alarms[n].seconds == TOLD_SECONDS
        timers.alarms[n].action()

    assert teller.told == [("a", LegNote(1, DESK.to))] * 3
    room.leave("a", 1)
    assert timers.alarms[3].cancelled


def test_a_leg_that_found_no_room_is_nothing_to_let_go(room: Room, teller: Teller) -> None:
    take(room, "a")
    take(room, "b")
    room.leave("b", 1)

    assert teller.told == []
