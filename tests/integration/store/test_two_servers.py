"""Two servers over one database hear of the same calls at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ringtrace.domain.blocklist import Listing, Treatment
from ringtrace.domain.call import MergeResult
from ringtrace.domain.screening import Finding, Rule
from ringtrace.services.commands import KeepCorrection, ListCallers
from ringtrace.services.spam_records import ListingFilter
from ringtrace.store.postgres.store import PostgresStore
from tests.postgres import Postgres
from tests.stores import (
    CALLER,
    NOW,
    POOL,
    SIP,
    arrival,
    report,
    said,
    setup,
    shared,
    view,
    visit_id,
)

CALLS = 40
ROUNDS = 5


@pytest.fixture(params=["postgres", "partitioned"])
async def servers(
    postgres: Postgres, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[PostgresStore, PostgresStore]]:
    url = await postgres.database(partitioned=request.param == "partitioned")
    first, second = await PostgresStore.open(url), await PostgresStore.open(url)
    await first.submit(setup(numbers=POOL[:1]))
    yield first, second
    await first.close()
    await second.close()


async def test_a_call_that_two_hear_of_at_once_is_one_call(
    servers: tuple[PostgresStore, PostgresStore],
) -> None:
    """Whoever is second completes what the first one wrote, in whatever order they come."""
    for turn in range(ROUNDS):
        calls = [f"{turn}-{n}" for n in range(CALLS)]
        first = [servers[0].submit(report(one, session=None)) for one in calls]
        second = [
            servers[1].submit(report(one, shared(0.2, 0.2), session="s")) for one in reversed(calls)
        ]
        told = await asyncio.gather(*first, *second)

        by_call = zip(told[:CALLS], reversed(told[CALLS:]), strict=True)
        counted = Counter(frozenset(both) for both in by_call)
        assert counted.keys() <= {
            frozenset({MergeResult.CREATED, MergeResult.UPDATED}),
            frozenset({MergeResult.CREATED, MergeResult.UNCHANGED}),
        }
    found = await servers[0].calls_after(1, (0, "", ""), 10_000)
    assert len(found) == CALLS * ROUNDS
    assert {one.report for one in found} == {said(session="s")}
    assert {len(one.attribution.credits) for one in found} == {2}
    for one in found:
        heard = await servers[1].reports(1, SIP, one.call)
        assert all(each.accepted for each in heard)


async def test_the_same_report_through_two_doors_is_kept_once(
    servers: tuple[PostgresStore, PostgresStore],
) -> None:
    told = await asyncio.gather(
        *(server.submit(report(f"c{n}")) for n in range(CALLS) for server in servers)
    )

    assert Counter(told) == {MergeResult.CREATED: CALLS, MergeResult.UNCHANGED: CALLS}


async def test_a_caller_who_is_listed_through_two_doors_is_on_the_list_once(
    servers: tuple[PostgresStore, PostgresStore],
) -> None:
    """Whatever people say of him and however he passes the gate at that moment."""
    callers = [f"+120255501{n:02d}" for n in range(CALLS)]
    asked = [
        ListCallers(1, (Listing(caller, treatment, "", NOW, None),))
        for caller in callers
        for treatment in (Treatment.ASK, Treatment.TRUST)
    ]
    passed = [
        replace(report(caller, caller=caller), finding=Finding(Rule.SILENT, ""))
        for caller in callers
    ]

    await asyncio.gather(
        *(servers[0].submit(one) for one in asked),
        *(servers[0].submit(one) for one in passed),
        *(servers[1].submit(one) for one in reversed(passed)),
        *(servers[1].submit(one) for one in reversed(asked)),
    )

    page = await servers[0].listings(1, ListingFilter(), 10 * CALLS, 0)
    assert sorted(one.listing.pattern for one in page.listings) == callers
    assert (await servers[1].configuration()).listings


async def test_arrivals_reports_and_corrections_that_meet_leave_whole_calls(
    servers: tuple[PostgresStore, PostgresStore],
) -> None:
    """Nobody waits for ever, and a correction outlives whatever comes at the same moment."""
    await servers[0].submit(view(1))
    calls = [f"c{n}" for n in range(CALLS)]
    for one in calls:
        await servers[0].submit(arrival(one, started_at=NOW + 1))

    await asyncio.gather(
        *(servers[0].submit(report(one, started_at=NOW + 1)) for one in calls),
        *(
            servers[1].submit(KeepCorrection(1, SIP, one, visit_id(1), NOW, None))
            for one in reversed(calls)
        ),
        *(
            servers[1].submit(arrival(one, shared(0.1, 0.1), started_at=NOW + 1, digits="4217"))
            for one in calls
        ),
    )

    found = await servers[1].calls_after(1, (0, "", ""), 10_000)
    named = [[one.visit_id for one in call.attribution.credits] for call in found]
    assert named == [[visit_id(1)]] * CALLS
    assert {call.report for call in found} == {said(started_at=NOW + 1)}


async def test_what_one_wrote_the_other_reads(
    servers: tuple[PostgresStore, PostgresStore],
) -> None:
    first, second = servers
    await first.submit(report("c"))

    assert (await second.caller_history(1, CALLER, NOW + 1)).called_before
    assert await second.submit(report("c")) is MergeResult.UNCHANGED
