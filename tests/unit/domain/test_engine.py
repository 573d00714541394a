"""The engine end to end: leases, answers, learning, totals."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringtrace.domain.canary import Canary
from ringtrace.domain.engine import Answer, Engine, Proven, UnknownNumberError
from ringtrace.domain.model import SHIPPED, Model

DAY = 86_400.0
CHANNELS = ("ads", "organic")


def told(engine: Engine, days: int, seed: int = 1, per_day: int = 300) -> list[Answer]:
    """A small site: every tenth visitor of ads calls, most of them from the page."""
    rng = random.Random(seed)  # noqa: S311 - a world, no secret
    answers: list[Answer] = []
    later: list[tuple[float, int, int]] = []
    moments = sorted(rng.uniform(0, days * DAY) for _ in range(days * per_day))
    for visit, begin in enumerate(moments, 1):
        while later and later[0][0] <= begin:
            at, number, caller = later.pop(0)
            answers.append(engine.call(at, number, caller))
        channel = rng.choice(CHANNELS)
        cookie = visit if rng.random() < 0.9 else rng.randrange(visit)
        number = engine.lease(begin, visit, cookie, channel, visit % 3, visit % 2)
        engine.contact(begin + 0.001, visit)
        if rng.random() < 0.1:
            engine.tap(begin + 0.002, visit)
        engine.seen(begin + 0.003, visit)
        if rng.random() < 0.8:
            engine.leave(begin + 0.004, visit)
        if rng.random() < (0.1 if channel == "ads" else 0.02):
            caller = visit if rng.random() < 0.9 else -1
            answers.append(engine.call(begin + 0.005, number, caller))
            later.append((begin + rng.choice([60.0, 3_600.0, 20 * 3_600.0]), number, caller))
            later.sort()
    return answers


def credited(answer: Answer) -> float:
    return sum(answer.channels.values())


def test_the_visitor_on_page_is_named() -> None:
    engine = Engine(2, CHANNELS)
    number = engine.lease(0, 7, 70, "ads", 5, 1)

    answer = engine.call(20, number, 1)

    assert (answer.visit, answer.channel, answer.keyword) == (7, "ads", 5)
    assert answer.conf > 0.95
    assert answer.channels.keys() == {"ads", "organic", "unknown"}
    assert credited(answer) == pytest.approx(1.0)


def test_a_number_nobody_was_shown_is_called_by_mistake() -> None:
    answer = Engine(2, CHANNELS).call(5, 1, -1)

    assert answer == Answer(None, 1.0, None, None, {"ads": 0, "organic": 0, "unknown": 1.0}, 1.0)


def test_a_call_that_is_more_probably_noise_names_no_visit() -> None:
    engine = Engine(1, CHANNELS)
    engine.lease(0, 7, 70, "ads", 5, 1)
    engine.leave(10, 7)

    answer = engine.call(12 * DAY, 0, 1)

    assert answer.visit is None
    assert answer.conf == answer.noise > 0.5
    assert answer.channel == "ads"


def test_a_number_out_of_range_is_refused() -> None:
    with pytest.raises(UnknownNumberError, match="number 2"):
        Engine(2, CHANNELS).call(0, 2, 1)


def test_a_visit_has_one_number_even_after_days_and_events_of_strangers_change_nothing() -> None:
    engine = Engine(3, CHANNELS)
    number = engine.lease(0, 7, 70, "ads", 5, 0)
    for visit in range(100, 110):
        engine.lease(3 * DAY, visit, visit, "ads", 5, 0)
    for sign in (engine.seen, engine.contact, engine.tap, engine.leave):
        sign(3 * DAY, 999)

    assert engine.lease(4 * DAY, 7, 70, "ads", 5, 0) == number


def test_who_calls_again_is_the_visitor_of_his_first_call() -> None:
    engine = Engine(1, CHANNELS)
    number = engine.lease(0, 7, 70, "ads", 5, 1)
    engine.call(20, number, 1)
    engine.leave(30, 7)
    for n in range(20):
        engine.lease(100 + n, 100 + n, 100 + n, "organic", 1, 1)
        engine.leave(101 + n, 100 + n)

    answer = engine.call(DAY, number, 1)

    assert (answer.visit, answer.channel) == (7, "ads")
    assert credited(answer) == pytest.approx(1.0)


# Proven calls


def two_gone(engine: Engine) -> int:
    """Visit 7 of ads left ten minutes ago, visit 8 of organic is on page."""
    number = engine.lease(0, 7, 70, "ads", 5, 1)
    engine.leave(30, 7)
    engine.lease(600, 8, 80, "organic", 6, 1)
    return number


def test_a_proof_outweighs_what_is_probable() -> None:
    engine = Engine(1, CHANNELS)
    number = two_gone(engine)

    answer = engine.call(630, number, 1, Proven(7))

    assert (answer.visit, answer.conf, answer.channel, answer.noise) == (7, 1.0, "ads", 0.0)
    assert engine.totals(0, DAY)["ads"] == pytest.approx((1.0, 1.0, 1.0), abs=1e-4)
    assert engine._book.calls[0].gold == 0


def test_that_nobody_called_is_noise_for_sure() -> None:
    engine = Engine(1, CHANNELS)
    number = two_gone(engine)

    answer = engine.call(630, number, 1, Proven(None))

    assert (answer.visit, answer.noise, credited(answer)) == (None, 1.0, 1.0)
    assert engine.totals(0, DAY)["ads"] == pytest.approx((0.0, 0.0, 0.0), abs=1e-4)


def test_a_proof_of_a_visit_nobody_knows_is_none() -> None:
    engines = Engine(1, CHANNELS), Engine(1, CHANNELS)
    answers = [
        engine.call(630, two_gone(engine), 1, proven)
        for engine, proven in zip(engines, (None, Proven(99)), strict=True)
    ]

    assert answers[0] == answers[1]


def test_who_is_proven_to_have_called_is_known_by_his_number_from_then_on() -> None:
    engine = Engine(1, CHANNELS)
    number = two_gone(engine)
    engine.call(630, number, 1, Proven(7))
    engine.leave(640, 8)

    assert engine.call(DAY, number, 1).visit == 7


def test_a_proven_repeat_is_no_first_call() -> None:
    """The second call of the same visit, a day later, says nothing of when first calls come."""
    engine = Engine(1, CHANNELS)
    number = two_gone(engine)
    engine.call(20, number, 1, Proven(7))
    engine.call(DAY / 2, number, 1, Proven(7))
    engine.call(DAY / 2 + 60, number, -1, Proven(8))

    first, second, other = engine._book.calls
    assert (first.gold, second.gold, other.gold) == (0, -1, 0)
    assert second.factors.tolist() == [0.0]
    assert second.repeats.sum() > 0
    assert second.noise_factor == 0
    ads, _, _ = engine.totals(0, DAY)["ads"]
    assert ads == pytest.approx(2.0)


def test_wrong_calls_of_the_same_caller_are_repeats_of_each_other() -> None:
    engine = Engine(1, CHANNELS)
    two_gone(engine)
    for hour in range(1, 9):
        engine.call(hour * 3_600.0, 0, 1, Proven(None))

    _, again, *_ = engine._book.calls
    assert again.repeats.sum() > 0
    assert again.repeated[:, 0].tolist() == [1.0]
    assert engine.learnt(2 * DAY).repeat > SHIPPED.repeat


def test_calls_to_canaries_are_learnt_as_noise() -> None:
    called = tuple(range(1_000, int(DAY) * 1_000, 3_600_000))
    engines = [
        Engine(2, CHANNELS, canaries=canaries)
        for canaries in ((), (Canary(0),), (Canary(0, called),), (Canary(int(DAY) * 500, called),))
    ]

    none, quiet, loud, late = (_after_a_day(engine) for engine in engines)

    assert quiet < none < late < loud


def _after_a_day(engine: Engine) -> float:
    engine.lease(0, 7, 70, "ads", 5, 1)
    return engine.learnt(DAY).noise


def test_a_channel_not_announced_is_counted_too() -> None:
    engine = Engine(4, CHANNELS)
    number = engine.lease(0, 7, 70, "email", 5, 1)

    assert engine.call(20, number, 1).channel == "email"
    assert engine.totals(0, 60)["email"][0] > 0.9


def test_learning_finds_who_calls_and_is_deterministic() -> None:
    engines = [Engine(6, CHANNELS) for _ in range(2)]
    answers = [told(engine, 4) for engine in engines]
    models: list[Model] = [engine.learnt(5 * DAY) for engine in engines]

    assert answers[0] == answers[1]
    assert models[0] == models[1] != SHIPPED
    assert models[0].channel_rate("ads") > 2 * models[0].channel_rate("organic")
    assert models[0].name == "site-5"
    assert Model.of_data(models[0].to_data()) == models[0]


def test_what_is_out_of_the_window_is_forgotten_and_still_reported() -> None:
    engine = Engine(4, CHANNELS)
    answers = told(engine, 17, per_day=60)
    before = len(engine._audience)

    engine.learnt(18 * DAY)

    assert len(engine._audience) < before < 17 * 60
    assert len(engine._book.calls) < len(answers)
    totals = engine.totals(0, 18 * DAY)
    expected = sum(sum(share for name, share in one.channels.items() if name != "unknown")
                   for one in answers)  # fmt: skip
    assert sum(total for total, _, _ in totals.values()) == pytest.approx(expected, rel=0.1)
    assert all(low <= total <= high for total, low, high in totals.values())


def test_totals_of_no_calls_are_zero() -> None:
    assert Engine(2, CHANNELS).totals(0, DAY) == dict.fromkeys(CHANNELS, (0.0, 0.0, 0.0))


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["lease", "seen", "contact", "leave", "tap", "call"]),
        st.integers(0, 5),
        st.floats(0, 40_000),
    ),
    max_size=30,
)


def play(engine: Engine, events: list[tuple[str, int, float]]) -> list[Answer | int | None]:
    now, found = 0.0, list[Answer | int | None]()
    for kind, who, step in events:
        now += step
        if kind == "lease":
            found.append(engine.lease(now, who, who // 2, CHANNELS[who % 2], who % 3, who % 2))
        elif kind == "call":
            found.append(engine.call(now, who % 2, who - 1))
        else:
            found.append(getattr(engine, kind)(now, who))
    return found


@settings(deadline=None, max_examples=50)
@given(EVENTS)
def test_credits_sum_to_one_and_no_answer_depends_on_what_comes_later(
    events: list[tuple[str, int, float]],
) -> None:
    whole = play(Engine(2, CHANNELS), events)

    for answer in whole:
        if isinstance(answer, Answer):
            assert credited(answer) == pytest.approx(1.0)
            assert 0 <= answer.conf <= 1 + 1e-9
            assert (answer.visit is None) is (answer.noise > 0.5)
    half = len(events) // 2
    assert play(Engine(2, CHANNELS), events[:half]) == whole[:half]


@given(st.permutations(range(4)), st.integers(0, 600))
def test_the_order_of_simultaneous_visits_does_not_change_totals(
    order: list[int], wait: int
) -> None:
    totals = []
    for visits in (range(4), order):
        engine = Engine(1, CHANNELS)
        for visit in visits:
            engine.lease(10, visit, visit, CHANNELS[visit % 2], visit, visit // 2)
        for visit in visits:
            engine.leave(50, visit)
        engine.call(50 + wait, 0, 5)
        totals.append(engine.totals(0, DAY))

    assert totals[0]["ads"] == pytest.approx(totals[1]["ads"])
    assert totals[0]["organic"] == pytest.approx(totals[1]["organic"])
