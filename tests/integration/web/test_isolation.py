"""Another account's tokens, numbers, calls and recordings are unknown, on every route."""

from tests.shop import FOREIGN, RADIO, Shop, bearer

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
    assert not (await shop.call(CALL)).has_audio


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
