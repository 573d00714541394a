"""How far calls get in a flow."""

from collections.abc import Iterable

import pytest

from ringtrace.domain.fault import Fault, Severity
from ringtrace.domain.flow import (
    Announce,
    Branch,
    Collect,
    Dial,
    Flow,
    HangUp,
    How,
    Menu,
    Step,
    Target,
    Voicemail,
    When,
)
from ringtrace.domain.reach import idle, too_long, unreachable

A, B, C = "+12025550191", "+12025550192", "+12025550193"
HELLO, MESSAGE, BYE = Announce(say="Hello."), Voicemail(say="Speak."), HangUp()
ASIDE = When(withheld=True)


def ring(*seconds: int, how: How = How.IN_TURN) -> Dial:
    return Dial(tuple(Target(A, one) for one in seconds), how=how)


def paths(found: Iterable[Fault]) -> list[str]:
    return [fault.path for fault in found]


class TestUnreachable:
    @pytest.mark.parametrize("end", [BYE, MESSAGE])
    def test_a_step_behind_the_end_is_never_reached(self, end: Step) -> None:
        assert paths(unreachable(Flow((HELLO, end, HELLO, HELLO)))) == ["step[2]"]

    def test_a_step_behind_a_branch_that_always_ends_is_never_reached(self) -> None:
        both = Branch(ASIDE, then=(HELLO, BYE), otherwise=(MESSAGE,))

        assert paths(unreachable(Flow((both, HELLO)))) == ["step[1]"]

    def test_a_step_behind_a_menu_that_always_ends_is_never_reached(self) -> None:
        menu = Menu(say="?", keys={"1": (BYE,), "2": (MESSAGE,)}, otherwise=(BYE,))

        assert paths(unreachable(Flow((menu, HELLO)))) == ["step[1]"]

    def test_lists_within_steps_are_looked_at(self) -> None:
        flow = Flow(
            (Menu(say="?", keys={"1": (Branch(ASIDE, otherwise=(BYE, HELLO)),)}), HELLO),
        )

        assert paths(unreachable(flow)) == ["step[0].keys.1[0].otherwise[1]"]

    @pytest.mark.parametrize(
        "step",
        [
            Branch(ASIDE, then=(BYE,)),
            Menu(say="?", keys={"1": (BYE,)}, otherwise=(HELLO,)),
            Menu(say="?", keys={"1": (HELLO,)}, otherwise=(BYE,)),
            ring(20),
            Collect(),
        ],
    )
    def test_what_may_go_on_goes_on(self, step: Step) -> None:
        assert paths(unreachable(Flow((step, BYE)))) == []


class TestIdle:
    @pytest.mark.parametrize("step", [HELLO, MESSAGE, BYE, ring(20)])
    def test_a_call_that_was_taken_care_of_is_not_idle(self, step: Step) -> None:
        assert paths(idle(Flow((step,)))) == []

    @pytest.mark.parametrize(
        ("steps", "path"),
        [
            ((), "step"),
            ((Collect(),), "step"),
            ((Branch(ASIDE, then=(ring(20),)),), "step[0].otherwise"),
            ((Branch(ASIDE, otherwise=(ring(20),)), Collect()), "step[0].then"),
            ((Menu(say="?", keys={"1": (HELLO,), "2": ()}, otherwise=(HELLO,)),),
             "step[0].keys.2"),
            ((Dial((Target(A, hours="x"), Target(B, hours="y"))),), "step"),
        ],
    )  # fmt: skip
    def test_a_way_on_which_nothing_is_done_is_warned_of(
        self, steps: tuple[Step, ...], path: str
    ) -> None:
        [fault] = idle(Flow(steps))

        assert fault.path == path
        assert fault.severity is Severity.WARNING

    def test_a_later_step_takes_care_of_all_ways(self) -> None:
        branch = Branch(ASIDE, then=(ring(20),))

        assert paths(idle(Flow((branch, Menu(say="?", keys={"1": ()}), MESSAGE)))) == []

    def test_a_target_that_is_always_there_takes_care(self) -> None:
        assert paths(idle(Flow((Dial((Target(A, hours="x"), B)),)))) == []


class TestTooLong:
    def test_rings_up_to_the_most_are_fine(self) -> None:
        assert paths(too_long(Flow((ring(30, 25),)))) == []

    def test_the_steps_that_ring_too_long_are_named(self) -> None:
        [fault] = too_long(Flow((ring(30), Collect(), ring(26))))

        assert fault.path == "step[2]"
        assert "56 s of step[0], step[2]" in fault.message
        assert fault.severity is Severity.ERROR

    def test_it_is_said_once(self) -> None:
        assert paths(too_long(Flow((ring(30), ring(30), ring(30))))) == ["step[1]"]

    def test_targets_that_ring_at_once_take_as_long_as_the_longest(self) -> None:
        assert paths(too_long(Flow((ring(55, 50, 55, how=How.AT_ONCE),)))) == []
        assert paths(too_long(Flow((ring(56, 5, how=How.AT_ONCE),)))) == ["step[0]"]

    @pytest.mark.parametrize(
        "answering", [HELLO, Menu(say="?", keys={"1": (ring(60, 60),)}, otherwise=(ring(90),))]
    )
    def test_whoever_is_answered_may_wait(self, answering: Step) -> None:
        assert paths(too_long(Flow((ring(50), answering, ring(100))))) == []

    @pytest.mark.parametrize("end", [BYE, MESSAGE])
    def test_a_call_that_is_over_waits_no_more(self, end: Step) -> None:
        branch = Branch(ASIDE, then=(ring(50), end), otherwise=(ring(10),))

        assert paths(too_long(Flow((branch, ring(40))))) == []

    def test_the_longer_side_of_a_branch_counts(self) -> None:
        branch = Branch(ASIDE, then=(ring(10),), otherwise=(ring(30),))

        [fault] = too_long(Flow((branch, ring(30))))

        assert fault.path == "step[1]"
        assert "step[0].otherwise[0], step[1]" in fault.message

    def test_behind_a_branch_that_ends_on_both_sides_nobody_waits(self) -> None:
        branch = Branch(ASIDE, then=(BYE,), otherwise=(HELLO,))

        assert paths(too_long(Flow((branch, ring(100))))) == []

    def test_rings_within_a_branch_are_counted(self) -> None:
        branch = Branch(ASIDE, then=(ring(30, 30),))

        assert paths(too_long(Flow((branch,)))) == ["step[0].then[0]"]

    def test_time_to_accept_is_only_warned_of(self) -> None:
        pressing = Dial((A, B), whisper="x" * 30, accept="1")

        [fault] = too_long(Flow((pressing,)))

        assert fault.severity is Severity.WARNING
        assert "84 s" in fault.message

    def test_all_accept_in_the_same_time_when_they_ring_at_once(self) -> None:
        pressing = Dial((A, B, C), how=How.AT_ONCE, whisper="x" * 30, accept="1")

        assert paths(too_long(Flow((pressing,)))) == []

    def test_a_whisper_alone_is_heard_once(self) -> None:
        assert paths(too_long(Flow((Dial((A, B), whisper="x" * 75),)))) == []
        assert paths(too_long(Flow((Dial((A, B), whisper="x" * 76),)))) == ["step[0]"]
