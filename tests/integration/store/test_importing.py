"""Rows of an export go into a store: only those that are not there, a part of a day or nothing."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringtrace.domain.attribution import Basis
from ringtrace.domain.call import GatewayKind, Outcome
from ringtrace.domain.moment import day_of
from ringtrace.domain.visit import Device, HitKind
from ringtrace.services.call_records import CallFilter
from ringtrace.services.lake import Kind, Part
from ringtrace.store.importing import Imported, bring_back
from ringtrace.store.lake.exported import (
    CallLine,
    CreditLine,
    ExposureLine,
    HitLine,
    Line,
    Share,
    VisitLine,
)
from ringtrace.store.postgres.sessions import DatabaseInUseError
from ringtrace.store.rows import text
from tests.stores import ADS, KINDS, NOW, POOL, Place, setup, visit_id

TODAY = day_of(NOW)
AT = datetime.fromtimestamp(NOW / 1_000, UTC)
MANY = 2_345


def visit_line(number: int, channel: str = "Email") -> VisitLine:
    unsaid = dict.fromkeys(
        ("left_at", "contact_at", "tapped_at", "source", "medium", "campaign", "term", "content",
         "click_id_type", "click_id", "reason", "extension")
    )  # fmt: skip
    return VisitLine(
        visit_id=visit_id(number), visitor_id=visit_id(number), site_key="site1", started_at=AT,
        seen_at=AT, device=Device.MOBILE, channel=channel, landing_page="shop.example/",
        number=POOL[0], **unsaid,
    )  # fmt: skip


def hit_line(number: int) -> HitLine:
    at = AT + timedelta(milliseconds=number)
    return HitLine(visit_id=visit_id(1), hit_at=at, kind=HitKind.PAGE, path="shop.example/\0")


def exposure_line(number: int) -> ExposureLine:
    return ExposureLine(number=POOL[0], shown_at=AT, visit_id=visit_id(number), extension=None)


def call_line(call: str, outcome: Outcome | None = Outcome.ANSWERED) -> CallLine:
    unsaid = dict.fromkeys(
        ("caller", "reason", "code", "target", "ring_seconds", "talk_seconds", "legs",
         "recording_url", "recording_seconds", "recording_channels", "session", "plan_source",
         "node", "digits", "flow", "audio_format", "audio_sha256")
    )  # fmt: skip
    return CallLine(
        gateway=GatewayKind.SIP, call_id=call, number=POOL[0], started_at=AT, outcome=outcome,
        spam=False, basis=Basis.EXPOSURES, model="m", unknown=0.25, repeat=0.0, from_visits=True,
        shares=[Share(str(ADS.channel), 0.75)], **unsaid,
    )  # fmt: skip


def credit_line(call: str, position: int = 0) -> CreditLine:
    return CreditLine(
        gateway=GatewayKind.SIP, call_id=call, started_at=AT, position=position, visit_id=None,
        probability=0.75, channel=str(ADS.channel), campaign=None, keyword=None, source=text(ADS),
        why=None,
    )  # fmt: skip


def brought(store: Any, part: Part, **lines: Iterable[Line]) -> dict[Kind, Imported]:
    by_kind = {Kind(kind): some for kind, some in lines.items()}
    return dict(bring_back(store, 1, part, TODAY, by_kind, lambda _line: False))


@pytest.fixture
async def importing(place: Place) -> Any:
    """Over a store with an account, which is closed."""
    store = await place.open()
    await store.submit(setup())
    await place.close(store)
    with await asyncio.to_thread(place.importing) as opened:
        yield opened


def marks(place: Place) -> dict[Part, int]:
    with place.days() as days, days.snapshot():
        return {one.part: one.mark for one in days.changes(1)}


def rows(place: Place, kind: Kind) -> list[dict[str, Any]]:
    with place.days() as days, days.snapshot():
        return [dict(row) for _, row in days.rows(1, kind, {TODAY})]


@contextmanager
def marked(place: Place, part: Part, *, anew: bool) -> Iterator[None]:
    before = marks(place).get(part)
    yield
    assert (marks(place).get(part) != before) == anew


async def test_a_row_that_is_there_stays_and_only_new_ones_mark_the_day(
    place: Place, importing: Any
) -> None:
    with marked(place, Part.TRAFFIC, anew=True):
        first = brought(importing, Part.TRAFFIC, visits=[visit_line(1), visit_line(1)])
    with marked(place, Part.TRAFFIC, anew=False):
        again = brought(importing, Part.TRAFFIC, visits=[visit_line(1, "Radio")])

    assert first == {Kind.VISITS: Imported(1, 1)}
    assert again == {Kind.VISITS: Imported(0, 1)}
    assert [row["channel"] for row in rows(place, Kind.VISITS)] == ["Email"]


async def test_many_rows_go_in_a_batch_after_the_other(place: Place, importing: Any) -> None:
    done = brought(
        importing, Part.TRAFFIC,
        visits=[visit_line(number) for number in range(MANY)],
        hits=[hit_line(number) for number in range(MANY)],
        exposures=[exposure_line(number) for number in range(MANY)],
    )  # fmt: skip
    calls = [str(number) for number in range(MANY)]
    done |= brought(
        importing, Part.CALLS,
        calls=[call_line(call) for call in calls], credits=[credit_line(call) for call in calls],
    )  # fmt: skip

    assert done == dict.fromkeys(Kind, Imported(MANY))
    for kind in Kind:
        assert len(rows(place, kind)) == MANY


async def test_credits_go_with_their_call(place: Place, importing: Any) -> None:
    """What a call that is there has come to stays as it is."""
    with marked(place, Part.CALLS, anew=True):
        brought(importing, Part.CALLS, calls=[call_line("a")], credits=[credit_line("a")])
    with marked(place, Part.CALLS, anew=True):
        done = brought(
            importing, Part.CALLS,
            calls=[call_line("a", Outcome.MISSED), call_line("b", None)],
            credits=[credit_line("a", 1), credit_line("b"), credit_line("b", 1)],
        )  # fmt: skip

    assert done == {Kind.CALLS: Imported(1, 1), Kind.CREDITS: Imported(2, 1)}
    assert {row["call_id"]: row["outcome"] for row in rows(place, Kind.CALLS)} == {
        "a": "answered", "b": None
    }  # fmt: skip
    credited = sorted((row["call_id"], row["position"]) for row in rows(place, Kind.CREDITS))
    assert credited == [("a", 0), ("b", 0), ("b", 1)]


async def test_a_part_of_a_day_comes_back_as_a_whole_or_not_at_all(
    place: Place, importing: Any
) -> None:
    def breaking() -> Iterator[Line]:
        yield from (visit_line(number) for number in range(MANY))
        raise KeyboardInterrupt

    with marked(place, Part.TRAFFIC, anew=False), pytest.raises(KeyboardInterrupt):
        brought(importing, Part.TRAFFIC, hits=[hit_line(1)], visits=breaking())
    assert rows(place, Kind.VISITS) == rows(place, Kind.HITS) == []

    assert brought(importing, Part.TRAFFIC, hits=[hit_line(1)]) == {Kind.HITS: Imported(1)}


async def test_calls_and_accounts_that_are_there_are_known(importing: Any) -> None:
    brought(importing, Part.CALLS, calls=[call_line("a")])

    assert importing.calls_there(1, {("sip", "a"), ("sip", "b")}) == {("sip", "a")}
    assert importing.calls_there(1, set()) == set()
    assert importing.calls_there(2, {("sip", "a")}) == set()
    assert [importing.has_account(account) for account in (1, 2)] == [True, False]


@pytest.mark.parametrize("place", [kind for kind in KINDS if kind != "sqlite"], indirect=True)
async def test_a_server_starts_when_it_is_over_and_not_before(place: Place) -> None:
    """Of a file the command holds the data folder (tests/integration/lake/test_import.py)."""
    store = await place.open()
    await store.submit(setup())
    with pytest.raises(DatabaseInUseError):
        await asyncio.to_thread(place.importing)
    await place.close(store)

    importing = await asyncio.to_thread(place.importing)
    starting = asyncio.create_task(place.open())
    await asyncio.to_thread(brought, importing, Part.CALLS, calls=[call_line("a")])
    assert not starting.done()
    await asyncio.to_thread(importing.__exit__, None, None, None)

    assert (await (await starting).calls(1, CallFilter(), 10, 0)).total == 1
