"""Every kind of store in turn, empty at first."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ringtrace.services.ports import Store
from ringtrace.store.postgres import store as opening
from ringtrace.store.postgres.days import ALL_CHANGES, PostgresDays
from ringtrace.store.postgres.importing import PostgresImporting
from ringtrace.store.postgres.leaving import PostgresLeaving
from ringtrace.store.postgres.reads import OF_ALL_ACCOUNTS
from ringtrace.store.postgres.retention import ACCOUNTS, PostgresRetention
from ringtrace.store.postgres.setup import NEW_ACCOUNT, ROUTE
from ringtrace.store.postgres.store import PostgresStore
from ringtrace.store.sqlite.days import SqliteDays
from ringtrace.store.sqlite.importing import SqliteImporting
from ringtrace.store.sqlite.leaving import SqliteLeaving
from ringtrace.store.sqlite.retention import SqliteRetention
from ringtrace.store.sqlite.store import SqliteStore
from tests.postgres import Postgres
from tests.shards import Touch, watching
from tests.stores import KINDS, Place, no_rest

_ANYWHERE = OF_ALL_ACCOUNTS | {NEW_ACCOUNT, ALL_CHANGES, ACCOUNTS} | set(ROUTE.values())


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Touch]]:
    """Statements of connections made from now on; every one must stay with its accounts."""
    with watching(monkeypatch) as seen:
        yield seen
    strays = {one.statement for one in seen if one.strays and one.statement not in _ANYWHERE}
    assert not strays, "\n".join(sorted(strays))


@pytest.fixture(params=KINDS)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    place = await _place(request, request.param, tmp_path)
    yield place
    await place.close_all()


def as_distributed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores opened from now on take their database for a distributed one: it is divided alike."""

    async def yes(_connection: object) -> bool:
        return True

    monkeypatch.setattr(opening, "_is_distributed", yes)


async def _place(request: pytest.FixtureRequest, kind: str, folder: Path) -> Place:
    if kind == "sqlite":
        path = folder / "store.db"

        async def file() -> SqliteStore:
            return SqliteStore.open(path)

        return Place(
            kind,
            file,
            lambda: SqliteDays(path),
            lambda: SqliteImporting(path),
            lambda silent_since: SqliteLeaving(path, silent_since, no_rest),
            lambda: SqliteRetention(path, no_rest),
        )
    server: Postgres = request.getfixturevalue("postgres")
    url = await server.database(partitioned=kind == "partitioned")
    if kind == "partitioned":
        as_distributed(request.getfixturevalue("monkeypatch"))
    if kind in {"partitioned", "citus"}:
        request.getfixturevalue("touched")
    return Place(
        kind,
        lambda: PostgresStore.open(url),
        lambda: PostgresDays(url),
        lambda: PostgresImporting(url),
        lambda silent_since: PostgresLeaving(url, silent_since, no_rest),
        lambda: PostgresRetention(url, no_rest),
        url,
    )


@pytest.fixture
async def store(place: Place) -> Store:
    return await place.open()
