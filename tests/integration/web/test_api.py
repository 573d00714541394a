"""The REST API over the real store: who may ask, what it answers, how it refuses."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.shop import POOL, RADIO, TARGET, Shop, bearer

CALL = "0193c0de"
SCHEMA = "/api/v1/schema"


def _pages(shop: Shop) -> Litestar:
    pages = shop.house.app._pages
    assert isinstance(pages, Litestar)
    return pages


def _routes(shop: Shop) -> Iterator[tuple[str, str]]:
    for route in _pages(shop).routes:
        if route.path.startswith("/api/v1/") and not route.path.startswith(SCHEMA):
            path = _named(re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path))
            for method in sorted(getattr(route, "methods", set()) - {"OPTIONS", "HEAD"}):
                yield method, path


def _named(path: str) -> str:
    """The path of something: what the placeholders stand for."""
    return path.format(
        gateway="sip",
        call=CALL,
        site="shop",
        visit_id="f" * 32,
        name="office",
        version=1,
        recipient="f" * 16,
        delivery="f" * 36,
        caller="+12025550177",
        tag="vip",
    )


async def _get(shop: Shop, path: str, **query: Any) -> Any:
    answer = await shop.client.get(
        f"/api/v1{path}", params=query, headers=bearer(shop.tokens["api"])
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _send(shop: Shop, method: str, path: str, **rest: Any) -> httpx.Response:
    headers = bearer(shop.tokens["api"])
    return await shop.client.request(method, f"/api/v1{path}", headers=headers, **rest)


async def test_every_route_needs_an_api_token(shop: Shop) -> None:
    routes = list(_routes(shop))
    wrong: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Basic {shop.tokens['api']}"},
        *(bearer(shop.tokens[kind]) for kind in ("sip", "voximplant", "route")),
    ]

    assert len(routes) == 38
    for method, path in routes:
        for headers in wrong:
            answer = await shop.client.request(method, path, headers=headers)
            assert (answer.status_code, answer.json()["error_id"]) == (401, "token_unknown")
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_openapi_document_lists_every_route_with_its_answers(shop: Shop) -> None:
    document = (await shop.client.get(SCHEMA)).json()

    assert document["openapi"].startswith("3.")
    listed = {
        (method.upper(), _named(path))
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert listed == set(_routes(shop))
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["security"] == [{"token": []}]
            for status, answer in operation["responses"].items():
                schema = answer["content"]["application/json"]["schema"]
                name = schema["$ref"].rpartition("/")[2]
                assert name in schemas
                assert (name == "ErrorAnswer") is (int(status) >= 400)
    assert document["components"]["securitySchemes"] == {
        "token": {"type": "http", "scheme": "bearer"}
    }


async def test_a_call_is_shown_with_its_legs_credits_and_recording(shop: Shop) -> None:
    await shop.report(CALL, node="sip-2")
    audio = b"RIFFaudio"
    await shop.client.put(
        f"/gateway/v1/calls/{CALL}/recording", content=audio, headers=bearer(shop.tokens["sip"])
    )

    call = await _get(shop, f"/calls/sip/{CALL}")

    assert call["number"] == {"e164": RADIO, "name": "Radio", "kind": "static"}
    assert call["started_at"] == "2026-11-23T06:30:00Z"
    assert (call["outcome"], call["reason"], call["code"]) == ("answered", None, 200)
    assert (call["ring_seconds"], call["talk_seconds"]) == (3.5, 41.0)
    assert [(leg["target"], leg["started_at"]) for leg in call["legs"]] == [
        (TARGET, "2026-11-23T06:30:00.200000Z")
    ]
    attribution = call["attribution"]
    assert (attribution["channel"], attribution["channel_probability"]) == ("Radio", 1.0)
    assert (attribution["basis"], attribution["visit_id"]) == ("static_number", None)
    assert call["credits"][0]["source"]["campaign"] == "Morning show"
    assert (call["session"], call["plan_source"], call["contradictions"]) == ("abc", "backend", 0)
    assert (call["node"], call["reports"][0]["node"]) == ("sip-2", "sip-2")
    assert (call["recording"]["seconds"], call["recording"]["channels"]) == (41.0, 2)
    assert (await shop.client.get(call["recording"]["link"])).content == audio


async def test_a_ringing_call_has_no_outcome_yet(shop: Shop) -> None:
    await shop.arrive(call=CALL)
    await shop.count()

    call = await _get(shop, f"/calls/sip/{CALL}")

    absent = ("outcome", "reason", "code", "target", "talk_seconds", "recording", "session", "node")
    assert [call[name] for name in absent] == [None] * len(absent)
    assert call["legs"] == []


async def test_a_recording_that_is_not_there_yet_has_no_link(shop: Shop) -> None:
    await shop.report(CALL)

    recording = (await _get(shop, f"/calls/sip/{CALL}"))["recording"]

    absent = dict.fromkeys(("link", "format", "sha256"))
    assert recording == {"seconds": 41.0, "channels": 2} | absent


async def test_calls_are_filtered_and_paged(shop: Shop) -> None:
    for hour in range(5):
        await shop.report(f"c{hour}", started_at=f"2026-11-23T0{hour}:00:00Z", legs=[])
    missed: dict[str, Any] = {"outcome": "missed", "reason": "operator_not_responsive", "code": 408}
    await shop.report("m", started_at="2026-11-23T09:00:00Z", talk_seconds=0, legs=[], **missed)

    async def found(**query: Any) -> list[str]:
        return [call["call"] for call in (await _get(shop, "/calls", **query))["calls"]]

    assert await found() == ["m", "c4", "c3", "c2", "c1", "c0"]
    assert await found(limit=2, offset=1) == ["c4", "c3"]
    assert await found(outcome="missed") == ["m"]
    assert await found(channel="Radio", limit=1) == ["m"]
    assert await found(channel="Email") == []
    span = {"since": "2026-11-23T01:00:00Z", "until": "2026-11-23T04:00:00+01:00"}
    assert await found(**span) == ["c2", "c1"]
    assert (await _get(shop, "/calls", limit=1))["total"] == 6


async def test_channels_and_visits_are_reported(shop: Shop) -> None:
    visit = shop.ids()
    await shop.hit(visit=visit, visitor=visit)
    await shop.report(CALL)

    report = await _get(shop, "/reports/channels", since="2026-11-01T00:00:00Z")
    seen = await _get(shop, f"/visits/{visit}")

    rows = {row["channel"]: row for row in report["channels"]}
    assert (report["since"], report["until"]) == ("2026-11-01T00:00:00Z", None)
    assert (rows["Radio"]["calls"], rows["Radio"]["talk_seconds"]) == (1.0, 41.0)
    assert (rows["Radio"]["calls_low"], rows["Radio"]["calls_high"]) == (1.0, 1.0)
    assert rows["Paid Search"]["visits"] == 1
    assert (seen["visitor_id"], seen["site"], seen["device"]) == (visit, "shop", "desktop")
    assert (seen["source"]["channel"], seen["source"]["keyword"]) == ("Paid Search", "k")
    assert seen["views"][0]["path"] == "shop.example/"


async def test_a_setup_that_was_put_is_the_setup_that_is_shown(shop: Shop) -> None:
    number = {"number": "+12025550150", "channel": "Print", "target": ["sip:desk@pbx.example"]}

    put = await _send(shop, "PUT", "/setup", json={"number": [number]})

    assert put.status_code == 200
    assert put.json() == await _get(shop, "/setup")
    numbers = {one["number"]: one for one in put.json()["numbers"]}
    assert set(numbers) == {RADIO, POOL, "+12025550112", "+12025550150"}
    assert numbers["+12025550150"]["source"]["channel"] == "Print"
    assert numbers["+12025550150"]["targets"] == [
        {"to": "sip:desk@pbx.example", "ring_seconds": 25}
    ]
    assert numbers[POOL]["site"] == "shop"
    assert put.json()["sites"][0]["origins"] == ["https://shop.example"]


async def test_an_issued_token_works_and_of_the_older_ones_only_the_newest(shop: Shop) -> None:
    issued = [
        (await _send(shop, "POST", "/tokens", json={"kind": "sip"})).json()["token"]
        for _ in range(2)
    ]

    answers = [(await shop.arrive(token=token)).status_code for token in issued]
    first = await shop.arrive(token=shop.tokens["sip"])

    assert answers == [200, 200]
    assert first.status_code == 401


async def test_the_tokens_that_exist_are_listed_without_the_tokens(shop: Shop) -> None:
    shop.clock.now += 3_600_000
    new = (await _send(shop, "POST", "/tokens", json={"kind": "sip"})).json()["token"]

    answer = await _send(shop, "GET", "/tokens")

    first = "2026-11-23T07:30:00Z"
    assert answer.json()["tokens"][0] == {"kind": "sip", "issued_at": "2026-11-23T08:30:00Z"}
    assert sorted(answer.json()["tokens"][1:], key=lambda token: token["kind"]) == [
        {"kind": kind, "issued_at": first} for kind in ("api", "route", "sip", "voximplant")
    ]
    for token in (new, *shop.tokens.values()):
        assert token not in answer.text


async def test_an_account_the_operator_opens_can_use_the_api_at_once(shop: Shop) -> None:
    form = {"name": "Bakery", "region": "de", "login": "baker"}

    opened = (await _send(shop, "POST", "/accounts", json=form)).json()
    setup = await shop.client.get("/api/v1/setup", headers=bearer(opened["token"]))

    assert setup.json()["account"] == {
        "account_id": opened["account_id"],
        "name": "Bakery",
        "region": "DE",
    }
    assert setup.json()["numbers"] == []


def _nested(depth: int) -> bytes:
    return b'{"flow": [' + b"[" * depth + b"]" * depth + b"]}"


def _branches(depth: int) -> bytes:
    """A flow of branches within branches."""
    opened = b'{"do": "branch", "when": {"withheld": true}, "then": ['
    steps = opened * depth + b'{"do": "hang_up"}' + b"]}" * depth
    return b'{"flow": [{"name": "deep", "step": [' + steps + b"]}]}"


NUMBER = {"number": "+12025550150", "channel": "Print", "target": TARGET}


@pytest.mark.parametrize(
    ("method", "path", "rest", "status", "error_id", "field"),
    [
        ("GET", "/calls?limit=0", {}, 422, "field_invalid", "limit"),
        ("GET", "/calls?limit=251", {}, 422, "field_invalid", "limit"),
        ("GET", "/calls?offset=x", {}, 422, "field_invalid", "offset"),
        ("GET", "/calls?outcome=lost", {}, 422, "field_invalid", "outcome"),
        ("GET", "/calls?since=2026-11-23", {}, 422, "field_invalid", "since"),
        ("GET", "/reports/channels?until=x", {}, 422, "field_invalid", "until"),
        ("GET", "/calls/sip/none", {}, 404, "not_found", "call"),
        ("GET", "/calls/pigeon/none", {}, 404, "not_found", "call"),
        ("GET", "/visits/none", {}, 404, "not_found", "visit_id"),
        (
            "PUT",
            "/calls/sip/none/correction",
            {"json": {"visit_id": None}},
            404,
            "not_found",
            "call",
        ),
        ("PUT", "/calls/sip/none/correction", {"json": {}}, 422, "field_invalid", "visit_id"),
        (
            "PUT",
            "/calls/pigeon/x/correction",
            {"json": {"visit_id": None}},
            404,
            "not_found",
            "call",
        ),
        ("DELETE", "/calls/sip/none/correction", {}, 404, "not_found", "call"),
        ("POST", "/attributions", {"json": {"since": "2026-11-01"}}, 422, "field_invalid", "since"),
        (
            "POST",
            "/attributions",
            {"json": {"since": "2026-11-01T00:00:00"}},
            422,
            "field_invalid",
            "since",
        ),
        ("GET", "/sites/none/model", {}, 404, "not_found", "site"),
        ("POST", "/sites/none/model", {}, 404, "not_found", "site"),
        ("GET", "/nothing", {}, 404, "not_found", None),
        ("GET", "", {}, 404, "not_found", None),
        ("DELETE", "/setup", {}, 405, "method_not_allowed", None),
        ("PUT", "/setup", {"content": b"{"}, 400, "body_invalid", None),
        ("PUT", "/setup", {"content": b""}, 400, "body_invalid", "body"),
        ("PUT", "/setup", {"json": [1]}, 422, "field_invalid", "body"),
        ("PUT", "/setup", {"json": {"x": 1}}, 422, "field_invalid", "x"),
        ("PUT", "/setup", {"json": {"number": [{}]}}, 422, "field_invalid", "number[0].number"),
        (
            "PUT",
            "/setup",
            {"json": {"number": [NUMBER | {"target": 5}]}},
            422,
            "field_invalid",
            "number[0].target",
        ),
        (
            "PUT",
            "/setup",
            {"json": {"number": [NUMBER | {"number": "12"}]}},
            422,
            "field_invalid",
            "number[0].number",
        ),
        ("POST", "/tokens", {"json": {"kind": "master"}}, 422, "field_invalid", "kind"),
        ("POST", "/accounts", {"json": {"name": "X"}}, 422, "field_invalid", "region"),
        (
            "POST",
            "/accounts",
            {"json": {"name": "X", "region": "US", "login": "admin"}},
            422,
            "field_invalid",
            "login",
        ),
        (
            "POST",
            "/accounts",
            {"json": {"name": "X", "region": "ZZ", "login": "new"}},
            422,
            "field_invalid",
            "region",
        ),
        ("GET", f"/flows/office/versions/{2**63 - 1}", {}, 404, "not_found", None),
        ("GET", f"/flows/office/versions/{2**63}", {}, 404, "not_found", None),
        ("GET", "/deliveries?state=lost", {}, 422, "field_invalid", "state"),
        ("POST", "/blocklist/import", {"content": b"caller"}, 422, "field_invalid", "treatment"),
        ("PUT", "/setup", {"content": _nested(9_000)}, 400, "body_invalid", "body"),
        ("PUT", "/setup", {"content": _branches(900)}, 400, "body_invalid", "body"),
        ("PUT", "/setup", {"content": b" " * 5_000_000}, 413, "body_too_large", None),
    ],
)
async def test_refusals_name_the_error_and_the_field(
    shop: Shop,
    method: str,
    path: str,
    rest: dict[str, Any],
    status: int,
    error_id: str,
    field: str | None,
) -> None:
    answer = await _send(shop, method, path, **rest)

    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error_id", "field", "message"}
    assert (answer.status_code, answer.json()["error_id"], answer.json()["field"]) == (
        status,
        error_id,
        field,
    )
    assert answer.json()["message"]


async def test_a_fault_of_ours_says_nothing_of_its_inside(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(type(shop.house.use_cases.store), "calls", broken)

    answer = await _send(shop, "GET", "/calls")

    assert (answer.status_code, answer.json()["error_id"]) == (500, "internal_error")
    assert "secret" not in answer.text


async def test_the_api_sets_no_cookie_and_may_not_be_kept(shop: Shop) -> None:
    answer = await _send(shop, "GET", "/calls")

    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
