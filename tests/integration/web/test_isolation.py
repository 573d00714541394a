"""Another account's tokens, numbers, calls and recordings are unknown."""

import re
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
from litestar import Litestar

from tests.console import csrf, signed_in
from tests.shop import FOREIGN, RADIO, Shop, bearer, on_every_store, rfc
from tests.walk import (
    CALLER,
    HOT,
    NOBODY,
    NUMBERS,
    PAGES,
    SESSION,
    SETUP,
    SHOP,
    STATIC,
    TAG,
    WORDS,
    Ids,
    Request,
    Tokens,
    recording,
)

pytestmark = on_every_store

CALL = "0193c0de"
WAV = b"RIFFaudio"


async def test_another_accounts_number_is_unknown_to_every_gateway_request(shop: Shop) -> None:
    foreign = shop.foreign["sip"]
    unknown = await shop.arrive(token=foreign, number="+12025550999")

    theirs = await shop.arrive(token=foreign, number=RADIO)
    report = await shop.report(CALL, token=foreign)

    assert (theirs.status_code, theirs.json()) == (404, unknown.json())
    assert (report.status_code, report.json()) == (404, unknown.json())
    assert await shop.count() == 0


async def test_a_call_id_belongs_to_its_account_and_gateway(shop: Shop) -> None:
    await shop.report(CALL)

    theirs = await shop.report(CALL, token=shop.foreign["sip"], number=FOREIGN)
    other_gateway = await shop.report(CALL, token=shop.tokens["voximplant"])

    assert theirs.json() == {"result": "created"}
    assert other_gateway.json() == {"result": "created"}
    assert (await shop.call(CALL)).number == RADIO


async def test_another_accounts_recording_can_be_neither_put_nor_opened(shop: Shop) -> None:
    await shop.report(CALL)
    path = f"/gateway/v1/calls/{CALL}/recording"

    for token in (shop.foreign["sip"], shop.tokens["voximplant"]):
        answer = await shop.client.put(path, content=WAV, headers=bearer(token))
        unknown = await shop.client.put(
            "/gateway/v1/calls/none/recording", content=WAV, headers=bearer(token)
        )
        assert (answer.status_code, answer.json()) == (404, unknown.json())
    assert (await shop.call(CALL)).audio is None


async def test_the_original_paths_know_the_tokens_account_alone(shop: Shop) -> None:
    query = {"dialed_number": RADIO, "token": shop.foreign["route"]}

    answer = await shop.client.get("/api", params=query)
    report = await shop.client.post(
        "/api/report", data=query | {"date": "2026-11-23T06:30:00Z", "length": "1"}
    )

    assert (answer.status_code, answer.text) == (404, "")
    assert (report.status_code, report.json()["error_id"]) == (404, "number_unknown")


async def test_the_api_shows_another_account_nothing(shop: Shop) -> None:
    visit = shop.ids()
    await shop.hit(visit=visit, visitor=visit)
    await shop.report(CALL)
    theirs, own = bearer(shop.foreign["api"]), bearer(shop.tokens["api"])

    for path in (f"/api/v1/calls/sip/{CALL}", f"/api/v1/visits/{visit}"):
        assert (await shop.client.get(path, headers=own)).status_code == 200
        refused = await shop.client.get(path, headers=theirs)
        unknown = await shop.client.get(path[:-1] + "z", headers=theirs)
        assert (refused.status_code, refused.json()) == (404, unknown.json())
    assert (await shop.client.get("/api/v1/calls", headers=theirs)).json()["total"] == 0
    channels = await shop.client.get("/api/v1/reports/channels", headers=theirs)
    assert RADIO not in channels.text


async def test_another_accounts_number_or_site_cannot_be_taken_over(shop: Shop) -> None:
    theirs = bearer(shop.foreign["api"])
    number = {"number": RADIO, "channel": "Radio", "target": "+12025550666"}
    site = {"key": "shop", "name": "Mine now", "origins": ["https://evil.example"]}

    for document in ({"number": [number]}, {"site": [site]}):
        answer = await shop.client.put("/api/v1/setup", json=document, headers=theirs)
        assert answer.status_code in {409, 422}
    plan = (await shop.arrive()).json()
    assert plan["steps"][0]["targets"][0]["to"] == "+12025550191"
    assert (await shop.hit()).json()["number"] is not None


async def test_only_the_operator_opens_accounts(shop: Shop) -> None:
    form = {"name": "X", "region": "US", "login": "x"}

    refused = await shop.client.post(
        "/api/v1/accounts", json=form, headers=bearer(shop.foreign["api"])
    )
    opened = await shop.client.post(
        "/api/v1/accounts", json=form, headers=bearer(shop.tokens["api"])
    )

    assert refused.status_code in {403, 404}
    assert opened.status_code == 201


# A walk over every route


def _routes(shop: Shop) -> set[str]:
    app = shop.house.app
    pages = app._pages
    assert isinstance(pages, Litestar)
    found = {*app._exact, *(f"{beginning}*{end}" for beginning, end, _ in app._below)}
    for route in pages.routes:
        # OPTIONS and HEAD are the framework's own and answer without a body.
        methods = set(getattr(route, "methods", {"ANY"})) - {"OPTIONS", "HEAD"}
        found |= {f"{method} {route.path}" for method in methods}
    return found


async def _fill(shop: Shop) -> None:
    """Give the own account a call that says everything, twice."""
    own = shop.tokens
    setup = await shop.client.put("/api/v1/setup", json=SETUP, headers=bearer(own["api"]))
    assert setup.status_code == 200, setup.text
    url = "https://shop.example/?utm_source=google&utm_campaign=winter-4711"
    hit = await shop.hit(site=SHOP.site, visit=SHOP.visit, visitor=SHOP.visit, url=url)
    assert hit.json()["number"]["e164"] == SHOP.number
    shop.clock.now += 5_000
    said: dict[str, Any] = {"number": SHOP.number, "caller": CALLER, "session": SESSION}
    for length in (41.0, 42.0):
        await shop.report(SHOP.call, **said, started_at=rfc(shop.clock.now), talk_seconds=length)
    await shop.report("to-the-fair", number=STATIC, caller=CALLER)
    robot = {"callers": [{"caller": CALLER, "treatment": "ask", "note": "robot-4711"}]}
    listed = await shop.client.post("/api/v1/blocklist", json=robot, headers=bearer(own["api"]))
    assert listed.status_code == 201, listed.text
    tag = f"/api/v1/calls/sip/{SHOP.call}/tags/{TAG}"
    assert (await shop.client.put(tag, headers=bearer(own["api"]))).status_code == 200
    put = await shop.client.request(**recording(SHOP, own))
    assert put.status_code == 204, put.text


async def _signature(shop: Shop, call: str, tokens: Tokens) -> str:
    """The query that opens the recording of a call to whoever holds `tokens`."""
    headers = bearer(tokens["api"])
    answer = await shop.client.get(f"/api/v1/calls/sip/{call}", headers=headers)
    link: str = answer.json()["recording"]["link"]
    return urlsplit(link).query


async def _delivery(shop: Shop) -> str:
    """The id of a notice of the own account's call."""
    headers = bearer(shop.tokens["api"])
    answer = await shop.client.get("/api/v1/deliveries", headers=headers)
    found: str = answer.json()["deliveries"][0]["delivery"]
    return found


async def _ask(shop: Shop, route: str, ids: Ids, tokens: Tokens) -> httpx.Response:
    ask = (HOT | PAGES)[route]
    method, _, path = route.rpartition(" ")
    for name, value in (
        ("gateway", "sip"),
        ("visit_id", ids.visit),
        ("site", ids.site),
        ("recipient", ids.recipient),
        ("delivery", ids.delivery),
        ("caller", CALLER),
    ):
        path = path.replace(f"{{{name}:str}}", value)
    path = re.sub(r"\{\w+:str\}", ids.call, path).replace("{version:int}", "1")
    path = path.replace("{account:int}", "1")
    request: Request = {"method": method or "GET", "url": path} | ask.request(ids, tokens)
    if path.startswith("/api/v1/"):
        request.pop("data", None)
        request["headers"] = bearer(tokens["api"])
    elif route in PAGES and method == "POST":
        request.pop("json", None)
        form = {"_csrf_token": await csrf(shop.client, "/setup")}
        request["data"] = request.get("data", {}) | form
    return await shop.client.request(**request)


def _shown(answer: httpx.Response) -> set[str]:
    """Which of the own account's facts an answer holds, in whatever spelling."""
    said = unescape(unquote(f"{answer.headers} {answer.text}"))
    digits = re.sub(r"[\s().\u2011-]", "", said)
    return {one for one in NUMBERS if one in digits} | {one for one in WORDS if one in said}


async def test_the_walk_knows_how_to_ask_every_route(shop: Shop) -> None:
    """A new route is added to HOT or PAGES, with what another account is answered there."""
    assert _routes(shop) == HOT.keys() | PAGES.keys()


async def test_no_route_shows_another_account_anything(shop: Shop) -> None:
    await _fill(shop)
    theirs = Ids(FOREIGN, "theirs", "e" * 32, "foreign")
    await shop.report("theirs", token=shop.foreign["sip"], number=FOREIGN)
    put = recording(theirs, shop.foreign)
    assert (await shop.client.request(**put)).status_code == 204
    signature = await _signature(shop, "theirs", shop.foreign)
    own = replace(SHOP, signature=signature, delivery=await _delivery(shop))
    await signed_in(shop, 2)

    for route, ask in (HOT | PAGES).items():
        answer = await _ask(shop, route, own, shop.foreign)

        assert answer.status_code == ask.status, (route, answer.text)
        assert _shown(answer) == set(), route
        if ask.status == 404:
            unknown = await _ask(shop, route, replace(NOBODY, signature=signature), shop.foreign)
            assert (unknown.status_code, unknown.text) == (404, answer.text), route


async def test_the_walk_finds_what_it_looks_for_in_the_own_account(shop: Shop) -> None:
    await _fill(shop)
    signature = await _signature(shop, SHOP.call, shop.tokens)
    ids = replace(SHOP, signature=signature, delivery=await _delivery(shop))
    await signed_in(shop)

    shown = {route: _shown(await _ask(shop, route, ids, shop.tokens)) for route in HOT | PAGES}

    assert set().union(*shown.values()) == {*NUMBERS, *WORDS}
    showing = {route for route, facts in shown.items() if facts}
    assert showing >= {
        *(route for route in PAGES if "calls" in route or "channels" in route),
        *(route for route in PAGES if re.search("v1/(recipients|deliveries)(?!.*replay)", route)),
        *(
            "GET /",
            "GET /notices",
            "GET /setup",
            "GET /api/v1/setup",
            "GET /api/v1/visits/{visit_id:str}",
        ),
        *("/api", "/gateway/v1/calls", "/recordings/*"),
    }
