"""Sounds are uploaded once, checked, and fetched by gateways through links that expire."""

import io
import wave
from typing import Any

import httpx
import pytest

from ringtrace.domain.sound import MOST
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.keep_sound import WEEK_MS
from ringtrace.services.setup_form import read_setup
from tests.console import csrf, signed_in, text
from tests.shop import RADIO, Shop, bearer
from tests.sounds import wav

TV, DESK = "+12025550161", "+12025550192"


async def upload(shop: Shop, name: str = "hello.wav", **more: Any) -> httpx.Response:
    headers = bearer(more.get("token", shop.tokens["api"]))
    content = more.get("content", wav(1.0))
    return await shop.client.put(f"/api/v1/sounds/{name}", content=content, headers=headers)


async def listed(shop: Shop, token: str | None = None) -> list[dict[str, Any]]:
    answer = await shop.client.get("/api/v1/sounds", headers=bearer(token or shop.tokens["api"]))
    sounds: list[dict[str, Any]] = answer.json()["sounds"]
    return sounds


async def plays(shop: Shop, **step: Any) -> None:
    """A number whose callers hear `hello.wav`, unless told otherwise."""
    announce = {"do": "announce", "play": "hello.wav"} | step
    flow = {"name": "notice", "step": [announce, {"do": "dial", "targets": [DESK]}]}
    number = {"number": TV, "channel": "TV", "flow": "notice"}
    document = {"flow": [flow], "number": [number]}
    await shop.house.use_cases.apply_setup(1, read_setup(document))


async def prompt(shop: Shop) -> dict[str, Any]:
    plan = (await shop.arrive(number=TV)).json()
    found: dict[str, Any] = plan["steps"][0]["prompt"]
    return found


async def test_an_uploaded_sound_is_listed_with_a_link(shop: Shop) -> None:
    answer = await upload(shop)

    assert answer.status_code == 200, answer.text
    (sound,) = answer.json()["sounds"]
    assert (sound["name"], sound["seconds"], sound["made_by"]) == ("hello.wav", 1.0, None)
    assert sound["flows"] == []
    content = await shop.client.get(sound["link"])
    assert (content.status_code, content.headers["content-type"]) == (200, "audio/wav")
    with wave.open(io.BytesIO(content.content)) as file:
        assert file.getnframes() / file.getframerate() == 1.0
    head = await shop.client.head(sound["link"])
    assert (head.status_code, head.content) == (200, b"")


async def test_a_plan_leads_to_what_it_plays(shop: Shop) -> None:
    await upload(shop)
    await plays(shop)

    said = await prompt(shop)

    assert (said["file"], said["text"]) == ("hello.wav", "")
    assert (await shop.client.get(said["link"])).status_code == 200
    plan = (await shop.arrive(number=TV)).json()
    assert plan["cacheable"], "the link is the same for everybody"


async def test_a_sound_that_was_not_uploaded_has_no_link(shop: Shop) -> None:
    await plays(shop, say="Hello.")

    said = await prompt(shop)

    assert (said["file"], said["text"], said["link"]) == ("hello.wav", "Hello.", None)


async def test_a_link_stays_for_a_week_and_dies_after_two(shop: Shop) -> None:
    shop.clock.now = WEEK_MS * 3_000
    await upload(shop)
    await plays(shop)
    link = (await prompt(shop))["link"]

    shop.clock.now += WEEK_MS - 1
    assert (await prompt(shop))["link"] == link, "platforms keep what they fetched by its address"
    shop.clock.now += 1
    assert (await prompt(shop))["link"] != link
    assert (await shop.client.get(link)).status_code == 200, "of a call under way"
    shop.clock.now += WEEK_MS + 1
    assert (await shop.client.get(link)).status_code == 404


@pytest.mark.parametrize("spoilt", ["signature=0", "expires=9", "", "expires=x&signature=y"])
async def test_a_link_that_was_not_made_here_opens_nothing(shop: Shop, spoilt: str) -> None:
    await upload(shop)
    (sound,) = await listed(shop)
    path, _, query = sound["link"].partition("?")

    for link in (f"{path}?{query}&x=1".replace("signature=", "signature=0"), f"{path}?{spoilt}"):
        assert (await shop.client.get(link)).status_code == 404
    other = path.replace("/sounds/1/", "/sounds/2/")
    assert (await shop.client.get(f"{other}?{query}")).status_code == 404
    assert (await shop.client.get(f"/sounds/1/../x.wav?{query}")).status_code == 404
    assert (await shop.client.post(sound["link"])).status_code == 405


async def test_a_new_sound_of_the_name_takes_the_place_of_the_old_one(shop: Shop) -> None:
    await upload(shop)
    await plays(shop)
    before = (await prompt(shop))["link"]

    await upload(shop, content=wav(2.0))

    (sound,) = await listed(shop)
    assert sound["seconds"] == 2.0
    assert (await prompt(shop))["link"].partition("?")[0] != before.partition("?")[0]


async def test_a_sound_that_a_flow_plays_is_not_deleted(shop: Shop) -> None:
    await upload(shop)
    await plays(shop)
    api = bearer(shop.tokens["api"])

    refused = await shop.client.delete("/api/v1/sounds/hello.wav", headers=api)
    assert (refused.status_code, refused.json()["error_id"]) == (409, "sound_in_use")
    assert "notice" in refused.json()["message"]
    assert (await listed(shop))[0]["flows"] == ["notice"]

    await plays(shop, play=None, say="Hello.")
    deleted = await shop.client.delete("/api/v1/sounds/hello.wav", headers=api)
    again = await shop.client.delete("/api/v1/sounds/hello.wav", headers=api)
    assert deleted.json() == {"sounds": []}
    assert (again.status_code, again.json()["field"]) == (404, "name")


async def test_voximplant_gateways_need_what_a_flow_plays(shop: Shop) -> None:
    with pytest.raises(FieldInvalidError) as refused:
        await plays(shop)
    assert refused.value.field == "flow[0].step[0].play"
    await plays(shop, say="Hello.")
    assert (await prompt(shop))["text"] == "Hello.", "it is said instead"
    await upload(shop)
    await plays(shop)
    assert (await prompt(shop))["link"] is not None


@pytest.mark.parametrize(
    ("name", "content", "status", "error_id"),
    [
        ("a%20b.wav", wav(0.1), 422, "field_invalid"),
        (".hidden", wav(0.1), 422, "field_invalid"),
        ("x" * 101, wav(0.1), 422, "field_invalid"),
        ("x.wav", b"", 400, "body_invalid"),
        ("x.wav", b"OggS" + b"x" * 100, 400, "body_invalid"),
        ("x.wav", wav(121.0, 4_000), 400, "body_invalid"),
        ("x.wav", b"RIFF" + b"x" * (10 * 1024 * 1024), 413, "body_too_large"),
    ],
)
async def test_what_is_no_sound_is_refused(
    shop: Shop, name: str, content: bytes, status: int, error_id: str
) -> None:
    answer = await upload(shop, name, content=content)

    assert (answer.status_code, answer.json()["error_id"]) == (status, error_id)
    assert await listed(shop) == []


async def test_an_upload_may_be_as_large_as_is_said(shop: Shop) -> None:
    large = wav(20.0, 48_000, 2) + bytes(2 * 1024 * 1024)
    assert 5 * 1024 * 1024 < len(large) < 10 * 1024 * 1024, "more than other bodies may have"

    assert (await upload(shop, content=large)).status_code == 200


async def test_an_account_has_only_so_many_sounds(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST >= 100
    monkeypatch.setattr("ringtrace.services.keep_sound.MOST", 1)
    await upload(shop)

    assert (await upload(shop, "more.wav")).status_code == 422
    assert (await upload(shop)).status_code == 200, "it is there already"


async def test_another_accounts_sounds_are_its_own(shop: Shop) -> None:
    await upload(shop)

    assert await listed(shop, shop.foreign["api"]) == []
    theirs = bearer(shop.foreign["api"])
    assert (await shop.client.delete("/api/v1/sounds/hello.wav", headers=theirs)).status_code == 404
    await upload(shop, token=shop.foreign["api"], content=wav(3.0))
    assert (await listed(shop))[0]["seconds"] == 1.0


async def test_the_console_uploads_plays_and_deletes_a_sound(shop: Shop) -> None:
    client = await signed_in(shop)

    async def send(path: str, **more: Any) -> int:
        form = {"_csrf_token": await csrf(client, "/setup")} | more.pop("data", {})
        return (await client.post(path, data=form, **more)).status_code

    large = wav(20.0, 48_000, 2) + bytes(2 * 1024 * 1024)
    assert await send("/setup/sounds", files={"file": ("hello.wav", large)}) == 303
    assert await send(
        "/setup/sounds", files={"file": ("a b.wav", wav(1.0))}, data={"name": "menu.wav"}
    ) == 303  # fmt: skip
    page = await text(shop, "/setup")
    assert "hello.wav 23 Nov 2026 0:20 no flow" in page
    assert "menu.wav" in page
    assert (await listed(shop))[0]["made_by"] == shop.passwords[1][0]
    assert '<audio controls preload="none" src="/sounds/1/' in (await client.get("/setup")).text
    assert await send("/setup/sounds", files={"file": ("x.wav", b"nothing")}) == 400
    assert await send("/setup/sounds", files={"file": ("a b.wav", wav(1.0))}) == 422
    await plays(shop)
    assert await send("/setup/sounds/hello.wav/delete") == 409
    assert await send("/setup/sounds/menu.wav/delete") == 303
    assert "menu.wav" not in await text(shop, "/setup")


async def test_a_number_without_sounds_asks_for_none(shop: Shop) -> None:
    plan = (await shop.arrive(number=RADIO)).json()

    assert "link" not in str(plan)
