"""A file of every earlier version is taken up with what is in it."""

import json
import sqlite3
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from ringtrace.domain.attribution import Attribution, Basis
from ringtrace.services.ports import CallFilter
from ringtrace.store.sqlite import connection as opening
from ringtrace.store.sqlite.connection import connect, migrate
from ringtrace.store.sqlite.store import SqliteStore
from tests.stores import report, shared

NEWEST = len(opening._steps())
OLD_FLOW = {"targets": [{"to": "+12025550191", "ring_seconds": 20}], "record": False}
EXTENSION = {"code": "6179", "name": "Barn", "source": {"channel": "Poster"}}

At = Callable[[int], sqlite3.Connection]


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> At:
    """A file as a program of that version left it."""

    def old(version: int) -> sqlite3.Connection:
        connection = connect(tmp_path / "store.db")
        steps = opening._steps()[:version]
        with monkeypatch.context() as then:
            then.setattr(opening, "_steps", lambda: steps)
            migrate(connection)
        return connection

    return old


def put_number(connection: sqlite3.Connection, number: str, **more: object) -> None:
    row = {
        "account_id": 1,
        "number": number,
        "kind": "static",
        "name": "Radio",
        "flow": json.dumps(OLD_FLOW | {"max_seconds": 60}),
        "source": json.dumps({"channel": "Radio"}),
        "active": 1,
        "position": 0,
    } | more
    names, slots = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO numbers ({names}) VALUES ({slots})", tuple(row.values()))  # noqa: S608 - names of our own columns


@pytest.mark.parametrize("version", range(1, NEWEST))
async def test_accounts_numbers_and_calls_of_every_version_are_read(
    at: At, tmp_path: Path, version: int
) -> None:
    connection = at(version)
    connection.execute("INSERT INTO accounts VALUES (1, 'Shop', 'US')")
    flow = OLD_FLOW | {"max_seconds": 60}
    if version >= 8:
        flow = {"step": [{"do": "dial", "targets": OLD_FLOW["targets"]}], "record": False}
    put_number(connection, "+12025550101", flow=json.dumps(flow))
    connection.execute(
        "INSERT INTO calls"
        " (account_id, gateway, call_id, number, started_at, basis, model, unknown)"
        " VALUES (1, 'sip', 'c', '+12025550101', 5, 'static_number', 'elapsed-1', 0)"
    )
    connection.execute(
        "INSERT INTO credits"
        " (account_id, gateway, call_id, position, probability, channel, source)"
        " VALUES (1, 'sip', 'c', 0, 1.0, 'Radio', '{\"channel\": \"Radio\"}')"
    )
    connection.close()

    store = SqliteStore.open(tmp_path / "store.db")
    found = await store.configuration()
    (call,) = await store.calls_after(1, (0, "", ""), 10)
    store.close()

    (number,) = found.numbers
    assert [(one.to, one.ring_seconds) for one in number.flow.targets] == [("+12025550191", 20)]
    assert not number.flow.record
    assert call.attribution.credits[0].source.channel == "Radio"


async def test_printed_extensions_keep_their_flows(at: At, tmp_path: Path) -> None:
    connection = at(7)
    codes = [EXTENSION | {"flow": OLD_FLOW | {"record": True, "max_seconds": 60}}]
    put_number(connection, "+12025550101", extensions=json.dumps(codes))
    connection.close()

    store = SqliteStore.open(tmp_path / "store.db")
    (number,) = (await store.configuration()).numbers
    store.close()

    (code,) = number.extensions
    assert code.flow is not None
    assert (code.code, code.flow.record, code.flow.max_seconds) == ("6179", True, 60)
    assert code.flow.targets[0].to == "+12025550191"


async def test_earlier_calls_count_in_reports_by_channel(at: At, tmp_path: Path) -> None:
    connection = at(6)
    connection.execute(
        "INSERT INTO calls"
        " (account_id, gateway, call_id, number, started_at, basis, model, unknown)"
        " VALUES (1, 'sip', 'c', '+12025550101', 5, 'exposures', 'elapsed-1', 0.5)"
    )
    connection.execute(
        "INSERT INTO credits"
        " (account_id, gateway, call_id, position, probability, channel, source)"
        " VALUES (1, 'sip', 'c', 0, 0.5, 'Email', '{\"channel\": \"Email\"}')"
    )
    connection.close()

    migrated = connect(tmp_path / "store.db")
    migrate(migrated)
    (shares,) = migrated.execute("SELECT shares FROM calls").fetchone()
    migrated.close()

    assert json.loads(shares) == {"Email": 0.5}


async def test_the_shares_of_calls_are_made_up_for(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db")
    await store.submit(report("a", shared(0.25, 0.5)))
    await store.submit(report("b", Attribution(Basis.NOTHING, "m", (), 1.0)))
    before = await store.channels(1, CallFilter())
    step = resources.files("ringtrace.store.sqlite") / "migrations" / "0007_shares.sql"
    store._connection.executescript(f"ALTER TABLE calls DROP COLUMN shares; {step.read_text()}")

    assert await store.channels(1, CallFilter()) == before
    store.close()
