"""The console as a person meets it: signing in, and what a page reads like."""

import re
from html import unescape

import httpx

from tests.shop import Shop


async def csrf(client: httpx.AsyncClient, path: str = "/login") -> str:
    """The token of the forms of a page."""
    page = await client.get(path)
    found = re.search(r'name="_csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


async def sign_in(
    client: httpx.AsyncClient, login: str, password: str, wanted: str = "/"
) -> httpx.Response:
    form = {"login": login, "password": password, "next": wanted}
    return await client.post("/login", data=form | {"_csrf_token": await csrf(client)})


async def signed_in(shop: Shop, account: int = 1) -> httpx.AsyncClient:
    answer = await sign_in(shop.client, *shop.passwords[account])
    assert answer.status_code == 303, answer.text
    return shop.client


async def text(shop: Shop, path: str) -> str:
    page = await shop.client.get(path)
    assert page.status_code == 200, page.text
    return plain(page.text)


def plain(page: str) -> str:
    """What a person reads, words separated by single spaces."""
    main = page.partition("<main")[2]
    words = " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())
    return words.replace(" ,", ",").replace(" ;", ";")
