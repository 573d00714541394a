import sys
from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import pytest

from benchmarks.simulation import acceptance
from benchmarks.simulation.bound import ranks
from benchmarks.simulation.calls import NOBODY, WITHHELD, scale
from benchmarks.simulation.play import Totals, play
from benchmarks.simulation.policies import TRADE_HOLD, LongestIdle, Named, Trade
from benchmarks.simulation.run import Plan, case, estimate
from benchmarks.simulation.scores import calibration_error, covered, pooled, reliability, score
from benchmarks.simulation.sessions import visits
from benchmarks.simulation.settings import CHANNELS, DAY, MOBILE, WORLDS, Settings
from benchmarks.simulation.stdio import Stdio, StdioError
from benchmarks.simulation.world import Kind, World, generate

TINY = Settings(visits=300, days=3, taps=True)
LARGE = Settings(visits=30_000, days=2, taps=True)


@pytest.fixture(scope="module")
def large() -> World:
    return generate(LARGE, numbers=400, seed=1)


def test_the_same_seed_makes_the_same_world() -> None:
    one, same, other = (generate(TINY, 10, seed) for seed in (4, 4, 5))
    assert list(one.days()) == list(same.days())
    assert one.calls.caller.tolist() == same.calls.caller.tolist()
    assert list(one.days()) != list(other.days())


def test_visits_and_genuine_calls_do_not_depend_on_the_pool() -> None:
    few, many = generate(TINY, 5, 1), generate(TINY, 500, 1)
    assert few.visits.at.tolist() == many.visits.at.tolist()
    genuine = few.calls.at[few.calls.visit != NOBODY]
    assert genuine.tolist() == many.calls.at[many.calls.visit != NOBODY].tolist()


def test_stays_are_as_long_as_published(large: World) -> None:
    assert large.visits.seconds.mean() == pytest.approx(189, abs=6)
    assert np.median(large.visits.seconds) == pytest.approx(92, abs=4)


def test_traffic_is_shared_as_configured(large: World) -> None:
    count = np.bincount(large.visits.channel) / len(large.visits)
    assert count == pytest.approx([channel.share for channel in CHANNELS], abs=0.01)
    assert (large.visits.device == MOBILE).mean() == pytest.approx(0.60, abs=0.01)
    assert large.visits.beacon.mean() == pytest.approx(0.85, abs=0.01)
    assert len(large.visits) / LARGE.days == pytest.approx(LARGE.visits, rel=0.05)


def test_calls_come_at_the_configured_rates(large: World) -> None:
    calls = large.calls
    assert calls.first.sum() / len(large.visits) == pytest.approx(0.015, rel=0.12)
    wrong = (calls.visit == NOBODY).sum() / large.numbers / LARGE.days
    assert wrong == pytest.approx(0.05, rel=0.4)
    assert (calls.caller == WITHHELD).mean() == pytest.approx(0.08, abs=0.03)


def test_first_calls_come_as_late_as_configured() -> None:
    world = generate(replace(LARGE, visits=150_000, days=3), numbers=1, seed=2)
    genuine = world.calls.first & (world.calls.visit != NOBODY)
    # Later visits' calls are cut off by the end of the world.
    on_first_day = world.visits.at[world.calls.visit] < DAY
    delay = world.calls.delay[genuine & on_first_day]
    shares = [(delay <= seconds).mean() for seconds in (0, 300, 1_800, 3_600, DAY)]
    assert shares == pytest.approx([0.56, 0.65, 0.79, 0.82, 0.96], abs=0.03)


def test_channels_call_at_their_relative_rates(large: World) -> None:
    seen, calls = large.visits, large.calls
    called = np.bincount(seen.channel[calls.visit[calls.first]], minlength=len(CHANNELS))
    rate = called / np.bincount(seen.channel)
    assert rate[0] / rate[1] == pytest.approx(3.5 / 2, rel=0.3)
    assert rate[4] < rate[3] < rate[2]


def test_early_mobile_calls_are_tapped_and_half_as_many_taps_are_false(large: World) -> None:
    calls, seen = large.calls, large.visits
    early = calls.first & (np.nan_to_num(calls.delay, nan=np.inf) <= 1_800)
    ringing = {int(v): at for v, at in zip(calls.visit[early], calls.at[early], strict=True)}
    taps = list(zip(large.taps.visit.tolist(), large.taps.at.tolist(), strict=True))
    true = [(v, at) for v, at in taps if v in ringing and 0 <= ringing[v] - at <= 12]
    phones = sum(seen.device[v] == MOBILE for v in ringing)
    assert len(true) / phones == pytest.approx(0.8, abs=0.06)
    assert (len(taps) - len(true)) / len(true) == pytest.approx(0.5, abs=0.12)


def test_events_are_in_order_and_those_of_a_visit_lie_within_it(large: World) -> None:
    seen, last = large.visits, -1.0
    for t, kind, row in (event for day in large.days() for event in day):
        assert t >= last
        last = t
        if kind == Kind.SEEN:
            age = t - seen.at[row]
            assert age % 30 == pytest.approx(0, abs=1e-6) or age % 30 == pytest.approx(30, abs=1e-6)
            assert age < seen.seconds[row]
        if kind == Kind.LEAVE:
            assert seen.beacon[row]
            assert t == pytest.approx(seen.at[row] + seen.seconds[row])


def test_every_visit_is_leased_before_anything_else_and_called_after(large: World) -> None:
    leased = set()
    for _, kind, row in (event for day in large.days() for event in day):
        if kind == Kind.LEASE:
            assert row not in leased
            leased.add(row)
        elif kind != Kind.CALL:
            assert row in leased
        elif large.calls.visit[row] != NOBODY:
            assert int(large.calls.visit[row]) in leased
    assert len(leased) == len(large.visits)


def test_visitors_come_back_and_most_keep_their_cookie() -> None:
    seen = visits(replace(LARGE, days=12), np.random.default_rng(3))
    people, count = np.unique(seen.person, return_counts=True)
    assert (count - 1).sum() / len(seen) == pytest.approx(0.25, abs=0.05)
    assert len(np.unique(seen.cookie)) > len(people)


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_every_world_can_be_lived_in(name: str) -> None:
    world = generate(replace(WORLDS[name], visits=300, days=2), 10, 1)
    record = play(world, LongestIdle(10, world.channels), DAY)
    assert len(record.answers) == len(world.calls.at) > 0
    assert scale(world.settings).on_page > 0


def test_calls_of_a_world_with_hours_come_while_it_is_open() -> None:
    world = generate(replace(WORLDS["hours"], visits=2_000, days=3), 5, 1)
    genuine = world.calls.at[world.calls.visit != NOBODY]
    hour = genuine % DAY / 3_600
    # A put-off call may come a while after the morning, never before it.
    assert hour.min() >= 9.0
    assert np.quantile(hour, 0.95) <= 18.0


def _leased(policy: Trade | LongestIdle, t: float, visit: int, cookie: int | None = None) -> int:
    return policy.lease(t, visit, visit if cookie is None else cookie, "direct", 0, 1)


def test_the_trade_gives_the_first_free_number_and_then_the_fallback() -> None:
    trade = Trade(2, ["direct"])
    assert [_leased(trade, t, visit=int(t)) for t in (0.0, 1.0, 2.0)] == [0, 1, 2]
    assert trade.call(3, 2, caller=7).visit is None


def test_the_trade_holds_a_number_for_half_an_hour_after_the_last_sign_of_life() -> None:
    trade = Trade(1, ["direct"])
    _leased(trade, 0, 1)
    trade.seen(60, 1)
    assert _leased(trade, TRADE_HOLD + 59, 2) == 1
    assert _leased(trade, TRADE_HOLD + 61, 3) == 0


def test_the_trade_gives_a_returning_visitor_his_number_and_keeps_it_from_others() -> None:
    trade = Trade(2, ["direct"])
    _leased(trade, 0, 1, cookie=5)
    back = 2 * TRADE_HOLD
    assert _leased(trade, back, 2, cookie=5) == 0
    assert _leased(trade, back + 1, 3) == 1
    assert _leased(trade, back + 2, 4) == 2
    assert trade.call(back + 3, 0, caller=1).visit == 2


def test_the_last_lease_wins_but_a_known_caller_stays_who_he_was() -> None:
    trade = Trade(1, ["direct"])
    _leased(trade, 0, 1)
    assert trade.call(10, 0, caller=7).visit == 1
    _leased(trade, 3 * TRADE_HOLD, 2)
    assert trade.call(3 * TRADE_HOLD + 1, 0, caller=8).visit == 2
    assert trade.call(3 * TRADE_HOLD + 2, 0, caller=7).visit == 1
    assert trade.call(3 * TRADE_HOLD + 3, 0, caller=WITHHELD).visit == 2


def test_the_longest_idle_number_is_taken_and_never_a_fallback() -> None:
    pool = LongestIdle(2, ["direct"])
    assert [_leased(pool, 0, 1), _leased(pool, 1, 2)] == [0, 1]
    pool.leave(5, 2)
    assert _leased(pool, 6, 3) == 1
    assert _leased(pool, 7, 4) == 0


def test_a_silent_number_is_idle_since_it_was_last_seen() -> None:
    pool = LongestIdle(2, ["direct"])
    _leased(pool, 0, 1)
    _leased(pool, 1, 2)
    pool.seen(30, 1)
    assert _leased(pool, 50, 3) == 1


class Oracle(LongestIdle):
    """Knows the world's truth and says so."""

    def __init__(self, world: World) -> None:
        super().__init__(world.numbers, world.channels)
        self._world = world
        self._rows: Iterator[int] = iter(range(len(world.calls.at)))

    def call(self, t: float, number: int, caller: int) -> Named:
        del t, number, caller
        visit = int(self._world.calls.visit[next(self._rows)])
        if visit == NOBODY:
            return Named(None, 0.0, None, None, {"unknown": 1.0}, 1.0)
        seen = self._world.visits
        channel = self._world.channels[seen.channel[visit]]
        return Named(visit, 1.0, channel, int(seen.keyword[visit]), {channel: 1.0})

    def totals(self, since: float, until: float) -> Totals:
        calls, seen = self._world.calls, self._world.visits
        rows = (calls.at >= since) & (calls.at < until) & (calls.visit != NOBODY)
        count = np.bincount(
            seen.channel[calls.visit[rows]], minlength=len(self._world.channels)
        ).tolist()
        exact: Totals = {
            name: (n, n, n) for name, n in zip(self._world.channels, count, strict=True)
        }
        low = self._world.channels[0]
        exact[low] = (exact[low][0], -2.0, -1.0)
        return exact


def test_who_knows_the_truth_scores_full_and_misses_only_a_wrong_interval() -> None:
    world = generate(TINY, 10, 1)
    record = play(world, Oracle(world), DAY)
    figures = score(world, record, DAY)
    assert [figures[name] for name in ("visit", "keyword", "channel")] == [1.0, 1.0, 1.0]
    assert [figures[name] for name in ("ece", "brier", "totals_error")] == [0.0, 0.0, 0.0]
    assert covered(world, record, DAY) == [False] + [True] * (len(CHANNELS) - 1)


def test_calibration_error_weighs_bins_by_their_calls_and_runs_add_up() -> None:
    sure = reliability(np.array([0.95, 0.95]), np.array([True, False]))
    unsure = reliability(np.array([0.05, 0.05]), np.array([False, False]))
    assert calibration_error(sure) == pytest.approx(0.45)
    assert calibration_error(pooled([sure, unsure])) == pytest.approx((0.9 + 0.1) / 4)


def test_the_bound_is_a_rank_by_hazard_among_all_visits() -> None:
    world = generate(replace(TINY, visits=2_000), 10, 1)
    places = ranks(world, DAY)
    assert len(places) == int((world.calls.first & (world.calls.at >= DAY)).sum())
    assert places.min() >= 1
    # A pool this much smaller than the traffic still holds most callers on page.
    assert 0.4 < (places <= 10).mean() < 0.95


def test_the_bound_knows_whoever_tapped_just_before_the_ring() -> None:
    settings = replace(TINY, visits=2_000)
    tapping, silent = (generate(replace(settings, taps=taps), 10, 1) for taps in (True, False))
    first = (ranks(tapping, DAY) == 1).mean()
    assert first > 0.35
    assert first > (ranks(silent, DAY) == 1).mean() + 0.1


def test_an_interval_over_seeds_is_students() -> None:
    assert asdict(estimate([1.0, 2.0, 3.0])) == pytest.approx(
        {"mean": 2.0, "half": 2.484}, abs=1e-3
    )


def test_a_case_holds_figures_and_the_acceptance_table_reads_them() -> None:
    plan = Plan(visits=500, numbers=20, days=2, learn=1, seeds=1, policy="trade")
    one = case(plan, 1, lambda _: None)
    assert one["fallback"] == pytest.approx(0.2, abs=0.2)
    run = {
        "plan": {**asdict(plan), "visits": 10_000.0},
        "summary": {"visit": {"mean": one["visit"], "half": None}},
        "cases": [one],
    }
    shown = [row for row in acceptance.table([run]) if row.reached]
    assert [row.figure for row in shown] == ["visit (trade)"]
    assert shown[0].verdict is acceptance.Verdict.REPORTED


def test_coverage_is_told_world_by_world() -> None:
    plan = {**asdict(Plan(learn=10)), "policy": "engine"}
    cost = {"lease_us": {"mean": 10.0, "half": None}}
    covering, missing = ({"covered": [within] * 600} for within in (True, False))
    runs = [
        {"plan": plan, "summary": cost, "cases": [covering] * 19 + [missing]},
        {"plan": {**plan, "world": "robots"}, "summary": cost, "cases": [missing]},
    ]

    found = [row for row in acceptance.table(runs) if row.figure == "coverage"]
    kept = acceptance.record(runs, found)

    assert [(row.world, row.reached, row.verdict.value) for row in found] == [
        ("reference", "0.950 of 12000", "shown"),
        ("robots", "0.000 of 600", "reported"),
    ]
    assert kept["runs"][1]["covered"] == [[0, 600]]


_CHILD = """
import json, sys
for line in sys.stdin:
    event = json.loads(line)
    if event["ev"] == "lease":
        print(json.dumps({"number": event["visit"] % 2}), flush=True)
    if event["ev"] == "call":
        known = event["number"] == 0
        print(json.dumps({"visit": 4, "conf": 0.5, "channel": "direct", "keyword": 0,
            "channels": {"direct": 0.5, "unknown": 0.5}, "noise": 0.5} if known
            else {"error": "no such number"}), flush=True)
"""


def test_a_policy_in_another_process_is_asked_line_by_line() -> None:
    with Stdio([sys.executable, "-c", _CHILD], 2, ["direct"]) as policy:
        assert policy.lease(0.0, 3, 3, "direct", 0, 1) == 1
        policy.seen(30.0, 3)
        policy.leave(31.0, 3)
        assert policy.call(40.0, 0, 9).channels == {"direct": 0.5, "unknown": 0.5}
        with pytest.raises(StdioError, match="no such number"):
            policy.call(41.0, 1, 9)


def test_a_process_that_ends_is_told_as_such() -> None:
    with (
        Stdio([sys.executable, "-c", "input()"], 2, ["direct"]) as policy,
        pytest.raises(StdioError, match="ended"),
    ):
        policy.lease(0.0, 1, 1, "direct", 0, 1)
