"""What the server says of itself, and of the gateways, to those who may know."""

from tests.shop import Shop, bearer, rfc


async def metrics(shop: Shop, token: str) -> tuple[int, str]:
    answer = await shop.client.get("/metrics", headers=bearer(token))
    return answer.status_code, answer.text


async def test_requests_are_counted_by_route_and_status_without_naming_anybody(shop: Shop) -> None:
    await shop.hit()
    await shop.arrive(call="0193c0de")
    await shop.report("0193c0de")
    await shop.report("0193c0de", token="rt_none")
    await shop.client.get("/nowhere/+12025550177")

    await shop.house.use_cases.route_call.settle()

    status, said = await metrics(shop, shop.tokens["api"])

    assert status == 200
    for line in (
        'ringtrace_http_seconds_count{route="/t/hit",status="200"} 1.0',
        'ringtrace_http_seconds_count{route="/gateway/v1/calls",status="200"} 1.0',
        'ringtrace_http_seconds_count{route="/gateway/v1/calls/*/report",status="200"} 1.0',
        'ringtrace_http_seconds_count{route="/gateway/v1/calls/*/report",status="401"} 1.0',
        'ringtrace_http_seconds_count{route="pages",status="404"} 1.0',
        "ringtrace_store_waiting 0.0",
        "ringtrace_store_away 0.0",
    ):
        assert line in said
    assert "process_resident_memory_bytes" in said
    assert "0193c0de" not in said
    assert "2025550177" not in said


async def test_metrics_are_for_the_operators_api_tokens_alone(shop: Shop) -> None:
    assert (await metrics(shop, shop.tokens["command"]))[0] == 200
    for token in (shop.tokens["sip"], shop.tokens["route"], shop.foreign["api"], "rt_none"):
        assert (await metrics(shop, token))[0] == 401
    assert (await shop.client.get("/metrics")).status_code == 401
    posted = await shop.client.post("/metrics", headers=bearer(shop.tokens["api"]))
    assert posted.status_code == 405


async def test_a_gateway_that_says_it_is_there_is_heard(shop: Shop) -> None:
    headers = bearer(shop.tokens["api"])
    assert (await shop.client.get("/api/v1/gateways", headers=headers)).json() == {"gateways": []}

    alive = await shop.client.get("/gateway/v1/alive", headers=bearer(shop.tokens["sip"]))
    assert (alive.status_code, alive.content) == (204, b"")
    heard = shop.clock.now
    shop.clock.now += 60_000
    await shop.arrive(token=shop.tokens["voximplant"])

    answer = await shop.client.get("/api/v1/gateways", headers=headers)
    assert answer.json()["gateways"] == [
        {"gateway": "sip", "last_heard": rfc(heard).replace("+00:00", "Z")},
        {"gateway": "voximplant", "last_heard": rfc(shop.clock.now).replace("+00:00", "Z")},
    ]
    _, said = await metrics(shop, shop.tokens["api"])
    name = "ringtrace_gateway_last_heard_timestamp_seconds"
    assert f'{name}{{account="1",gateway="sip"}} {heard / 1000:.6g}'[:60] in said
    theirs = await shop.client.get("/api/v1/gateways", headers=bearer(shop.foreign["api"]))
    assert theirs.json() == {"gateways": []}


async def test_only_gateways_are_heard(shop: Shop) -> None:
    for token in (shop.tokens["api"], shop.tokens["route"], "rt_none"):
        answer = await shop.client.get("/gateway/v1/alive", headers=bearer(token))
        assert (answer.status_code, answer.json()["error_id"]) == (401, "token_unknown")
    posted = await shop.client.post("/gateway/v1/alive", headers=bearer(shop.tokens["sip"]))
    assert posted.status_code == 405


async def test_the_node_beside_the_server_is_a_sip_gateway_whatever_tokens_people_make(
    shop: Shop,
) -> None:
    token = await shop.house.node_token()
    assert await shop.house.node_token() == token, "it is made once"
    for _ in range(3):
        made = await shop.client.post(
            "/api/v1/tokens", json={"kind": "sip"}, headers=bearer(shop.tokens["api"])
        )
        assert made.status_code == 201

    assert (await shop.arrive(call="0193c0de", token=token)).status_code == 200
    assert (await shop.report("0193c0de", token=token)).json() == {"result": "created"}
    assert (await shop.call("0193c0de")).report is not None
    refused = await shop.client.post(
        "/api/v1/tokens", json={"kind": "node"}, headers=bearer(shop.tokens["api"])
    )
    assert refused.status_code == 422
    listed = await shop.client.get("/api/v1/tokens", headers=bearer(shop.tokens["api"]))
    assert "node" not in listed.text
