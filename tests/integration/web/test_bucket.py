"""A server whose recordings are in a bucket: players and gateways notice nothing of it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringtrace.bootstrap import RecordingsUnusableError, open_house
from ringtrace.config import Settings
from ringtrace.domain.call import GatewayKind
from ringtrace.store.recordings.bucket import RecordingBucket
from tests.bucket import BUCKET, CREDENTIALS, failing_service, s3_service
from tests.shop import Shop, bearer

WAV = b"RIFF" + bytes(range(256)) * 9_000
CALL = "0193c0de"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with s3_service() as url:
        yield url


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: str) -> Settings:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", service)
    return Settings(tmp_path / "data", recordings_at=f"s3://{BUCKET}/{tmp_path.name}")


async def put(shop: Shop) -> tuple[int, str | None]:
    answer = await shop.client.put(
        f"/gateway/v1/calls/{CALL}/recording",
        content=WAV,
        headers=bearer(shop.tokens["sip"]),
    )
    return answer.status_code, answer.json()["error_id"] if answer.content else None


async def link(shop: Shop) -> str:
    call = await shop.house.use_cases.store.call(1, GatewayKind.SIP, CALL)
    assert call is not None
    return shop.house.use_cases.recording_links.path(1, call)


def local(shop: Shop) -> list[Path]:
    return [path for path in shop.house.settings.recordings.rglob("*") if path.is_file()]


async def test_audio_goes_to_the_bucket_and_is_played_from_there(shop: Shop) -> None:
    await shop.report(CALL)
    assert await put(shop) == await put(shop) == (204, None)

    whole = await shop.client.get(await link(shop))
    part = await shop.client.get(await link(shop), headers={"Range": "bytes=1000000-2000000"})

    assert (whole.status_code, whole.content) == (200, WAV)
    assert (part.status_code, part.content) == (206, WAV[1_000_000:2_000_001])
    assert local(shop) == []


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with failing_service(403) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        yield


async def test_a_bucket_that_is_away_leaves_the_file_with_the_gateway(
    away: None,  # noqa: ARG001 - before the house opens
    shop: Shop,
) -> None:
    await shop.report(CALL)

    assert await put(shop) == (503, "recordings_away")
    assert local(shop) == []
    call = await shop.call(CALL)
    assert call.audio is None


async def test_playing_says_that_the_bucket_is_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.report(CALL)
    await put(shop)
    recordings = shop.house.use_cases.recordings
    assert isinstance(recordings, RecordingBucket)
    with failing_service(500) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        failing = RecordingBucket.open(shop.house.settings.recordings_at, recordings.staging)
        recordings._store = failing._store
        answer = await shop.client.get(await link(shop))

    assert (answer.status_code, answer.json()["error_id"]) == (503, "recordings_away")


async def test_an_address_that_is_no_buckets_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(RecordingsUnusableError, match="must be s3://BUCKET"):
        await open_house(Settings(tmp_path, recordings_at="s3:///nothing"))


async def test_without_the_extra_the_start_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ringtrace.store.recordings.bucket", None)

    with pytest.raises(RecordingsUnusableError, match=r"pip install 'ringtrace\[s3\]'"):
        await open_house(Settings(tmp_path, recordings_at="s3://recordings"))
