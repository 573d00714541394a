"""Spam as every store keeps it: who is listed, what rules did to calls, what users say of them."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ringtrace.domain.blocklist import Listing, Treatment
from ringtrace.domain.call import GatewayKind, MergeResult, Outcome, Reason
from ringtrace.domain.screening import Finding, Passage, PastCall, Rule, SpamRules
from ringtrace.services.call_records import CallFilter, CallRecord
from ringtrace.services.commands import ListCallers, MarkSpam, UnlistCaller
from ringtrace.services.errors import NotFoundError
from ringtrace.services.ports import Store
from ringtrace.services.spam_records import (
    CallsFrom,
    ListingFilter,
    ListingRecord,
    Screening,
    Spam,
    SpamMark,
    WatchedCall,
)
from tests.stores import CALLER, NOW, POOL, SIP, STATIC, arrival, report, setup

OTHER = "+12025550178"
BLOCKED = Listing("+1900*", Treatment.BLOCK, "sells windows", NOW, "ann")
ASKED = Listing(CALLER, Treatment.ASK, "", NOW, None)
ROBOT = Finding(Rule.KNOWN_ROBOT, "known", ASKED)
SILENT = Finding(Rule.SILENT, "3 answered calls")
NO_KEY: dict[str, Any] = {
    "outcome": Outcome.REJECTED, "reason": Reason.SPAM_LIST, "target": None, "talk_seconds": None,
}  # fmt: skip


@pytest.fixture(autouse=True)
async def accounts(store: Store) -> None:
    await store.submit(setup())
    await store.submit(setup(2, ()))


async def kept(store: Store, call: str = "c") -> CallRecord:
    record = await store.call(1, SIP, call)
    assert record is not None
    return record


async def spam(store: Store, wanted: Spam = Spam.ONLY) -> list[str]:
    found = await store.calls(1, CallFilter(spam=wanted), 100, 0)
    assert found.total == await store.count_calls(1, CallFilter(spam=wanted)) == len(found.calls)
    return sorted(one.call for one in found.calls)


async def listed(store: Store, account_id: int = 1, **where: Any) -> list[ListingRecord]:
    page = await store.listings(account_id, ListingFilter(**where), 100, 0)
    assert page.total == len(page.listings)
    return list(page.listings)


def mark(call: str = "c", said: bool | None = True, **changes: Any) -> MarkSpam:
    return replace(MarkSpam(1, SIP, call, said, False, NOW, "ann"), **changes)


async def test_a_listing_is_in_effect_until_it_is_taken_off(store: Store) -> None:
    await store.submit(ListCallers(1, (BLOCKED, ASKED)))
    in_effect = (await store.configuration()).listings
    await store.submit(UnlistCaller(1, BLOCKED.pattern, NOW + 5, "bob"))

    assert sorted(in_effect, key=lambda one: one[1].pattern) == [(1, ASKED), (1, BLOCKED)]
    assert (await store.configuration()).listings == ((1, ASKED),)
    assert await listed(store) == [ListingRecord(ASKED, 0)]
    assert await listed(store, removed=True) == [ListingRecord(BLOCKED, 0, NOW + 5, "bob")]
    assert await listed(store, 2) == []
    for account_id, pattern in ((1, BLOCKED.pattern), (1, "+1*"), (2, CALLER)):
        with pytest.raises(NotFoundError) as refused:
            await store.submit(UnlistCaller(account_id, pattern, NOW, None))
        assert refused.value.field == "caller"


async def test_calls_are_counted_by_how_numbers_begin(store: Store) -> None:
    """Those of the account from then on, whoever withheld his number left out."""
    for call, caller, at in (
        ("a", CALLER, NOW), ("b", CALLER, NOW + 1), ("c", "+13015550100", NOW + 1),
        ("old", CALLER, NOW - 1), ("withheld", None, NOW), ("abroad", "+493055501", NOW),
        ("next", "+2025550177", NOW),
    ):  # fmt: skip
        await store.submit(arrival(call, caller=caller, started_at=at))
    await store.submit(arrival("other", account_id=2, caller=CALLER))

    assert await store.calls_from(1, "+1", NOW) == CallsFrom(3, 2)
    assert await store.calls_from(1, "+1202", NOW) == CallsFrom(2, 1)
    assert await store.calls_from(1, "+44", 0) == CallsFrom(0, 0)


async def test_what_is_said_otherwise_replaces_what_was_said(store: Store) -> None:
    """Also in one command, in one moment and with a clock that went back."""
    trusted = replace(ASKED, treatment=Treatment.TRUST, added_by="bob")
    noted = replace(ASKED, note="n", added_at=NOW - 9)

    await store.submit(ListCallers(1, (ASKED, ASKED, trusted)))
    await store.submit(ListCallers(1, (replace(trusted, added_at=NOW + 9, added_by=None),)))
    await store.submit(ListCallers(1, (noted,)))

    assert await listed(store) == [ListingRecord(replace(noted, added_at=NOW + 2), 0)]
    assert sorted(await listed(store, removed=True), key=lambda one: one.listing.added_at) == [
        ListingRecord(ASKED, 0, NOW, "bob"),
        ListingRecord(replace(trusted, added_at=NOW + 1), 0, NOW - 9, None),
    ]


async def test_many_who_list_one_caller_at_once_leave_one_listing(store: Store) -> None:
    said = [ListCallers(1, (replace(ASKED, note=f"{n}"),)) for n in range(20)]
    await asyncio.gather(*map(store.submit, said))
    await asyncio.gather(*map(store.submit, (*said[:3], UnlistCaller(1, CALLER, NOW, None))))

    assert await listed(store) == []
    assert len(await listed(store, removed=True)) == 23
    await store.submit(said[0])
    assert len((await store.configuration()).listings) == 1


async def test_listings_are_searched_and_paged_newest_first(store: Store) -> None:
    await store.submit(ListCallers(1, (BLOCKED, replace(ASKED, added_at=NOW + 1))))

    assert [one.listing.pattern for one in await listed(store)] == [CALLER, "+1900*"]
    for where, found in (
        ({"pattern": "0*"}, ["+1900*"]),
        ({"pattern": "%"}, []),
        ({"pattern": "\0"}, []),
        ({"pattern": ""}, [CALLER, "+1900*"]),
        ({"treatment": Treatment.ASK}, [CALLER]),
        ({"treatment": Treatment.ASK, "pattern": "1900"}, []),
    ):
        assert [one.listing.pattern for one in await listed(store, **where)] == found
    second = await store.listings(1, ListingFilter(), 1, 1)
    assert ([one.listing.pattern for one in second.listings], second.total) == (["+1900*"], 2)


async def test_the_newest_spam_rules_count(store: Store) -> None:
    silent, many = SpamRules(silent=True, silent_seconds=2.5), SpamRules(many_numbers=True)
    for rules in (many, silent, None):
        await store.submit(replace(setup(), spam_rules=rules, made_by="ann"))
    await store.submit(replace(setup(2, ()), spam_rules=many))

    assert dict((await store.configuration()).spam_rules) == {1: silent, 2: many}


async def test_a_blocked_call_is_spam_from_its_first_ring_and_counts_for_its_listing(
    store: Store,
) -> None:
    await store.submit(ListCallers(1, (BLOCKED,)))
    blocked = Finding(Rule.BLOCKED, "on the blocklist", BLOCKED)
    await store.submit(arrival("c", finding=blocked))
    ringing = await kept(store)
    refused = NO_KEY | {"reason": Reason.BLACKLISTED}
    await store.submit(report("c", **refused))
    await store.submit(replace(report("late", **refused), finding=blocked))

    assert ringing.screening == Screening(
        Rule.BLOCKED, "on the blocklist", "+1900*", NOW, "ann", None
    )
    assert (ringing.spam, ringing.spam_mark) == (True, None)
    assert [(await kept(store, one)).screening for one in ("c", "late")] == [
        replace(ringing.screening, passage=Passage.STOPPED)
    ] * 2
    assert await spam(store) == ["c", "late"]
    assert await listed(store) == [ListingRecord(BLOCKED, 2)]


async def test_the_first_rule_that_acted_on_a_call_is_kept(store: Store) -> None:
    await asyncio.gather(
        store.submit(arrival("c", finding=ROBOT)),
        store.submit(arrival("c", finding=SILENT, digits="4217")),
        store.submit(arrival("free")),
        store.submit(arrival("free", finding=SILENT)),
    )
    await store.submit(replace(report("c", **NO_KEY), finding=SILENT))
    await store.submit(replace(report("c", **NO_KEY), finding=SILENT))

    call = await kept(store)
    assert call.screening == Screening(Rule.KNOWN_ROBOT, "known", CALLER, NOW, None, Passage.FAILED)
    assert call.spam
    assert (await kept(store, "free")).screening is None


@pytest.mark.parametrize("listing", [None, ASKED])
async def test_who_passes_the_gate_is_trusted_from_then_on(
    store: Store, listing: Listing | None
) -> None:
    if listing is not None:
        await store.submit(ListCallers(1, (listing,)))
    await store.submit(arrival("c", finding=SILENT))
    await store.submit(report("c", session=None, received_at=NOW + 7))
    await store.submit(report("c", session="s", received_at=NOW + 8))

    call = await kept(store)
    assert call.screening == Screening(
        Rule.SILENT, "3 answered calls", None, None, None, Passage.PASSED
    )
    assert not call.spam
    passed = Listing(CALLER, Treatment.TRUST, "pressed a key when asked", NOW + 7, None, True)
    assert await listed(store) == [ListingRecord(passed, 0)]
    was = [] if listing is None else [ListingRecord(listing, 0, NOW + 7, None)]
    assert await listed(store, removed=True) == was


async def test_a_person_knows_better_than_the_gate(store: Store) -> None:
    block = replace(BLOCKED, pattern=CALLER)
    await store.submit(ListCallers(1, (block,)))

    await store.submit(replace(report("c", received_at=NOW + 7), finding=SILENT))

    assert await listed(store) == [ListingRecord(block, 0)]


async def test_reports_of_many_calls_at_once_are_told_apart(store: Store) -> None:
    await asyncio.gather(
        *(store.submit(arrival(f"c{n}", finding=SILENT if n % 2 else None)) for n in range(40))
    )
    told = [
        replace(
            report(f"c{n}", caller=f"+120255501{n:02d}", **(NO_KEY if n % 4 == 1 else {})),
            finding=ROBOT if n == 41 else None,
        )
        for n in range(42)
    ]
    results = await asyncio.gather(*(store.submit(one) for one in told))

    assert set(results) == {MergeResult.CREATED}
    assert await spam(store) == sorted(f"c{n}" for n in range(42) if n % 4 == 1)
    trusted = {one.listing.pattern for one in await listed(store)}
    assert trusted == {f"+120255501{n:02d}" for n in range(42) if n % 4 == 3}


async def test_the_same_call_told_twice_at_once_follows_both_reports(store: Store) -> None:
    gone = NO_KEY | {"outcome": Outcome.ABANDONED, "reason": None}
    await asyncio.gather(
        store.submit(replace(report("c", session=None, **gone), finding=SILENT)),
        store.submit(report("c", number=STATIC)),
        store.submit(report("c", session="s", **gone)),
    )

    call = await kept(store)
    assert call.screening is not None
    assert (call.screening.passage, call.spam) == (Passage.LEFT, True)


async def test_a_mark_decides_whatever_is_reported(store: Store) -> None:
    await store.submit(arrival("c", finding=SILENT))
    await store.submit(mark(said=False))
    await store.submit(report("c", **NO_KEY))
    marked = await kept(store)
    await store.submit(mark(said=None, marked_by=None))
    free = await kept(store)
    await store.submit(mark(said=True, marked_at=NOW - 5))

    assert (marked.spam, marked.spam_mark) == (
        False,
        SpamMark(spam=False, marked_at=NOW, marked_by="ann"),
    )
    assert (free.spam, free.spam_mark) == (True, None)
    assert (await kept(store)).spam_mark == SpamMark(spam=True, marked_at=NOW + 2, marked_by="ann")


async def test_every_call_of_a_caller_is_marked_at_once(store: Store) -> None:
    for n in range(3):
        await store.submit(report(f"c{n}", started_at=NOW + n))
    await store.submit(report("other", caller=OTHER))
    await store.submit(report("secret", caller=None))
    await store.submit(mark("c1"))

    await store.submit(mark("c0", every=True))
    marked = await spam(store)
    await store.submit(mark("secret", every=True))
    await store.submit(mark("c2", said=None))
    await store.submit(mark("c0", said=None, every=True))

    assert marked == ["c0", "c1", "c2"]
    assert await spam(store) == ["secret"]
    assert await spam(store, Spam.WITHOUT) == ["c0", "c1", "c2", "other"]


@pytest.mark.parametrize(
    "command",
    [mark("x"), mark(account_id=2), mark(gateway=GatewayKind.VOXIMPLANT), mark(said=None)],
)
async def test_there_is_nothing_to_mark_or_to_take_back(store: Store, command: MarkSpam) -> None:
    await store.submit(report("c"))

    with pytest.raises(NotFoundError) as refused:
        await store.submit(command)

    assert refused.value.field == "call"
    assert not (await kept(store)).spam


async def test_a_mark_that_was_taken_back_is_there_no_more(store: Store) -> None:
    await store.submit(report("c"))
    await store.submit(mark())
    await store.submit(mark(said=None))

    with pytest.raises(NotFoundError):
        await store.submit(mark(said=None))


async def test_what_is_held_against_callers_is_read_newest_first(store: Store) -> None:
    await store.submit(replace(report("robot", started_at=NOW - 50, **NO_KEY), finding=SILENT))
    await store.submit(report("marked", started_at=NOW - 40))
    await store.submit(mark("marked"))
    await store.submit(report("old", started_at=NOW - 30))
    await store.submit(report("missed", started_at=NOW, outcome=Outcome.MISSED, caller=OTHER))
    await store.submit(report("secret", started_at=NOW, caller=None))
    await store.submit(arrival("ringing", started_at=NOW + 1, number=STATIC))

    def seen(call: str, at: int, talked: float | None = None, **past: Any) -> WatchedCall:
        number = past.pop("number", POOL[0])
        caller = past.pop("caller", CALLER)
        return WatchedCall(SIP, call, caller, PastCall(number, at, talked, **past))

    found = await store.watched_calls(1, NOW, NOW - 50, 100, None)

    ringing = seen("ringing", NOW + 1, number=STATIC)
    missed = seen("missed", NOW, caller=OTHER)
    marked = seen("marked", NOW - 40, 60.0, marked=True)
    robot = seen("robot", NOW - 50, kept_silent=True)
    assert list(found) == [ringing, missed, marked, robot]
    of_one = await store.watched_calls(1, NOW, NOW - 49, 100, CALLER)
    assert list(of_one) == [ringing, marked]
    assert list(await store.watched_calls(1, 0, 0, 1, CALLER)) == [ringing, marked]
    assert list(await store.watched_calls(2, 0, 0, 100, None)) == []


async def test_channels_leave_spam_out(store: Store) -> None:
    await store.submit(report("c"))
    await store.submit(report("spam", started_at=NOW + 1, caller=OTHER))
    await store.submit(mark("spam"))

    async def calls(wanted: Spam) -> float:
        return sum(row.calls for row in await store.channels(1, CallFilter(spam=wanted)))

    assert [await calls(one) for one in Spam] == pytest.approx([2, 1, 1])


async def test_calls_that_came_and_were_never_reported_are_found(store: Store) -> None:
    for n in range(4):
        await store.submit(arrival(f"c{n}", started_at=NOW + n))
    await store.submit(arrival("foreign", account_id=2, started_at=NOW + 1))
    await store.submit(report("c1", started_at=NOW + 1))

    found = await store.unreported(1, NOW, NOW + 3)

    assert [one.call for one in found] == ["c0", "c2"]
    assert found[0] == await kept(store, "c0")
