"""Arrivals are noted behind the answer, and a flood of them gives way to answering."""

import asyncio
from typing import cast

import pytest

from ringtrace.domain.account import Account, TokenKind, TokenOwner
from ringtrace.domain.flow import Flow
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.domain.source import Source
from ringtrace.services import note_arrivals
from ringtrace.services.arrival import Arrival
from ringtrace.services.commands import NoteArrival
from ringtrace.services.directory import Directory
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.keep_sound import SoundLinks
from ringtrace.services.ports import Store
from ringtrace.services.route_call import RouteCall
from ringtrace.services.setup_records import Configuration
from ringtrace.services.watch_callers import CallerWatch

OWNER = TokenOwner(1, TokenKind.SIP)
RADIO = "+12025550101"


class Notebook:
    """A store that holds on to what it is told until it is `open`."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.told = asyncio.Event()
        self.away = False
        self.noted: list[str] = []
        self.together = 0

    async def configuration(self) -> Configuration:
        number = TrackingNumber(
            1, RADIO, NumberKind.STATIC, "Radio", Flow.ringing(["+12025550191"]), None,
            Source("Radio"), active=True,
        )  # fmt: skip
        return Configuration((Account(1, "Shop", "US"),), (), (number,), ())

    async def submit(self, command: NoteArrival) -> None:
        self.together += 1
        self.told.set()
        await self.open.wait()
        self.together = 0
        if self.away:
            raise StoreAwayError("away")
        self.noted.append(command.call)


@pytest.fixture
async def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
async def routing(notebook: Notebook) -> RouteCall:
    store = cast(Store, notebook)
    directory = Directory(store)
    await directory.refresh()
    links = SoundLinks(b"key", directory, store, _now)
    return RouteCall(store, directory, CallerWatch(store), _now, links, lambda: 0.5)


def _now() -> int:
    return 1_790_000_000_000


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(note_arrivals, "_NOTES_AT_ONCE", 10)
    monkeypatch.setattr(note_arrivals, "_MOST_WAITING", 25)


async def arrive(routing: RouteCall, count: int) -> None:
    for n in range(count):
        plan = await routing(OWNER, Arrival(f"call-{n}", RADIO, "+12025550177", 1_790_000_000_000))
        assert plan.number == RADIO


async def test_a_plan_does_not_wait_for_its_note(routing: RouteCall, notebook: Notebook) -> None:
    await arrive(routing, 1)

    assert notebook.noted == []
    notebook.open.set()
    await routing.settle()
    assert notebook.noted == ["call-0"]


@pytest.mark.usefixtures("few")
async def test_notes_are_written_some_at_a_time_and_in_order(
    routing: RouteCall, notebook: Notebook
) -> None:
    await arrive(routing, 22)
    async with asyncio.timeout(5):
        await notebook.told.wait()
    assert notebook.together == 10

    notebook.open.set()
    await routing.settle()
    assert notebook.noted == [f"call-{n}" for n in range(22)]


@pytest.mark.usefixtures("few")
async def test_a_flood_is_answered_whole_and_noted_in_part(
    routing: RouteCall, notebook: Notebook, caplog: pytest.LogCaptureFixture
) -> None:
    notebook.open.set()
    await arrive(routing, 100)
    await routing.settle()

    assert notebook.noted == [f"call-{n}" for n in range(25)]
    assert "arrivals_not_noted count=75" in caplog.text


async def test_a_store_that_is_away_costs_the_note_alone(
    routing: RouteCall, notebook: Notebook, caplog: pytest.LogCaptureFixture
) -> None:
    notebook.away = True
    notebook.open.set()
    await arrive(routing, 2)
    await routing.settle()
    assert "arrivals_not_noted count=2" in caplog.text

    notebook.away = False
    await arrive(routing, 1)
    await routing.settle()
    assert notebook.noted == ["call-0"]
