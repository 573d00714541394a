"""Two servers that tell each other all leases and signs of a pool decide alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.leasing import Lease, Pool

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["lease", "lease", "seen", "leave"]),
        st.integers(0, 11),
        st.sampled_from(["paid", "email", "direct"]),
        st.integers(-500, 40_000),
    ),
    max_size=80,
)


def pool(size: int, above: float | None) -> Pool:
    made = Pool([f"n{i}" for i in range(size)], extensions_above=above)
    made.resplit({"paid": 3.0, "email": 1.0}, {"paid": 0.1, "email": 0.2, "direct": 0.1})
    return made


@pytest.mark.parametrize("above", [None, 0.05])
@given(size=st.integers(1, 6), events=EVENTS)
def test_whoever_decides_next_decides_the_same(
    above: float | None, size: int, events: list[tuple[str, int, str, int]]
) -> None:
    servers = [pool(size, above), pool(size, above)]
    now = 1_000_000
    for turn, (kind, who, channel, step) in enumerate(events):
        now += step
        visit, visitor = f"v{who}", f"c{who // 2}"
        here, there = servers[turn % 2], servers[1 - turn % 2]
        assert here.holds(visit) is there.holds(visit)
        if kind == "lease":
            known = there.holds(visit)
            lease = here.lease(visit, visitor, now, channel, f"k{who % 3}")
            assert lease.new is not known
            if lease.new:
                there.follow(lease, visit, visitor, now, channel, f"k{who % 3}")
            else:
                there.seen(visit, now)
        elif here.holds(visit):
            for one in servers:
                (one.seen if kind == "seen" else one.leave)(visit, now)
        assert here.now == there.now
    leases = [one.lease("last", "somebody", now, "email", "k1") for one in servers]
    assert leases[0] == leases[1]


def test_a_lease_of_a_number_that_is_not_in_the_pool_is_passed_over() -> None:
    one = Pool(["A"])

    one.follow(Lease("gone", new=True), "v", "c", 5)

    assert not one.holds("v")
    assert one.lease("w", "d", 6).number == "A"


def test_an_extension_that_was_given_out_before_is_followed_as_it_is() -> None:
    here, there = pool(1, 0.05), pool(1, 0.05)
    first = here.lease("v1", "c", 1_000, "paid", "k")
    there.follow(first, "v1", "c", 1_000, "paid", "k")
    second = here.lease("v2", "c", 2_000, "paid", "k")
    assert (second.extension, second.given) == (first.extension, False)

    there.follow(second, "v2", "c", 2_000, "paid", "k")

    assert here.lease("w", "d", 3_000, "paid", "k") == there.lease("w", "d", 3_000, "paid", "k")
