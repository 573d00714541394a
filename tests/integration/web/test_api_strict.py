"""A value of the wrong type is named, not guessed at."""

from typing import Any

import pytest

from tests.shop import TARGET, Shop, bearer

NUMBER = {"number": "+12025550109", "channel": "Fair", "target": TARGET}
HOOK = {"to": "https://nobody.invalid/"}
SITE = {"key": "shop", "name": "Shop", "origins": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "/setup", {"number": [NUMBER | {"ring_seconds": "20"}]}, "number[0].ring_seconds"),
        ("PUT", "/setup", {"number": [NUMBER | {"record": 1}]}, "number[0].record"),
        ("PUT", "/setup", {"number": [NUMBER | {"active": "false"}]}, "number[0].active"),
        ("PUT", "/setup", {"number": [NUMBER | {"name": 7}]}, "number[0].name"),
        ("PUT", "/setup", {"site": [SITE | {"swap": 7}]}, "site[0].swap"),
        ("PUT", "/setup", {"spam": {"silent": 1}}, "spam.silent"),
        ("PUT", "/setup", {"spam": {"silent_calls": "3"}}, "spam.silent_calls"),
        ("PUT", "/setup", {"spam": {"silent_calls": True}}, "spam.silent_calls"),
        ("PUT", "/setup", {"recipient": [HOOK | {"active": 0}]}, "recipient[0].active"),
        ("PUT", "/calls/sip/c/correction", {"visit_id": 4711}, "visit_id"),
        ("PUT", "/calls/sip/c/spam", {"spam": "true"}, "spam"),
        ("PUT", "/calls/sip/c/spam", {"spam": True, "every": 1}, "every"),
        ("POST", "/attributions", {"since": 1}, "since"),
        ("POST", "/tokens", {"kind": 1}, "kind"),
        ("POST", "/blocklist", {"callers": [{"caller": 15550100}]}, "callers[0].caller"),
    ],
)  # fmt: skip
async def test_a_value_of_another_type_is_refused_by_its_field(
    shop: Shop, method: str, path: str, body: Any, field: str
) -> None:
    await shop.report("c")

    answer = await shop.client.request(
        method, f"/api/v1{path}", json=body, headers=bearer(shop.tokens["api"])
    )

    assert (answer.status_code, answer.json()["error_id"]) == (422, "field_invalid"), answer.text
    assert answer.json()["field"] == field


async def test_the_text_null_is_no_null(shop: Shop) -> None:
    """It would have said that none of the visits called."""
    await shop.report("c")

    answer = await shop.client.put(
        "/api/v1/calls/sip/c/correction",
        json={"visit_id": "null"},
        headers=bearer(shop.tokens["api"]),
    )

    assert answer.status_code in {404, 422}
    assert (await shop.call("c")).attribution.basis != "corrected"


async def test_a_whole_number_does_where_a_fraction_may_stand(shop: Shop) -> None:
    answer = await shop.client.put(
        "/api/v1/setup", json={"spam": {"silent_seconds": 4}}, headers=bearer(shop.tokens["api"])
    )

    assert answer.status_code == 200, answer.text


async def test_what_is_no_json_is_still_said_so(shop: Shop) -> None:
    headers = bearer(shop.tokens["api"]) | {"Content-Type": "application/json"}

    answer = await shop.client.put("/api/v1/setup", content=b"{", headers=headers)

    assert (answer.status_code, answer.json()["error_id"]) == (400, "body_invalid")
