"""The console's door: who is let in, and how long a session lasts."""

from collections.abc import Iterator

import httpx
import pytest
from litestar import Litestar

from tests.console import csrf, plain, sign_in, signed_in
from tests.shop import Shop

CALL = "0193c0de"
UNSUBSCRIBE = "/unsubscribe/{account:int}/{recipient:str}"
"""Opened from a mail, by people who have no login."""
OPEN = {"/login", "/static/{digest:str}/{name:str}", UNSUBSCRIBE}


def _routes(shop: Shop) -> Iterator[tuple[str, str]]:
    pages = shop.house.app._pages
    assert isinstance(pages, Litestar)
    for route in pages.routes:
        if not route.path.startswith("/api/") and route.path not in OPEN:
            path = route.path.replace("{gateway:str}", "sip").replace("{call:str}", CALL)
            for method in sorted(getattr(route, "methods", set()) - {"OPTIONS", "HEAD"}):
                yield method, path


async def test_every_page_asks_for_a_sign_in_and_comes_back_to_itself(shop: Shop) -> None:
    routes = list(_routes(shop))
    form = {"_csrf_token": await csrf(shop.client)}

    assert len(routes) == 21
    for method, path in routes:
        data = form if method == "POST" else None
        answer = await shop.client.request(method, path, data=data)
        if path == "/logout":
            wanted = "/login"
        elif method == "GET" and path != "/":
            wanted = f"/login?next={path.replace('/', '%2F')}"
        else:
            wanted = "/login"
        assert (answer.status_code, answer.headers["location"]) == (303, wanted)


async def test_every_form_is_refused_without_its_token(shop: Shop) -> None:
    client = await signed_in(shop)
    paths = [path for method, path in _routes(shop) if method == "POST"] + ["/login"]

    for path in paths:
        for data in (
            {},
            {"_csrf_token": "x" * 128},
            {"_csrf_token": "ä" * 128},
            {"_csrf_token": ["x", "y"]},
        ):
            answer = await client.post(path, data={"kind": "sip", **data})
            assert answer.status_code == 403
            assert "This form has expired" in answer.text
    assert (await shop.arrive()).status_code == 200


async def test_a_wrong_password_and_an_unknown_login_are_told_the_same(shop: Shop) -> None:
    wrong = await sign_in(shop.client, "admin", "guess")
    unknown = await sign_in(shop.client, "nobody", "guess")

    assert wrong.status_code == unknown.status_code == 401
    assert plain(wrong.text) == plain(unknown.text)
    assert "Login or password is wrong" in wrong.text
    assert (await shop.client.get("/")).status_code == 303


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(
    shop: Shop, scheme: str, *, secure: bool
) -> None:
    shop.client.base_url = httpx.URL(f"{scheme}://ringtrace.test")
    page = await shop.client.get("/login")
    answer = await sign_in(shop.client, *shop.passwords[1])

    for one in (page, answer):
        cookie = one.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert ("secure" in cookie) is secure


async def test_a_session_id_planted_before_the_sign_in_opens_nothing(shop: Shop) -> None:
    shop.client.cookies.set("ringtrace_session", "planted", domain="ringtrace.test")
    await signed_in(shop)

    thief = {"Cookie": "ringtrace_session=planted"}
    shop.client.cookies.clear()
    assert (await shop.client.get("/", headers=thief)).status_code == 303


async def test_signing_out_ends_the_session_on_the_server(shop: Shop) -> None:
    client = await signed_in(shop)
    kept = {"Cookie": f"ringtrace_session={client.cookies['ringtrace_session']}"}

    answer = await client.post("/logout", data={"_csrf_token": await csrf(client, "/")})

    assert answer.headers["location"] == "/login"
    client.cookies.clear()
    assert (await client.get("/", headers=kept)).status_code == 303


async def test_visitors_who_do_not_sign_in_leave_no_files(shop: Shop) -> None:
    for path in ("/login", "/", "/nothing"):
        await shop.client.get(path)

    assert list(shop.house.settings.sessions.iterdir()) == []
    await signed_in(shop)
    await shop.client.get("/")
    await shop.client.get("/calls")
    assert len(list(shop.house.settings.sessions.iterdir())) == 1


async def test_guessing_is_slowed_down_and_says_how_long(shop: Shop) -> None:
    for _ in range(5):
        assert (await sign_in(shop.client, "admin", "guess")).status_code == 401
    await sign_in(shop.client, "admin", "guess")

    right = await sign_in(shop.client, *shop.passwords[1])
    shop.clock.now += 1_000 * int(right.headers["retry-after"])
    later = await sign_in(shop.client, *shop.passwords[1])

    assert (right.status_code, later.status_code) == (429, 303)
    assert "Too many attempts" in right.text


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/calls?page=2", "/calls?page=2"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
    ],
)
async def test_the_sign_in_leads_to_pages_of_this_server_alone(
    shop: Shop, wanted: str, goes_to: str
) -> None:
    answer = await sign_in(shop.client, *shop.passwords[1], wanted)

    assert answer.headers["location"] == goes_to
