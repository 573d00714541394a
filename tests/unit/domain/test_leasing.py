"""The promise of a pool, on any sequence of events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.leasing import Pool, PoolEmptyError, Restored
from ringtrace.domain.moment import MINUTE_MS
from ringtrace.domain.visit import ON_PAGE_MS


def test_a_visit_gets_the_same_number_however_often_it_asks() -> None:
    pool = Pool(["A", "B"])
    first = pool.lease("v1", "c1", 0)

    again = pool.lease("v1", "c1", 10 * MINUTE_MS)

    assert first.new
    assert (again.number, again.new) == (first.number, False)


def test_a_returning_visitor_keeps_his_number_while_nobody_else_has_it() -> None:
    pool = Pool(["A", "B", "C"])
    first = pool.lease("v1", "c1", 0)
    pool.leave("v1", 1)

    assert pool.lease("v2", "c1", 60 * MINUTE_MS).number == first.number


def test_a_number_leased_on_is_no_longer_kept_for_its_former_visitor() -> None:
    pool = Pool(["A"])
    pool.lease("v1", "c1", 0)
    pool.leave("v1", 1)
    pool.lease("v2", "c2", 2)

    assert pool.lease("v3", "c1", 3).number == "A"
    assert pool.lease("v4", "c2", 4).number == "A"


def test_a_visitor_does_not_keep_a_number_that_somebody_else_is_on_page_with() -> None:
    pool = Pool(["A", "B"])
    pool.lease("old", "c1", 0)
    pool.leave("old", 1)
    pool.lease("b", "c2", 2)
    pool.leave("b", 3)
    pool.lease("mine", "c3", 4)
    pool.leave("mine", 5)
    pool.seen("old", 6)

    assert pool.lease("mine again", "c3", 7).number == "B"


def test_the_longest_idle_number_is_taken() -> None:
    pool = Pool(["A", "B", "C"])
    for n, visit in enumerate(("a", "b", "c")):
        pool.lease(visit, f"visitor {visit}", n)
    pool.leave("b", 10)
    pool.leave("a", 20)
    pool.leave("c", 30)

    taken = [pool.lease(f"v{n}", f"x{n}", 40 + n).number for n in range(3)]

    assert taken == ["B", "A", "C"]


def test_silence_frees_a_number_as_leaving_does() -> None:
    pool = Pool(["A", "B"])
    pool.lease("a", "ca", 0)
    pool.lease("b", "cb", 0)
    pool.seen("b", ON_PAGE_MS - 1)

    assert pool.lease("c", "cc", ON_PAGE_MS).number == "A"


def test_of_one_who_left_and_one_who_fell_silent_the_longer_gone_is_replaced() -> None:
    pool = Pool(["A", "B"])
    pool.lease("silent", "c1", 0)
    pool.lease("left", "c2", 10)
    pool.leave("left", 20)

    assert pool.lease("n1", "c3", ON_PAGE_MS).number == "A"
    assert pool.lease("n2", "c4", ON_PAGE_MS).number == "B"


def test_when_all_are_on_page_the_oldest_arrival_shares() -> None:
    pool = Pool(["A", "B"])
    pool.lease("a", "ca", 0)
    pool.lease("b", "cb", 1)
    pool.seen("a", 2)

    assert pool.lease("c", "cc", 3).number == "A"


def test_a_shared_number_is_free_only_when_all_its_holders_are_gone() -> None:
    pool = Pool(["A"])
    pool.lease("a", "ca", 0)
    pool.lease("b", "cb", 0)
    pool.leave("b", 1)
    pool.leave("b", 2)

    assert pool.on_page("A", ON_PAGE_MS - 1) == {"a"}
    assert pool.lease("c", "cc", ON_PAGE_MS).number == "A"
    assert pool.on_page("A", ON_PAGE_MS) == {"c"}


def test_a_shared_number_whose_last_holder_fell_silent_is_taken_before_sharing() -> None:
    pool = Pool(["A", "B"])
    pool.lease("a", "ca", 0)
    pool.lease("b", "cb", 0)
    pool.lease("a2", "ca2", 10_000)
    pool.seen("b", 40_000)
    pool.leave("a2", 44_000)

    assert pool.lease("n", "cn", 45_000).number == "A"


def test_a_shared_number_that_came_alive_again_is_not_taken_for_silent() -> None:
    pool = Pool(["A", "B"])
    pool.lease("a", "ca", 0)
    pool.lease("b", "cb", 0)
    pool.lease("a2", "ca2", 10_000)
    pool.leave("a2", 20_000)
    pool.seen("a", 44_000)

    assert pool.lease("n", "cn", 45_000).number == "B"


def test_events_of_unknown_visits_change_nothing() -> None:
    pool = Pool(["A"])
    pool.seen("nobody", 1)
    pool.leave("nobody", 2)

    assert pool.on_page("A", 3) == set()
    assert not pool.holds("nobody")


def test_a_pool_without_numbers_says_so() -> None:
    with pytest.raises(PoolEmptyError):
        Pool([]).lease("v", "c", 0)


def test_old_visits_are_forgotten() -> None:
    pool = Pool(["A"], forget_ms=1_000)
    pool.lease("old", "c1", 0)

    pool.lease("new", "c2", 1_001)

    assert not pool.holds("old")
    assert pool.holds("new")


def test_leases_of_an_earlier_run_are_taken_up() -> None:
    pool = Pool(["A", "B", "C"])
    pool.restore(
        [
            Restored("A", "a", "ca", 5, left=False),
            Restored("B", "b", "cb", 7, left=True),
            Restored("gone", "g", "cg", 8, left=True),
            Restored("A", "a2", "ca2", 9, left=True),
        ]
    )

    assert pool.lease("a", "ca", 10).number == "A"
    assert pool.lease("later", "cb", 11).number == "B"
    assert pool.lease("new", "cn", 12).number == "C"
    assert "gone" not in pool
    assert len(pool) == 3


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["lease", "seen", "leave"]),
        st.integers(0, 11),
        st.integers(-2_000, 30_000),
    ),
    max_size=80,
)


@given(st.integers(1, 4), EVENTS)
def test_the_promise_holds_on_any_sequence_of_events(
    size: int, events: list[tuple[str, int, int]]
) -> None:
    """A model of its own follows who is on page and checks every new lease against it."""
    numbers = [f"n{i}" for i in range(size)]
    pool = Pool(numbers)
    shown: dict[str, str] = {}
    alive: dict[str, int] = {}
    now = 0
    for kind, who, step in events:
        now = max(now, now + step)
        visit, visitor = f"v{who}", f"c{who // 2}"
        if kind == "lease":
            on_page = {v for v, at in alive.items() if now - at < ON_PAGE_MS}
            taken = {shown[v] for v in on_page}
            lease = pool.lease(visit, visitor, now)
            assert lease.new is (visit not in shown)
            if lease.new:
                strangers = {v for v in on_page if f"c{int(v[1:]) // 2}" != visitor}
                shared = lease.number in {shown[v] for v in strangers}
                assert not shared or taken == set(numbers)
            else:
                assert lease.number == shown[visit]
            shown[visit] = lease.number
            alive[visit] = now
        elif kind == "seen":
            pool.seen(visit, now)
            if visit in shown:
                alive[visit] = now
        else:
            pool.leave(visit, now)
            alive.pop(visit, None)


def divided(size: int, **calls: float) -> Pool:
    pool = Pool([f"n{i}" for i in range(size)])
    pool.resplit(calls)
    return pool


def test_channels_lease_from_groups_of_their_own() -> None:
    pool = divided(6, ads=2.0, organic=1.0)
    assert pool.sizes() == {"ads": 4, "organic": 2}

    ads = {pool.lease(f"a{n}", f"ca{n}", n, "ads").number for n in range(20)}
    organic = {pool.lease(f"o{n}", f"co{n}", 20 + n, "organic").number for n in range(20)}

    assert (len(ads), len(organic)) == (4, 2)
    assert not ads & organic


def test_a_channel_nobody_expected_gets_a_number_too() -> None:
    assert divided(6, ads=2.0, organic=1.0).lease("v", "c", 0, "email").number in {
        f"n{i}" for i in range(6)
    }


def test_a_number_of_the_same_keyword_is_preferred() -> None:
    pool = Pool(["A", "B"])
    pool.lease("a", "ca", 0, "", "shoes")
    pool.lease("b", "cb", 1, "", "boots")
    pool.leave("a", 10_000)
    pool.leave("b", 12_000)

    assert pool.lease("c", "cc", 20_000, "", "boots").number == "B"


def test_a_number_of_the_same_keyword_that_is_just_free_is_not_taken() -> None:
    pool = Pool(["A", "B"])
    pool.lease("a", "ca", 0, "", "shoes")
    pool.lease("b", "cb", 1, "", "boots")
    pool.leave("a", 2)
    pool.leave("b", 19_500)

    assert pool.lease("c", "cc", 20_000, "", "boots").number == "A"


def test_a_keyword_whose_numbers_are_all_on_page_takes_the_longest_idle_one() -> None:
    pool = Pool(["A", "B"])
    pool.lease("a", "ca", 0, "", "shoes")
    pool.lease("b", "cb", 0, "", "boots")
    pool.leave("a", 5_000)

    assert pool.lease("c", "cc", 20_000, "", "boots").number == "A"
    assert pool.lease("d", "cd", 20_000, "", "unheard of").number in {"A", "B"}


def test_when_traffic_shifts_the_longest_idle_numbers_move() -> None:
    pool = divided(8, ads=1.0, organic=1.0)
    taken = [pool.lease(f"a{n}", f"ca{n}", n, "ads").number for n in range(4)]
    pool.leave("a0", 1_000)
    pool.leave("a1", 2_000)
    pool.leave("a2", 3_000)

    pool.resplit({"ads": 1.0, "organic": 3.0})

    assert pool.sizes() == {"ads": 2, "organic": 6}
    organic = {pool.lease(f"o{n}", f"co{n}", 4_000, "organic").number for n in range(30)}
    assert set(taken[:2]) <= organic
    assert not set(taken[2:]) & organic
    assert pool.lease("a0", "ca0", 5_000, "ads").number == taken[0]


def test_a_group_of_which_all_are_on_page_gives_its_oldest_arrival_and_its_visitor_keeps_it() -> (
    None
):
    pool = divided(4, ads=1.0, organic=1.0)
    taken = [pool.lease(f"a{n}", f"ca{n}", n, "ads", "shoes").number for n in range(2)]

    pool.resplit({"ads": 1.0, "organic": 3.0})

    assert pool.lease("a0", "ca0", 10, "ads", "shoes").number == taken[0]
    assert pool.sizes() == {"ads": 1, "organic": 3}
    organic = {pool.lease(f"o{n}", f"co{n}", 20, "organic").number for n in range(2)}
    assert taken[0] not in organic


def test_the_same_division_again_moves_nothing() -> None:
    pool = divided(6, ads=2.0, organic=1.0)
    before = {n: line.group for n, line in pool._lines.items()}

    pool.resplit({"organic": 10.0, "ads": 20.0})

    assert {n: line.group for n, line in pool._lines.items()} == before


def test_channels_never_meet_in_a_pool_of_as_many_numbers() -> None:
    pool = divided(2, ads=5.0, email=1.0)
    shown: dict[str, set[str]] = {"ads": set(), "email": set()}

    for n in range(20):
        channel = "ads" if n % 3 else "email"
        shown[channel].add(pool.lease(f"v{n}", f"c{n}", n * 10_000, channel).number)

    assert shown["ads"].isdisjoint(shown["email"])


def test_leases_of_an_earlier_run_keep_their_keyword() -> None:
    pool = Pool(["A", "B"])
    pool.restore(
        [
            Restored("A", "a", "ca", 5, left=True, keyword="shoes"),
            Restored("B", "b", "cb", 7_000, left=True, keyword="boots"),
        ]
    )

    assert pool.lease("v", "cv", 20_000, "", "boots").number == "B"


DIVIDED_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["lease", "lease", "lease", "seen", "leave", "split"]),
        st.integers(0, 14),
        st.integers(0, 30_000),
    ),
    max_size=80,
)


@given(st.integers(1, 9), DIVIDED_EVENTS)
def test_the_promise_holds_within_groups(size: int, events: list[tuple[str, int, int]]) -> None:
    """As above, for pools that are divided, and divided anew, among channels."""
    pool = divided(size, a=1.0, b=2.0, c=1.0)
    groups = pool._groups
    shown: dict[str, str] = {}
    alive: dict[str, int] = {}
    now = 0
    for kind, who, step in events:
        now += step
        visit, visitor, channel = f"v{who}", f"c{who // 2}", "abcd"[who % 4]
        if kind == "split":
            pool.resplit({"a": 1.0 + who, "b": 3.0, "c": 20.0 - who})
            assert sum(pool.sizes().values()) == size
        elif kind == "lease":
            on_page = {v for v, at in alive.items() if now - at < ON_PAGE_MS}
            taken = {shown[v] for v in on_page}
            lease = pool.lease(visit, visitor, now, channel, f"k{who % 3}")
            assert lease.number == shown.get(visit, lease.number)
            strangers = {shown[v] for v in on_page if f"c{int(v[1:]) // 2}" != visitor}
            if lease.new and lease.number in strangers:
                name = groups._split.groups.get(channel, groups._split.fallback)
                members = {n for n, line in pool._lines.items() if line.group == name}
                assert members <= taken
            shown[visit] = lease.number
            alive[visit] = now
        elif kind == "seen":
            pool.seen(visit, now)
            if visit in shown:
                alive[visit] = now
        else:
            pool.leave(visit, now)
            alive.pop(visit, None)


def test_what_a_clock_that_was_ahead_has_written_counts_as_now() -> None:
    kept = Restored("A", "a", "ca", 5, left=False, shown_at=3)

    assert kept.as_of(5) is kept
    assert (kept.as_of(2).seen_at, kept.as_of(2).shown_at) == (2, 2)
    assert (kept.as_of(4).seen_at, kept.as_of(4).shown_at) == (4, 3)
