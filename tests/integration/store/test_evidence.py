"""What every store knows of a call as of the moment it came."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ringtrace.domain.attribution import Attribution, Basis, Candidate, Credit
from ringtrace.domain.call import Outcome
from ringtrace.domain.extension import code
from ringtrace.domain.moment import DAY_MS, MINUTE_MS
from ringtrace.domain.visit import Device, HitKind
from ringtrace.services.call_records import CallerHistory
from ringtrace.services.ports import Store
from ringtrace.store.evidence import MOST_EARLIER
from tests.stores import (
    ADS,
    CALLER,
    MAIL,
    NOW,
    POOL,
    arrival,
    report,
    setup,
    shared,
    shown,
    sign,
    view,
    visit_id,
)

AT = NOW + 10 * MINUTE_MS


@pytest.fixture(autouse=True)
async def pool(store: Store) -> None:
    """One number for everybody."""
    await store.submit(setup(numbers=POOL[:1]))


async def candidates(store: Store, at: int = AT) -> list[Candidate]:
    found = (await store.evidence(1, POOL[0], CALLER, at)).candidates
    return sorted(found, key=lambda one: one.visit_id)


def credited(*shares: tuple[int, float]) -> Attribution:
    named = tuple(Credit(visit_id(n), share, ADS) for n, share in shares)
    return Attribution(Basis.EXPOSURES, "m", named, 1 - sum(share for _, share in shares))


async def test_the_visits_that_were_shown_the_number_are_candidates(store: Store) -> None:
    await store.submit(view(1))
    await store.submit(view(2, NOW + MINUTE_MS, source=MAIL, visitor=7))
    await store.submit(sign(HitKind.CONTACT, 2, NOW + 2 * MINUTE_MS))
    await store.submit(sign(HitKind.TAP, 2, NOW + 3 * MINUTE_MS))
    await store.submit(sign(HitKind.LEAVE, 2, NOW + 4 * MINUTE_MS))

    found = await candidates(store)

    assert found == [
        Candidate(visit_id(1), NOW, NOW, None, None, ADS, f"{1:032x}", Device.DESKTOP),
        Candidate(
            visit_id(2), NOW + MINUTE_MS, NOW + 4 * MINUTE_MS, NOW + 4 * MINUTE_MS,
            NOW + 3 * MINUTE_MS, MAIL, f"{7:032x}", Device.DESKTOP, NOW + 2 * MINUTE_MS,
        ),
    ]  # fmt: skip


async def test_only_exposures_of_the_window_before_the_call_count(store: Store) -> None:
    window = 14 * DAY_MS
    for n, at in enumerate((AT - window - 1, AT - window, AT, AT + 1), 1):
        await store.submit(view(n, at, made=at))

    found = await candidates(store)

    assert [one.shown_at for one in found] == [AT - window, AT]


async def test_visits_stand_as_they_stood_when_the_call_came(store: Store) -> None:
    """A report may come hours after the call; what happened meanwhile is not looked at."""
    for n in range(1, 6):
        await store.submit(view(n))
    before = {2: (HitKind.LEAVE,), 3: (HitKind.CONTACT, HitKind.TAP), 4: (HitKind.LEAVE,)}
    for n, kinds in before.items():
        for kind in kinds:
            await store.submit(sign(kind, n, AT - MINUTE_MS))
    await store.submit(sign(HitKind.BEAT, 4, AT - 1))
    for n in (1, 2, 3, 4):
        for kind in (HitKind.CONTACT, HitKind.TAP, HitKind.LEAVE):
            await store.submit(sign(kind, n, AT + MINUTE_MS))
    await store.submit(sign(HitKind.BEAT, 5, AT + MINUTE_MS))

    found = await candidates(store)

    stood = [(one.seen_at, one.left_at, one.contact_at, one.tapped_at) for one in found]
    assert stood == [
        (AT, None, None, None),
        (AT - MINUTE_MS, AT - MINUTE_MS, None, None),
        (AT, None, AT - MINUTE_MS, AT - MINUTE_MS),
        (AT, None, None, None),
        (AT, None, None, None),
    ]


async def test_who_has_called_already_is_known(store: Store) -> None:
    await store.submit(view(1))
    await store.submit(view(2))
    for n in range(3):
        await store.submit(report(f"c{n}", credited((1, 0.75), (2, 0.25)), started_at=NOW + n))
    await store.submit(report("later", credited((2, 1.0)), started_at=AT))

    found = await candidates(store)

    assert [one.called for one in found] == pytest.approx([1.0, 0.75])


async def test_a_caller_is_remembered_by_his_number(store: Store) -> None:
    await store.submit(view(1, visitor=8))
    await store.submit(view(2, visitor=9))
    await store.submit(report("own", credited((1, 0.75)), started_at=NOW + 1))
    await store.submit(
        report("other", credited((1, 0.5), (2, 0.5)), started_at=NOW + 2, caller="+12025550178")
    )

    caller = (await store.evidence(1, POOL[0], CALLER, AT)).caller

    assert caller.known
    assert caller.own == pytest.approx({f"{8:032x}": 0.75})
    assert caller.others == pytest.approx({f"{8:032x}": 0.25, f"{9:032x}": 0.5})
    (earlier,) = caller.calls
    assert (earlier.at, earlier.attribution) == (NOW + 1, credited((1, 0.75)))


async def test_a_call_to_another_number_makes_a_caller_known(store: Store) -> None:
    await store.submit(setup(numbers=POOL[1:2]))
    await store.submit(report("c", number=POOL[1]))

    caller = (await store.evidence(1, POOL[0], CALLER, AT)).caller

    assert (caller.known, caller.calls) == (True, [])
    unknown = (await store.evidence(1, POOL[0], "+12025550178", AT)).caller
    assert (unknown.known, unknown.own, unknown.others) == (False, {}, {})
    early = (await store.evidence(1, POOL[0], CALLER, NOW)).caller
    late = (await store.evidence(1, POOL[0], CALLER, NOW + 15 * DAY_MS)).caller
    assert (early.known, late.known) == (False, False)


async def test_all_who_withhold_their_numbers_are_one(store: Store) -> None:
    await store.submit(report("a", shared(0.1, 0.1), caller=None, started_at=NOW + 1))
    await store.submit(report("b", caller=None, started_at=NOW + 2))
    await store.submit(report("c", started_at=NOW + 3))

    caller = (await store.evidence(1, POOL[0], None, AT)).caller

    assert (caller.known, caller.own, caller.others) == (None, {}, {})
    assert [one.at for one in caller.calls] == [NOW + 1, NOW + 2]
    assert caller.calls[0].attribution == shared(0.1, 0.1)


async def test_only_the_newest_of_many_calls_may_be_continued(store: Store) -> None:
    many = MOST_EARLIER + 3
    await asyncio.gather(*(store.submit(report(f"c{n}", started_at=NOW + n)) for n in range(many)))

    calls = (await store.evidence(1, POOL[0], CALLER, AT)).caller.calls

    assert [one.at for one in calls] == [NOW + n for n in range(3, many)]


async def test_the_newest_who_was_shown_the_keyed_code_is_found(store: Store) -> None:
    await store.submit(setup(numbers=POOL[:1], extensions_above=0.2))
    told = [await shown(store, view(n, NOW + n)) for n in range(3)]
    assert told[1].extension is not None

    def keyed(digits: str, at: int = AT) -> Any:
        return store.evidence(1, POOL[0], CALLER, at, digits)

    found = (await keyed(told[1].extension)).keyed
    assert found is not None
    assert (found.visit_id, found.source, found.shown_at) == (visit_id(1), ADS, NOW + 1)
    for digits in ("", "4", "1234567", code(77), "\0", "٤٢١٧"):
        assert (await keyed(digits)).keyed is None
    assert (await keyed(told[1].extension, NOW)).keyed is None
    assert (await keyed(told[1].extension, NOW + 15 * DAY_MS)).keyed is None


async def test_asking_twice_gives_the_same_to_the_last_bit(store: Store) -> None:
    for n in range(9):
        await store.submit(view(n, NOW + n))
    thirds = credited(*((n, 1 / (3 + n)) for n in range(3)))
    await asyncio.gather(
        *(store.submit(report(f"c{n}", thirds, started_at=NOW + n)) for n in range(40))
    )
    before = await store.evidence(1, POOL[0], CALLER, AT)

    await store.submit(report("c3", thirds, started_at=NOW + 3, session="s"))

    assert await store.evidence(1, POOL[0], CALLER, AT) == before


async def test_a_caller_is_told_whom_he_talked_to_last(store: Store) -> None:
    before = await store.caller_history(1, CALLER, NOW)
    missed: dict[str, Any] = {"outcome": Outcome.MISSED, "talk_seconds": None}
    await store.submit(report("a", target="+12025550191", started_at=NOW))
    await store.submit(report("b", target="+12025550192", started_at=NOW + 1))
    await store.submit(report("c", target="+12025550193", started_at=NOW + 2, **missed))
    await store.submit(replace(arrival("d"), started_at=NOW + 3))

    talked = await store.caller_history(1, CALLER, NOW + 9)

    assert before == CallerHistory()
    assert talked == CallerHistory(called_before=True, last_target="+12025550192")
    assert (await store.caller_history(1, CALLER, NOW + 1)).last_target == "+12025550191"
    assert await store.caller_history(1, "+12025550178", NOW + 9) == CallerHistory()


async def test_who_was_never_answered_talked_to_nobody(store: Store) -> None:
    await store.submit(arrival("a"))

    found = await store.caller_history(1, CALLER, NOW + 1)

    assert found == CallerHistory(called_before=True, last_target=None)
