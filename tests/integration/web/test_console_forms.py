"""A form that is refused is shown again: what was typed stands in it, and why beside the field."""

import re

import httpx
import pytest

from ringtrace.services.errors import SoundInUseError
from ringtrace.services.keep_sound import KeepTheSound
from tests.console import csrf, plain, signed_in
from tests.shop import Shop
from tests.sounds import wav

WRONG = re.compile(r'<(?:input|textarea)[^>]* name="(\w+)"[^>]* aria-invalid="true"[^>]* autofocus')
RULES = {
    "blocked": "on",
    "silent_calls": "3",
    "silent_seconds": "4.5",
    "silent_days": "7",
    "too_many_calls": "8",
    "too_many_minutes": "2.5",
    "many_numbers_called": "4",
    "many_numbers_minutes": "60",
}


async def upload(client: httpx.AsyncClient, name: str, content: bytes, typed: str = "") -> str:
    form = {"_csrf_token": await csrf(client, "/setup"), "name": typed}
    answer = await client.post("/setup/sounds", data=form, files={"file": (name, content)})
    assert 400 <= answer.status_code < 500, answer.status_code
    return answer.text


def beside(page: str) -> tuple[str, str]:
    """The one input that is marked, and the message that belongs to it."""
    (marked,) = WRONG.findall(page)
    (said,) = re.findall(rf'id="\w+-{marked}-wrong" role="alert">([^<]+)<', page)
    return marked, said


async def test_a_file_that_is_no_sound_keeps_the_name_that_was_typed(shop: Shop) -> None:
    client = await signed_in(shop)

    page = await upload(client, "hello.wav", b"hello", "greeting")

    assert beside(page) == ("file", "A WAV or MP3 file is needed.")
    assert 'name="name" value="greeting"' in page
    assert "Pool 2 numbers" in plain(page), "it is the page that he was on"


async def test_a_file_whose_name_no_flow_can_say_is_offered_for_renaming(shop: Shop) -> None:
    client = await signed_in(shop)

    page = await upload(client, "my greeting.wav", wav(1))

    assert beside(page) == ("name", "Up to 100 of A-Z a-z 0-9 . _ - are needed.")
    assert 'name="name" value="my greeting.wav"' in page


async def test_a_sound_that_came_to_be_played_meanwhile_is_not_deleted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def in_use(*_: object) -> None:
        raise SoundInUseError("it is played by night", "name")

    client = await signed_in(shop)
    token = await csrf(client, "/setup")
    monkeypatch.setattr(KeepTheSound, "drop", in_use)

    answer = await client.post("/setup/sounds/hello/delete", data={"_csrf_token": token})

    assert answer.status_code == 409
    assert "It is played by night." in plain(answer.text)


async def test_a_tag_that_is_none_stays_in_its_field(shop: Shop) -> None:
    await shop.report("one")
    client = await signed_in(shop)
    form = {"_csrf_token": await csrf(client, "/setup"), "add": 'hot "lead"'}

    answer = await client.post("/calls/sip/one/tags", data=form)

    assert answer.status_code == 422
    assert beside(answer.text) == (
        "add",
        "A word of 1 to 32 letters, digits, - or _ is needed.",
    )
    assert 'value="hot &#34;lead&#34;"' in answer.text
    assert "Tags" in plain(answer.text)


async def test_rules_keep_every_switch_and_threshold_as_it_was_typed(shop: Shop) -> None:
    client = await signed_in(shop)
    form = RULES | {"_csrf_token": await csrf(client, "/setup")}

    answer = await client.post("/blocklist/rules", data=form)

    assert answer.status_code == 422
    assert beside(answer.text) == ("too_many_minutes", "A whole number is needed.")
    assert 'name="silent_seconds" value="4.5"' in answer.text
    assert 'name="too_many_minutes" value="2.5"' in answer.text
    assert re.findall(r'name="(\w+)" value="on" checked', answer.text) == ["blocked"]
    kept = shop.house.use_cases.directory.spam_rules(1)
    assert kept.silent_seconds != 4.5, "nothing of it was kept"


async def test_a_threshold_out_of_its_bounds_is_named(shop: Shop) -> None:
    client = await signed_in(shop)
    form = RULES | {"too_many_minutes": "9999", "_csrf_token": await csrf(client, "/setup")}

    answer = await client.post("/blocklist/rules", data=form)

    assert beside(answer.text)[0] == "too_many_minutes"


async def test_callers_that_cannot_be_read_stay_with_their_treatment(shop: Shop) -> None:
    client = await signed_in(shop)
    typed = "+12025550155, sells windows\nnonsense"
    form = {"callers": typed, "treatment": "ask", "_csrf_token": await csrf(client, "/setup")}

    answer = await client.post("/blocklist", data=form)

    assert answer.status_code == 422
    assert beside(answer.text)[0] == "callers"
    assert f">{typed}</textarea>" in answer.text
    assert '<option value="ask" selected>' in answer.text


async def test_a_form_that_nobody_refused_marks_nothing(shop: Shop) -> None:
    await shop.report("one")
    client = await signed_in(shop)

    for path in ("/setup", "/notices", "/blocklist", "/calls/sip/one"):
        page = (await client.get(path)).text
        assert "aria-invalid" not in page, path
        assert "autofocus" not in page, path
