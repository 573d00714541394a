"""Rows leave the store for the lake: whatever happens between, the two are one view."""

import asyncio
import contextlib
import shutil
import tempfile
import threading
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import asyncpg
import duckdb
import pytest
from hypothesis import settings, strategies
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from ringtrace.domain.account import Account
from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.call import GatewayKind, Outcome, Report
from ringtrace.domain.flow import Flow
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.domain.visit import Device, HitKind, Visit
from ringtrace.services.commands import ApplySetup, Command, KeepReport, NoteHit, ShowNumber
from ringtrace.services.lake import Change, Key, Kind, LeavingRows
from ringtrace.store.forgetting import Forgetting
from ringtrace.store.lake.export import Exporter, Format, Wanted
from ringtrace.store.lake.leave import Leaver, Left
from ringtrace.store.lake.parquet import SealMismatchError
from ringtrace.store.lake.place import LakeFolder
from ringtrace.store.lake.schema import TABLES
from ringtrace.store.lake.seal import RowsLostError, Sealer
from ringtrace.store.postgres.days import PostgresDays
from ringtrace.store.postgres.forgetting import PostgresForgetting
from ringtrace.store.postgres.leaving import PostgresLeaving
from ringtrace.store.postgres.migration import tables
from ringtrace.store.postgres.store import PostgresStore
from ringtrace.store.sqlite.days import SqliteDays
from ringtrace.store.sqlite.forgetting import SqliteForgetting
from ringtrace.store.sqlite.leaving import SqliteLeaving
from ringtrace.store.sqlite.store import SqliteStore
from tests import citus
from tests.lake import columns
from tests.postgres import Postgres
from tests.stores import no_rest

pytestmark = citus.plain_only
R = TypeVar("R")

POOL = "+12025550200"
FIRST = 20_000
DAYS = range(FIRST, FIRST + 2)
CALLER, NOBODY = "+12025550177", "forgotten-1"

View = dict[Kind, list[dict[str, Any]]]


class KilledError(Exception):
    """Stands for the end of the process."""


class Fuse:
    """Blows at a certain step, and stays blown."""

    def __init__(self, steps: int | None) -> None:
        self._left = steps

    def step(self) -> None:
        if self._left is None:
            return
        if self._left == 0:
            raise KilledError
        self._left -= 1


class FragilePlace(LakeFolder):
    def __init__(self, folder: Path, fuse: Fuse) -> None:
        super().__init__(folder)
        self._fuse = fuse

    def write(self, name: str, content: bytes) -> None:
        self._fuse.step()
        super().write(name, content)
        self._fuse.step()

    def put(self, name: str, file: Path) -> None:
        self._fuse.step()
        super().put(name, file)
        self._fuse.step()

    def delete(self, name: str) -> None:
        self._fuse.step()
        super().delete(name)


class FragileLeaving:
    """Few rows at a time; something else may happen after each transaction."""

    def __init__(self, rows: LeavingRows, fuse: Fuse, between: Callable[[], None]) -> None:
        self._rows = rows
        self._fuse = fuse
        self._between = between

    def __enter__(self) -> Self:
        self._rows.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rows.__exit__(kind, error, trace)

    def begin(self, account_id: int, days: Sequence[Change]) -> Sequence[Change]:
        begun = self._rows.begin(account_id, days)
        self._pause()
        return begun

    def drop(self, change: Change, kind: Kind, keys: Sequence[Key]) -> int | None:
        total = 0
        for key in keys:
            dropped = self._rows.drop(change, kind, [key])
            self._pause()
            if dropped is None:
                return None
            total += dropped
        return total

    def end(self, change: Change) -> bool:
        return self._rows.end(change)

    def _pause(self) -> None:
        self._fuse.step()
        self._between()


@dataclass(frozen=True)
class Home:
    """Where the rows of a side are."""

    open: Callable[[], Awaitable[Any]]
    days: Callable[[], AbstractContextManager[Any]]
    leaving: Callable[[int], LeavingRows]
    forgetting: Callable[[], Forgetting]


def in_file(path: Path) -> Home:
    async def opened() -> SqliteStore:
        return SqliteStore.open(path)

    return Home(
        opened,
        lambda: SqliteDays(path),
        lambda silent_since: SqliteLeaving(path, silent_since, no_rest),
        lambda: SqliteForgetting(path),
    )


def in_database(url: str) -> Home:
    return Home(
        lambda: PostgresStore.open(url),
        lambda: PostgresDays(url),
        lambda silent_since: PostgresLeaving(url, silent_since, no_rest),
        lambda: PostgresForgetting(url),
    )


Homes = Callable[[str, Path], Home]
"""Of a side of that name, with a folder of its own; empty."""


@pytest.fixture(params=["sqlite", "partitioned"])
def homes(request: pytest.FixtureRequest) -> Homes:
    if request.param == "sqlite":
        return lambda _name, folder: in_file(folder / "store.db")
    server: Postgres = request.getfixturevalue("postgres")
    urls: dict[str, str] = {}

    def home(name: str, _folder: Path) -> Home:
        if name in urls:
            asyncio.run(emptied(urls[name]))
        else:
            urls[name] = asyncio.run(server.database(partitioned=True))
        return in_database(urls[name])

    return home


async def emptied(url: str) -> None:
    connection = await asyncpg.connect(url)
    for one in tables():
        await connection.execute(f"DELETE FROM {one}")  # noqa: S608 - our own names
    await connection.close()


class Side:
    """A store with its lake; the store works while others wait for their own."""

    def __init__(self, homes: Homes, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.home = homes(folder.name, folder)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.store = self._done(self._opened())
        self.scratch = folder / "scratch"

    @property
    def place(self) -> LakeFolder:
        return LakeFolder(self.folder / "lake")

    def _done(self, asked: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(30)

    async def _opened(self) -> Any:
        store = await self.home.open()
        flow = Flow.ringing(["+12025550199"])
        number = TrackingNumber(1, POOL, NumberKind.POOL, "p", flow, "shop", None, True)
        sites = (Site(1, "shop", "Shop", (), ()),)
        await store.submit(ApplySetup(1, Account(1, "A", "US"), sites, (number,), 0))
        return store

    def close(self) -> None:
        async def closed() -> None:
            closing = self.store.close()
            if closing is not None:
                await closing

        self._done(closed())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def submit(self, command: Command[Any]) -> None:
        self._done(self.store.submit(command))

    def seal(self, before: int, fuse: Fuse | None = None) -> None:
        place = FragilePlace(self.folder / "lake", fuse or Fuse(None))
        with self.home.days() as days:
            Sealer(days, place, self.scratch, lambda: 0).seal(before)

    def leave(
        self, before: int, fuse: Fuse | None = None, between: Callable[[], None] = lambda: None
    ) -> Left:
        self.scratch.mkdir(exist_ok=True)
        leaving = self.home.leaving(before * DAY_MS)
        with self.home.days() as days, FragileLeaving(leaving, fuse or Fuse(None), between) as rows:
            return Leaver(days, rows, self.place, self.scratch).leave(before)

    def view(self) -> View:
        """Everything there is, by way of an export."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            with self.home.days() as days:
                wanted = Wanted(1, set(Kind), Format.PARQUET)
                Exporter(days, self.place, folder).export(wanted, folder, lambda _done, _all: None)
            return {kind: _rows(folder / kind) for kind in Kind}

    def has_visit(self, visit: str) -> bool:
        return self._done(self.store.visit(1, visit)) is not None


def _rows(folder: Path) -> list[dict[str, Any]]:
    if not folder.exists():
        return []
    with duckdb.connect() as database:
        found = database.execute(
            "SELECT * FROM read_parquet(?) ORDER BY ALL", [f"{folder}/*.parquet"]
        )
        names = [one[0] for one in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def visit_id(number: int) -> str:
    return f"{number:032x}"


def view(number: int, at: int) -> ShowNumber:
    begun = Visit(visit_id(number), visit_id(number), "shop", at, Device.DESKTOP, Source("Email"))
    return ShowNumber(1, begun, "shop.example/", at)


def sign(visit: str, kind: HitKind, at: int) -> NoteHit:
    return NoteHit(1, "shop", visit, kind, at)


def call(number: int, visits: Collection[str], at: int) -> KeepReport:
    shares = tuple(Credit(one, 0.5 / len(visits), Source("Email")) for one in visits)
    said = Report(
        number=POOL, caller=CALLER, started_at=at, outcome=Outcome.ANSWERED, reason=None, code=200,
        target=None, ring_seconds=1.0, talk_seconds=9.0, legs=(), recording=None, session=None,
        plan_source=None,
    )  # fmt: skip
    given = Attribution(Basis.EXPOSURES, "m", shares, 0.5 if shares else 1.0)
    return KeepReport(1, GatewayKind.SIP, f"c{number}", said, given, at)


days = strategies.sampled_from(DAYS)
moments = strategies.integers(0, 20).map(lambda step: step * 3_600_000)
befores = strategies.sampled_from([FIRST + 1, DAYS.stop])
fuses = strategies.integers(0, 12)


class OneView(RuleBasedStateMachine):
    """What one side seals and lets go, with interruptions, the other keeps in its store."""

    visits: Bundle[str] = Bundle("visits")

    def __init__(self, homes: Homes) -> None:
        super().__init__()
        self.homes = homes

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.leaving = Side(self.homes, self.folder / "a")
        self.keeping = Side(self.homes, self.folder / "b")
        self.number = 1
        self.tell(view(1, FIRST * DAY_MS))
        self.leaving.seal(FIRST + 1)
        assert self.leaving.leave(FIRST + 1).days == 1

    def teardown(self) -> None:
        if hasattr(self, "leaving"):
            try:
                self.leaving.seal(DAYS.stop)
                self.leaving.leave(DAYS.stop)
                self.look()
            finally:
                self.leaving.close()
                self.keeping.close()
                shutil.rmtree(self.folder)

    def tell(self, command: Command[Any]) -> None:
        for side in (self.leaving, self.keeping):
            side.submit(command)

    @rule(target=visits, day=days, moment=moments)
    def visit_begins(self, day: int, moment: int) -> str:
        self.number += 1
        self.tell(view(self.number, day * DAY_MS + moment))
        return visit_id(self.number)

    @rule(visit=visits, kind=strategies.sampled_from(HitKind), day=days, moment=moments)
    def visit_goes_on(self, visit: str, kind: HitKind, day: int, moment: int) -> None:
        # One that has left ended long ago: no sign of life can come of it.
        if self.leaving.has_visit(visit) and kind is not HitKind.PAGE:
            self.tell(sign(visit, kind, day * DAY_MS + moment))

    @rule(named=strategies.lists(visits, max_size=2, unique=True), day=days, moment=moments)
    def call_comes(self, named: list[str], day: int, moment: int) -> None:
        self.number += 1
        self.tell(call(self.number, named, day * DAY_MS + moment))

    @rule(before=befores, steps=strategies.none() | fuses)
    def seal(self, before: int, steps: int | None) -> None:
        with contextlib.suppress(KilledError):
            self.leaving.seal(before, Fuse(steps))

    @rule(before=befores, steps=strategies.none() | fuses)
    def leave(self, before: int, steps: int | None) -> None:
        with contextlib.suppress(KilledError):
            self.leaving.leave(before, Fuse(steps))

    @rule(visit=visits, wait=strategies.integers(0, 3), day=days, moment=moments)
    def something_comes_while_rows_leave(
        self, visit: str, wait: int, day: int, moment: int
    ) -> None:
        waits = iter(range(wait, -1, -1))

        def between() -> None:
            if next(waits, None) != 0:
                return
            at = day * DAY_MS + moment
            if self.leaving.has_visit(visit):
                self.tell(sign(visit, HitKind.CONTACT, at))
            else:
                self.number += 1
                self.tell(view(self.number, at))

        self.leaving.seal(DAYS.stop)
        self.leaving.leave(DAYS.stop, between=between)

    @rule()
    def forget(self) -> None:
        for side in (self.leaving, self.keeping):
            with side.home.forgetting() as store:
                for one in store.calls(1, {CALLER}):
                    store.make_anonymous(1, one, NOBODY)

    @rule()
    def look(self) -> None:
        assert self.leaving.view() == self.keeping.view()


def test_the_store_and_the_lake_are_one_view_whatever_happens(homes: Homes) -> None:
    run_state_machine_as_test(
        lambda: OneView(homes),  # type: ignore[arg-type]  # any factory will do
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None, report_multiple_bugs=False
        ),
    )


def test_a_day_that_is_sealed_anew_after_it_left_has_all_rows_and_no_other_columns(
    homes: Homes, tmp_path: Path
) -> None:
    side = Side(homes, tmp_path / "a")
    side.submit(view(1, FIRST * DAY_MS))
    side.seal(FIRST + 1)
    assert side.leave(FIRST + 1).days == 1
    side.submit(view(2, FIRST * DAY_MS + 1))
    side.seal(FIRST + 1)
    assert side.leave(FIRST + 1).days == 1

    assert [one["visit_id"] for one in side.view()[Kind.VISITS]] == [visit_id(1), visit_id(2)]
    assert not side.has_visit(visit_id(1))
    assert not side.has_visit(visit_id(2))
    (file,) = (tmp_path / "a" / "lake").rglob("visits/*/*.parquet")
    assert set(columns(file)) - set(TABLES[Kind.VISITS].columns) == {"duckdb_schema"}
    side.close()


def test_a_row_that_changes_while_its_day_leaves_stays_as_it_is(
    homes: Homes, tmp_path: Path
) -> None:
    side = Side(homes, tmp_path / "a")
    side.submit(view(1, FIRST * DAY_MS))
    side.seal(FIRST + 1)
    signs = iter([sign(visit_id(1), HitKind.CONTACT, FIRST * DAY_MS + 5)])

    def between() -> None:
        for one in signs:
            side.submit(one)

    assert side.leave(FIRST + 1, between=between).days == 0
    assert side.has_visit(visit_id(1))
    side.seal(FIRST + 1)
    assert side.leave(FIRST + 1).days == 1

    (visit,) = side.view()[Kind.VISITS]
    assert visit["contact_at"] is not None
    assert not side.has_visit(visit_id(1))
    side.close()


def test_a_sign_that_came_after_the_clock_went_back_is_sealed_with_its_visit(
    homes: Homes, tmp_path: Path
) -> None:
    side = Side(homes, tmp_path / "a")
    side.submit(view(1, (FIRST + 1) * DAY_MS))
    side.seal(FIRST + 2)
    side.submit(sign(visit_id(1), HitKind.CONTACT, FIRST * DAY_MS + 5))
    side.seal(FIRST + 2)
    assert side.leave(FIRST + 2).days == 2

    (visit,) = side.view()[Kind.VISITS]
    assert visit["contact_at"] is not None
    side.close()


def test_a_visit_whose_id_comes_again_on_another_day_stays_until_that_day_leaves(
    homes: Homes, tmp_path: Path
) -> None:
    side = Side(homes, tmp_path / "a")
    side.submit(view(1, FIRST * DAY_MS))
    side.seal(FIRST + 1)
    assert side.leave(FIRST + 1).days == 1
    side.submit(view(2, FIRST * DAY_MS + 1))
    side.submit(view(1, (FIRST + 60) * DAY_MS))
    side.seal(FIRST + 1)

    assert side.leave(FIRST + 100).days == 1

    assert side.has_visit(visit_id(1))
    assert len(side.view()[Kind.VISITS]) == 3
    side.close()


def test_another_lake_than_that_of_earlier_days_gets_none(homes: Homes, tmp_path: Path) -> None:
    side = Side(homes, tmp_path / "a")
    side.submit(view(1, FIRST * DAY_MS))
    side.seal(FIRST + 1)
    assert side.leave(FIRST + 1).days == 1
    side.submit(view(2, (FIRST + 1) * DAY_MS))
    (tmp_path / "a" / "lake").rename(tmp_path / "a" / "elsewhere")
    with pytest.raises(RowsLostError):
        side.seal(FIRST + 2)

    with pytest.raises(RowsLostError):
        side.leave(FIRST + 2)

    assert side.has_visit(visit_id(2))
    side.close()


def test_a_file_that_is_not_what_was_sealed_lets_nothing_leave(
    homes: Homes, tmp_path: Path
) -> None:
    side = Side(homes, tmp_path / "a")
    side.submit(view(1, FIRST * DAY_MS))
    side.seal(FIRST + 1)
    (file,) = (tmp_path / "a" / "lake").rglob("visits/*/*.parquet")
    file.write_bytes(file.read_bytes() + b"x")

    with pytest.raises(SealMismatchError):
        side.leave(FIRST + 1)

    assert side.has_visit(visit_id(1))
    side.close()
