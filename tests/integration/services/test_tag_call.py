"""Calls are tagged, and a caller's tags decide what becomes of his next call."""

from typing import Any

import httpx
import pytest

from ringtrace.domain.tag import MOST
from ringtrace.services.call_records import CallTag
from ringtrace.services.setup_form import read_setup
from tests.console import signed_in, text
from tests.shop import RADIO, Shop, bearer

CALL = "0193c0de"
DESK, MANAGER = "+12025550192", "+12025550193"
TV = "+12025550161"
LATER = "2026-11-23T06:40:00Z"


async def tag(shop: Shop, word: str, call: str = CALL, **more: Any) -> httpx.Response:
    headers = bearer(more.get("token", shop.tokens["api"]))
    method = more.get("method", "PUT")
    return await shop.client.request(
        method, f"/api/v1/calls/sip/{call}/tags/{word}", headers=headers
    )


async def listed(shop: Shop, **query: str) -> list[str]:
    answer = await shop.client.get(
        "/api/v1/calls", params=query, headers=bearer(shop.tokens["api"])
    )
    return [one["call"] for one in answer.json()["calls"]]


async def dialled(shop: Shop, **changes: Any) -> str:
    plan = (await shop.arrive(number=TV, started_at=LATER, **changes)).json()
    to: str = plan["steps"][0]["targets"][0]["to"]
    return to


async def by_tag(shop: Shop) -> None:
    branch = {
        "do": "branch",
        "when": {"tag": ["vip", "contract"]},
        "then": [{"do": "dial", "targets": [MANAGER]}],
        "otherwise": [{"do": "dial", "targets": [DESK]}],
    }
    number = {"number": TV, "channel": "TV", "flow": "known"}
    document = {"flow": [{"name": "known", "step": [branch]}], "number": [number]}
    await shop.house.use_cases.apply_setup(1, read_setup(document))


async def test_a_tag_is_kept_with_its_author_and_time(shop: Shop) -> None:
    await shop.report(CALL)

    answer = await tag(shop, "VIP")
    made_at = shop.clock.now
    shop.clock.now += 1_000
    again = await tag(shop, "vip")

    assert answer.status_code == 200
    assert [(one["tag"], one["made_by"]) for one in answer.json()["tags"]] == [("vip", None)]
    assert again.json()["tags"] == answer.json()["tags"], "who was first stays"
    assert (await shop.call(CALL)).tags == (CallTag("vip", made_at, None),)


async def test_tags_filter_the_calls_and_are_listed(shop: Shop) -> None:
    for call in (CALL, "other"):
        await shop.report(call)
    await tag(shop, "vip")
    await tag(shop, "berlin")

    assert await listed(shop, tag="vip") == [CALL]
    assert await listed(shop, tag="none") == []
    names = await shop.client.get("/api/v1/tags", headers=bearer(shop.tokens["api"]))
    assert names.json() == {"tags": ["berlin", "vip"]}
    theirs = await shop.client.get("/api/v1/tags", headers=bearer(shop.foreign["api"]))
    assert theirs.json() == {"tags": []}


async def test_a_tag_is_taken_off(shop: Shop) -> None:
    await shop.report(CALL)
    await tag(shop, "vip")

    answer = await tag(shop, "VIP", method="DELETE")
    again = await tag(shop, "vip", method="DELETE")

    assert answer.json()["tags"] == []
    assert (again.status_code, again.json()["field"]) == (404, "tag")


@pytest.mark.parametrize("word", ["two%20words", "x" * 33, "-"])
async def test_what_is_no_tag_is_refused(shop: Shop, word: str) -> None:
    await shop.report(CALL)

    answer = await tag(shop, word)

    assert (answer.status_code, answer.json()["field"]) == (422, "tag")


async def test_a_call_has_only_so_many_tags(shop: Shop) -> None:
    await shop.report(CALL)
    for n in range(MOST):
        assert (await tag(shop, f"t{n}")).status_code == 200

    assert (await tag(shop, "more")).status_code == 422
    assert (await tag(shop, "t0")).status_code == 200, "it has that one"


async def test_an_unknown_call_is_not_tagged(shop: Shop) -> None:
    for method in ("PUT", "DELETE"):
        answer = await tag(shop, "vip", "nowhere", method=method)
        assert (answer.status_code, answer.json()["field"]) == (404, "call")


async def test_a_later_report_leaves_the_tags(shop: Shop) -> None:
    await shop.arrive(call=CALL)
    await shop.house.use_cases.route_call.settle()
    await tag(shop, "vip")

    await shop.report(CALL)

    assert [one.tag for one in (await shop.call(CALL)).tags] == ["vip"]


async def test_a_tagged_caller_is_known_on_every_number(shop: Shop) -> None:
    await by_tag(shop)
    await shop.report(CALL, number=RADIO)
    assert await dialled(shop) == DESK

    await tag(shop, "vip")

    assert await dialled(shop) == MANAGER
    assert await dialled(shop, caller="+12025550178") == DESK
    assert await dialled(shop, caller=None) == DESK


async def test_tags_of_a_later_call_are_not_known_yet(shop: Shop) -> None:
    await by_tag(shop)
    await shop.report(CALL, started_at="2026-11-23T06:50:00Z")
    await tag(shop, "vip")

    assert await dialled(shop) == DESK


async def test_a_plan_that_no_tag_decided_may_be_kept(shop: Shop) -> None:
    await by_tag(shop)
    await shop.report(CALL)

    untagged = (await shop.arrive(number=TV, started_at=LATER)).json()
    await tag(shop, "vip")
    tagged = (await shop.arrive(number=TV, started_at=LATER)).json()

    assert (untagged["cacheable"], tagged["cacheable"]) == (True, False)


async def test_a_store_that_does_not_answer_in_time_knows_no_tags(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await by_tag(shop)
    await shop.report(CALL)
    await tag(shop, "vip")
    monkeypatch.setattr("ringtrace.services.know_call.LOOK_SECONDS", 0.0)

    assert await dialled(shop) == DESK


async def test_the_console_tags_a_call_and_takes_the_tag_off(shop: Shop) -> None:
    await shop.report(CALL)
    client = await signed_in(shop)
    path = f"/calls/sip/{CALL}"

    async def send(**form: str) -> int:
        page = (await client.get(path)).text
        token = page.split('name="_csrf_token" value="')[1].split('"')[0]
        answer = await client.post(f"{path}/tags", data=form | {"_csrf_token": token})
        return answer.status_code

    assert await send(add="VIP") == 303
    page = await text(shop, path)
    assert "vip admin, 23 Nov 2026" in page or "vip owner, 23 Nov 2026" in page
    assert "tagged vip" in await text(shop, "/calls")
    assert "tagged vip" in await text(shop, "/")
    assert '<option value="vip" selected>' in (await client.get("/calls?tag=vip")).text
    assert "No call matches" in await text(shop, "/calls?tag=none")
    assert await send(remove="vip") == 303
    assert "tagged" not in await text(shop, "/calls")
    assert await send(add="two words") == 422
