"""Audio: put by gateways, opened through links."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringtrace.domain.call import GatewayKind
from tests.shop import Shop, bearer

WAV = b"RIFF" + bytes(range(256)) * 40
CALL = "0193c0de"


async def put(shop: Shop, call: str, body: bytes, token: str = "") -> int:
    answer = await shop.client.put(
        f"/gateway/v1/calls/{call}/recording",
        content=body,
        headers=bearer(token or shop.tokens["sip"]),
    )
    return answer.status_code


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
    assert await put(shop, CALL, WAV) == 204
    assert await put(shop, CALL, WAV) == 204

    whole = await shop.client.get(await link(shop))

    assert (whole.status_code, whole.content) == (200, WAV)
    assert whole.headers["content-type"] == "audio/wav"
    call = await shop.call(CALL)
    assert call.has_audio


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

    assert await put(shop, CALL, body) == status
    assert _files(shop.house.settings.recordings) == []


async def test_audio_of_an_unknown_call_is_not_taken(shop: Shop) -> None:
    assert await put(shop, CALL, WAV) == 404
    assert await put(shop, "a%2Fb", WAV) == 404
    assert _files(shop.house.settings.recordings) == []


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
