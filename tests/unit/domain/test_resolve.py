"""A flow becomes the plan of one call."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain import plan
from ringtrace.domain.call import Reason
from ringtrace.domain.circumstances import Circumstances
from ringtrace.domain.flow import (
    Announce,
    Branch,
    CallerId,
    Collect,
    Dial,
    Flow,
    HangUp,
    How,
    Menu,
    Target,
    Voicemail,
    When,
)
from ringtrace.domain.hours import Hours
from ringtrace.domain.plan import Plan
from ringtrace.domain.prompt import Prompt, for_extension
from ringtrace.domain.resolve import resolve, resume, weighted

NUMBER = "+12025550100"
A, B, C = "+12025550191", "+12025550192", "+12025550193"
NOON = round(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() * 1_000)
OPEN, SHUT = Hours("UTC", mon=("12:00-13:00",)), Hours("UTC", mon=("13:00-14:00",))
CALL = Circumstances(NUMBER, NOON)
QUESTION = plan.Collect(for_extension("US"), digits=4, seconds=6)
NOTHING = plan.HangUp(480, Reason.NO_ACTIVE_FLOW)


def flow(*steps: object, record: bool = True) -> Flow:
    return Flow(steps, record=record, hours={"open": OPEN, "shut": SHUT})  # type: ignore[arg-type] # shorter


def targets(of: Plan) -> list[str]:
    return [one.to for step in of.steps if isinstance(step, plan.Dial) for one in step.targets]


def only_dial(of: Plan) -> plan.Dial:
    [step] = of.steps
    assert isinstance(step, plan.Dial)
    return step


def test_the_targets_ring_in_their_order_and_see_the_tracking_number() -> None:
    short = Flow.ringing([A, "sip:desk@pbx.example.com"], 10)

    assert resolve(short, CALL) == Plan(
        number=NUMBER,
        steps=(
            plan.Dial(
                (plan.Target(A, 10), plan.Target("sip:desk@pbx.example.com", 10)),
                caller_id=NUMBER,
                record=True,
            ),
        ),
        max_seconds=7_200,
        cacheable=True,
    )


def test_a_sound_that_was_uploaded_is_linked_to() -> None:
    now = replace(CALL, sounds={"menu.wav": "/sounds/1/a.wav"})
    made = resolve(Flow((Announce(play="menu.wav", say="Hello."), Announce(play="own.wav"))), now)

    assert made.steps == (
        plan.Announce(Prompt("Hello.", "en-US", "menu.wav", "/sounds/1/a.wav")),
        plan.Announce(Prompt("", "en-US", "own.wav")),
    )
    assert made.cacheable


def test_a_target_takes_its_cap_with_it() -> None:
    made = resolve(Flow((Dial((Target(A, most_calls=2), B)),)), CALL)

    assert [one.most_calls for one in only_dial(made).targets] == [2, None]
    assert made.cacheable


def test_every_kind_of_step_gets_its_prompts_in_the_language_of_the_flow() -> None:
    made = resolve(
        Flow(
            (
                Announce(say="Hallo"),
                Menu(
                    play="menu.wav",
                    keys={"1": (Dial((A,)),)},
                    seconds=4,
                    tries=3,
                    otherwise=(HangUp(486),),
                ),
                Voicemail(say="Bitte", seconds=30),
            ),
            language="de-DE",
        ),
        CALL,
    )

    assert made.steps == (
        plan.Announce(Prompt("Hallo", "de-DE")),
        plan.Menu(
            Prompt("", "de-DE", "menu.wav"),
            keys={"1": (plan.Dial((plan.Target(A, 25),), NUMBER, record=True),)},
            seconds=4,
            tries=3,
            otherwise=(plan.HangUp(486),),
        ),
        plan.Voicemail(Prompt("Bitte", "de-DE"), 30),
    )
    assert made.cacheable


class TestBranches:
    def test_a_branch_becomes_the_steps_of_its_side(self) -> None:
        branched = flow(
            Branch(When(hours="open"), then=(Announce(say="open"),), otherwise=(HangUp(),)),
            Branch(When(hours="shut"), then=(HangUp(),), otherwise=(Announce(say="shut"),)),
            Dial((A,)),
        )

        said = [one.prompt.text for one in resolve(branched, CALL).steps[:2]
                if isinstance(one, plan.Announce)]  # fmt: skip

        assert said == ["open", "shut"]
        assert targets(resolve(branched, CALL)) == [A]

    def test_branches_within_branches_and_menus_vanish_too(self) -> None:
        inner = Branch(When(withheld=True), then=(Dial((A,)),), otherwise=(Dial((B,)),))
        branched = flow(
            Branch(When(repeat_caller=False), then=(inner,)),
            Menu(say="?", keys={"1": (inner,)}, otherwise=(inner,)),
        )

        dial, menu = resolve(branched, CALL).steps

        assert isinstance(menu, plan.Menu)
        assert menu.keys["1"] == menu.otherwise == (dial,)
        assert isinstance(dial, plan.Dial)
        assert [one.to for one in dial.targets] == [A]

    def test_an_unknown_visit_goes_otherwise(self) -> None:
        branched = flow(Branch(When(channel=("Direct",)), (Dial((A,)),), (Dial((B,)),)))

        assert targets(resolve(branched, CALL)) == [B]
        assert targets(resolve(branched, replace(CALL, channel="Direct"))) == [A]


class TestTargets:
    def test_a_target_whose_hours_are_closed_is_left_out(self) -> None:
        made = resolve(flow(Dial((Target(A, hours="shut"), Target(B, hours="open"), C))), CALL)

        assert targets(made) == [B, C]

    def test_a_dial_step_without_targets_disappears(self) -> None:
        made = resolve(flow(Dial((Target(A, hours="shut"),)), Voicemail(say="x")), CALL)

        assert [type(step) for step in made.steps] == [plan.Voicemail]

    @pytest.mark.parametrize("how", How)
    def test_a_flow_of_which_nothing_is_left_turns_the_call_away(self, how: How) -> None:
        made = resolve(flow(Dial((Target(A, hours="shut"),), how=how)), CALL)

        assert made.steps == (NOTHING,)

    def test_an_empty_flow_turns_the_call_away(self) -> None:
        assert resolve(Flow(), CALL).steps == (NOTHING,)

    def test_all_at_once_stay_in_one_step(self) -> None:
        dial = only_dial(resolve(flow(Dial((A, B), how=How.AT_ONCE)), CALL))

        assert dial.at_once
        assert [one.to for one in dial.targets] == [A, B]

    @pytest.mark.parametrize(
        ("turn", "order"), [(0, [A, B, C]), (1, [B, C, A]), (2, [C, A, B]), (3, [A, B, C])]
    )
    def test_the_first_of_a_round_robin_is_the_next_at_each_turn(
        self, turn: int, order: list[str]
    ) -> None:
        made = resolve(flow(Dial((A, B, C), how=How.ROUND_ROBIN)), replace(CALL, turn=turn))

        assert targets(made) == order

    def test_a_repeat_caller_rings_whom_he_talked_to_first(self) -> None:
        sticky = flow(Dial((A, B, C), how=How.ROUND_ROBIN, sticky=True))

        assert targets(resolve(sticky, replace(CALL, turn=1, last_target=A))) == [A, B, C]
        assert targets(resolve(sticky, replace(CALL, turn=1, last_target="+1"))) == [B, C, A]
        assert targets(resolve(sticky, replace(CALL, turn=1))) == [B, C, A]
        assert targets(resolve(flow(Dial((A, B))), replace(CALL, last_target=B))) == [A, B]

    def test_stickiness_does_not_open_a_closed_target(self) -> None:
        sticky = flow(Dial((Target(A, hours="shut"), B), sticky=True))

        assert targets(resolve(sticky, replace(CALL, last_target=A))) == [B]


class TestWeighted:
    HEAVY = (Target(A, weight=3), Target(B, weight=1))

    @pytest.mark.parametrize(
        ("chance", "order"), [(0, [A, B]), (0.749, [A, B]), (0.75, [B, A]), (1, [B, A])]
    )
    def test_chance_decides_in_proportion_to_the_weights(
        self, chance: float, order: list[str]
    ) -> None:
        made = resolve(flow(Dial(self.HEAVY, how=How.WEIGHTED)), replace(CALL, chance=chance))

        assert targets(made) == order

    def test_every_place_is_given_by_weight(self) -> None:
        """Over evenly spread chances an order is as frequent as drawing without return has it."""
        weights = {A: 1, B: 2, C: 5}
        some = [Target(to, weight=weight) for to, weight in weights.items()]
        draws = 8_000

        orders = Counter(
            "".join(one.to[-1] for one in weighted(some, (i + 0.5) / draws)) for i in range(draws)
        )

        for first, second, third in (
            (A, B, C),
            (A, C, B),
            (B, A, C),
            (B, C, A),
            (C, A, B),
            (C, B, A),
        ):
            left = weights[second] + weights[third]
            expected = weights[first] / 8 * weights[second] / left
            assert orders[first[-1] + second[-1] + third[-1]] / draws == pytest.approx(
                expected, abs=2e-3
            )

    @given(st.lists(st.integers(1, 1_000), max_size=20), st.floats(0, 1))
    def test_every_target_has_one_place(self, weights: list[int], chance: float) -> None:
        some = [Target(f"+120255501{i:02d}", weight=weight) for i, weight in enumerate(weights)]

        assert sorted(weighted(some, chance), key=lambda one: one.to) == some


class TestRecording:
    @pytest.mark.parametrize("of_flow", [True, False])
    @pytest.mark.parametrize("of_step", [True, False, None])
    @pytest.mark.parametrize("of_target", [True, False, None])
    def test_the_target_says_before_the_step_before_the_flow(
        self, of_flow: bool, of_step: bool | None, of_target: bool | None
    ) -> None:
        said = Dial((Target(A, record=of_target), Target(B)), record=of_step)

        dial = only_dial(resolve(flow(said, record=of_flow), CALL))

        below = of_flow if of_step is None else of_step
        first, second = dial.targets
        assert (dial.record and first.record) is (below if of_target is None else of_target)
        assert (dial.record and second.record) is below


class TestCallerId:
    @pytest.mark.parametrize(
        ("caller", "shown"),
        [("+4930901820", "+4930901820"), (None, NUMBER), ("anonymous", NUMBER)],
    )
    def test_a_target_sees_the_caller_where_he_has_a_number(
        self, caller: str | None, shown: str
    ) -> None:
        made = resolve(flow(Dial((A,), caller_id=CallerId.CALLER)), replace(CALL, caller=caller))

        assert only_dial(made).caller_id == shown
        assert not made.cacheable


class TestWhisper:
    TEXT = "{channel}, {campaign}, {keyword}, {number}"

    def said(self, now: Circumstances, language: str = "en-US") -> Prompt | None:
        return only_dial(
            resolve(Flow((Dial((A,), whisper=self.TEXT),), language=language), now)
        ).whisper

    def test_it_says_where_the_call_comes_from(self) -> None:
        known = replace(CALL, channel="Paid Search", campaign="spring", keyword="red {boots}")

        assert self.said(known) == Prompt(
            "Paid Search, spring, red {boots}, (202) 555-0100", "en-US"
        )

    def test_what_is_unknown_has_a_plain_name(self) -> None:
        assert self.said(CALL) == Prompt(
            "unknown source, unknown, unknown, (202) 555-0100", "en-US"
        )

    def test_it_is_unknown_in_the_language_of_the_flow(self) -> None:
        said = self.said(CALL, "de")

        assert said is not None
        assert said.text.startswith("unbekannter Quelle, unbekannt")

    def test_the_key_that_accepts_is_kept(self) -> None:
        dial = only_dial(resolve(flow(Dial((A,), whisper="Hi", accept="1")), CALL))

        assert (dial.whisper, dial.accept) == (Prompt("Hi", "en-US"), "1")


class TestQuestion:
    ASKED = replace(CALL, ask=QUESTION)

    def test_without_a_place_for_it_the_question_comes_first(self) -> None:
        made = resolve(flow(Announce(say="x"), Dial((A,))), self.ASKED)

        assert made.steps[0] == QUESTION
        assert len(made.steps) == 3
        assert made.cacheable

    def test_the_question_is_asked_where_the_flow_says(self) -> None:
        made = resolve(flow(Announce(say="x"), Collect(), Dial((A,))), self.ASKED)

        assert [type(step) for step in made.steps] == [plan.Announce, plan.Collect, plan.Dial]

    def test_nobody_is_asked_on_a_way_without_the_question(self) -> None:
        branched = flow(Branch(When(hours="shut"), then=(Collect(),)), Dial((A,)))

        assert QUESTION not in resolve(branched, self.ASKED).steps

    def test_nobody_is_asked_when_there_is_nothing_to_ask_for(self) -> None:
        made = resolve(flow(Collect(), Dial((A,))), CALL)

        assert [type(step) for step in made.steps] == [plan.Dial]

    def test_an_extension_may_lead_on_where_the_flow_does_not(self) -> None:
        assert resolve(Flow(), self.ASKED).steps == (QUESTION, NOTHING)

    def test_behind_the_question_the_flow_goes_on(self) -> None:
        asking = flow(
            Announce(say="once"),
            Branch(When(hours="open"), then=(Collect(), Dial((A,)))),
            Dial((B,)),
        )

        made = resume(asking, self.ASKED)

        assert targets(made) == [A, B]
        assert len(made.steps) == 2

    def test_behind_a_question_in_a_menu_the_menu_is_not_heard_again(self) -> None:
        asking = flow(
            Menu(say="?", keys={"1": (Dial((C,)),), "2": (Collect(), Dial((A,)))}), Dial((B,))
        )

        assert targets(resume(asking, self.ASKED)) == [A, B]

    def test_what_the_digits_tell_of_the_visit_counts_behind_them(self) -> None:
        asking = flow(Collect(), Branch(When(channel=("Direct",)), (Dial((A,)),), (Dial((B,)),)))

        assert targets(resume(asking, replace(self.ASKED, channel="Direct"))) == [A]

    def test_a_flow_that_was_not_asked_in_goes_on_from_its_beginning(self) -> None:
        made = resume(flow(Announce(say="x"), Dial((A,))), self.ASKED)

        assert [type(step) for step in made.steps] == [plan.Announce, plan.Dial]
        assert not made.cacheable

    def test_nothing_behind_the_question_turns_the_call_away(self) -> None:
        assert resume(flow(Announce(say="x"), Collect()), self.ASKED).steps == (NOTHING,)


KNOWN = replace(
    CALL, caller="+4930901820", called_before=True, last_target=B, channel="Direct", campaign="c",
    keyword="k",
)  # fmt: skip


class TestCacheable:
    @pytest.mark.parametrize(
        "step",
        [
            Announce(say="x"),
            Dial((A, B), whisper="Call to {number}"),
            Dial((A, B), how=How.WEIGHTED),
            Dial((A, C), sticky=True),
        ],
    )
    def test_what_is_the_same_for_everybody_is(self, step: object) -> None:
        assert resolve(flow(step), KNOWN).cacheable

    @pytest.mark.parametrize(
        "step",
        [
            Branch(When(hours="open"), then=(Dial((A,)),)),
            Branch(When(caller_prefix=("+49",)), then=(Dial((A,)),)),
            Branch(When(channel=("Direct",)), then=(Dial((A,)),)),
            Dial((Target(A, hours="open"),)),
            Dial((A,), whisper="{channel}"),
            Dial((A,), whisper="{keyword}"),
            Dial((A, B), sticky=True),
            Dial((A,), caller_id=CallerId.CALLER),
            Menu(say="?", keys={"1": (Branch(When(withheld=True), then=(Dial((A,)),)),)}),
        ],
    )
    def test_what_is_for_this_caller_visit_or_moment_is_not(self, step: object) -> None:
        assert not resolve(flow(step), KNOWN).cacheable

    def test_what_an_unknown_visit_gets_is(self) -> None:
        branched = flow(
            Branch(When(channel=("Direct",)), (Dial((A,)),), (Dial((B,), whisper="{channel}"),))
        )

        assert resolve(branched, replace(KNOWN, channel=None)).cacheable

    @given(
        st.sampled_from([None, "Direct", "Email"]),
        st.sampled_from([None, "c"]),
        st.sampled_from([None, "k"]),
        st.sampled_from([None, A, B]),
        st.sampled_from([None, "+4930901820", "+12025550177"]),
        st.integers(0, 3 * 3_600_000),
    )
    def test_a_cacheable_plan_is_that_of_an_unknown_caller(
        self,
        channel: str | None,
        campaign: str | None,
        keyword: str | None,
        last: str | None,
        caller: str | None,
        later: int,
    ) -> None:
        """Whoever calls when: a plan that may be cached tells nothing of him."""
        varied = flow(
            Branch(
                When(channel=("Direct",)),
                then=(Branch(When(hours="open"), (Dial((A,)),)),),
                otherwise=(Dial((A, B), sticky=True, whisper="{campaign} {keyword}"),),
            )
        )
        now = Circumstances(
            NUMBER, NOON + later, caller, channel=channel, campaign=campaign, keyword=keyword,
            last_target=last, called_before=last is not None,
        )  # fmt: skip

        made = resolve(varied, now)

        assert not made.cacheable or made == resolve(varied, CALL)
        assert made == resolve(varied, now)


def test_voicemails_are_numbered_as_they_are_written_also_where_they_say_the_same() -> None:
    one, other = Voicemail(say="x"), Voicemail(say="x")
    menu = Menu(say="y", keys={"1": (one,), "2": (other,)})

    (made,) = resolve(flow(menu), CALL).steps

    assert isinstance(made, plan.Menu)
    assert [
        step.box
        for steps in made.keys.values()
        for step in steps
        if isinstance(step, plan.Voicemail)
    ] == [0, 1]
