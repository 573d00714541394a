"""Every kind of store in turn, empty at first."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ringtrace.services.ports import Store
from ringtrace.store.postgres import store as opening
from ringtrace.store.postgres.days import ALL_CHANGES, PostgresDays
from ringtrace.store.postgres.importing import PostgresImporting
from ringtrace.store.postgres.reads import OF_ALL_ACCOUNTS
from ringtrace.store.postgres.setup import NEW_ACCOUNT, ROUTE
from ringtrace.store.postgres.store import PostgresStore
from ringtrace.store.sqlite.days import SqliteDays
from ringtrace.store.sqlite.importing import SqliteImporting
from ringtrace.store.sqlite.store import SqliteStore
from tests.postgres import Postgres
from tests.shards import Touch, watching
from tests.stores import KINDS, Place

_Opener = Callable[[], AbstractContextManager[Any]]

_ANYWHERE = OF_ALL_ACCOUNTS | {NEW_ACCOUNT, ALL_CHANGES} | set(ROUTE.values())


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Touch]]:
    """Statements of connections made from now on; every one must stay with its accounts."""
    with watching(monkeypatch) as seen:
        yield seen
    strays = {one.statement for one in seen if one.strays and one.statement not in _ANYWHERE}
    assert not strays, "\n".join(sorted(strays))


@pytest.fixture(params=KINDS)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    kind = request.param
    place = Place(kind, *await _openers(request, kind, tmp_path))
    yield place
    await place.close_all()


def as_distributed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores opened from now on take their database for a distributed one: it is divided alike."""

    async def yes(_connection: object) -> bool:
        return True

    monkeypatch.setattr(opening, "_is_distributed", yes)


async def _openers(
    request: pytest.FixtureRequest, kind: str, folder: Path
) -> tuple[Callable[[], Awaitable[Any]], _Opener, _Opener]:
    """Of a store, of its days, and of what rows of an export go into."""
    if kind == "sqlite":
        path = folder / "store.db"

        async def file() -> SqliteStore:
            return SqliteStore.open(path)

        return file, lambda: SqliteDays(path), lambda: SqliteImporting(path)
    server: Postgres = request.getfixturevalue("postgres")
    url = await server.database(partitioned=kind == "partitioned")
    if kind == "partitioned":
        as_distributed(request.getfixturevalue("monkeypatch"))
    if kind in {"partitioned", "citus"}:
        request.getfixturevalue("touched")
    return (
        lambda: PostgresStore.open(url),
        lambda: PostgresDays(url),
        lambda: PostgresImporting(url),
    )


@pytest.fixture
async def store(place: Place) -> Store:
    return await place.open()
