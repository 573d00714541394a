"""The SQLite store: batches, failures, restarts, migrations."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from ringtrace.domain.account import Account
from ringtrace.domain.flow import Flow
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.domain.visit import Device, HitKind, Visit
from ringtrace.services.commands import ApplySetup, NoteHit, ShowNumber
from ringtrace.services.errors import NumberTakenError, StoreAwayError
from ringtrace.store.schema import SchemaTooNewError
from ringtrace.store.sqlite.connection import connect, migrate
from ringtrace.store.sqlite.store import SqliteStore

DAY = 86_400_000
NOW = 1_790_000_000_000
POOL = [f"+1202555{n:04d}" for n in range(200, 205)]


def setup(account_id: int = 1, numbers: list[str] = POOL) -> ApplySetup:
    flow = Flow.ringing(["+12025550199"])
    return ApplySetup(
        account_id,
        Account(account_id, "A", "US"),
        (Site(account_id, f"site{account_id}", "S", (), ()),),
        tuple(
            TrackingNumber(
                account_id, one, NumberKind.POOL, one, flow, f"site{account_id}", None, True
            )
            for one in numbers
        ),
        NOW,
    )


def view(number: int, at: int = NOW, *, visitor: int | None = None, made: int = NOW) -> ShowNumber:
    visit_id = f"{made:012x}{number:020x}"
    visitor_id = f"{visitor if visitor is not None else number:032x}"
    visit = Visit(visit_id, visitor_id, "site1", at, Device.DESKTOP, Source("Direct"))
    return ShowNumber(1, visit, "shop.example/", at)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


async def test_leases_survive_a_restart(path: Path) -> None:
    store = SqliteStore.open(path)
    await store.submit(setup())
    shown = [await store.submit(view(n, NOW + n)) for n in range(5)]
    await store.submit(NoteHit(1, "site1", view(3).visit.visit_id, HitKind.LEAVE, NOW + 10))
    store.close()

    again = SqliteStore.open(path)
    same = [await again.submit(view(n, NOW + 20)) for n in (0, 1, 2, 4)]
    new = await again.submit(view(9, NOW + 21))
    again.close()

    assert same == [shown[n] for n in (0, 1, 2, 4)]
    assert new == shown[3]


async def test_a_visit_keeps_its_number_even_when_memory_has_forgotten_it(path: Path) -> None:
    store = SqliteStore.open(path)
    await store.submit(setup())
    first = await store.submit(view(1))
    for n in range(10, 20):
        await store.submit(view(n, NOW + 3 * DAY, made=NOW + 3 * DAY))

    again = await store.submit(view(1, NOW + 3 * DAY))
    store.close()

    assert again == first


async def test_one_refused_command_does_not_harm_the_others_of_its_batch(path: Path) -> None:
    store = SqliteStore.open(path)
    await store.submit(setup())
    thief = setup(2, [POOL[0]])

    views = [store.submit(view(n % 3)) for n in range(6)]
    theft = asyncio.gather(store.submit(thief), return_exceptions=True)
    shown = await asyncio.gather(*views)
    (refused,) = await theft
    configuration = await store.configuration()
    store.close()

    assert isinstance(refused, NumberTakenError)
    assert shown[:3] == shown[3:]
    assert len(set(shown)) == 3
    assert {one.account_id for one in configuration.numbers} == {1}


async def test_a_failed_write_is_told_and_the_promise_holds_afterwards(path: Path) -> None:
    store = SqliteStore.open(path)
    await store.submit(setup())
    first = await store.submit(view(1))
    store._connection.execute("PRAGMA query_only = ON")

    with pytest.raises(StoreAwayError):
        await store.submit(view(2))
    store._connection.execute("PRAGMA query_only = OFF")

    assert await store.submit(view(1)) == first
    assert await store.submit(view(2)) not in {first, None}
    assert await store.visit(1, view(2).visit.visit_id) is not None
    store.close()


async def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore.open(path)
    store.close()
    store.close()

    with pytest.raises(StoreAwayError):
        await store.submit(setup())
    with pytest.raises(StoreAwayError):
        await store.configuration()


async def test_many_visitors_at_once_never_share_while_a_number_is_free(path: Path) -> None:
    numbers = [f"+1202555{n:04d}" for n in range(1000, 1064)]
    store = SqliteStore.open(path)
    await store.submit(setup(numbers=numbers))

    shown = await asyncio.gather(*(store.submit(view(n // 3)) for n in range(64 * 3)))
    store.close()

    by_visit = {n // 3: number for n, number in enumerate(shown)}
    assert [by_visit[n // 3] for n in range(64 * 3)] == shown
    assert len(set(by_visit.values())) == 64


async def test_numbers_taken_out_of_the_pool_are_shown_no_more(path: Path) -> None:
    store = SqliteStore.open(path)
    await store.submit(setup())
    await store.submit(view(1))
    out = setup()
    switched_off = tuple(
        TrackingNumber(**{name: getattr(one, name) for name in one.__slots__} | {"active": False})
        for one in out.numbers[:4]
    )
    await store.submit(ApplySetup(1, out.account, (), switched_off, NOW))

    shown = [await store.submit(view(n)) for n in (1, 2, 3)]
    store.close()

    assert {lease and lease.number for lease in shown} == {POOL[4]}


def test_the_file_is_opened_for_power_loss(path: Path) -> None:
    connection = connect(path)

    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    connection.close()


def test_a_file_of_a_newer_program_is_left_alone(path: Path) -> None:
    connection = connect(path)
    migrate(connection)
    connection.execute("PRAGMA user_version = 999")

    with pytest.raises(SchemaTooNewError):
        migrate(connection)
    connection.close()


def test_every_key_begins_with_the_account(path: Path) -> None:
    connection = connect(path)
    migrate(connection)
    tables = [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    for table in tables:
        if table.endswith("_routes"):
            continue
        key = sorted(
            (row[5], row[1]) for row in connection.execute(f"PRAGMA table_info({table})") if row[5]
        )
        assert key[0][1] == "account_id", table
    connection.close()


def test_migrating_again_changes_nothing(path: Path) -> None:
    connection = connect(path)
    version = migrate(connection)
    before = list(connection.execute("SELECT sql FROM sqlite_master"))

    assert migrate(connection) == version
    assert list(connection.execute("SELECT sql FROM sqlite_master")) == before
    connection.close()


def test_a_reader_cannot_write(path: Path) -> None:
    migrate(connect(path))
    reader = connect(path, readonly=True)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM visits")
    reader.close()
