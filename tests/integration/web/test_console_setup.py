"""Set-up in the console: the line to copy, the numbers, the tokens."""

import re

from tests.console import csrf, plain, sign_in, signed_in, text
from tests.shop import Shop


async def test_set_up_shows_the_line_to_copy_and_the_numbers(shop: Shop) -> None:
    await signed_in(shop)

    page = await text(shop, "/setup")

    line = '<script async src="http://ringtrace.test/t/tag.js" data-site="shop"></script>'
    assert line in page
    assert "Pool 2 numbers" in page
    assert "+1 202-555-0101 Radio Radio Morning show +1 202-555-0191 Yes In use" in page


async def test_a_token_is_shown_once_and_works(shop: Shop) -> None:
    client = await signed_in(shop)
    form = {"kind": "sip", "_csrf_token": await csrf(client, "/setup")}

    page = await client.post("/setup/tokens", data=form)

    token = re.search(r'id="issued-token">(rt_sip_[^<]+)<', page.text)
    assert token is not None
    assert (await shop.arrive(token=token[1])).status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert token[1] not in (await client.get("/setup")).text
    assert (await client.post("/setup/tokens", data=form | {"kind": "x"})).status_code == 422


async def test_set_up_says_which_tokens_exist(shop: Shop) -> None:
    client = await signed_in(shop)
    shop.clock.now += 3_600_000
    form = {"kind": "sip", "_csrf_token": await csrf(client, "/setup")}

    shown = plain((await client.post("/setup/tokens", data=form)).text)

    older = "the one before, of 23 Nov 2026, 07:30, is still valid"
    assert (
        f"For the SIP node that comes with Ringtrace. Issued 23 Nov 2026, 08:30; {older}" in shown
    )
    assert shown.count("Issued 23 Nov 2026") == 4
    client.cookies.clear()
    await shop.house.use_cases.open_account("New", "US", "new", "secret")
    await sign_in(client, "new", "secret")
    assert (await text(shop, "/setup")).count("None issued yet") == 4
