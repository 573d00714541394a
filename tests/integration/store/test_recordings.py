"""A folder and a bucket keep recordings alike, and say so when they cannot."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.call import GatewayKind
from ringtrace.services.errors import RecordingsAwayError
from ringtrace.services.recording_store import RecordingName, RecordingStore
from ringtrace.store import s3
from ringtrace.store.recordings import bucket as bucket_module
from ringtrace.store.recordings.bucket import RecordingBucket
from ringtrace.store.recordings.folder import RecordingFolder
from ringtrace.web.recordings import make_room
from tests.bucket import BUCKET, CREDENTIALS, failing_service, s3_service

NAME = RecordingName(1, GatewayKind.SIP, "0193c0de:a@b.c_d-e", AudioFormat.FLAC)
SHA256 = "ab" * 32
LARGE = os.urandom(17 * 1024 * 1024)
"""More than two parts of an upload."""


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with s3_service() as url:
        yield url


@pytest.fixture(params=["folder", "bucket", "bucket with a prefix"])
def recordings(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RecordingStore:
    if request.param == "folder":
        return a_folder(tmp_path)
    url: str = request.getfixturevalue("service")
    return a_bucket(
        url, tmp_path, monkeypatch, "/of/the shop/" if "prefix" in request.param else ""
    )


def a_bucket(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str = ""
) -> RecordingBucket:
    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": url}).items():
        monkeypatch.setenv(name, value)
    recordings = RecordingBucket.open(f"s3://{BUCKET}{prefix}", tmp_path / "incoming")
    make_room(recordings.staging)
    return recordings


def a_folder(tmp_path: Path) -> RecordingFolder:
    recordings = RecordingFolder(tmp_path / "recordings")
    make_room(recordings.staging)
    return recordings


async def keep(recordings: RecordingStore, content: bytes, name: RecordingName = NAME) -> Path:
    file = recordings.staging / "upload"
    file.write_bytes(content)
    await recordings.keep(name, file, SHA256)
    return file


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_what_was_kept_is_read_by_any_range(recordings: RecordingStore) -> None:
    file = await keep(recordings, LARGE)

    assert not file.exists()
    assert await recordings.size(NAME) == len(LARGE)
    for start, stop in ((0, len(LARGE)), (0, 1), (1_000_000, 3_000_001), (5, 5)):
        assert await whole(recordings.read(NAME, start, stop)) == LARGE[start:stop]


async def test_a_recording_may_be_replaced_and_deleted(recordings: RecordingStore) -> None:
    await keep(recordings, b"first")
    await keep(recordings, b"second one")

    assert await whole(recordings.read(NAME, 0, 10)) == b"second one"
    await recordings.delete(NAME)
    await recordings.delete(NAME)
    assert await recordings.size(NAME) is None


async def test_all_that_is_kept_is_listed_and_nothing_else(recordings: RecordingStore) -> None:
    other = RecordingName(12, GatewayKind.VOXIMPLANT, "4711", AudioFormat.WAV)
    await keep(recordings, b"one")
    await keep(recordings, b"two", other)
    (recordings.staging / "half").write_bytes(b"an upload under way")

    assert {name async for name in recordings.names()} == {NAME, other}
    for name in (NAME, other):
        await recordings.delete(name)
    assert [name async for name in recordings.names()] == []


@pytest.mark.parametrize("status", [403, 500, None])
async def test_a_bucket_that_fails_is_away_and_the_file_stays(
    status: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(s3, "_REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(s3, "_RETRY_SECONDS", 1)
    with failing_service(status) as url:
        recordings = a_bucket(url, tmp_path, monkeypatch)
        file = recordings.staging / "upload"
        for content in (b"small", LARGE):
            file.write_bytes(content)
            with pytest.raises(RecordingsAwayError):
                await recordings.keep(NAME, file, SHA256)
            assert file.read_bytes() == content
        for step in (recordings.size(NAME), recordings.delete(NAME)):
            with pytest.raises(RecordingsAwayError):
                await step
        with pytest.raises(RecordingsAwayError):
            await whole(recordings.read(NAME, 0, 5))
        with pytest.raises(RecordingsAwayError):
            [name async for name in recordings.names()]
    assert "recordings_away verb=keep" in caplog.text
    assert "our own" not in caplog.text  # the secret


async def test_a_bucket_whose_upload_takes_for_ever_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "_UPLOAD_SECONDS", 0.3)
    with failing_service(None) as url:
        recordings = a_bucket(url, tmp_path, monkeypatch)
        file = recordings.staging / "upload"
        file.write_bytes(b"small")
        with pytest.raises(RecordingsAwayError):
            await recordings.keep(NAME, file, SHA256)


async def test_a_bucket_that_nobody_serves_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_RETRY_SECONDS", 1)
    recordings = a_bucket("http://127.0.0.1:9", tmp_path, monkeypatch)

    with pytest.raises(RecordingsAwayError):
        await recordings.size(NAME)


@pytest.mark.parametrize("url", ["s3:", "s3:///a", "https://x.example/a", "s3://b?x=1"])
def test_other_addresses_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="recordings: "):
        RecordingBucket.open(url, tmp_path)


async def test_a_folder_without_room_is_away(tmp_path: Path) -> None:
    recordings = a_folder(tmp_path)
    (tmp_path / "recordings/1").write_text("in the way of the account's folder")
    file = recordings.staging / "upload"
    file.write_bytes(b"audio")

    with pytest.raises(RecordingsAwayError):
        await recordings.keep(NAME, file, SHA256)
    assert file.exists()
    with pytest.raises(RecordingsAwayError):
        await whole(recordings.read(NAME, 0, 5))


async def test_a_file_that_has_become_shorter_is_told(tmp_path: Path) -> None:
    recordings = a_folder(tmp_path)
    await keep(recordings, b"audio")

    with pytest.raises(RecordingsAwayError):
        await whole(recordings.read(NAME, 0, 50))


@pytest.mark.parametrize("path", ["incoming/x", "1/sip/a.txt", "1/tin/a.wav", "x/sip/a.wav", ""])
def test_other_paths_are_no_recordings(path: str) -> None:
    assert RecordingName.read(path) is None
