"""A file of every earlier version is taken up with what is in it."""

import asyncio
import contextlib
import json
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringtrace.bootstrap import open_house
from ringtrace.config import Settings
from ringtrace.domain.attribution import Attribution, Basis
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.moment import DAY_MS
from ringtrace.services.call_records import CallFilter
from ringtrace.store.schema import SchemaTooNewError
from ringtrace.store.sqlite import connection as opening
from ringtrace.store.sqlite.connection import connect, migrate
from ringtrace.store.sqlite.store import SqliteStore
from tests.shop import BROWSER, ORIGIN, RADIO, REPORT, TARGET, Clock, bearer
from tests.stores import CALLER, NOW, report, shared

NEWEST = len(opening._steps())
OLD_FLOW = {"targets": [{"to": "+12025550191", "ring_seconds": 20}], "record": False}
EXTENSION = {"code": "6179", "name": "Barn", "source": {"channel": "Poster"}}

VISIT, CALL = f"{NOW:012x}" + "1" * 20, "c"
STEPS_FLOW = {"step": [{"do": "dial", "targets": OLD_FLOW["targets"]}], "record": False}
SAID = json.dumps(REPORT | {"number": RADIO, "caller": CALLER, "started_at": NOW, "legs": []})
OF_CALL = {"account_id": 1, "gateway": "sip", "call_id": CALL}

ROWS: dict[str, dict[str, object]] = {
    "accounts": {"account_id": 1, "name": "Shop", "region": "US"},
    "users": {"account_id": 1, "login": "admin", "password_hash": "hash"},
    "tokens": {"account_id": 1, "kind": "api", "token_hash": "digest", "created_at": NOW},
    "sites": {
        "account_id": 1, "site_key": "shop", "name": "S", "origins": '["https://shop.example"]',
        "swap": "[]", "extensions_above": 0.35,
    },
    "numbers": {
        "account_id": 1, "number": RADIO, "kind": "pool", "name": "Radio", "site_key": "shop",
        "source": None, "active": 1, "position": 0, "extensions": "[]", "flow_name": None,
    },
    "login_routes": {"login": "admin", "account_id": 1},
    "site_routes": {"site_key": "shop", "account_id": 1},
    "number_routes": {"number": RADIO, "account_id": 1},
    "visits": {
        "account_id": 1, "visit_id": VISIT, "visitor_id": "v", "site_key": "shop",
        "started_at": NOW, "seen_at": NOW + 5, "left_at": None, "contact_at": NOW + 4,
        "tapped_at": None, "device": "desktop", "channel": "Email", "source": "letter",
        "medium": "email", "campaign": "June", "term": None, "content": None,
        "click_id_type": None, "click_id": None, "landing_page": "shop.example/",
        "reason": None, "number": RADIO, "extension": None,
    },
    "hits": {
        "account_id": 1, "visit_id": VISIT, "at": NOW + 4, "kind": "contact", "path": "",
    },
    "exposures": {
        "account_id": 1, "number": RADIO, "shown_at": NOW, "visit_id": VISIT, "extension": None,
    },
    "calls": OF_CALL | {
        "number": RADIO, "caller": CALLER, "started_at": NOW, "outcome": "answered",
        "talk_seconds": 60.0, "report": SAID, "basis": "exposures", "model": "elapsed-1",
        "unknown": 0.25, "has_audio": 1, "repeat": 0.0, "digits": None,
        "shares": '{"Email": 0.75}', "flow": None, "audio_format": "wav", "audio_sha256": None,
        "spam": 0,
    },
    "call_reports": OF_CALL | {
        "digest": "d", "received_at": NOW, "accepted": 1, "report": SAID,
    },
    "credits": OF_CALL | {
        "position": 0, "visit_id": VISIT, "probability": 0.75, "channel": "Email",
        "campaign": "June", "keyword": None, "source": '{"channel": "Email", "campaign": "June"}',
        "why": None,
    },
    "models": {
        "account_id": 1, "site_key": "shop", "made_at": NOW, "name": "m",
        "model": json.dumps(SHIPPED.to_data()),
    },
    "corrections": OF_CALL | {"visit_id": VISIT, "made_at": NOW, "made_by": "admin"},
    "proofs": OF_CALL | {
        "kind": "tap", "visit_id": VISIT, "stated_visit": VISIT, "stated": 0.75,
    },
    "canaries": {"account_id": 1, "number": "+12025550198", "since": NOW},
    "flows": {
        "account_id": 1, "name": "office", "version": 1, "made_at": NOW,
        "flow": json.dumps(STEPS_FLOW | {"max_seconds": 60}),
    },
    "extension_turns": {"account_id": 1, "number": RADIO, "turn": 7},
    "listed_callers": {
        "account_id": 1, "pattern": "+1900*", "added_at": NOW, "treatment": "block", "note": "",
        "added_by": "admin", "by_gate": 0, "removed_at": None, "removed_by": None,
    },
    "screenings": OF_CALL | {
        "rule": "silent", "evidence": "3 calls", "pattern": None, "listed_at": None,
        "listed_by": None, "passage": None,
    },
    "spam_marks": OF_CALL | {"marked_at": NOW, "spam": 0, "marked_by": "admin"},
    "spam_rules": {"account_id": 1, "made_at": NOW, "rules": "{}", "made_by": "admin"},
    "recipients": {
        "account_id": 1, "recipient_id": "r", "address": "mail@shop.example",
        "events": '["call.answered"]', "standing": "active", "secrets": "[]",
        "failing_since": None,
    },
    "deliveries": {
        "account_id": 1, "delivery_id": "d", "recipient_id": "r", "event": "call.answered",
        "occurred_at": NOW, "gateway": "sip", "call_id": CALL, "state": "delivered",
        "next_try_at": None, "count": 0, "tries": "[]",
    },
    "call_tags": OF_CALL | {"tag": "good", "made_at": NOW, "made_by": "admin"},
    "sounds": {
        "account_id": 1, "name": "hello", "digest": "d", "seconds": 1.0, "made_at": NOW,
        "made_by": "admin", "content": b"RIFF",
    },
    "days": {
        "account_id": 1, "part": "calls", "day": NOW // DAY_MS, "mark": 1, "archived": 0,
        "left_mark": None,
    },
    "traffic_since": {"account_id": 1, "day": 0},
}  # fmt: skip
"""A row of each table, with every column that it ever had."""

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


def fill(connection: sqlite3.Connection, version: int) -> None:
    """A row in every table that the version has."""
    flow = OLD_FLOW if version < 8 else STEPS_FLOW
    for table in tables(connection):
        row = ROWS[table]
        if table == "numbers":
            row = row | {"flow": json.dumps(flow | {"max_seconds": 60})}
        put(connection, table, {name: row[name] for name in columns(connection, table)})


def put(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    names, slots = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({slots})", tuple(row.values()))  # noqa: S608 - names of our own tables


def put_number(connection: sqlite3.Connection, number: str, **more: object) -> None:
    flow = json.dumps(OLD_FLOW | {"max_seconds": 60})
    static = {"kind": "static", "site_key": None, "source": json.dumps({"channel": "Radio"})}
    known = columns(connection, "numbers")
    row = ROWS["numbers"] | static | {"number": number, "flow": flow} | more
    put(connection, "numbers", {name: row[name] for name in known})


def tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return sorted(name for (name,) in found)


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    found = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return [name for (name,) in found]


def shape(connection: sqlite3.Connection) -> dict[str, object]:
    """Tables with their columns, and indexes with theirs."""
    found: dict[str, object] = {}
    for kind, name in connection.execute("SELECT type, name FROM sqlite_master").fetchall():
        info = f"SELECT * FROM pragma_{kind}_xinfo('{name}')"  # noqa: S608 - a name of our own
        parts = connection.execute(info).fetchall()
        found[name] = {(part[1] if kind == "table" else part[2]): part[2:] for part in parts}
    return found


def checked(connection: sqlite3.Connection) -> None:
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("version", range(1, NEWEST + 1))
async def test_all_that_a_file_of_every_version_holds_is_read_through_the_api(
    at: At, tmp_path: Path, version: int
) -> None:
    old = at(version)
    fill(old, version)
    had = tables(old)
    old.close()
    settings = Settings(tmp_path)
    (tmp_path / "store.db").rename(settings.database)

    clock = Clock()
    clock.now = NOW + DAY_MS
    house = await open_house(replace(settings, lake_at="off"), clock)
    try:
        transport = httpx.ASGITransport(house.app)
        api = bearer(settings.api_token_file.read_text().strip())
        async with httpx.AsyncClient(
            transport=transport, base_url="http://ringtrace.test/api/v1", headers=api
        ) as client:
            await expect_all(client, set(had))
            await expect_its_number_for_the_visit(client)
    finally:
        await house.close()

    with (
        contextlib.closing(connect(settings.database)) as migrated,
        contextlib.closing(connect(tmp_path / "new.db")) as new,
    ):
        checked(migrated)
        migrate(new)
        assert shape(migrated) == shape(new)


async def expect_all(client: httpx.AsyncClient, had: set[str]) -> None:
    async def get(path: str) -> Any:
        answer = await client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    setup = await get("/setup")
    assert [site["key"] for site in setup["sites"]] == ["shop"]
    (number,) = setup["numbers"]
    assert RADIO in json.dumps(number)
    assert TARGET in json.dumps(number)
    assert (len(setup["flows"]) == 1) == ("flows" in had)
    assert (len(setup["recipients"]) == 1) == ("recipients" in had)
    (call,) = (await get("/calls"))["calls"]
    assert (call["number"]["e164"], call["caller"], call["outcome"]) == (RADIO, CALLER, "answered")
    assert call["talk_seconds"] == REPORT["talk_seconds"]
    assert call["recording"] is not None
    detail = await get(f"/calls/sip/{CALL}")
    assert detail["attribution"]["channel"] == "Email"
    report = await get("/reports/channels")
    shares = {row["channel"]: row["calls"] for row in report["channels"]}
    assert shares["Email"] == pytest.approx(0.75)
    assert (len((await get("/blocklist"))["callers"]) == 1) == ("listed_callers" in had)
    assert (len((await get("/sounds"))["sounds"]) == 1) == ("sounds" in had)
    assert ((await get("/deliveries"))["total"] == 1) == ("deliveries" in had)


async def expect_its_number_for_the_visit(client: httpx.AsyncClient) -> None:
    body = {"site": "shop", "kind": "page", "visitor": "0" * 32, "visit": VISIT, "url": ORIGIN}
    headers = {"Origin": ORIGIN, "User-Agent": BROWSER}
    answer = await client.post("http://ringtrace.test/t/hit", json=body, headers=headers)
    assert answer.json()["number"]["e164"] == RADIO


async def test_a_file_of_a_newer_program_is_left_alone(at: At, tmp_path: Path) -> None:
    newer = at(NEWEST)
    newer.execute(f"PRAGMA user_version = {NEWEST + 1}")
    newer.close()

    with pytest.raises(SchemaTooNewError, match=f"schema {NEWEST + 1} is newer"):
        SqliteStore.open(tmp_path / "store.db")


async def test_a_server_says_in_one_line_that_the_file_is_too_new(at: At, tmp_path: Path) -> None:
    newer = at(NEWEST)
    newer.execute(f"PRAGMA user_version = {NEWEST + 1}")
    newer.close()
    (tmp_path / "store.db").rename(Settings(tmp_path).database)

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringtrace", "serve", "--data", str(tmp_path), "--port", "0",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()

    assert process.returncode == 1
    (line,) = said.decode().strip().splitlines()
    assert f"schema {NEWEST + 1} is newer than this program's {NEWEST}" in line


DYING = """
import os, signal, sys
from pathlib import Path
from ringtrace.store.sqlite.connection import connect, migrate

left = int(sys.argv[2])

def tick():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0

connection = connect(Path(sys.argv[1]))
connection.set_progress_handler(tick, 10)
migrate(connection)
"""
"""Ends itself as `kill -9` would, after so many steps of SQLite's machine."""


@pytest.mark.parametrize("version", [1, 7, NEWEST - 1])
def test_a_server_killed_amid_its_steps_goes_on_where_it_was(
    at: At, tmp_path: Path, version: int
) -> None:
    chance = random.Random(version)  # noqa: S311 - no secret
    old = at(version)
    fill(old, version)
    held = {table: len(old.execute(f"SELECT * FROM {table}").fetchall()) for table in tables(old)}  # noqa: S608 - our own
    old.close()

    deaths, reached, most = 0, version, 12
    while True:
        died = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", DYING, tmp_path / "store.db", str(chance.randint(1, most))],
            check=False,
        ).returncode
        with contextlib.closing(sqlite3.connect(tmp_path / "store.db")) as left:
            checked(left)
            (now,) = left.execute("PRAGMA user_version").fetchone()
            for table, count in held.items():
                assert left.execute(f"SELECT count(*) FROM {table}").fetchone() == (count,)  # noqa: S608 - our own
        assert reached <= now <= NEWEST
        if died == 0:
            break
        assert died == -signal.SIGKILL
        # Less than a step takes would end it there again and again.
        deaths, reached, most = deaths + 1, now, most + 60

    assert now == NEWEST
    assert deaths > 0
    with (
        contextlib.closing(connect(tmp_path / "store.db")) as whole,
        contextlib.closing(connect(tmp_path / "new.db")) as new,
    ):
        migrate(new)
        assert shape(whole) == shape(new)


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
