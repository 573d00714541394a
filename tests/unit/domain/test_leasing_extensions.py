"""Where a mix-up is probable a visitor is shown an extension."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.extension import is_code
from ringtrace.domain.leasing import Lease, Pool, Restored
from ringtrace.domain.moment import DAY_MS, MINUTE_MS

SECOND = 1_000


def pool(*numbers: str, above: float | None = 0.2) -> Pool:
    return Pool(numbers or ("N",), extensions_above=above)


def test_the_first_visitor_of_a_number_needs_no_extension() -> None:
    assert pool().lease("a", "ca", 0) == Lease("N", new=True)


def test_who_shares_a_number_with_somebody_on_page_is_shown_an_extension() -> None:
    shared = pool()
    shared.lease("a", "ca", 0)

    lease = shared.lease("b", "cb", SECOND)

    assert lease.number == "N"
    assert lease.extension is not None
    assert is_code(lease.extension)


def test_no_extension_is_shown_unless_the_site_wants_it() -> None:
    plain = pool(above=None)
    plain.lease("a", "ca", 0)

    assert plain.lease("b", "cb", SECOND).extension is None


@pytest.mark.parametrize(("idle", "shown"), [(5 * SECOND, True), (DAY_MS, False)])
def test_a_number_long_idle_needs_none(idle: int, shown: bool) -> None:
    shared = pool()
    shared.lease("a", "ca", 0)
    shared.leave("a", SECOND)

    assert (shared.lease("b", "cb", idle).extension is not None) == shown


def test_a_higher_threshold_shows_fewer() -> None:
    def shown(above: float) -> int:
        shared = pool(above=above)
        leases = [shared.lease(f"v{i}", f"c{i}", i * 40 * SECOND) for i in range(50)]
        return sum(lease.extension is not None for lease in leases)

    assert shown(0.2) > shown(0.45) > shown(0.95) == 0


def test_the_visit_is_told_the_same_extension_however_often_it_asks() -> None:
    shared = pool()
    shared.lease("a", "ca", 0)
    first = shared.lease("b", "cb", SECOND)

    again = shared.lease("b", "cb", MINUTE_MS)

    assert again == Lease(first.number, new=False, extension=first.extension)


def test_a_returning_visitor_keeps_his_extension() -> None:
    shared = pool()
    shared.lease("a", "ca", 0)
    first = shared.lease("b", "cb", SECOND)
    shared.leave("b", MINUTE_MS)

    assert shared.lease("b2", "cb", DAY_MS).extension == first.extension


def test_whoever_is_shown_an_extension_takes_the_number_from_nobody() -> None:
    shared = pool("N", "M")
    first = shared.lease("a", "ca", 0)
    shared.lease("b", "cb", 0)
    shared.lease("c", "cc", SECOND)
    shared.leave("a", 2 * SECOND)

    assert shared.lease("a2", "ca", 3 * SECOND) == Lease(first.number, new=True)


def test_who_gets_a_free_number_gives_his_extension_up() -> None:
    shared = pool("N", "M")
    shared.lease("a", "ca", 0)
    shared.lease("b", "cb", 0)
    coded = shared.lease("c", "cc", SECOND)
    holder, leaver = ("a", "b") if coded.number == "N" else ("b", "a")
    shared.leave(leaver, 2 * SECOND)
    shared.leave("c", 2 * SECOND)
    for beat in range(40 * 60):
        shared.seen(holder, 3 * SECOND + beat * 30 * SECOND)
    now = 3 * SECOND + 40 * 60 * 30 * SECOND

    bare = shared.lease("c2", "cc", now)
    assert bare.extension is None
    assert bare.number != coded.number
    shared.leave(holder, now)

    assert shared.lease("c3", "cc", now + SECOND) == Lease(bare.number, new=True)


def test_leases_of_an_earlier_run_keep_their_extensions() -> None:
    earlier = pool()
    earlier.lease("a", "ca", 0)
    shown = earlier.lease("b", "cb", SECOND)
    assert shown.extension is not None
    later = Pool(["N"], extensions_above=0.2, turns={"N": 1})
    later.restore(
        [
            Restored("N", "a", "ca", 0, left=False),
            Restored("N", "b", "cb", SECOND, left=False, extension=shown.extension),
        ]
    )

    assert later.lease("b", "cb", MINUTE_MS) == Lease("N", new=False, extension=shown.extension)
    fresh = later.lease("c", "cc", MINUTE_MS).extension
    assert fresh not in {None, shown.extension}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 600)), max_size=60))
def test_no_two_visitors_on_page_are_shown_the_same_number_and_extension(
    asks: list[tuple[int, int]],
) -> None:
    shared = pool("N", "M")
    shown: dict[int, tuple[str, str | None]] = {}
    at = 0
    for visitor, pause in asks:
        at += pause * SECOND
        lease = shared.lease(f"v{visitor}", f"c{visitor}", at)
        shown[visitor] = (lease.number, lease.extension)
    coded = [one for one in shown.values() if one[1] is not None]
    assert len(coded) == len(set(coded))


def test_who_has_an_extension_keeps_it_while_no_number_is_free() -> None:
    shared = pool()
    shared.lease("a", "ca", 0)
    first = shared.lease("b", "cb", SECOND)
    shared.leave("b", 2 * SECOND)

    assert shared.lease("b2", "cb", 3 * SECOND).extension == first.extension


def test_codes_in_use_are_not_given_out_again_after_a_restart() -> None:
    """Not even when the last to be shown one was a visitor who had his for long."""
    earlier = pool()
    earlier.lease("a", "ca", 0)
    given = [earlier.lease(f"b{n}", f"cb{n}", SECOND).extension for n in range(5)]
    old = given[0]
    later = Pool(["N"], extensions_above=0.2, turns={"N": len(given)})
    later.restore([Restored("N", "b9", "cb0", 2 * SECOND, left=False, extension=old)])
    later.lease("x", "cx", 3 * SECOND)

    assert later.lease("y", "cy", 4 * SECOND).extension not in {*given, None}


def test_only_the_first_lease_of_a_code_gives_it_out() -> None:
    shared = pool()
    shared.lease("a", "ca", 0)

    leases = [shared.lease(visit, "cb", SECOND) for visit in ("b", "b", "b2")]

    assert [lease.given for lease in leases] == [True, False, False]
    assert len({lease.extension for lease in leases}) == 1


def test_a_site_that_shows_none_any_more_forgets_who_had_one() -> None:
    plain = pool(above=None)
    plain.restore([Restored("N", "b", "cb", 0, left=True, extension="4219")])

    assert plain.lease("b2", "cb", MINUTE_MS).extension is None


def test_the_risk_of_a_mix_up_outlives_a_restart() -> None:
    def risky(after: int, *, restarted: bool) -> bool:
        shared = pool(above=0.1)
        made = []
        for n in range(10):
            visit, visitor, at = f"v{n}", f"c{n}", n * MINUTE_MS
            made.append((visit, visitor, at, shared.lease(visit, visitor, at).extension))
            shared.leave(visit, at + SECOND)
        if restarted:
            shared = pool(above=0.1)
            shared.restore(
                Restored("N", visit, visitor, at + SECOND, left=True, extension=code, shown_at=at)
                for visit, visitor, at, code in made
            )
        return shared.lease("new", "cn", 9 * MINUTE_MS + after).extension is not None

    for after in (10 * SECOND, MINUTE_MS, 5 * MINUTE_MS, DAY_MS):
        assert risky(after, restarted=True) == risky(after, restarted=False)
