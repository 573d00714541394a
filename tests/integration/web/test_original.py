"""The original two paths."""

import pytest

from ringtrace.domain.call import GatewayKind
from ringtrace.services.setup_form import read_setup
from tests.shop import FOREIGN, RADIO, TARGET, Shop

DIGITS = TARGET.removeprefix("+")


async def ask(shop: Shop, number: str, token: str | None, **more: str) -> tuple[int, str]:
    query = {"dialed_number": number, **({"token": token} if token else {}), **more}
    answer = await shop.client.get("/api", params=query)
    return answer.status_code, answer.text


async def test_the_answer_is_the_number_to_forward_to(shop: Shop) -> None:
    token = shop.tokens["route"]
    answer = await shop.client.get("/api", params={"dialed_number": RADIO, "token": token})

    assert (answer.status_code, answer.text) == (200, DIGITS)
    assert answer.headers["content-type"].startswith("text/plain")
    assert await ask(shop, "12025550101", token) == (200, DIGITS)
    assert await ask(shop, "12025550101", token, ext="1234") == (200, DIGITS)


async def test_unknown_numbers_and_tokens_get_an_empty_body(shop: Shop) -> None:
    token = shop.tokens["route"]

    assert await ask(shop, "+12025550999", token) == (404, "")
    assert await ask(shop, FOREIGN, token) == (404, "")
    assert await ask(shop, "", token) == (404, "")
    assert await ask(shop, RADIO, "wrong") == (401, "")
    assert await ask(shop, RADIO, shop.tokens["api"]) == (401, "")


async def test_an_account_without_a_route_token_needs_none(shop: Shop) -> None:
    assert await ask(shop, RADIO, None) == (401, "")

    opened = await shop.house.use_cases.open_account("Third", "US", "third")
    number = {"number": "+12025550301", "channel": "TV", "target": TARGET}
    await shop.house.use_cases.apply_setup(opened.account_id, read_setup({"number": [number]}))

    assert await ask(shop, "12025550301", None) == (200, DIGITS)
    assert await ask(shop, "+12025550998", None) == (404, "")


SUCCESS = {
    "session": "4202753936",
    "dialed_number": "12025550101",
    "caller": "12025550177",
    "agent_number": DIGITS,
    "date": "Mon, 23 Nov 2026 06:30:00 GMT",
    "length": "42",
    "record_url": "https://records.example/1.mp3",
}


@pytest.mark.parametrize("form", [True, False])
async def test_a_success_is_an_answered_call(shop: Shop, *, form: bool) -> None:
    body = SUCCESS | {"token": shop.tokens["route"]}
    sent = {"data": body} if form else {"json": body | {"length": 42}}

    answer = await shop.client.post("/api/report", **sent)

    assert answer.json() == {"result": "created"}
    call = await shop.house.use_cases.store.call(1, GatewayKind.VOXIMPLANT, "4202753936")
    assert call is not None
    assert call.report is not None
    assert (call.report.outcome, call.report.talk_seconds) == ("answered", 42.0)
    assert (call.caller, call.report.target) == ("+12025550177", TARGET)
    assert call.report.recording is not None
    assert call.report.recording.url == "https://records.example/1.mp3"


async def test_a_failure_has_its_code_and_the_reason_it_means(shop: Shop) -> None:
    body = {
        "dialed_number": RADIO,
        "date": "2026-11-23T06:30:00Z",
        "failure_code": "486",
        "failure_reason": "Busy Here",
        "token": shop.tokens["route"],
    }

    first = await shop.client.post("/api/report", data=body)
    again = await shop.client.post("/api/report", data=body)

    assert [first.json()["result"], again.json()["result"]] == ["created", "unchanged"]
    page = await shop.client.get(
        "/api/v1/calls", headers={"Authorization": f"Bearer {shop.tokens['api']}"}
    )
    (call,) = page.json()["calls"]
    assert (call["outcome"], call["reason"], call["code"]) == ("busy", "operator_busy", 486)


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"dialed_number": "+12025550999"}, 404, "number"),
        ({"dialed_number": "x"}, 404, "number"),
        ({"date": "0001-01-01T00:00:00+14:00"}, 422, "date"),
        ({"failure_code": "200"}, 422, "failure_code"),
        ({"date": "soon"}, 422, "date"),
        ({"length": "long"}, 422, "length"),
        ({"length": "-1"}, 422, "length"),
        ({"failure_code": "busy"}, 422, "failure_code"),
        ({"record_url": "file:///etc/passwd"}, 422, "record_url"),
        ({"token": "wrong"}, 401, "token"),
        ({"session": "a/b"}, 422, "session"),
    ],
)
async def test_a_bad_report_is_refused_by_field(
    shop: Shop, changes: dict[str, str], status: int, field: str
) -> None:
    body = SUCCESS | {"token": shop.tokens["route"]} | changes

    answer = await shop.client.post("/api/report", data=body)

    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert await shop.count() == 0


async def test_without_a_session_a_call_is_known_by_number_and_date_however_written(
    shop: Shop,
) -> None:
    token = shop.tokens["route"]
    spellings: list[dict[str, object]] = [
        {"dialed_number": RADIO, "date": "Mon, 23 Nov 2026 06:30:00 GMT"},
        {"dialed_number": 12025550101, "date": "2026-11-23T06:30:00Z"},
    ]

    answers = [
        await shop.client.post("/api/report", json=one | {"token": token, "length": 5})
        for one in spellings
    ]

    assert [answer.json()["result"] for answer in answers] == ["created", "unchanged"]


async def test_a_number_that_rings_no_telephone_has_no_answer_here(shop: Shop) -> None:
    number = {"number": RADIO, "channel": "Radio", "target": "sip:desk@pbx.example.com"}
    await shop.house.use_cases.apply_setup(1, read_setup({"number": [number]}))

    assert await ask(shop, RADIO, shop.tokens["route"]) == (404, "")


async def test_a_missing_field_is_named(shop: Shop) -> None:
    body = {"dialed_number": RADIO, "token": shop.tokens["route"]}

    for answer in (
        await shop.client.post("/api/report", data=body),
        await shop.client.post("/api/report", json=body),
    ):
        assert (answer.status_code, answer.json()["field"]) == (422, "date")


async def test_the_route_token_opens_nothing_else(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.tokens['route']}"}

    assert (await shop.arrive(token=shop.tokens["route"])).status_code == 401
    assert (await shop.client.get("/api/v1/calls", headers=headers)).status_code == 401
