"""After `ringtrace forget` nothing in the data folder tells the number, and all calls are there."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from ringtrace import cli
from ringtrace.config import Settings
from ringtrace.domain.moment import DAY_MS, day_of
from ringtrace.services.call_records import CallFilter
from ringtrace.services.lake import Kind
from ringtrace.store.lake import manifest as manifests
from tests.lake import columns, environment, files, place_of, rows, sealed
from tests.postgres import dumped
from tests.shop import POOL, RADIO, Shop, bearer, on_every_store, rfc

CALLER, OTHER = "+12025550177", "+12025550178"
SPELLINGS = (b"12025550177", b"2025550177", b"(202) 555-0177", b"202-555-0177", b"202 555 0177")
AUDIO = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(4_000)


def forget(settings: Settings, *words: str) -> Result:
    command = ["forget", *words, "--data", str(settings.data)]
    return CliRunner().invoke(cli.main, command, env=environment(settings))


def said(result: Result, account_id: int = 1) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return next(
        dict(one) for one in json.loads(result.stdout)["accounts"] if one["account"] == account_id
    )


def telling(settings: Settings) -> list[str]:
    """Files in which one of the spellings is to be found, sealed ones unpacked.

    "dump" stands for a database.
    """
    found = [
        path.relative_to(settings.data).as_posix()
        for path in settings.data.rglob("*")
        if path.is_file() and tells(path.read_bytes())
    ]
    if settings.database_url is not None:
        found += ["dump"] if tells(dumped(settings.database_url)) else []
    return sorted(found)


def tells(content: bytes) -> bool:
    return any(one in content for one in SPELLINGS)


async def known_caller(shop: Shop) -> None:
    """Calls with a recording, refused and late reports, a listing with notes, sealed days."""
    api, sip = bearer(shop.tokens["api"]), bearer(shop.tokens["sip"])
    await shop.hit()
    for number in range(30):
        at = rfc(shop.clock.now + number * 1_000)
        await shop.arrive(call=f"c{number}", started_at=at)
        await shop.report(f"c{number}", started_at=at)
        # It grows, so its row moves and leaves a copy behind.
        await shop.report(f"c{number}", started_at=at, session="s" * 200)
        await shop.report(f"c{number}", started_at=at, number=POOL)
    await shop.report("other", caller=OTHER, started_at=rfc(shop.clock.now))
    put = await shop.client.put("/gateway/v1/calls/c0/recording", content=AUDIO, headers=sip)
    put.raise_for_status()
    for treatment in ("ask", "block"):
        listed = await shop.client.post(
            "/api/v1/blocklist",
            json={
                "callers": [
                    {"caller": "(202) 555-0177", "treatment": treatment, "note": "rude"},
                    {"caller": OTHER, "treatment": "trust", "note": "not 202-555-0177"},
                ]
            },
            headers=api,
        )
        listed.raise_for_status()
    tagged = await shop.client.put("/api/v1/calls/sip/c1/tags/of-202-555-0177", headers=api)
    tagged.raise_for_status()
    await shop.house.use_cases.route_call.settle()
    sealed(shop.house.settings, shop.clock.now + DAY_MS)


@on_every_store
async def test_nothing_in_the_data_folder_tells_the_number(shop: Shop) -> None:
    await known_caller(shop)
    settings = shop.house.settings
    assert "dump" in telling(settings) or settings.database_url is None
    assert any(one.startswith("lake/") for one in telling(settings))
    assert CALLER in {one["caller"] for one in rows(settings, Kind.CALLS)}

    done = said(await asyncio.to_thread(forget, settings, "(202) 555-0177", "--keep-space"))
    left = {one.partition(".db")[0] for one in telling(settings)}
    assert left == ({"ringtrace"} if settings.database_url is None else set())
    said(await asyncio.to_thread(forget, settings, "+1 202 555 0177"))

    assert telling(settings) == []
    callers = {one["caller"] for one in rows(settings, Kind.CALLS)}
    for file in files(settings, Kind.CALLS):
        assert "day" not in columns(file)
    assert len(callers) == 2
    assert OTHER in callers
    assert (done["calls"], done["recordings"], done["sealed_files"]) == (30, 1, 1)
    assert done["listings"] == [
        {"treatment": "ask", "in_effect": False}, {"treatment": "block", "in_effect": True},
    ]  # fmt: skip
    assert [path.name for path in (settings.recordings / "1" / "sip").iterdir()] == []


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
async def test_what_the_planner_knows_of_callers_is_forgotten_too(shop: Shop) -> None:
    settings = shop.house.settings
    await known_caller(shop)
    assert settings.database_url is not None
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute("ANALYZE")
    known = "SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats"
    assert tells(str(await connection.fetch(known)).encode())

    said(await asyncio.to_thread(forget, settings, CALLER))

    assert not tells(str(await connection.fetch(known)).encode())
    await connection.close()


@on_every_store
async def test_calls_stay_as_facts_of_one_caller_without_a_name(shop: Shop) -> None:
    await known_caller(shop)
    settings, store = shop.house.settings, shop.house.use_cases.store
    before = await store.channels(1, CallFilter())

    said(await asyncio.to_thread(forget, settings, CALLER))

    assert await store.channels(1, CallFilter()) == before
    known = [await shop.call(f"c{number}") for number in range(30)]
    (name,) = {one.caller for one in known}
    assert name is not None
    assert name in {one["caller"] for one in rows(settings, Kind.CALLS)}
    assert all(one.report and one.report.recording is None for one in known)
    assert known[3].contradictions == 1
    page = await shop.client.get("/api/v1/calls", headers=bearer(shop.tokens["api"]))
    assert name in {one["caller"] for one in page.json()["calls"]}

    # Whoever calls again is somebody new, until he is forgotten, too.
    await shop.report("again", started_at=rfc(shop.clock.now))
    assert said(await asyncio.to_thread(forget, settings, CALLER))["calls"] == 1
    assert (await shop.call("again")).caller == name


@on_every_store
async def test_what_comes_late_does_not_bring_the_number_back(shop: Shop) -> None:
    settings, sip = shop.house.settings, bearer(shop.tokens["sip"])
    at = rfc(shop.clock.now)
    await shop.arrive(call="ringing", started_at=at)
    await shop.report("talked", started_at=at)
    await shop.house.use_cases.route_call.settle()
    said(await asyncio.to_thread(forget, settings, CALLER))

    assert (await shop.report("ringing", started_at=at)).status_code == 200
    assert (await shop.report("talked", started_at=at)).status_code == 200
    await shop.report("talked", started_at=at, number=POOL)
    put = await shop.client.put("/gateway/v1/calls/talked/recording", content=AUDIO, headers=sip)

    assert put.is_success
    assert telling(settings) == []
    assert not [path for path in settings.recordings.rglob("*") if path.is_file()]
    assert (await shop.call("ringing")).report is not None


@on_every_store
async def test_a_stranger_keeps_his_own_calls_unless_all_accounts_are_meant(shop: Shop) -> None:
    settings = shop.house.settings
    await shop.report("mine", started_at=rfc(shop.clock.now))
    await shop.report("theirs", number="+12025550201", token=shop.foreign["sip"])

    said(await asyncio.to_thread(forget, settings, CALLER, "--account", "1"))
    for account_id, knows in ((1, False), (2, True)):
        page = await shop.house.use_cases.store.calls(account_id, CallFilter(), 10, 0)
        assert [one.caller == CALLER for one in page.calls] == [knows]

    assert said(await asyncio.to_thread(forget, settings, CALLER), 2)["calls"] == 1
    assert telling(settings) == []


@on_every_store
async def test_a_killed_run_is_completed_by_the_next(shop: Shop) -> None:
    """Killed between the store and the lake: the sealed file still tells, and is found again."""
    await known_caller(shop)
    settings = shop.house.settings
    stray = manifests.file_name(1, Kind.CALLS, day_of(shop.clock.now), "e" * 64)
    (manifest,) = manifests.read_all(place_of(settings), 1)
    kept = {kind: place_of(settings).read(file.name) for kind, file in manifest.files()}
    said(await asyncio.to_thread(forget, settings, CALLER))
    sealed_calls = kept[Kind.CALLS]
    assert sealed_calls is not None
    drop = manifests.read(place_of(settings), 1, manifest.number)
    manifests.keep(place_of(settings), manifest)
    for kind, file in manifest.files():
        content = kept[kind]
        assert content is not None
        place_of(settings).write(file.name, content)
    place_of(settings).write(stray, sealed_calls)
    settings.lake_scratch.mkdir()
    (settings.lake_scratch / "calls.ndjson").write_text(CALLER)
    (settings.report_scratch / "1").mkdir(parents=True)
    (settings.report_scratch / "1" / "calls.ndjson").write_text(CALLER)

    done = said(await asyncio.to_thread(forget, settings, CALLER))

    assert (done["calls"], done["sealed_files"]) == (0, 1)
    assert CALLER not in {one["caller"] for one in rows(settings, Kind.CALLS)}
    assert place_of(settings).read(stray) is None
    assert telling(settings) == []
    assert manifests.read(place_of(settings), 1, manifest.number) == drop


@on_every_store
async def test_a_days_next_seal_says_what_the_store_says(shop: Shop) -> None:
    await known_caller(shop)
    settings = shop.house.settings
    said(await asyncio.to_thread(forget, settings, CALLER))
    before = rows(settings, Kind.CALLS)

    assert sealed(settings, shop.clock.now + DAY_MS).days == 1

    assert rows(settings, Kind.CALLS) == before


@on_every_store
async def test_bad_input_is_told(shop: Shop) -> None:
    settings = shop.house.settings
    for words, message in (
        (("hello",), "NUMBER"),
        ((RADIO,), "tracking number"),
        ((CALLER, "--account", "9"), "no account 9"),
    ):
        refused = await asyncio.to_thread(forget, settings, *words)
        assert refused.exit_code == 2
        assert message in refused.output
