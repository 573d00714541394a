"""The promise of a pool that is divided among channels."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.leasing import Pool, Restored
from ringtrace.domain.moment import MINUTE_MS
from ringtrace.domain.visit import ON_PAGE_MS


def group_of(pool: Pool, number: str) -> str:
    return pool._lines[number].group


def test_a_new_pool_is_one_group() -> None:
    assert Pool("ABC").sizes() == {"": 3}


def test_channels_lease_from_groups_of_their_own() -> None:
    pool = Pool("ABCDEFGH")
    pool.resplit({"Direct": 1.0, "Email": 3.0})

    direct = {pool.lease(f"d{n}", f"cd{n}", n, "Direct").number for n in range(6)}
    email = {pool.lease(f"e{n}", f"ce{n}", n, "Email").number for n in range(9)}

    assert pool.sizes() == {"Direct": 2, "Email": 6}
    assert (len(direct), len(email)) == (2, 6)
    assert not direct & email


def test_a_channel_nobody_expected_leases_from_the_largest_group() -> None:
    pool = Pool("ABCDEFGH")
    pool.resplit({"Direct": 1.0, "Email": 3.0})

    assert group_of(pool, pool.lease("v", "c", 0, "TV").number) == "Email"


def test_a_visitor_keeps_his_number_when_he_returns_by_another_channel() -> None:
    pool = Pool("ABCD")
    pool.resplit({"Direct": 1.0, "Email": 1.0})
    first = pool.lease("v1", "c", 0, "Email")
    pool.leave("v1", 1)

    assert pool.lease("v2", "c", MINUTE_MS, "Direct").number == first.number


def test_a_visitor_is_shown_the_number_last_shown_for_his_keyword() -> None:
    pool = Pool("AB")
    for at, (visit, keyword) in enumerate((("a", "shoes"), ("b", "boots"))):
        pool.lease(visit, f"c{visit}", at, "Email", keyword)
        pool.leave(visit, at)

    assert pool.lease("n", "cn", MINUTE_MS, "Email", "boots").number == "B"


def test_nobody_loses_his_number_when_the_pool_is_divided_anew() -> None:
    pool = Pool("ABCDEFGH")
    before = {f"v{n}": pool.lease(f"v{n}", f"c{n}", n, "Email").number for n in range(8)}

    pool.resplit({"Direct": 9.0, "Email": 1.0})

    assert {visit: pool.lease(visit, "", 10).number for visit in before} == before


def test_leases_taken_up_keep_their_keyword_and_their_order() -> None:
    pool = Pool("ABCD")
    pool.restore(
        [
            Restored("A", "a", "ca", 1, left=True, channel="Email", keyword="shoes"),
            Restored("B", "b", "cb", 2, left=True, channel="Email", keyword="boots"),
            Restored("C", "c", "cc", 3, left=True, channel="Email"),
            Restored("D", "d", "cd", 4, left=True, channel="Email"),
        ]
    )

    assert pool.lease("n", "cn", MINUTE_MS, "Email", "boots").number == "B"
    assert pool.lease("m", "cm", MINUTE_MS, "Email").number == "A"


def test_a_restored_pool_that_is_divided_loses_nobody() -> None:
    pool = Pool("ABCD")
    pool.restore([Restored("C", "v", "c", 5, left=False, channel="Email", keyword="k")])

    pool.resplit({"Email": 1.0, "Direct": 1.0})

    assert pool.lease("v", "c", 6, "Direct") == pool.lease("v", "c", 7, "Email")
    assert pool.on_page("C", 8) == {"v"}


def test_after_a_restart_and_a_new_division_the_oldest_arrival_still_shares_first() -> None:
    pool = Pool("AB")
    pool.restore([Restored("B", "b", "cb", 1, left=False), Restored("A", "a", "ca", 2, left=False)])

    pool.resplit({"Email": 1.0})

    assert pool.lease("n", "cn", 3, "Email").number == "B"


def test_a_lease_restored_twice_is_that_of_its_last_sign_of_life() -> None:
    pool = Pool("AB")
    pool.restore([Restored("A", "v", "c", 1, left=True), Restored("B", "v", "c", 2, left=False)])

    assert pool.lease("v", "c", 3).number == "B"


def test_forgotten_holders_free_their_number() -> None:
    pool = Pool("A", forget_ms=ON_PAGE_MS)
    pool.lease("old", "c1", 0, "Email", "k")
    pool.lease("other", "c2", 1, "Email", "k")
    pool.leave("other", 2)

    assert pool.lease("new", "c3", 9 * ON_PAGE_MS, "Email", "k").new
    assert pool.on_page("A", 9 * ON_PAGE_MS) == {"new"}


CHANNELS = ("Direct", "Email", "TV")
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["lease", "lease", "seen", "leave", "resplit"]),
        st.integers(0, 11),
        st.integers(-2_000, 30_000),
        st.sampled_from(CHANNELS),
        st.sampled_from([None, "k", "l"]),
    ),
    max_size=60,
)
PLANS = st.dictionaries(st.sampled_from(CHANNELS), st.floats(0, 9), max_size=3)


@given(st.integers(1, 9), EVENTS, st.lists(PLANS, min_size=1, max_size=4))
def test_the_promise_holds_with_channels_on_any_sequence_of_events(
    size: int,
    events: list[tuple[str, int, int, str, str | None]],
    plans: list[Mapping[str, float]],
) -> None:
    """A model of its own follows who is on page and checks every new lease against it."""
    numbers = [f"n{i}" for i in range(size)]
    pool = Pool(numbers)
    shown: dict[str, str] = {}
    alive: dict[str, int] = {}
    now = 0
    for kind, who, step, channel, keyword in events:
        now = max(now, now + step)
        visit, visitor = f"v{who}", f"c{who // 2}"
        if kind == "lease":
            on_page = {v for v, at in alive.items() if now - at < ON_PAGE_MS}
            taken = {shown[v] for v in on_page}
            lease = pool.lease(visit, visitor, now, channel, keyword)
            assert lease.new is (visit not in shown)
            if lease.new:
                strangers = {v for v in on_page if f"c{int(v[1:]) // 2}" != visitor}
                if lease.number in {shown[v] for v in strangers}:
                    group = group_of(pool, lease.number)
                    assert taken >= {n for n in numbers if group_of(pool, n) == group}
            else:
                assert lease.number == shown[visit]
            shown[visit] = lease.number
            alive[visit] = now
        elif kind == "seen":
            pool.seen(visit, now)
            if visit in shown:
                alive[visit] = now
        elif kind == "leave":
            pool.leave(visit, now)
            alive.pop(visit, None)
        else:
            pool.resplit(plans[who % len(plans)])
        assert sum(pool.sizes().values()) == size
    # Asked only now: the question itself drops those who fell silent.
    for number in numbers:
        present = {v for v, at in alive.items() if shown[v] == number and now - at < ON_PAGE_MS}
        assert pool.on_page(number, now) == present


@given(
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 90_000), st.booleans()), max_size=12),
    PLANS,
)
def test_a_restored_pool_keeps_the_promise(
    size: int, leases: list[tuple[int, int, bool]], plan: Mapping[str, float]
) -> None:
    numbers = [f"n{i}" for i in range(size)]
    pool = Pool(numbers)
    restored = [
        Restored(f"n{position % size}", f"v{i}", f"c{i}", at, left, "Email", "k")
        for i, (position, at, left) in enumerate(leases)
    ]
    pool.restore(restored)
    pool.resplit(plan)
    taken = {one.number for one in restored if not one.left and 90_000 - one.seen_at < ON_PAGE_MS}

    number = pool.lease("new", "cn", 90_000, "Email", "k").number

    mine = {one for one in numbers if group_of(pool, one) == group_of(pool, number)}
    assert number not in taken or taken >= mine


@pytest.mark.parametrize("channel", ["Email", "Radio"])
def test_asking_again_by_another_channel_changes_nothing(channel: str) -> None:
    pool = Pool("ABCD")
    pool.resplit({"Direct": 1.0, "Email": 1.0})
    first = pool.lease("v", "c", 0, "Direct", "k")

    again = pool.lease("v", "c", 1, channel, "other")

    assert (again.number, again.new) == (first.number, False)
