"""What leaves a store and what is kept no longer: of which rows, and beside whom."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.audio import Audio, AudioFormat
from ringtrace.domain.call import Recording
from ringtrace.domain.moment import DAY_MS, MINUTE_MS, day_of
from ringtrace.domain.visit import HitKind
from ringtrace.services.commands import NoteRecording
from ringtrace.services.lake import Change, Kind, Part
from ringtrace.services.ports import Store
from ringtrace.store.retention import OldCall
from tests import citus
from tests.stores import (
    ADS,
    CALLER,
    NOW,
    POOL,
    SIP,
    STATIC,
    Place,
    report,
    setup,
    shown,
    sign,
    view,
    visit_id,
    with_static,
)

TODAY = day_of(NOW)
MUCH_LATER = TODAY + 100


@pytest.fixture(autouse=True)
async def pool(store: Store) -> None:
    await store.submit(with_static(setup()))
    await store.submit(setup(2, ("+12025550300",)))


def changes(place: Place, account_id: int = 1) -> Sequence[Change]:
    with place.days() as days:
        return [one for one in days.changes(account_id) if one.part is Part.TRAFFIC]


async def leave(place: Place, silent_since: int, rows: Sequence[tuple[Kind, Any]]) -> list[Any]:
    """What of the account's oldest day was dropped, step by step."""

    def left() -> list[Any]:
        with place.leaving(silent_since) as leaving:
            (change,) = leaving.begin(1, changes(place)[:1])
            dropped = [leaving.drop(change, kind, keys) for kind, keys in rows]
            return [*dropped, leaving.end(change)]

    return await asyncio.to_thread(left)


async def test_visits_with_shares_or_signs_stay_with_what_happened_in_them(
    store: Store, place: Place
) -> None:
    for number in (1, 2, 3):
        await shown(store, view(number, NOW + number))
        await store.submit(sign(HitKind.CONTACT, number, NOW + MINUTE_MS))
    await store.submit(sign(HitKind.BEAT, 3, NOW + 10 * MINUTE_MS))
    credited = Attribution(Basis.EXPOSURES, "m", (Credit(visit_id(2), 0.5, ADS),), 0.5)
    await store.submit(report("c1", credited))
    seen = await shown(store, view(1, NOW + 2 * MINUTE_MS))

    done = await leave(
        place,
        NOW + 5 * MINUTE_MS,
        [
            (Kind.VISITS, [(visit_id(one),) for one in (1, 2, 3, 4)]),
            (Kind.HITS, [(visit_id(one), NOW + MINUTE_MS, "contact", "") for one in (1, 2, 3)]),
            (Kind.EXPOSURES, [(seen.number, NOW + 1, visit_id(1))]),
        ],
    )

    assert done == [1, 1, 1, True]
    found = [await store.visit(1, visit_id(one)) for one in (1, 2, 3)]
    assert [one and len(one.views) for one in found] == [None, 2, 2]
    (change,) = changes(place)
    assert change.archived
    assert change.left


async def test_a_day_that_is_written_to_stays(store: Store, place: Place) -> None:
    await shown(store, view(1))
    (sealed,) = changes(place)
    await store.submit(sign(HitKind.CONTACT, 1, NOW + MINUTE_MS))

    def left() -> tuple[Any, ...]:
        with place.leaving(NOW + DAY_MS) as leaving:
            return (
                leaving.begin(1, [sealed]),
                leaving.drop(sealed, Kind.VISITS, [(visit_id(1),)]),
                leaving.end(sealed),
            )

    assert await asyncio.to_thread(left) == ([], None, False)
    assert await store.visit(1, visit_id(1)) is not None
    assert not changes(place)[0].archived


async def test_calls_of_a_time_that_left_are_not_explained_any_more(
    store: Store, place: Place
) -> None:
    await shown(store, view(1))
    assert (await store.evidence(1, POOL[0], CALLER, NOW + MINUTE_MS)).complete

    await leave(place, NOW + DAY_MS, [])

    assert not (await store.evidence(1, POOL[0], CALLER, NOW + MINUTE_MS)).complete
    assert not (await store.evidence(1, POOL[0], CALLER, NOW + 14 * DAY_MS)).complete
    assert (await store.evidence(1, POOL[0], CALLER, NOW + 15 * DAY_MS)).complete
    assert (await store.evidence(2, POOL[0], CALLER, NOW + MINUTE_MS)).complete


async def test_old_calls_go_with_all_that_is_known_of_them_and_nobody_elses(
    store: Store, place: Place
) -> None:
    for account_id in (1, 2):
        await store.submit(report("old", account_id=account_id))
    await store.submit(report("young", started_at=NOW + DAY_MS))

    def dropped() -> tuple[Any, ...]:
        with place.old_rows() as rows:
            known = rows.days(1, Part.CALLS, TODAY + 2)
            calls = rows.calls(1, TODAY)
            rows.drop_calls(1, calls)
            return rows.accounts(), [one.day for one in known], calls, rows.calls(1, TODAY)

    assert await asyncio.to_thread(dropped) == (
        [1, 2], [TODAY, TODAY + 1], [OldCall(SIP, "old", None)], []
    )  # fmt: skip
    assert await store.call(1, SIP, "old") is None
    assert await store.reports(1, SIP, "old") == []
    assert await store.call(1, SIP, "young") is not None
    assert await store.call(2, SIP, "old") is not None


async def test_recordings_go_and_their_calls_stay(store: Store, place: Place) -> None:
    recording = Recording(None, 4.0, 2)
    await store.submit(report("c1", recording=recording))
    await store.submit(NoteRecording(1, SIP, "c1", Audio(AudioFormat.OPUS, "0" * 64)))
    await store.submit(report("silent", number=STATIC))

    def dropped() -> tuple[Any, ...]:
        with place.old_rows() as rows:
            (before,) = rows.days(1, Part.CALLS, MUCH_LATER)
            recorded = rows.recorded(1, TODAY)
            rows.drop_recordings(1, recorded)
            (after,) = rows.days(1, Part.CALLS, MUCH_LATER)
            return recorded, rows.recorded(1, TODAY), before.mark == after.mark

    assert await asyncio.to_thread(dropped) == (
        [OldCall(SIP, "c1", AudioFormat.OPUS)], [], False
    )  # fmt: skip
    call = await store.call(1, SIP, "c1")
    assert call is not None
    assert call.audio is None
    assert call.report is not None
    assert call.report.recording is None


async def test_old_traffic_goes_and_the_days_written_to_meanwhile_stay(
    store: Store, place: Place
) -> None:
    for number in range(1, 4):
        await shown(store, view(number, NOW + number))
        await store.submit(sign(HitKind.TAP, number, NOW + MINUTE_MS))
    await shown(store, view(9, NOW + DAY_MS))
    await shown(store, view(1, made=NOW + 1, account_id=2))
    await leave(place, NOW, [])
    known: list[Change] = []

    def dropped() -> int:
        with place.old_rows() as rows:
            known.extend(rows.days(1, Part.TRAFFIC, TODAY + 1))
            return rows.drop_traffic(1, TODAY + 1)

    def days_dropped() -> None:
        with place.old_rows() as rows:
            rows.drop_days(known)

    assert await asyncio.to_thread(dropped) == 9
    assert [await store.visit(1, visit_id(one)) for one in (1, 2, 3)] == [None] * 3
    assert await store.visit(1, visit_id(9)) is not None
    assert await store.visit(2, visit_id(1, NOW + 1)) is not None

    # A batch of another server, from when the clock was otherwise.
    await store.submit(sign(HitKind.CONTACT, 9, NOW + 5 * MINUTE_MS))
    await asyncio.to_thread(days_dropped)
    (stayed, _) = changes(place)
    assert (stayed.day, stayed.archived) == (TODAY, False)

    known = [stayed]
    await asyncio.to_thread(days_dropped)
    assert [one.day for one in changes(place)] == [TODAY + 1]


async def until_somebody_waits(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """For a lock, on whichever node."""
    waits = "pg_locks WHERE NOT granted" if citus.URL is None else "citus_lock_waits"
    deadline = time.monotonic() + 10
    while not await connection.fetchval(f"SELECT count(*) FROM {waits}"):  # noqa: S608 - our own
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        # A test that fails leaves no lock behind that the next one would wait for.
        connection.terminate()


async def test_a_batch_on_its_way_is_waited_for_and_what_it_wrote_to_stays(
    place: Place, store: Store
) -> None:
    if place.url is None:
        pytest.skip("over the file one writes at a time")
    await shown(store, view(1))
    (sealed,) = changes(place)

    def dropped() -> int | None:
        with place.leaving(NOW + DAY_MS) as leaving:
            leaving.begin(1, [sealed])
            return leaving.drop(sealed, Kind.VISITS, [(visit_id(1),)])

    async with connected(place.url) as connection, connected(place.url) as watching:
        # As a batch of hits does it: the visit first, the mark last.
        async with connection.transaction():
            await connection.execute(
                "UPDATE visits SET contact_at = $3 WHERE account_id = $1 AND visit_id = $2",
                1, visit_id(1), NOW,
            )  # fmt: skip
            dropping = asyncio.create_task(asyncio.to_thread(dropped))
            await until_somebody_waits(watching)
            await connection.execute(
                "UPDATE days SET mark = mark + 1 WHERE account_id = $1 AND part = 'traffic'", 1
            )
        assert await dropping is None
    visit = await store.visit(1, visit_id(1))
    assert visit is not None
