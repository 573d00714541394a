"""Every step of a plan, carried out on a virtual clock."""

from collections.abc import Callable
from typing import Any

import pytest

from ringtrace.domain.call import Outcome, Reason
from ringtrace.domain.plan import (
    Announce,
    Collect,
    Dial,
    HangUp,
    Menu,
    Plan,
    Step,
    Target,
    Voicemail,
)
from ringtrace.domain.prompt import FILE_SECONDS, Prompt
from ringtrace.domain.rehearsal import Caller, Party, Rehearsal, rehearse

NUMBER = "+12025550100"
A, B, C = "+12025550191", "+12025550192", "+12025550193"
HELLO = Prompt("x" * 30, "en-US")
"""Two seconds."""
QUESTION = Prompt("y" * 15, "en-US")
"""A second."""
FILE = Prompt("", "en-US", "notice.wav")
BUSY = Party(code=486)
STAYS = Party(answers=3)


def plan(*steps: Step, max_seconds: float = 600) -> Plan:
    return Plan(NUMBER, steps, max_seconds, cacheable=True)


def dial(*to: str, ring: float = 20, **fields: Any) -> Dial:
    some = tuple(Target(one, ring) for one in to)
    return Dial(some, NUMBER, **({"record": True} | fields))


def play(
    *steps: Step,
    hangs_up: float | None = None,
    keys: tuple[tuple[float, str], ...] = (),
    reply: Callable[[str], Plan | None] = lambda _: None,
    max_seconds: float = 600,
    **parties: Party,
) -> Rehearsal:
    """`parties` by the letters of their targets."""
    by_number = {{"a": A, "b": B, "c": C}[letter]: party for letter, party in parties.items()}
    made = plan(*steps, max_seconds=max_seconds)
    return rehearse(made, Caller(hangs_up, keys), by_number, reply)


def verdict(of: Rehearsal) -> tuple[Outcome, Reason | None, int | None]:
    return of.result.outcome, of.result.reason, of.result.code


def reasons(of: Rehearsal) -> list[tuple[str, Reason | None]]:
    return [(leg.target, leg.reason) for leg in of.result.legs]


MISSED = (Outcome.MISSED, Reason.OPERATOR_NOT_RESPONSIVE, 487)
ABANDONED = (Outcome.ABANDONED, Reason.CALLER_DISCONNECTS, 487)
ANSWERED = (Outcome.ANSWERED, None, 200)
NOTHING = (Outcome.MISSED, Reason.NO_ACTIVE_FLOW, 480)


class TestAnnounce:
    def test_the_caller_is_answered_and_hears_it(self) -> None:
        call = play(Announce(HELLO), Announce(FILE))

        assert call.heard == (HELLO.text, "notice.wav", "busy")
        assert call.seconds == 2 + FILE_SECONDS + 3
        assert verdict(call) == NOTHING
        assert [moment.what for moment in call.timeline][:2] == [
            "caller is answered", f'caller hears "{HELLO.text}"',
        ]  # fmt: skip

    def test_who_leaves_while_he_hears_it_is_lost(self) -> None:
        call = play(Announce(HELLO), dial(A), hangs_up=1, a=STAYS)

        assert verdict(call) == ABANDONED
        assert call.result.legs == ()
        assert call.seconds == call.result.ring_seconds == 1


class TestCaps:
    STEPS = (
        Dial((Target(A, 20, most_calls=2), Target(B, 20)), NUMBER, record=True),
        dial(C),
    )

    def test_a_target_that_has_enough_calls_is_busy_at_once(self) -> None:
        call = play(*self.STEPS, a=Party(answers=1, calls=2), b=STAYS, hangs_up=10)

        assert reasons(call) == [(A, Reason.OPERATOR_BUSY), (B, None)]
        assert call.result.legs[0].ring_seconds == 0

    def test_one_with_room_for_a_last_one_rings(self) -> None:
        call = play(*self.STEPS, a=Party(answers=1, calls=1), hangs_up=10)

        assert reasons(call) == [(A, None)]

    def test_calls_do_not_matter_where_there_is_no_cap(self) -> None:
        call = play(dial(A), a=Party(answers=1, calls=99), hangs_up=10)

        assert reasons(call) == [(A, None)]


class TestMenu:
    MENU = Menu(QUESTION, {"1": (dial(A),), "2": ()}, seconds=5, tries=2, otherwise=(dial(B),))

    def test_a_key_leads_to_its_steps(self) -> None:
        call = play(self.MENU, keys=((3, "1"),), a=STAYS, hangs_up=30)

        assert call.result.target == A
        assert call.heard == (QUESTION.text, "ringback")

    def test_a_key_is_taken_while_the_menu_is_read_out(self) -> None:
        call = play(self.MENU, keys=((0.5, "1"),), a=STAYS, hangs_up=30)

        assert call.result.legs[0].started_at == 500

    def test_after_all_wrong_keys_it_goes_on_otherwise(self) -> None:
        call = play(self.MENU, keys=((0.5, "8"), (3, "9")), b=STAYS, hangs_up=30)

        assert call.result.target == B
        assert call.result.legs[0].started_at == 3_000
        assert call.heard == (QUESTION.text, QUESTION.text, "ringback")

    def test_without_keys_it_goes_on_otherwise(self) -> None:
        call = play(self.MENU, b=STAYS, hangs_up=30)

        assert call.result.target == B
        assert call.result.legs[0].started_at == 2 * 6_000

    def test_after_the_steps_of_a_key_the_plan_goes_on(self) -> None:
        call = play(self.MENU, dial(C), keys=((1, "2"),), c=STAYS, hangs_up=30)

        assert call.result.target == C

    def test_a_talk_ends_the_call_wherever_it_was_dialled(self) -> None:
        call = play(self.MENU, dial(C), keys=((1, "1"),), a=Party(answers=2, talk=8), c=STAYS)

        assert reasons(call) == [(A, None)]

    def test_who_leaves_it_is_lost(self) -> None:
        assert verdict(play(self.MENU, hangs_up=5)) == ABANDONED


class TestCollect:
    ASK = Collect(HELLO, digits=3, seconds=4)

    def asked(self, keys: tuple[tuple[float, str], ...], *, is_away: bool = False) -> Rehearsal:
        """The backend sends whoever keyed something to C."""
        return play(
            self.ASK,
            dial(B),
            keys=keys,
            reply=lambda _: None if is_away else plan(dial(C)),
            b=STAYS,
            c=STAYS,
            hangs_up=60,
        )

    def test_digits_lead_where_the_backend_says(self) -> None:
        call = self.asked(((3, "4"), (4, "2"), (5, "1")))

        assert (call.result.digits, call.result.target) == ("421", C)
        assert reasons(call) == [(C, None)]

    def test_they_are_taken_while_the_question_is_read_out(self) -> None:
        call = self.asked(((0.1, "4"), (0.2, "2"), (0.3, "1")))

        assert call.result.digits == "421"
        assert call.result.legs[0].started_at == 350

    def test_the_hash_ends_them(self) -> None:
        call = self.asked(((3, "4"), (3.5, "#"), (3.6, "7")))

        assert (call.result.digits, call.result.target) == ("4", C)

    def test_the_star_begins_anew(self) -> None:
        call = self.asked(((0.1, "*"), (3, "4"), (3.5, "*"), (3.6, "7"), (3.7, "#")))

        assert (call.result.digits, call.result.target) == ("7", C)

    def test_who_begins_anew_has_as_long_as_before(self) -> None:
        call = self.asked(((3, "4"), (5, "*")))

        assert (call.result.digits, call.result.target) == (None, B)
        assert call.result.legs[0].started_at == 9_000

    def test_waiting_ends_them(self) -> None:
        call = self.asked(((3, "4"), (4, "2")))

        assert call.result.digits == "42"
        assert call.result.legs[0].started_at == 8_050

    @pytest.mark.parametrize("keys", [(), ((1.0, "#"),)])
    def test_without_digits_the_plan_goes_on(self, keys: tuple[tuple[float, str], ...]) -> None:
        call = self.asked(keys)

        assert (call.result.digits, call.result.target) == (None, B)

    def test_without_an_answer_of_the_backend_the_plan_goes_on(self) -> None:
        call = self.asked(((0.1, "4"), (0.2, "2"), (0.3, "1")), is_away=True)

        assert (call.result.digits, call.result.target) == ("421", B)
        assert "the backend does not answer" in [moment.what for moment in call.timeline]

    @pytest.mark.parametrize("moment", [1, 5, 8.02])
    def test_who_leaves_is_lost(self, moment: float) -> None:
        """In the question, between two keys, and while the backend is asked."""
        call = play(self.ASK, dial(B), keys=((3, "4"), (4, "2")), hangs_up=moment, b=STAYS)

        assert verdict(call) == ABANDONED


class TestDialInTurn:
    def test_the_first_that_answers_has_the_call(self) -> None:
        call = play(dial(A, B), a=Party(answers=5, talk=30))

        assert verdict(call) == ANSWERED
        assert (call.result.ring_seconds, call.result.talk_seconds) == (5, 30)
        assert (call.recorded, call.seconds) == (30, 35)
        assert call.heard == ()
        assert reasons(call) == [(A, None)]

    def test_after_busy_and_no_answer_comes_the_next(self) -> None:
        call = play(dial(A, B, C), a=BUSY, b=Party(), c=Party(answers=1, talk=9))

        assert reasons(call) == [
            (A, Reason.OPERATOR_BUSY),
            (B, Reason.OPERATOR_NOT_RESPONSIVE),
            (C, None),
        ]
        assert [(leg.started_at, leg.ring_seconds) for leg in call.result.legs] == [
            (0, 0.1),
            (100, 20),
            (20_100, 1),
        ]

    @pytest.mark.parametrize(
        ("party", "expected"),
        [
            (BUSY, (Outcome.BUSY, Reason.OPERATOR_BUSY, 486)),
            (Party(code=603), (Outcome.REJECTED, Reason.OPERATOR_DISCONNECTS, 603)),
            (Party(code=503), (Outcome.FAILED, Reason.OPERATOR_CHANNELS_BUSY, 503)),
            (Party(), MISSED),
        ],
    )
    def test_the_last_one_decides(
        self, party: Party, expected: tuple[Outcome, Reason, int]
    ) -> None:
        assert verdict(play(dial(A, B), a=Party(code=404), b=party)) == expected

    def test_who_is_not_among_the_parties_does_not_exist(self) -> None:
        assert verdict(play(dial(A))) == (Outcome.FAILED, Reason.OPERATOR_NUMBER_PROBLEMS, 404)

    def test_an_answer_just_before_the_ringing_ends_counts(self) -> None:
        assert verdict(play(dial(A), a=Party(answers=19.9, talk=1))) == ANSWERED
        assert verdict(play(dial(A), a=Party(answers=20.1, talk=1))) == MISSED

    @pytest.mark.parametrize("moment", [0.05, 1, 21])
    def test_who_leaves_while_it_rings_is_lost(self, moment: float) -> None:
        call = play(dial(A, B), hangs_up=moment, a=Party(), b=Party())

        assert verdict(call) == ABANDONED
        assert call.result.legs[-1].reason is Reason.CALLER_DISCONNECTS
        assert call.seconds == moment
        assert call.timeline[-1].what.endswith("is dropped")

    @pytest.mark.parametrize(("hangs_up", "talk"), [(33, 30), (None, 600)])
    def test_a_talk_ends_with_the_caller_or_with_the_most(
        self, hangs_up: float | None, talk: float
    ) -> None:
        call = play(dial(A), hangs_up=hangs_up, a=STAYS)

        assert verdict(call) == ANSWERED
        assert call.result.talk_seconds == talk

    @pytest.mark.parametrize(("step", "target"), [(False, True), (True, False), (False, False)])
    def test_it_is_recorded_only_where_step_and_target_say_so(
        self, step: bool, target: bool
    ) -> None:
        quiet = Dial((Target(A, 20, target),), NUMBER, record=step)

        assert play(quiet, hangs_up=30, a=STAYS).recorded == 0

    def test_whoever_was_answered_before_hears_ringback_and_that_nobody_comes(self) -> None:
        call = play(Announce(HELLO), dial(A), a=BUSY)

        assert call.heard == (HELLO.text, "ringback", "busy")

    def test_a_step_without_targets_is_passed_over(self) -> None:
        assert reasons(play(dial(), dial(A), a=BUSY)) == [(A, Reason.OPERATOR_BUSY)]


class TestDialAtOnce:
    def test_the_first_answer_wins(self) -> None:
        call = play(dial(A, B, C, at_once=True), a=Party(answers=9), b=Party(answers=2, talk=5),
                    c=BUSY)  # fmt: skip

        assert verdict(call) == ANSWERED
        assert reasons(call) == [
            (A, Reason.ANSWERED_ELSEWHERE),
            (B, None),
            (C, Reason.OPERATOR_BUSY),
        ]
        assert [leg.started_at for leg in call.result.legs] == [0, 0, 0]
        assert call.result.legs[0].ring_seconds == 2

    def test_when_none_answers_the_next_step_comes(self) -> None:
        call = play(dial(A, B, at_once=True), dial(C), a=BUSY, b=Party(), c=STAYS, hangs_up=50)

        assert call.result.target == C
        assert call.result.legs[2].started_at == 20_000

    def test_of_two_who_accept_only_the_first_is_connected(self) -> None:
        both = dial(A, B, at_once=True, whisper=HELLO, accept="1")
        call = play(both, a=Party(answers=1, keys=((4, "1"),)),
                    b=Party(answers=2, keys=((2, "1"),), talk=20))  # fmt: skip

        assert reasons(call) == [(A, Reason.ANSWERED_ELSEWHERE), (B, None)]
        assert call.result.legs[0].code == 200
        assert call.result.talk_seconds == 18


class TestWhisper:
    def test_it_is_heard_before_the_talk(self) -> None:
        call = play(dial(A, whisper=HELLO), a=Party(answers=3, talk=32))

        assert verdict(call) == ANSWERED
        assert (call.result.ring_seconds, call.result.talk_seconds) == (5, 30)
        assert call.result.legs[0].ring_seconds == 3

    def test_who_hangs_up_in_it_has_not_taken_the_call(self) -> None:
        call = play(dial(A, B, whisper=HELLO), a=Party(answers=3, talk=1), b=BUSY)

        assert reasons(call) == [
            (A, Reason.NO_OPERATOR_CONFIRMATION),
            (B, Reason.OPERATOR_BUSY),
        ]

    def test_the_caller_who_leaves_in_it_has_not_talked(self) -> None:
        call = play(dial(A, whisper=HELLO), hangs_up=4, a=STAYS)

        assert verdict(call) == ABANDONED
        assert call.result.talk_seconds == 0


class TestAccept:
    STEP = dial(A, B, whisper=HELLO, accept="1")

    @pytest.mark.parametrize("press", [1, 10])
    def test_the_key_accepts_in_the_whisper_and_after_it(self, press: float) -> None:
        call = play(self.STEP, a=Party(answers=3, keys=((press, "1"),), talk=40))

        assert verdict(call) == ANSWERED
        assert call.result.talk_seconds == 40 - press

    def test_it_is_needed_without_a_whisper_too(self) -> None:
        call = play(dial(A, accept="5"), a=Party(answers=3, keys=((2, "5"),), talk=40))

        assert call.result.talk_seconds == 38

    def test_another_key_does_not_accept(self) -> None:
        call = play(self.STEP, a=Party(answers=3, keys=((1, "2"),)), b=BUSY)

        assert reasons(call)[0] == (A, Reason.NO_OPERATOR_CONFIRMATION)
        assert call.result.legs[1].started_at == 3_000 + 2_000 + 15_000

    def test_a_refusal_of_the_last_one_decides(self) -> None:
        call = play(dial(A, accept="1"), a=Party(answers=3, talk=2))

        assert verdict(call) == (Outcome.MISSED, Reason.NO_OPERATOR_CONFIRMATION, 480)
        assert call.result.legs[0].code == 200


class TestVoicemail:
    STEP = Voicemail(HELLO, seconds=30)

    def test_the_caller_hears_a_beep_and_is_recorded_until_he_hangs_up(self) -> None:
        call = play(dial(A), self.STEP, hangs_up=12, a=BUSY)

        assert verdict(call) == (Outcome.VOICEMAIL, None, 200)
        assert call.heard == (HELLO.text, "beep")
        assert call.recorded == pytest.approx(12 - 0.1 - 2 - 0.5)
        assert call.result.target == A

    def test_a_message_has_a_length(self) -> None:
        call = play(self.STEP)

        assert (call.recorded, call.seconds) == (30, 32.5)

    def test_hash_ends_it(self) -> None:
        call = play(self.STEP, keys=((1, "#"), (5, "1"), (10, "#")))

        assert call.seconds == 10

    def test_nothing_comes_after_it(self) -> None:
        assert play(self.STEP, dial(A), a=STAYS).result.legs == ()

    @pytest.mark.parametrize("moment", [1, 2.2])
    def test_who_leaves_before_the_tone_has_left_no_message(self, moment: float) -> None:
        call = play(self.STEP, hangs_up=moment)

        assert verdict(call) == ABANDONED
        assert call.recorded == 0

    def test_ringback_stops_for_it(self) -> None:
        call = play(Announce(HELLO), dial(A), self.STEP, a=Party(), hangs_up=40)

        assert call.heard == (HELLO.text, "ringback", HELLO.text, "beep")


class TestHangUp:
    def test_before_an_answer_the_caller_is_rejected(self) -> None:
        call = play(HangUp(603, Reason.BLACKLISTED))

        assert verdict(call) == (Outcome.REJECTED, Reason.BLACKLISTED, 603)
        assert [moment.what for moment in call.timeline] == ["the call ends (603)"]
        assert call.seconds == 0

    def test_after_an_answer_he_is_hung_up(self) -> None:
        call = play(Announce(HELLO), HangUp(480), dial(A), a=STAYS)

        assert verdict(call) == (Outcome.REJECTED, Reason.OPERATOR_NOT_RESPONSIVE, 480)
        assert call.heard == (HELLO.text,)
        assert call.result.legs == ()

    def test_it_decides_whatever_was_tried_before(self) -> None:
        call = play(dial(A), HangUp(486), a=Party(code=404))

        assert verdict(call) == (Outcome.REJECTED, Reason.OPERATOR_BUSY, 486)

    def test_nothing_to_do_for_a_call_is_no_rejection(self) -> None:
        assert verdict(play(HangUp(480, Reason.NO_ACTIVE_FLOW))) == NOTHING


def test_a_plan_without_steps_misses_the_call() -> None:
    assert verdict(play()) == NOTHING


def test_a_timeline_tells_everything_in_order() -> None:
    call = play(
        Collect(QUESTION, 1, 4),
        keys=((0.5, "7"),),
        reply=lambda _: plan(dial(A, B, at_once=True, whisper=QUESTION)),
        a=Party(answers=2, talk=6),
        b=Party(after=1),
    )

    assert [(moment.at, moment.what) for moment in call.timeline] == [
        (0, "caller is answered"),
        (0, f'caller hears "{QUESTION.text}"'),
        (0.5, "caller presses 7"),
        (0.5, "the backend is asked about 7"),
        (0.55, "the backend answers"),
        (0.55, "caller hears ringback"),
        (0.55, f"{A} is dialled"),
        (0.55, f"{B} is dialled"),
        (0.65, f"{A} rings"),
        (1.55, f"{B} rings"),
        (2.55, f"{A} answers"),
        (2.55, f'{A} hears "{QUESTION.text}"'),
        (3.55, f"{B} is dropped"),
        (3.55, f"{A} and caller are connected, recorded"),
        (8.55, f"{A} hangs up"),
        (8.55, "the call ends (200)"),
    ]


def test_who_was_dropped_does_nothing_more() -> None:
    call = play(dial(A, B, at_once=True, accept="1"), a=Party(answers=6),
                b=Party(answers=1, keys=((1, "1"),), talk=30))  # fmt: skip
    refused = play(
        dial(A, accept="1"),
        dial(B),
        a=Party(answers=1, keys=((20, "1"),), talk=25),
        b=Party(answers=3, talk=30),
    )

    assert [moment.what for moment in call.timeline if A in moment.what] == [
        f"{A} is dialled", f"{A} rings", f"{A} is dropped",
    ]  # fmt: skip
    assert [moment.what for moment in refused.timeline if A in moment.what][-1] == (
        f"{A} is dropped"
    )


def test_who_answers_at_once_rings_before() -> None:
    call = play(dial(A), a=Party(answers=0.05, talk=1))

    assert [moment.what for moment in call.timeline][1:3] == [f"{A} rings", f"{A} answers"]


def test_a_rehearsal_is_always_the_same() -> None:
    def once() -> Rehearsal:
        return play(dial(A, B, at_once=True), a=Party(answers=2), b=Party(answers=2), hangs_up=9)

    assert once() == once()
    assert once().result.target == A
