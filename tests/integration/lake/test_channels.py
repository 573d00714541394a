"""A report through the lake is the store's own report, whichever days are sealed."""

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import astuple, replace
from functools import partial
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from ringtrace.domain.account import Account
from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.call import GatewayKind, Outcome, Report
from ringtrace.domain.flow import Flow
from ringtrace.domain.hazard import Flags
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS, day_of
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.domain.tally import Shares
from ringtrace.domain.visit import Device, Visit
from ringtrace.services.call_records import CallFilter, ChannelRow
from ringtrace.services.commands import (
    ApplySetup,
    KeepModel,
    KeepReport,
    MarkSpam,
    ShowNumber,
)
from ringtrace.services.spam_records import Spam
from ringtrace.store.lake.channels import channels
from ringtrace.store.lake.lines import Lines
from ringtrace.store.lake.place import LakeFolder
from ringtrace.store.lake.seal import Sealer
from ringtrace.store.lake.worker import LakeReports, Sources
from ringtrace.store.sqlite.days import SqliteDays
from ringtrace.store.sqlite.store import SqliteStore

DAYS = 30
END = 1_790_000_000_000 // DAY_MS * DAY_MS + 10 * 3_600_000
POOLS = {"shop": "+12025550200", "blog": "+12025550210"}
STATIC = "+12025550201"
NAMES = ["Paid Search", "Email", "Organic", "Radio"]


def attribution(rng: random.Random, number: str) -> Attribution:
    if number == STATIC:
        return Attribution(Basis.STATIC_NUMBER, "m", (Credit(None, 1.0, Source("Radio")),), 0.0)
    weights = [rng.random() for _ in range(rng.randint(0, 4))]
    unknown = rng.random() if weights else 1.0
    credits_ = tuple(
        Credit(f"{rng.getrandbits(128):032x}" if rng.random() < 0.7 else None,
               (1 - unknown) * one / sum(weights), Source(rng.choice(NAMES[:3])))
        for one in weights
    )  # fmt: skip
    repeat = rng.random() if credits_ and rng.random() < 0.3 else 0.0
    return Attribution(Basis.EXPOSURES, "m", credits_, unknown, repeat)


async def fill(store: SqliteStore, seed: int, calls: int = 600, visits: int = 300) -> None:
    """Calls of few callers, so that many repeat others; visits of both sites."""
    rng = random.Random(seed)  # noqa: S311 - test data
    flow = Flow.ringing(["+12025550199"])
    numbers = (
        *(
            TrackingNumber(1, number, NumberKind.POOL, "p", flow, site, None, True)
            for site, number in POOLS.items()
        ),
        TrackingNumber(1, STATIC, NumberKind.STATIC, "s", flow, None, Source("Radio"), True),
    )
    sites = tuple(Site(1, key, key, (), ()) for key in POOLS)
    await store.submit(ApplySetup(1, Account(1, "A", "US"), sites, numbers, END))
    learnt = replace(SHIPPED, channels=dict.fromkeys(NAMES, 0.01))
    await store.submit(KeepModel(1, "shop", learnt, END))

    async def call(number: int) -> None:
        to = rng.choice([*POOLS.values(), STATIC])
        at = END - rng.randrange(DAYS * DAY_MS)
        said = Report(
            number=to, caller=rng.choice([None, *(f"+1202555{n:04d}" for n in range(60))]),
            started_at=at, outcome=rng.choice(list(Outcome)), reason=None, code=200, target=None,
            ring_seconds=1.0, talk_seconds=rng.random() * 100, legs=(), recording=None,
            session=None, plan_source=None,
        )  # fmt: skip
        await store.submit(
            KeepReport(1, GatewayKind.SIP, f"c{number}", said, attribution(rng, to), at)
        )

    async def visit(number: int) -> None:
        at = END - (visits - number) * DAYS * DAY_MS // visits
        visit_id = f"{at:012x}{number:020x}"
        begun = Visit(visit_id, visit_id, rng.choice(list(POOLS)), at, Device.DESKTOP,
                      Source(rng.choice(NAMES)))  # fmt: skip
        await store.submit(ShowNumber(1, begun, "", at))

    await asyncio.gather(*(call(number) for number in range(calls)))
    await asyncio.gather(*(visit(number) for number in range(visits)))
    await store.submit(MarkSpam(1, GatewayKind.SIP, "c7", True, False, END, None))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "store.db")
    await fill(opened, 1)
    yield opened
    opened.close()


def seal(tmp_path: Path, before: int) -> None:
    with SqliteDays(tmp_path / "store.db") as days:
        Sealer(days, LakeFolder(tmp_path / "lake"), tmp_path / "work", lambda: END).seal(before)


def through_lake(tmp_path: Path, where: CallFilter) -> Sequence[ChannelRow] | None:
    with SqliteDays(tmp_path / "store.db") as days:
        return channels(days, LakeFolder(tmp_path / "lake"), 1, where, tmp_path / "reports")


def same(found: Sequence[ChannelRow] | None, wanted: Sequence[ChannelRow]) -> bool:
    assert found is not None
    assert [row.channel for row in found] == [row.channel for row in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert astuple(one)[1:] == pytest.approx(astuple(other)[1:], abs=1e-6)
    return len(found) > 0


SPANS = [
    CallFilter(),
    CallFilter(since=END - 20 * DAY_MS + 12_345, until=END - 2 * DAY_MS - 999),
    CallFilter(since=END - 15 * DAY_MS, spam=Spam.WITHOUT, outcome="answered"),
    CallFilter(spam=Spam.ONLY),
    CallFilter(channel="Email", until=END),
    CallFilter(unknown=True),
]


@pytest.mark.parametrize("where", SPANS)
@pytest.mark.parametrize("sealed_days", [10, DAYS + 1])
async def test_it_is_the_stores_report(
    store: SqliteStore, tmp_path: Path, where: CallFilter, sealed_days: int
) -> None:
    seal(tmp_path, day_of(END) - DAYS + sealed_days)

    found = await asyncio.to_thread(through_lake, tmp_path, where)

    assert same(found, await store.channels(1, where))
    assert list((tmp_path / "reports").iterdir()) == []


async def test_what_changed_since_it_was_sealed_is_asked_of_the_store(
    store: SqliteStore, tmp_path: Path
) -> None:
    seal(tmp_path, day_of(END) + 1)
    await store.submit(MarkSpam(1, GatewayKind.SIP, "c8", True, True, END + 1, None))

    where = CallFilter(spam=Spam.WITHOUT)
    found = await asyncio.to_thread(through_lake, tmp_path, where)

    assert same(found, await store.channels(1, where))


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_sealed_changed_and_sealed_again_it_is_the_stores_report(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - test data
    store = SqliteStore.open(tmp_path / "store.db")
    await fill(store, seed, calls=300, visits=20)
    for step in range(3):
        seal(tmp_path, day_of(END) - rng.randrange(DAYS // 2))
        for _ in range(2):
            since = rng.choice(
                [None, END - rng.randrange(8, DAYS) * DAY_MS - rng.randrange(DAY_MS)]
            )
            until = rng.choice([None, END - rng.randrange(7 * DAY_MS)])
            where = CallFilter(since=since, until=until, spam=rng.choice(list(Spam)))
            found = await asyncio.to_thread(through_lake, tmp_path, where)
            assert same(found, await store.channels(1, where))
            marked = f"c{rng.randrange(300)}"
            await store.submit(MarkSpam(1, GatewayKind.SIP, marked, True, False, END + step, None))
    store.close()


async def test_of_sealed_days_no_call_is_read_to_know_what_repeats_change(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    class Watched(Lines):
        def read(
            self, names: Sequence[str], day: int | None = None
        ) -> Iterator[tuple[Shares, Flags]]:
            for calls, spam in super().read(names, day):
                read.append(len(calls.at))
                yield calls, spam

    monkeypatch.setattr("ringtrace.store.lake.channels.Lines", Watched)
    seal(tmp_path, day_of(END) + 1)
    wanted = await store.channels(1, CallFilter())

    assert same(await asyncio.to_thread(through_lake, tmp_path, CallFilter()), wanted)
    assert read == []

    # With another file of one day those after it that have to do with it do not hold any more.
    seal(tmp_path, day_of(END) + 1)
    await store.submit(MarkSpam(1, GatewayKind.SIP, "c8", True, False, END + 1, None))
    wanted = await store.channels(1, CallFilter())
    assert same(await asyncio.to_thread(through_lake, tmp_path, CallFilter()), wanted)
    assert sum(read) > 0
    read.clear()
    seal(tmp_path, day_of(END) + 1)
    assert same(await asyncio.to_thread(through_lake, tmp_path, CallFilter()), wanted)
    assert read == []


async def test_a_day_that_is_sealed_anew_is_added_up_anew(
    store: SqliteStore, tmp_path: Path
) -> None:
    seal(tmp_path, day_of(END) + 1)
    await store.submit(MarkSpam(1, GatewayKind.SIP, "c8", True, True, END + 1, None))
    sums = set((tmp_path / "lake").rglob("sums/calls/*/sums-*.json"))

    seal(tmp_path, day_of(END) + 1)

    again = set((tmp_path / "lake").rglob("sums/calls/*/sums-*.json"))
    assert again != sums
    assert len(again) == len(sums)
    where = CallFilter(spam=Spam.WITHOUT)
    found = await asyncio.to_thread(through_lake, tmp_path, where)
    assert same(found, await store.channels(1, where))


async def test_the_visits_of_whole_days_are_not_counted_again(
    store: SqliteStore, tmp_path: Path
) -> None:
    wanted = await store.channels(1, CallFilter())
    seal(tmp_path, day_of(END) + 1)
    for path in (tmp_path / "lake").rglob("visits/*/*.parquet"):
        path.unlink()

    assert same(await asyncio.to_thread(through_lake, tmp_path, CallFilter()), wanted)


async def test_a_number_that_moved_to_another_site_takes_its_calls_along(
    store: SqliteStore, tmp_path: Path
) -> None:
    """What was added up by site does not hold then: another model is behind the intervals."""
    seal(tmp_path, day_of(END) + 1)
    before = await asyncio.to_thread(through_lake, tmp_path, CallFilter())
    with sqlite3.connect(tmp_path / "store.db") as database:
        database.execute("UPDATE numbers SET site_key = 'blog' WHERE number = ?", (POOLS["shop"],))
    database.close()

    found = await asyncio.to_thread(through_lake, tmp_path, CallFilter())

    wanted = await store.channels(1, CallFilter())
    assert same(found, wanted)
    assert before is not None
    assert [row.calls_low for row in before] != pytest.approx([row.calls_low for row in wanted])


async def test_without_a_sealed_day_the_store_answers(store: SqliteStore, tmp_path: Path) -> None:
    assert await asyncio.to_thread(through_lake, tmp_path, CallFilter()) is None
    assert len(await store.channels(1, CallFilter())) > 3


def reports(tmp_path: Path, seconds: float = 60.0) -> LakeReports:
    place = LakeFolder(tmp_path / "lake")
    sources = Sources(partial(SqliteDays, tmp_path / "store.db"), place, tmp_path / "reports")
    return LakeReports(sources, lambda: END, seconds)


def process_of(elsewhere: LakeReports) -> SpawnProcess | None:
    return elsewhere._process


async def test_the_store_hands_long_reports_to_a_process_and_tells_short_ones_itself(
    store: SqliteStore, tmp_path: Path
) -> None:
    seal(tmp_path, day_of(END))
    wanted = await store.channels(1, CallFilter())
    elsewhere = reports(tmp_path)
    other = SqliteStore.open(tmp_path / "store.db", elsewhere)
    try:
        short = CallFilter(since=END - DAY_MS)
        assert same(await other.channels(1, short), await store.channels(1, short))
        tagged = await other.channels(1, CallFilter(tag="vip"))
        assert sum(row.calls for row in tagged) == 0
        assert process_of(elsewhere) is None
        assert same(await other.channels(1, CallFilter()), wanted)
        process = process_of(elsewhere)
        assert process is not None
        # One that died is started anew, and the report that it died over is told by the store.
        process.kill()
        process.join()
        assert same(await other.channels(1, CallFilter()), wanted)
    finally:
        other.close()
    assert not process.is_alive()


async def test_a_report_can_be_cancelled_and_takes_no_longer_than_it_may(
    store: SqliteStore, tmp_path: Path
) -> None:
    seal(tmp_path, day_of(END))
    wanted = await store.channels(1, CallFilter())
    elsewhere = reports(tmp_path)
    try:
        asked = asyncio.create_task(elsewhere.channels(1, CallFilter()))
        while process_of(elsewhere) is None:  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0)
        process = process_of(elsewhere)
        assert process is not None
        asked.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert time.monotonic() - began < 10
        assert not process.is_alive()
        assert list((tmp_path / "reports").glob("*")) == []
        assert same(await elsewhere.channels(1, CallFilter()), wanted)
    finally:
        elsewhere.close()
    hasty = reports(tmp_path, seconds=0.001)
    assert await hasty.channels(1, CallFilter()) is None
    hasty.close()


async def test_a_damaged_lake_leaves_the_report_to_the_store(
    store: SqliteStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seal(tmp_path, day_of(END))
    for path in (tmp_path / "lake").rglob("*.parquet"):
        path.unlink()
    elsewhere = reports(tmp_path)
    try:
        assert await elsewhere.channels(1, CallFilter()) is None
    finally:
        elsewhere.close()
    assert "lake_report_failed" in caplog.text
    assert len(await store.channels(1, CallFilter())) > 3
