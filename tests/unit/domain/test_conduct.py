"""Whatever happens in whatever order, a call is conducted by the same few rules."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrace.domain.attempt import Result
from ringtrace.domain.call import Leg, Outcome, Reason
from ringtrace.domain.conduct import MOST_QUESTIONS, Conduct
from ringtrace.domain.cues import (
    CALLER,
    Action,
    Answer,
    Answered,
    Ask,
    Call,
    ClearTimer,
    Drop,
    End,
    Event,
    Expired,
    Failed,
    HungUp,
    Join,
    Key,
    Play,
    Played,
    Record,
    Replied,
    Ringing,
    SetTimer,
    Silence,
    Tone,
    leg_of,
)
from ringtrace.domain.line import ACCEPT_SECONDS
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
from ringtrace.domain.prompt import Prompt

NUMBER = "+12025550100"
AT = 1_795_392_000_000
HELLO = Prompt("Hello.", "en-US")
CODES = (404, 408, 480, 486, 487, 500, 503, 603)

prompts = st.just(HELLO)
targets = st.builds(
    Target,
    st.sampled_from(["+12025550191", "+12025550192", "sip:a@example.com"]),
    st.just(20.0),
    st.booleans(),
)
simple_steps = st.one_of(
    st.builds(Announce, prompts),
    st.builds(Collect, prompts, st.integers(1, 3), st.just(6.0)),
    st.builds(
        Dial,
        st.lists(targets, max_size=3).map(tuple),
        st.just(NUMBER),
        st.booleans(),
        st.booleans(),
        st.none() | prompts,
        st.none() | st.just("1"),
    ),
    st.builds(Voicemail, prompts, st.just(60.0)),
    st.builds(HangUp, st.sampled_from(CODES), st.none() | st.just(Reason.BLACKLISTED)),
)
steps: st.SearchStrategy[tuple[Step, ...]] = st.recursive(
    st.lists(simple_steps, max_size=4).map(tuple),
    lambda inner: st.lists(
        simple_steps
        | st.builds(
            Menu,
            prompts,
            st.dictionaries(st.sampled_from("12#"), inner, max_size=2),
            st.just(5.0),
            st.integers(1, 2),
            inner,
        ),
        max_size=4,
    ).map(tuple),
    max_leaves=6,
)
plans = st.builds(Plan, st.just(NUMBER), steps, st.just(600.0), st.booleans())


class Watched:
    """A call and all that was said of it."""

    def __init__(self, plan: Plan) -> None:
        self.conduct = Conduct(plan)
        self.now = AT
        self.actions: list[Action] = []
        self.told: list[Event] = []
        self.timers: set[str] = set()
        self.playing: set[int] = set()
        self.asking = False
        self._note(self.conduct.begin(AT))

    def tell(self, event: Event, seconds: float = 1.0) -> Sequence[Action]:
        self.now += round(seconds * 1_000)
        was_over = self.is_over
        self.told.append(event)
        if isinstance(event, Expired):
            self.timers.discard(event.timer)
        if isinstance(event, Played):
            self.playing.discard(event.party)
        if isinstance(event, Replied):
            self.asking = False
        actions = self.conduct.tell(event, self.now)
        assert not was_over or all(isinstance(action, Drop) for action in actions)
        self._note(actions)
        return actions

    def _note(self, actions: Sequence[Action]) -> None:
        for action in actions:
            self.actions.append(action)
            match action:
                case SetTimer():
                    self.timers.add(action.timer)
                case ClearTimer():
                    self.timers.discard(action.timer)
                case Play(party=party, sound=Prompt() | Tone.BEEP):
                    self.playing.add(party)
                case Silence():
                    self.playing.discard(action.party)
                case Join():
                    self.playing.clear()
                case Ask():
                    self.asking = True
                case _:
                    pass

    @property
    def is_over(self) -> bool:
        return self.conduct.result is not None

    @property
    def legs(self) -> list[int]:
        return [action.leg for action in self.actions if isinstance(action, Call)]

    def ended(self, leg: int) -> bool:
        """Whether we dropped the leg, or it told of its end."""
        return Drop(leg) in self.actions or any(
            isinstance(event, Failed | HungUp) and leg_of(event) == leg for event in self.told
        )

    def due(self) -> list[Event]:
        """What comes although nobody does anything."""
        events: list[Event] = [Expired(timer) for timer in sorted(self.timers)]
        events += [Played(party) for party in sorted(self.playing)]
        return events


@st.composite
def wild_calls(draw: st.DrawFn) -> Watched:
    """Any event at any time, likely or not; then the caller leaves."""
    call = Watched(draw(plans))
    for _ in range(draw(st.integers(0, 30))):
        parties = [CALLER, *call.legs]
        party = st.sampled_from(parties)
        about_anybody = st.one_of(
            st.builds(Key, party, st.sampled_from("0123456789*#")),
            st.builds(Played, party),
            st.builds(HungUp, party),
            st.builds(Replied, st.none() | plans),
            st.builds(
                Expired,
                st.sampled_from(
                    ["keys", "asked", "talk", "busy", "message", *call.timers]
                    + [f"{what} {leg}" for what in ("ringing", "accepting") for leg in call.legs]
                ),
            ),
        )
        leg = st.sampled_from(call.legs or [CALLER])
        about_legs = st.one_of(
            st.builds(Ringing, leg), st.builds(Answered, leg),
            st.builds(Failed, leg, st.sampled_from(CODES)),
        )  # fmt: skip
        event = draw(about_anybody | about_legs if call.legs else about_anybody)
        was_over = not isinstance(event, Answered) or call.ended(event.leg) or call.is_over
        actions = call.tell(event, draw(st.floats(0, 30)))
        if isinstance(event, Answered) and was_over:
            assert actions == [Drop(event.leg)], "a late answer is dropped"
    if not call.is_over:
        call.tell(HungUp(CALLER))
    return call


@st.composite
def likely_calls(draw: st.DrawFn) -> Watched:
    """Events that can happen; in the end nobody does anything any more."""
    call = Watched(draw(plans))
    for _ in range(draw(st.integers(0, 30))):
        if call.is_over:
            break
        events: list[Event] = [*call.due(), Key(CALLER, "1"), Key(CALLER, "7"), Key(CALLER, "#")]
        for leg in call.legs:
            is_answered = Answered(leg) in call.told
            if is_answered and not call.ended(leg):
                events += [HungUp(leg), Key(leg, "1"), Key(leg, "2")]
            elif not is_answered and not call.ended(leg):
                events += [Ringing(leg), Answered(leg), Answered(leg), Failed(leg, 486)]
        if call.asking:
            events.append(Replied(draw(st.none() | plans)))
        call.tell(draw(st.sampled_from(events)), draw(st.floats(0, 30)))
    for _ in range(200):
        if call.is_over:
            break
        assert call.due(), "nothing would ever happen again"
        call.tell(call.due()[0])
    assert call.is_over
    return call


def count(call: Watched, kind: type[Action]) -> int:
    return sum(isinstance(action, kind) for action in call.actions)


def result_of(call: Watched) -> Result:
    assert call.conduct.result is not None
    return call.conduct.result


def at_most_one_leg_is_joined_and_it_has_answered(call: Watched) -> None:
    joined = [action for action in call.actions if isinstance(action, Join)]

    assert len(joined) <= 1
    for join in joined:
        assert Answered(join.leg) in call.told
        before = call.actions[: call.actions.index(join)]
        assert Drop(join.leg) not in before


def the_caller_is_answered_once_and_before_he_hears_anything(call: Watched) -> None:
    heard = [
        i
        for i, action in enumerate(call.actions)
        if isinstance(action, Join | Record | Ask)
        or (isinstance(action, Play) and action.party == CALLER)
    ]

    assert count(call, Answer) <= 1
    if heard:
        assert Answer() in call.actions[: heard[0]]


def every_leg_that_was_called_is_over_in_the_end(call: Watched) -> None:
    assert call.legs == list(range(1, len(call.legs) + 1))
    assert all(call.ended(leg) for leg in call.legs)


def a_call_ends_once_unless_the_caller_left(call: Watched) -> None:
    """Somebody who leaves when all is over left too late to matter."""
    ends = [action for action in call.actions if isinstance(action, End)]

    assert len(ends) <= 1
    if not ends:
        assert HungUp(CALLER) in call.told
    else:
        assert ends[0].code == result_of(call).code


def answered(legs: Sequence[Leg]) -> list[Leg]:
    return [leg for leg in legs if leg.reason is None]


def a_result_does_not_contradict_itself(call: Watched) -> None:
    result = result_of(call)
    seconds = (call.now - AT) / 1_000
    has_ended = count(call, End) == 1
    is_answered, is_message = count(call, Join) == 1, count(call, Record) == 1

    assert len(result.legs) == len(call.legs)
    assert (result.outcome is Outcome.ANSWERED) == is_answered
    assert (result.outcome is Outcome.VOICEMAIL) == (is_message and not is_answered)
    is_nobody = not is_answered and not is_message
    heard_busy = Play(CALLER, Tone.BUSY) in call.actions
    assert (result.outcome is Outcome.ABANDONED) == (is_nobody and not has_ended and not heard_busy)
    assert (result.reason is None) == (is_answered or is_message)
    assert (result.reason is Reason.NO_ACTIVE_FLOW) <= (result.outcome is Outcome.MISSED)
    assert len(answered(result.legs)) == int(is_answered)
    if is_answered:
        [leg] = answered(result.legs)
        assert (leg.target, leg.talk_seconds) == (result.target, result.talk_seconds)
        assert (leg.code, result.code) == (200, 200)
    elif result.legs:
        assert result.target == result.legs[-1].target
    else:
        assert result.target is None
    assert all(leg.talk_seconds == 0 or leg.reason is None for leg in result.legs)
    assert 0 <= result.ring_seconds + result.talk_seconds <= seconds + 1e-6
    assert all(leg.ring_seconds >= 0 and leg.talk_seconds >= 0 for leg in result.legs)
    assert all(leg.code is not None for leg in result.legs)
    assert all(AT <= leg.started_at <= call.now for leg in result.legs)
    asked = any(isinstance(action, Ask) for action in call.actions)
    pressed = {one.digit for one in call.told if isinstance(one, Key) and one.party == CALLER}
    assert not asked or result.digits
    assert set(result.digits or "") <= pressed


RULES = (
    at_most_one_leg_is_joined_and_it_has_answered,
    the_caller_is_answered_once_and_before_he_hears_anything,
    every_leg_that_was_called_is_over_in_the_end,
    a_call_ends_once_unless_the_caller_left,
    a_result_does_not_contradict_itself,
)


@settings(max_examples=200, deadline=None)
@given(wild_calls())
def test_the_rules_hold_whatever_a_gateway_tells_in_whatever_order(call: Watched) -> None:
    for rule in RULES:
        rule(call)


@settings(max_examples=200, deadline=None)
@given(likely_calls())
def test_a_call_in_which_nobody_does_anything_any_more_comes_to_its_end(call: Watched) -> None:
    for rule in RULES:
        rule(call)


A, B = Target("+12025550191", 20), Target("+12025550192", 20)


def dialling(*some: Target, at_once: bool = False, accept: str | None = None,
             whisper: Prompt | None = None) -> Watched:  # fmt: skip
    dial = Dial(some, NUMBER, record=True, at_once=at_once, whisper=whisper, accept=accept)
    return Watched(Plan(NUMBER, (dial,), 600, cacheable=True))


def test_an_answer_after_we_gave_up_is_dropped() -> None:
    call = dialling(A, B)
    call.tell(Expired("ringing 1"))

    assert call.tell(Answered(1)) == [Drop(1)]
    assert call.tell(Answered(2)) == [ClearTimer("ringing 2"), Answer(), ClearTimer("accepting 2"),
                                      Join(2, record=True), SetTimer("talk", 600)]  # fmt: skip


def test_an_answer_after_the_end_is_dropped_and_all_else_is_ignored() -> None:
    call = dialling(A)
    call.tell(HungUp(CALLER))

    assert call.tell(Answered(1)) == [Drop(1)]
    assert call.tell(Failed(1, 487)) == []


def test_the_code_of_a_leg_that_we_cancelled_says_nothing() -> None:
    call = dialling(A, B)
    call.tell(Expired("ringing 1"))
    call.tell(Failed(1, 603))
    call.tell(Failed(2, 486))

    assert [leg.reason for leg in result_of(call).legs] == [
        Reason.OPERATOR_NOT_RESPONSIVE,
        Reason.OPERATOR_BUSY,
    ]


def test_an_answer_that_is_told_again_is_no_news() -> None:
    call = dialling(A, whisper=HELLO)

    assert Play(1, HELLO) in call.tell(Answered(1))
    assert call.tell(Answered(1)) == []


def test_a_leg_that_answered_and_is_said_to_fail_has_hung_up() -> None:
    call = dialling(A)
    call.tell(Answered(1))

    assert call.tell(Failed(1, 500), 5) == [End(200)]
    assert result_of(call).outcome is Outcome.ANSWERED
    assert result_of(call).talk_seconds == 5


def test_the_time_to_ring_that_was_cleared_does_not_end_a_whisper() -> None:
    call = dialling(A, whisper=HELLO)
    call.tell(Answered(1))

    assert call.tell(Expired("ringing 1")) == []
    assert Join(1, record=True) in call.tell(Played(1))


@pytest.mark.parametrize("event", [Key(1, "1"), Played(1), Key(1, "2"), Ringing(1)])
def test_nobody_accepts_before_he_has_answered(event: Event) -> None:
    call = dialling(A, whisper=HELLO, accept="1")

    assert call.tell(event) == []


def test_a_leg_has_so_long_to_accept_after_the_whisper() -> None:
    call = dialling(A, whisper=HELLO, accept="1")
    call.tell(Answered(1))

    assert call.tell(Played(1)) == [SetTimer("accepting 1", ACCEPT_SECONDS)]


def test_a_leg_that_is_told_nothing_has_as_long() -> None:
    call = dialling(A, accept="1")

    assert SetTimer("accepting 1", ACCEPT_SECONDS) in call.tell(Answered(1))


def test_the_losers_are_dropped_before_the_winner_is_joined() -> None:
    call = dialling(A, B, at_once=True)

    actions = call.tell(Answered(2))

    assert actions.index(Drop(1)) < actions.index(Join(2, record=True))
    assert call.tell(Answered(1)) == [Drop(1)]


def test_ringback_stops_for_an_announcement_and_comes_back() -> None:
    dial = Dial((A,), NUMBER, record=False)
    call = Watched(
        Plan(NUMBER, (Announce(HELLO), dial, Announce(HELLO), dial), 600, cacheable=True)
    )
    ringback = Play(CALLER, Tone.RINGBACK)

    assert ringback in call.tell(Played(CALLER))
    assert list(call.tell(Failed(1, 486)))[-2:] == [Silence(CALLER), Play(CALLER, HELLO)]
    assert ringback in call.tell(Played(CALLER))


def test_events_are_about_a_leg_or_the_caller() -> None:
    assert leg_of(Expired("accepting 12")) == 12
    assert leg_of(Expired("talk")) == CALLER
    assert leg_of(Replied(None)) == CALLER
    assert leg_of(Key(2, "1")) == leg_of(Ringing(2)) == 2


def test_time_does_not_run_backwards() -> None:
    call = dialling(A)
    call.tell(Answered(1), 5)
    call.tell(HungUp(1), -3)

    assert result_of(call).talk_seconds == 0


def test_a_gateway_can_keep_what_is_known_so_far() -> None:
    ask = Collect(HELLO, digits=4, seconds=5)
    call = Conduct(Plan(NUMBER, (ask,), 600, cacheable=True))
    call.begin(AT)

    call.tell(Key(CALLER, "4"), AT + 1_000)

    assert (call.digits, call.message_at, call.box, list(call.attempts)) == ("4", None, None, [])


def test_a_plan_that_answers_digits_with_the_same_question_is_not_followed_for_ever() -> None:
    ask = Collect(HELLO, digits=1, seconds=5)
    again = Plan(NUMBER, (ask,), 600, cacheable=False)
    call = Watched(again)

    asked = 0
    while Ask("7") in call.tell(Key(CALLER, "7")):
        asked += 1
        call.tell(Replied(again))
    call.tell(Expired("busy"))

    assert asked == MOST_QUESTIONS
    assert call.is_over
