"""The console over the real store: signing in, and what each page shows to whom."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.console import csrf, plain, sign_in, signed_in, text
from tests.shop import POOL, RADIO, Shop, bearer, rfc

CALL = "0193c0de"
OPEN = {"/login", "/static/{digest:str}/{name:str}"}


def _routes(shop: Shop) -> Iterator[tuple[str, str]]:
    pages = shop.house.app._pages
    assert isinstance(pages, Litestar)
    for route in pages.routes:
        if not route.path.startswith("/api/") and route.path not in OPEN:
            path = route.path.replace("{gateway:str}", "sip").replace("{call:str}", CALL)
            for method in sorted(getattr(route, "methods", set()) - {"OPTIONS", "HEAD"}):
                yield method, path


# Signing in


async def test_every_page_asks_for_a_sign_in_and_comes_back_to_itself(shop: Shop) -> None:
    routes = list(_routes(shop))
    form = {"_csrf_token": await csrf(shop.client)}

    assert len(routes) == 8
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


# Whose pages


async def test_another_accounts_call_is_the_same_as_none(shop: Shop) -> None:
    await shop.report(CALL)
    await signed_in(shop, 2)

    theirs = await shop.client.get(f"/calls/sip/{CALL}")
    unknown = await shop.client.get("/calls/sip/none")
    pigeon = await shop.client.get("/calls/pigeon/none")

    assert theirs.status_code == unknown.status_code == pigeon.status_code == 404
    assert theirs.text == unknown.text == pigeon.text
    assert "Nothing here" in theirs.text


async def test_another_accounts_names_and_numbers_are_on_no_page(shop: Shop) -> None:
    await shop.hit()
    await shop.report(CALL)
    await signed_in(shop, 2)

    for path in ("/", "/calls", "/channels", "/setup"):
        page = (await shop.client.get(path)).text
        assert "555-0101" not in page
        assert "555-0111" not in page
        assert 'data-site="shop"' not in page
    assert "No calls yet" in await text(shop, "/calls")


# What pages show


async def test_before_the_first_call_the_pages_say_what_to_do(shop: Shop) -> None:
    await signed_in(shop)

    for path in ("/", "/calls"):
        page = await text(shop, path)
        assert "No calls yet" in page
        assert "Done: Name your numbers and sites" in page
        assert "Open Set-up" in page


async def test_the_overview_adds_up(shop: Shop) -> None:
    at = shop.clock.now
    missed: dict[str, Any] = {
        "outcome": "missed",
        "reason": "operator_not_responsive",
        "talk_seconds": 0,
    }
    for i in range(3):
        await shop.report(f"a{i}", started_at=rfc(at - 60_000 * i), talk_seconds=60)
    await shop.report("m", started_at=rfc(at), code=408, **missed)
    await shop.report("u", number=POOL, started_at=rfc(at), talk_seconds=30)
    await shop.report("old", started_at=rfc(at - 40 * 86_400_000))
    await signed_in(shop)

    page = await text(shop, "/")

    assert "Calls 5 400 % more than the period before" in page
    assert "Answered 80.0 % 4 of 5 calls" in page
    assert "Average talk 0:52 4 min in all" in page
    assert "Attributed 80.0 % 1 of 5 calls stay unknown" in page
    assert "Radio 4 80.0 % 3 75.0 % 3 min" in page
    assert "Unknown 1 20.0 % 1 100.0 % 30 s" in page
    assert "All 6" in await text(shop, "/channels?from=2020-01-01&to=2100-01-01")


async def test_the_log_shows_a_call_in_human_words(shop: Shop) -> None:
    failed: dict[str, Any] = {
        "outcome": "failed",
        "reason": "not_enough_money",
        "code": 402,
        "talk_seconds": 0,
    }
    await shop.report(CALL, caller=None, recording=None, **failed)
    await signed_in(shop)

    page = await text(shop, "/calls")

    assert "Withheld number 23 Nov 2026, 06:30 +1 202-555-0101 Radio" in page
    assert "Failed rang 0:04" in page
    assert "The telephony account is out of credit" in page
    assert "Radio Morning show by its number" in page
    assert "<audio" not in (await shop.client.get("/calls")).text


async def test_a_recording_plays_in_the_page_through_a_signed_link(shop: Shop) -> None:
    await shop.report(CALL)
    await shop.client.put(
        f"/gateway/v1/calls/{CALL}/recording",
        content=b"RIFFaudio",
        headers=bearer(shop.tokens["sip"]),
    )
    elsewhere = {"url": "https://media.example/r.mp3", "seconds": 9, "channels": 1}
    await shop.report("outside", recording=elsewhere)
    await signed_in(shop)

    page = (await shop.client.get("/calls")).text

    links = re.findall(r'<audio controls preload="none" src="([^"]+)">', page)
    assert len(links) == 2
    assert all(link.startswith("/recordings/1/sip/") for link in links)
    answers = {(await shop.client.get(unescape(link))).status_code for link in links}
    assert answers == {200, 302}
    assert "media.example" not in page


async def test_the_log_is_filtered_and_paged(shop: Shop) -> None:
    for i in range(60):
        await shop.report(f"c{i}", started_at=f"2026-11-{1 + i // 10:02}T06:{i % 10:02}:00Z")
    missed: dict[str, Any] = {
        "outcome": "missed",
        "reason": "operator_not_responsive",
        "talk_seconds": 0,
    }
    await shop.report("m", number=POOL, started_at="2026-11-09T23:30:00Z", code=408, **missed)
    await signed_in(shop)

    first, second = await text(shop, "/calls"), await text(shop, "/calls?page=2")
    assert "1–50 of 61" in first  # noqa: RUF001 - a range is written with a dash
    assert "51–61 of 61" in second  # noqa: RUF001 - as above
    assert 'href="/calls?page=2"' in (await shop.client.get("/calls")).text
    assert "1–1 of 1" in await text(shop, "/calls?outcome=missed")  # noqa: RUF001 - as above
    assert "1–50 of 60" in await text(shop, "/calls?channel=Radio")  # noqa: RUF001 - as above
    one_day = await text(shop, "/calls?from=2026-11-02&to=2026-11-02")
    assert "1–10 of 10" in one_day  # noqa: RUF001 - as above
    assert "No call matches" in await text(shop, "/calls?channel=Email")
    for nonsense in ("page=x", "page=-1", "page=9999999999", "from=soon", "outcome=lost"):
        assert "of 61" in await text(shop, f"/calls?{nonsense}")
    assert "No more calls" in await text(shop, "/calls?page=99")


async def test_the_channel_filter_has_a_choice_of_what_is_mostly_unknown(shop: Shop) -> None:
    for call, number in (("known", RADIO), ("half", POOL), ("unknown", POOL)):
        await shop.report(call, number=number)
    shop.house._store._connection.execute("UPDATE calls SET unknown = 0.5 WHERE call_id = 'half'")
    await signed_in(shop)

    page = (await shop.client.get("/calls?channel=+unknown")).text

    assert re.findall(r'href="/calls/sip/(\w+)"', page) == ["unknown"]
    assert '<option value=" unknown" selected>Mostly unknown</option>' in page
    assert "No call matches" in await text(shop, "/calls?channel=+unknown&to=2020-01-01")
    # A channel may bear that name; it is not the choice.
    assert "No call matches" in await text(shop, "/calls?channel=unknown")


async def test_days_and_times_are_those_of_the_viewer(shop: Shop) -> None:
    await shop.report(CALL, started_at="2026-11-23T23:30:00Z")
    await signed_in(shop)
    shop.client.cookies.set("ringtrace_zone", "Europe/Berlin", domain="ringtrace.test")

    page = await text(shop, "/calls?from=2026-11-24&to=2026-11-24")

    assert "24 Nov 2026, 00:30" in page
    assert "Times in Europe/Berlin" in page
    raw = (await shop.client.get("/calls")).text
    assert 'datetime="2026-11-24T00:30:00+01:00"' in raw


async def test_a_call_explains_its_attribution(shop: Shop) -> None:
    visit = shop.ids()
    shown = (await shop.hit(visit=visit, visitor=visit)).json()["number"]["e164"]
    shop.clock.now += 20_000
    await shop.hit("tap", visit=visit, visitor=visit)
    shop.clock.now += 4_000
    await shop.report(CALL, number=shown, started_at=rfc(shop.clock.now))
    await signed_in(shop)

    page = await text(shop, f"/calls/sip/{CALL}")

    assert "These visits were shown the number before the call." in page
    assert re.search(r"Paid Search > 99 % c · k · last seen 4 seconds before the call", page)
    assert "Landing page shop.example/" in page
    assert "Device Computer" in page
    assert "Opened a page shop.example/" in page
    assert "Tapped the number" in page
    assert "Unknown < 1 %" in page
    assert "SIP code 200" in page


async def test_what_others_wrote_is_never_markup(shop: Shop) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    number = {"number": RADIO, "channel": evil, "name": evil, "campaign": evil, "target": POOL}
    await shop.client.put(
        "/api/v1/setup", json={"number": [number]}, headers=bearer(shop.tokens["api"])
    )
    await shop.report(CALL, caller=evil[:60], session=evil, target="sip:<b>@x", legs=[])
    await signed_in(shop)

    for path in ("/", "/calls", f"/calls/sip/{CALL}", "/channels", "/setup", "/calls?channel=<b>"):
        page = (await shop.client.get(path)).text
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "<b>" not in page
    assert "&lt;script&gt;alert(1)" in (await shop.client.get("/calls")).text


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


# What browsers are told


async def test_no_page_brings_inline_code_or_fetches_from_elsewhere(shop: Shop) -> None:
    await shop.report(CALL)
    await signed_in(shop)

    for path in ("/", "/calls", f"/calls/sip/{CALL}", "/channels", "/setup", "/nothing"):
        answer = await shop.client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", answer.text)
        assert not re.search(r"<script(?![^>]*\ssrc=\"/static/)", answer.text)
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", answer.text)


async def test_assets_are_kept_for_good_and_named_by_content(shop: Shop) -> None:
    page = (await shop.client.get("/login")).text
    url = re.search(r'href="(/static/[0-9a-f]+/console\.css)"', page)
    assert url is not None

    asset = await shop.client.get(url[1])
    again = await shop.client.get(url[1], headers={"If-None-Match": asset.headers["etag"]})
    other = await shop.client.get(url[1].replace("/static/", "/static/0"))

    assert asset.headers["content-type"].startswith("text/css")
    assert "immutable" in asset.headers["cache-control"]
    assert "set-cookie" not in asset.headers
    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 404


async def test_a_fault_of_ours_is_a_page_without_its_inside(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    await signed_in(shop)
    monkeypatch.setattr(type(shop.house.use_cases.store), "calls", broken)

    answer = await shop.client.get("/calls")

    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "secret" not in answer.text
