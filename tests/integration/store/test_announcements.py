"""What servers over one database hear of each other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ringtrace.domain.moment import MINUTE_MS
from ringtrace.domain.notice import Secret, Standing
from ringtrace.domain.screening import Finding, Rule
from ringtrace.services.commands import (
    AddTag,
    DropSound,
    KeepSecret,
    KeepSound,
    ListCallers,
    SetStanding,
    UnlistCaller,
)
from ringtrace.services.errors import NotFoundError
from ringtrace.store.postgres.announcements import configures
from ringtrace.store.postgres.store import PostgresStore
from tests.postgres import Postgres
from tests.stores import NOW, POOL, SIP, report, setup, shown, view

SOUND = KeepSound(1, "welcome", "0" * 64, 1.0, b"RIFF", NOW, None)
EVERY_TIME = 0.0


@dataclass
class Listener:
    """A second server."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)
    extensions: "asyncio.Queue[tuple[str, int]]" = field(default_factory=asyncio.Queue)

    async def hears(self) -> None:
        async with asyncio.timeout(10):
            await self.changed.wait()
        self.changed.clear()


@pytest.fixture
async def url(postgres: Postgres) -> str:
    return await postgres.database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(url)
    await opened.submit(setup(numbers=POOL[:1], extensions_above=EVERY_TIME))
    yield opened
    await opened.close()


@pytest.fixture
async def listener(url: str) -> AsyncIterator[Listener]:
    second, heard = await PostgresStore.open(url), Listener()

    def extension(number: str, at: int) -> None:
        heard.extensions.put_nowait((number, at))

    listening = asyncio.create_task(second.watch(heard.changed.set, extension))
    await heard.hears()
    yield heard
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listening
    await second.close()


async def test_sounds_are_heard_of(store: PostgresStore, listener: Listener) -> None:
    await store.submit(SOUND)
    await listener.hears()
    await store.submit(DropSound(1, "welcome"))
    await listener.hears()


async def test_what_nobody_keeps_in_memory_is_not_told(
    store: PostgresStore, listener: Listener
) -> None:
    """Notices of one speaker come in order."""
    await store.submit(report("c"))
    await store.submit(AddTag(1, SIP, "c", "vip", NOW, None))
    with pytest.raises(NotFoundError):
        await store.submit(DropSound(1, "none"))
    await store.submit(view(1))
    await store.submit(view(2))

    async with asyncio.timeout(10):
        await listener.extensions.get()
    assert not listener.changed.is_set()


async def test_an_extension_that_one_server_shows_is_known_to_all(
    store: PostgresStore, listener: Listener
) -> None:
    """Told at once, then often enough for a caller to be asked for a day."""
    await shown(store, view(1))
    told = []
    for minute in (0, 1, 9, 10, 11):
        number = await shown(store, view(minute + 2, NOW + minute * MINUTE_MS))
        assert number.extension
    async with asyncio.timeout(10):
        told += [await listener.extensions.get() for _ in range(2)]

    assert told == [(POOL[0], NOW), (POOL[0], NOW + 10 * MINUTE_MS)]
    assert listener.extensions.empty()


_PASSED: Any = report("c", digits="1")
_ASKED = Finding(Rule.SILENT, "5 silent calls")


@pytest.mark.parametrize(
    ("command", "result", "told"),
    [
        (ListCallers(1, ()), None, True),
        (UnlistCaller(1, "+1900*", NOW, None), None, True),
        (UnlistCaller(1, "+1900*", NOW, None), NotFoundError("no", "pattern"), False),
        (KeepSecret(1, "r", Secret("s", NOW)), None, True),
        (SetStanding(1, "r", Standing.ACTIVE, NOW), None, True),
        (_PASSED, None, False),
        (replace(_PASSED, finding=_ASKED), None, True),
        (replace(_PASSED, finding=replace(_ASKED, rule=Rule.BLOCKED)), None, False),
    ],
)
def test_commands_that_change_what_is_kept_in_memory(
    command: Any, result: object, *, told: bool
) -> None:
    assert configures(command, result) is told
