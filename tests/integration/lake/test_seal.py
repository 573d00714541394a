"""Closed days become Parquet files that say what the store says, and only those are believed."""

import asyncio
import json
import signal
import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from ringtrace.bootstrap import changing_lake
from ringtrace.config import Settings
from ringtrace.domain.moment import DAY_MS, day_of
from ringtrace.services.lake import Kind, Part
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake import parquet
from ringtrace.store.lake.bucket import LakeBucket
from ringtrace.store.lake.parquet import SealMismatchError
from ringtrace.store.lake.place import LakeInUseError, locked
from ringtrace.store.lake.staging import Staged
from tests.bucket import BUCKET, CREDENTIALS, s3_service
from tests.lake import files, place_of, rows, sealed
from tests.postgres import Postgres
from tests.shop import POOL, TARGET, Shop, bearer, on_every_store, rfc


async def busy_day(shop: Shop) -> str:
    """A visit with a tap, and an answered call to the number it was shown; returns the visit."""
    visit = shop.ids()
    await shop.hit(visit=visit, visitor=visit)
    shop.clock.now += 1_000
    await shop.hit("tap", visit=visit, visitor=visit)
    await shop.report("c1", number=POOL, started_at=rfc(shop.clock.now))
    return visit


def tomorrow(shop: Shop) -> int:
    return shop.clock.now + DAY_MS


@on_every_store
async def test_a_closed_day_is_sealed_as_the_store_has_it(shop: Shop) -> None:
    visit = await busy_day(shop)

    done = sealed(shop.house.settings, tomorrow(shop))

    settings = shop.house.settings
    assert done.days == 2
    (seen,) = rows(settings, Kind.VISITS)
    assert (seen["visit_id"], seen["channel"], seen["term"]) == (visit, "Paid Search", "k")
    assert isinstance(seen["started_at"], datetime)
    assert seen["tapped_at"] > seen["started_at"]
    assert seen["left_at"] is None
    assert [one["kind"] for one in rows(settings, Kind.HITS)] == ["tap"]
    (shown,) = rows(settings, Kind.EXPOSURES)
    (call,) = rows(settings, Kind.CALLS)
    assert call["caller"] == "+12025550177"
    assert (call["outcome"], call["target"], call["talk_seconds"]) == ("answered", TARGET, 41.0)
    assert json.loads(call["legs"])[0]["code"] == 200
    shares = [one["probability"] for one in rows(settings, Kind.CREDITS)]
    assert sum(shares) + call["unknown"] == pytest.approx(1)
    assert sum(one["share"] for one in call["shares"]) == pytest.approx(sum(shares))
    assert shown["visit_id"] == visit


@on_every_store
async def test_an_open_day_is_not_sealed_and_nothing_is_sealed_twice(shop: Shop) -> None:
    await busy_day(shop)

    assert sealed(shop.house.settings, shop.clock.now).days == 0
    assert sealed(shop.house.settings, tomorrow(shop)).days == 2
    assert sealed(shop.house.settings, tomorrow(shop)).days == 0


@on_every_store
async def test_what_comes_late_seals_its_day_anew(shop: Shop) -> None:
    visit = await busy_day(shop)
    settings = shop.house.settings
    sealed(settings, tomorrow(shop))
    before = files(settings, Kind.VISITS) + files(settings, Kind.CALLS)
    shop.clock.now = tomorrow(shop)

    await shop.hit("beat", visit=visit, visitor=visit)
    corrected = await shop.client.put(
        "/api/v1/calls/sip/c1/correction",
        json={"visit_id": visit},
        headers=bearer(shop.tokens["api"]),
    )
    corrected.raise_for_status()
    done = sealed(settings, tomorrow(shop))

    # The beat itself marks the day it came on, too, which is closed now as well.
    assert done.days == 3
    (seen,) = rows(settings, Kind.VISITS)
    assert (seen["seen_at"] - seen["started_at"]).days == 1
    (call,) = rows(settings, Kind.CALLS)
    assert call["basis"] == "corrected"
    assert not any(path.exists() for path in before)


@on_every_store
async def test_accounts_have_files_of_their_own(shop: Shop) -> None:
    await busy_day(shop)
    await shop.report("theirs", number="+12025550201", token=shop.foreign["sip"])

    sealed(shop.house.settings, tomorrow(shop))

    settings = shop.house.settings
    assert [one["call_id"] for one in rows(settings, Kind.CALLS, 2)] == ["theirs"]
    assert [one["call_id"] for one in rows(settings, Kind.CALLS, 1)] == ["c1"]


async def test_a_file_without_a_manifest_is_not_believed_and_goes(shop: Shop) -> None:
    await busy_day(shop)
    settings = shop.house.settings
    stray = manifests.file_name(1, Kind.CALLS, day_of(shop.clock.now), "f" * 64)
    place_of(settings).write(stray, b"half a file")

    sealed(settings, tomorrow(shop))

    assert [one["call_id"] for one in rows(settings, Kind.CALLS)] == ["c1"]
    assert place_of(settings).read(stray) is None


async def test_a_file_says_what_it_is_made_of(shop: Shop) -> None:
    await busy_day(shop)
    settings = shop.house.settings
    sealed(settings, tomorrow(shop))
    (manifest,) = manifests.read_all(place_of(settings), 1)

    for kind, file in manifest.files():
        path = place_of(settings).fetch(file.name)
        assert parquet.sha256_of(path) == file.sha256
        assert path.stat().st_size == file.bytes
        with parquet.connect(settings.data) as database:
            assert parquet.examine(database, kind, path) == (file.rows, file.rows_digest)
            said = database.execute(
                "SELECT value FROM parquet_kv_metadata(?) WHERE decode(key) = 'ringtrace'",
                [str(path)],
            ).fetchone()
        assert said is not None
        assert json.loads(said[0]) == {"schema": 1, "kind": kind}


HITS = [
    {"visit_id": "a", "hit_at": 1_790_000_000_000, "kind": "page", "path": "shop/ü\u0000 '\"\\"},
    {"visit_id": "b", "hit_at": 1_790_000_000_001, "kind": "page", "path": ""},
    {"visit_id": "b", "hit_at": 1_790_000_000_002, "kind": "leave", "path": "\x1f\n"},
]


def staged(tmp_path: Path) -> Staged:
    made = Staged(Kind.HITS, tmp_path / "hits.ndjson")
    for row in HITS:
        made.add(row)
    made.close()
    return made


def test_texts_of_all_sorts_come_back(tmp_path: Path) -> None:
    with parquet.connect(tmp_path) as database:
        parquet.write(database, staged(tmp_path), tmp_path / "hits.parquet")

    with duckdb.connect() as database:
        found = database.execute(
            "SELECT path FROM read_parquet(?) ORDER BY hit_at", [f"{tmp_path}/hits.parquet"]
        ).fetchall()
    assert [path for (path,) in found] == [row["path"] for row in HITS]


def lost(lines: list[str]) -> list[str]:
    return lines[1:]


def doubled(lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[0]]


def changed(lines: list[str]) -> list[str]:
    return [lines[0].replace("page", "beat"), *lines[1:]]


@pytest.mark.parametrize("damage", [lost, doubled, changed])
def test_a_file_with_other_rows_is_refused(tmp_path: Path, damage: object) -> None:
    made = staged(tmp_path)
    assert callable(damage)
    lines = made.path.read_text("utf-8").splitlines(keepends=True)
    made.path.write_text("".join(damage(lines)), "utf-8")

    with parquet.connect(tmp_path) as database, pytest.raises(SealMismatchError):
        parquet.write(database, made, tmp_path / "hits.parquet")


async def test_a_killed_seal_is_done_again(shop: Shop) -> None:
    """Killed at every moment it tells of, the next run has everything."""
    settings = shop.house.settings
    with sqlite3.connect(settings.database) as database:
        for day in range(1, 6):
            database.execute(
                "INSERT INTO calls (account_id, gateway, call_id, number, started_at, basis, model,"
                " unknown) VALUES (1, 'sip', ?, ?, ?, 'nothing', 'm', 1)",
                (f"d{day}", POOL, day * DAY_MS),
            )
            database.execute("INSERT INTO days VALUES (1, 'calls', ?, ?, 0, NULL)", (day, day))
    database.close()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringtrace", "seal", "--data", str(settings.data),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    async for line in process.stderr:
        if b"day_sealed" in line:
            process.send_signal(signal.SIGKILL)
            break
    await process.wait()
    believed = {one["call_id"] for one in rows(settings, Kind.CALLS)}
    assert believed < {f"d{day}" for day in range(1, 6)}

    sealed(settings, tomorrow(shop))

    assert sorted(one["call_id"] for one in rows(settings, Kind.CALLS)) == [
        f"d{day}" for day in range(1, 6)
    ]
    assert not settings.lake_scratch.exists()


def test_one_process_at_a_time_changes_a_lake(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"), pytest.raises(LakeInUseError), locked(tmp_path / "lock"):
        pass


async def test_one_server_over_a_database_changes_its_lake(
    postgres: Postgres, tmp_path: Path
) -> None:
    """Wherever it runs: the other has a folder of its own."""
    url = await postgres.empty_database()
    one, other = (Settings(tmp_path / name, database_url=url) for name in ("one", "other"))
    for settings in (one, other):
        settings.data.mkdir()

    def both() -> None:
        with changing_lake(one), pytest.raises(LakeInUseError), changing_lake(other):
            pass
        with changing_lake(other):
            pass

    await asyncio.to_thread(both)


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LakeBucket]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with s3_service() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield LakeBucket(f"s3://{BUCKET}/lake", tmp_path / "cache")


async def test_a_lake_in_a_bucket_is_the_same(shop: Shop, bucket: LakeBucket) -> None:
    await busy_day(shop)
    settings = shop.house.settings

    sealed(settings, tomorrow(shop), bucket)
    sealed(settings, tomorrow(shop))

    (there,), (here,) = (manifests.read_all(one, 1) for one in (bucket, place_of(settings)))
    assert {kind: one.rows_digest for kind, one in there.files()} == {
        kind: one.rows_digest for kind, one in here.files()
    }
    file = there.parts[Part.CALLS].files[Kind.CALLS]
    copy = bucket.fetch(file.name)
    assert parquet.sha256_of(copy) == file.sha256
    bucket.delete(file.name)
    assert not copy.exists()
    with pytest.raises(FileNotFoundError):
        bucket.fetch(file.name)


@pytest.mark.usefixtures("bucket")
def test_the_copies_of_a_bucket_stay_within_their_room(tmp_path: Path) -> None:
    small = LakeBucket(f"s3://{BUCKET}", tmp_path / "small", cache_bytes=2_500)
    for name in ("a", "b", "c"):
        small.write(name, bytes(1_000))
        small.fetch(name)

    assert sorted(path.name for path in (tmp_path / "small").iterdir()) == ["b", "c"]


def test_a_data_folder_without_a_lake_says_so(tmp_path: Path) -> None:
    assert Settings(tmp_path, lake_at="s3://b/p").lake is None
    assert Settings(tmp_path).lake == tmp_path / "lake"
