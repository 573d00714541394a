"""What the lake reads of a store: which days changed, and the rows of each day as of one moment."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.call import Leg, PlanSource, Reason, Recording
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS, day_of
from ringtrace.domain.visit import HitKind
from ringtrace.services.commands import (
    Command,
    KeepAttribution,
    KeepCorrection,
    KeepModel,
    MarkSpam,
    NoteRecording,
    TakeBackCorrection,
)
from ringtrace.services.lake import DayRows, Kind, Part
from ringtrace.services.ports import Store
from ringtrace.store.lake.begun import ReportRows
from ringtrace.store.sqlite.days import SqliteDays
from ringtrace.store.sqlite.store import SqliteStore
from tests.stores import (
    ADS,
    AUDIO,
    CALLER,
    NOW,
    POOL,
    SIP,
    STATIC,
    Place,
    arrival,
    report,
    said,
    setup,
    shared,
    shown,
    sign,
    view,
    visit_id,
    with_static,
)

TODAY = day_of(NOW)
TRAFFIC, CALLS = Part.TRAFFIC, Part.CALLS


@pytest.fixture
def days(place: Place, store: Store) -> Iterator[Any]:  # noqa: ARG001 - it makes the schema
    with place.days() as opened:
        yield opened


def marks(days: DayRows, account_id: int | None = None) -> dict[tuple[int, Part, int], int]:
    return {(one.account_id, one.part, one.day): one.mark for one in days.changes(account_id)}


@contextmanager
def marking(days: DayRows, *expected: tuple[Part, int]) -> Iterator[None]:
    """What happens inside marks these days of account 1, counted from today, and no other."""
    before = marks(days)
    yield
    after = marks(days)
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed == {(1, part, TODAY + day) for part, day in expected}
    assert before.keys() <= after.keys()


async def test_hits_mark_their_days_and_those_their_visits_began_on(
    store: Store, days: DayRows
) -> None:
    await store.submit(setup())
    with marking(days, (TRAFFIC, 0)):
        await shown(store, view(1))
    with marking(days, (TRAFFIC, 0)):
        await store.submit(sign(HitKind.BEAT, 1, NOW + 1))
    with marking(days, (TRAFFIC, 0), (TRAFFIC, 1)):
        await store.submit(sign(HitKind.TAP, 1, NOW + DAY_MS))
    with marking(days, (TRAFFIC, 2)):
        await shown(store, view(2, NOW + 2 * DAY_MS, made=NOW + 2 * DAY_MS))


CALL_COMMANDS: list[tuple[Command[Any], set[int]]] = [
    (arrival("a"), {0}),
    (report("a", started_at=NOW - DAY_MS), {0, -1}),
    (KeepAttribution(1, SIP, "a", POOL[0], CALLER, NOW - DAY_MS, shared(0.2)), {-1}),
    (arrival("b", started_at=NOW - 3 * DAY_MS), {-3}),
    (arrival("b", started_at=NOW - 3 * DAY_MS, digits="4217"), {-3}),
    (NoteRecording(1, SIP, "a", AUDIO), {-1}),
    (KeepCorrection(1, SIP, "a", None, NOW, None), {-1}),
    (TakeBackCorrection(1, SIP, "a", shared()), {-1}),
    (MarkSpam(1, SIP, "a", True, False, NOW, None), {-1}),
    (MarkSpam(1, SIP, "a", True, True, NOW, None), {-1, -3}),
]


async def test_whatever_changes_a_call_marks_its_day(store: Store, days: DayRows) -> None:
    await store.submit(setup())
    for command, expected in CALL_COMMANDS:
        with marking(days, *((CALLS, day) for day in expected)):
            await store.submit(command)


async def test_the_changes_of_an_account_are_its_own(store: Store, days: DayRows) -> None:
    for account_id in (1, 2):
        await store.submit(setup(account_id, (f"+1202555{account_id}000",)))
        await shown(store, view(1, account_id=account_id))

    assert marks(days, 2) == {key: mark for key, mark in marks(days).items() if key[0] == 2}
    assert {key[0] for key in marks(days)} == {1, 2}


async def test_a_snapshot_is_of_one_moment(store: Store, days: DayRows) -> None:
    await store.submit(setup())
    await shown(store, view(1))
    with days.snapshot():
        before = marks(days, 1)
        await shown(store, view(2, NOW + 1))
        await store.submit(report("a"))

        assert marks(days, 1) == before
        assert [row["visit_id"] for _, row in days.rows(1, Kind.VISITS, {TODAY})] == [visit_id(1)]
    with days.snapshot():
        assert len(list(days.rows(1, Kind.VISITS, {TODAY}))) == 2
        assert marks(days, 1) != before


async def eventful(store: Store) -> None:
    """Every column has a value somewhere, and rows lie on several days and in two accounts."""
    learnt = replace(SHIPPED, channels={"Email": 0.5})
    await store.submit(with_static(setup(1, POOL[:1], extensions_above=0.0)))
    await store.submit(setup(2, ("+12025551000",)))
    await store.submit(KeepModel(1, "site1", SHIPPED, NOW - 1))
    await store.submit(KeepModel(1, "site1", learnt, NOW))
    source = replace(ADS, source="g", medium="cpc", campaign="c\N{SNOWMAN}", term='a "b"',
                     content="x", landing_page="shop.example/")  # fmt: skip
    await shown(store, view(9, account_id=2))
    for number, at in enumerate((NOW, NOW + 100, NOW + DAY_MS), 1):
        await shown(store, view(number, at, made=at, source=source))
        for after, kind in enumerate((HitKind.CONTACT, HitKind.TAP, HitKind.LEAVE), 1):
            await store.submit(sign(kind, number, at + after, made=at))
    leg = Leg("+12025550191", NOW, 1.0, 60.0, 200, None)
    recording = Recording("https://example/r", 59.5, 2)
    extension = Attribution(Basis.EXTENSION, "m", (Credit(visit_id(1), 1.0, ADS),), 0.0)
    static = Attribution(Basis.STATIC_NUMBER, "m", (Credit(None, 1.0, ADS),), 0.0)
    commands: tuple[Command[Any], ...] = (
        report("a", legs=(leg,), recording=recording, session="s", node="n",
               reason=Reason.OPERATOR_BUSY, plan_source=PlanSource.CACHE, digits="4217",
               flow="f:1"),
        report("b", extension, started_at=NOW + DAY_MS, caller=None, code=None, target=None),
        report("c", static, number=STATIC),
        report("d", shared(repeat=0.25), started_at=NOW + 5 * DAY_MS),
        arrival("e"),
        report("z", account_id=2, number="+12025551000"),
        NoteRecording(1, SIP, "a", AUDIO),
        MarkSpam(1, SIP, "c", True, False, NOW, None),
    )  # fmt: skip
    for command in commands:
        await store.submit(command)


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[tuple[SqliteStore, SqliteDays]]:
    """A file beside the store in question."""
    opened = SqliteStore.open(tmp_path / "twin.db")
    with SqliteDays(tmp_path / "twin.db") as days:
        yield opened, days
    opened.close()


def all_rows(days: DayRows, kind: Kind) -> list[Any]:
    with days.snapshot():
        found = list(days.rows(1, kind, {TODAY, TODAY + 1}))
    return sorted(found, key=str)


@pytest.mark.parametrize("kind", Kind)
async def test_every_store_tells_the_same_rows(
    store: Store, days: DayRows, twin: tuple[SqliteStore, SqliteDays], kind: Kind
) -> None:
    other, theirs = twin
    await eventful(store)
    await eventful(other)

    found = all_rows(days, kind)

    assert found == all_rows(theirs, kind)
    assert {day for day, _ in found} == {TODAY, TODAY + 1}
    unsaid = {"reason"} if kind is Kind.VISITS else {"campaign", "keyword", "why"}
    told = {name for _, row in found for name, value in row.items() if value is not None}
    assert told >= set(found[0][1]) - {"click_id", "click_id_type"} - unsaid
    with days.snapshot():
        assert list(days.rows(1, kind, ())) == []


async def test_every_store_tells_a_report_the_same(
    store: Store, days: ReportRows, twin: tuple[SqliteStore, SqliteDays]
) -> None:
    other, theirs = twin
    await eventful(store)
    await eventful(other)
    with days.snapshot():
        assert days.sites(1) == theirs.sites(1) == {POOL[0]: "site1"}
        assert days.models(1) == theirs.models(1)
        assert days.models(1)["site1"].channels == {"Email": 0.5}
        assert days.visits_by_channel(1, NOW, NOW + DAY_MS) == {"Paid Search": 2}
        assert days.visits_by_channel(1, NOW + 2 * DAY_MS, NOW + 3 * DAY_MS) == {}


async def test_many_rows_come_piece_by_piece(store: Store, days: DayRows) -> None:
    await store.submit(setup())
    for number in range(3):
        await shown(store, view(number, NOW + number))
    assert said().caller == CALLER
    with days.snapshot():
        half = days.rows(1, Kind.VISITS, {TODAY})
        next(half)
        # Another question while one is half answered.
        assert len(list(days.rows(1, Kind.EXPOSURES, {TODAY}))) == 3
        assert len(list(half)) == 2
