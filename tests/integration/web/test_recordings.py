"""Audio: put by gateways, opened through links."""

import base64
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from ringtrace.domain.audio import Audio, AudioFormat
from ringtrace.domain.call import GatewayKind
from tests.shop import Shop, bearer

WAV = b"RIFF" + bytes(range(256)) * 40
CALL = "0193c0de"


async def put(shop: Shop, call: str, body: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await shop.client.put(
        f"/gateway/v1/calls/{call}/recording",
        content=body,
        headers=bearer(shop.tokens["sip"]) | named,
    )


def digest_of(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(sha256(body).digest()).decode()}:"


async def link(shop: Shop) -> str:
    call = await shop.house.use_cases.store.call(1, GatewayKind.SIP, CALL)
    assert call is not None
    return shop.house.use_cases.recording_links.path(1, call)


async def test_audio_may_come_in_pieces_of_any_size_but_not_before_the_report(shop: Shop) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, 9, 3):
            yield WAV[start : start + 3]
        yield WAV[9:]

    path, headers = f"/gateway/v1/calls/{CALL}/recording", bearer(shop.tokens["sip"])
    await shop.arrive(call=CALL)
    await shop.house.use_cases.route_call.settle()
    early = await shop.client.put(path, content=pieces(), headers=headers)
    await shop.report(CALL)
    taken = await shop.client.put(path, content=pieces(), headers=headers)

    assert (early.status_code, taken.status_code) == (404, 204)
    assert (await shop.client.get(await link(shop))).content == WAV


async def test_what_the_gateway_put_is_what_the_link_plays(shop: Shop) -> None:
    await shop.report(CALL)
    assert (await put(shop, CALL, WAV)).status_code == 204
    assert (await put(shop, CALL, WAV)).status_code == 204

    whole = await shop.client.get(await link(shop))
    head = await shop.client.head(await link(shop))

    assert (whole.status_code, whole.content) == (200, WAV)
    assert (head.status_code, head.content, head.headers) == (200, b"", whole.headers)
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["repr-digest"] == digest_of(WAV)
    assert whole.headers["content-disposition"] == f'inline; filename="{CALL}.wav"'
    call = await shop.call(CALL)
    assert call.audio == Audio(AudioFormat.WAV, sha256(WAV).hexdigest())


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("bytes=0-3", 206, WAV[:4]),
        ("bytes=10000-", 206, WAV[10_000:]),
        ("bytes=-4", 206, WAV[-4:]),
        ("bytes=0-999999", 206, WAV),
        ("bytes=999999-", 416, b""),
        ("bytes=-", 200, WAV),
        ("pages=1-2", 200, WAV),
    ],
)
async def test_a_player_may_ask_for_a_part(
    shop: Shop, asked: str, status: int, expected: bytes
) -> None:
    await shop.report(CALL)
    await put(shop, CALL, WAV)

    answer = await shop.client.get(await link(shop), headers={"Range": asked})

    assert (answer.status_code, answer.content) == (status, expected)


async def test_a_link_expires_and_cannot_be_bent(shop: Shop) -> None:
    await shop.report(CALL)
    await put(shop, CALL, WAV)
    good = await link(shop)
    bent = [
        good + "%C3%A9",
        good.replace("/1/", "/2/"),
        good.replace(CALL, "0193c0df"),
        good + "0",
        "/recordings/1",
    ]

    for path in bent:
        assert (await shop.client.get(path)).status_code == 404
    shop.clock.now += 15 * 60_000 + 1
    assert (await shop.client.get(good)).status_code == 404


async def test_the_platforms_own_recording_is_one_step_away(shop: Shop) -> None:
    recording = {"url": "https://records.example/1.mp3", "seconds": 5.0, "channels": 2}
    await shop.report(CALL, recording=recording)

    answer = await shop.client.get(await link(shop))

    assert answer.status_code == 302
    assert answer.headers["location"] == "https://records.example/1.mp3"


async def test_a_recording_that_has_not_arrived_says_so(shop: Shop) -> None:
    await shop.report(CALL)

    assert (await shop.client.get(await link(shop))).status_code == 404


@pytest.mark.parametrize(("body", "status"), [(b"", 400), (b"<html>", 400)])
async def test_what_is_no_audio_is_not_kept(shop: Shop, body: bytes, status: int) -> None:
    await shop.report(CALL)

    assert (await put(shop, CALL, body)).status_code == status
    assert _files(shop.house.settings.recordings) == []


async def test_audio_of_an_unknown_call_is_not_taken(shop: Shop) -> None:
    assert (await put(shop, CALL, WAV)).status_code == 404
    assert (await put(shop, "a%2Fb", WAV)).status_code == 404
    assert _files(shop.house.settings.recordings) == []


@pytest.mark.parametrize(
    ("media_type", "body", "kind"),
    [
        ("audio/flac", b"fLaC" + WAV, AudioFormat.FLAC),
        ("audio/ogg; codecs=opus", b"OggS" + WAV, AudioFormat.OPUS),
        ("audio/mpeg", b"\xff\xe3" + WAV, AudioFormat.MP3),
    ],
)
async def test_every_format_is_played_as_what_it_is(
    shop: Shop, media_type: str, body: bytes, kind: AudioFormat
) -> None:
    await shop.report(CALL)
    assert (await put(shop, CALL, body, content_type=media_type)).status_code == 204

    played = await shop.client.get(await link(shop))
    shown = (
        await shop.client.get(f"/api/v1/calls/sip/{CALL}", headers=bearer(shop.tokens["api"]))
    ).json()["recording"]

    assert played.content == body
    assert played.headers["content-type"] == kind.media_type
    assert (shown["format"], shown["sha256"]) == (kind.value, sha256(body).hexdigest())


@pytest.mark.parametrize(
    ("media_type", "status", "error_id"),
    [
        ("audio/flac", 400, "body_invalid"),
        ("video/mp4", 415, "media_type_unsupported"),
        ("", 415, "media_type_unsupported"),
    ],
)
async def test_a_file_that_is_not_what_it_is_called_is_refused(
    shop: Shop, media_type: str, status: int, error_id: str
) -> None:
    await shop.report(CALL)

    answer = await put(shop, CALL, WAV, content_type=media_type)

    assert (answer.status_code, answer.json()["error_id"]) == (status, error_id)
    assert _files(shop.house.settings.recordings) == []


@pytest.mark.parametrize("damaged", [WAV[:-1], WAV[:99] + b"?" + WAV[100:], WAV + b"x"])
async def test_a_damaged_upload_is_refused_and_the_whole_one_is_taken_after_it(
    shop: Shop, damaged: bytes
) -> None:
    await shop.report(CALL)

    refused = await put(shop, CALL, damaged, content_digest=digest_of(WAV))

    assert (refused.status_code, refused.json()["error_id"]) == (400, "digest_mismatch")
    assert _files(shop.house.settings.recordings) == []
    assert (await put(shop, CALL, WAV, content_digest=digest_of(WAV))).status_code == 204


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (f"sha-512=:AAAA:, {digest_of(WAV)}", 204),
        ("sha-512=:AAAA:", 204),
        ("sha-256=:AAAA:", 422),
        ("sha-256=:*:", 422),
    ],
)
async def test_only_a_sha256_is_looked_at(shop: Shop, said: str, status: int) -> None:
    await shop.report(CALL)

    answer = await put(shop, CALL, WAV, content_digest=said)

    assert answer.status_code == status
    if status != 204:
        assert answer.json()["field"] == "content-digest"


async def test_another_file_for_the_same_call_is_refused_and_the_first_one_stays(
    shop: Shop,
) -> None:
    await shop.report(CALL)
    await put(shop, CALL, WAV)

    other = await put(shop, CALL, WAV + b"more")

    assert (other.status_code, other.json()["error_id"]) == (409, "recording_contradicts")
    assert (await shop.client.get(await link(shop))).content == WAV
    assert (await put(shop, CALL, WAV)).status_code == 204


async def test_a_file_that_was_lost_here_may_be_put_again(shop: Shop) -> None:
    await shop.report(CALL)
    await put(shop, CALL, WAV)
    (file,) = _files(shop.house.settings.recordings)
    file.unlink()

    assert (await shop.client.get(await link(shop))).status_code == 404
    assert (await put(shop, CALL, WAV)).status_code == 204
    assert (await shop.client.get(await link(shop))).content == WAV


async def test_a_player_whose_copy_is_of_another_file_gets_the_whole(shop: Shop) -> None:
    await shop.report(CALL)
    await put(shop, CALL, WAV)
    part = {"Range": "bytes=0-3"}
    etag = (await shop.client.get(await link(shop))).headers["etag"]

    same = await shop.client.get(await link(shop), headers=part | {"If-Range": etag})
    other = await shop.client.get(await link(shop), headers=part | {"If-Range": '"0"'})

    assert (same.status_code, other.status_code) == (206, 200)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
