"""Callers who are listed, who ring and who say nothing, at a shop with every rule on."""

from typing import Any

import httpx

from ringtrace.domain.moment import HOUR_MS
from tests.shop import Shop, bearer, rfc

CALLER, OTHER = "+12025550177", "+12025550178"


async def api(shop: Shop, method: str, path: str, **request: Any) -> httpx.Response:
    headers = bearer(shop.tokens["api"])
    return await shop.client.request(method, f"/api/v1{path}", headers=headers, **request)


async def all_rules_on(shop: Shop) -> None:
    on = {"silent": True, "too_many": True, "many_numbers": True}
    assert (await api(shop, "PUT", "/setup", json={"spam": on})).status_code == 200


async def listed(shop: Shop, caller: str = CALLER, treatment: str = "block") -> None:
    body = {"callers": [{"caller": caller, "treatment": treatment}]}
    answer = await api(shop, "POST", "/blocklist", json=body)
    assert answer.status_code == 201, answer.text


async def rings(shop: Shop, call: str, **changes: Any) -> dict[str, Any]:
    """The plan of a call that comes now, a minute after whatever was before."""
    shop.clock.now += 60_000
    said = {"caller": CALLER, "started_at": rfc(shop.clock.now)} | changes
    plan: dict[str, Any] = (await shop.arrive(call=call, **said)).json()
    await shop.house.use_cases.route_call.settle()
    return plan


async def ends(shop: Shop, call: str, **changes: Any) -> None:
    said = {"caller": CALLER, "started_at": rfc(shop.clock.now)} | changes
    answer = await shop.report(call, **said)
    assert answer.status_code == 200, answer.text


async def is_silent(shop: Shop, times: int = 3) -> None:
    """Answered calls in which nobody says anything."""
    for turn in range(times):
        shop.clock.now += HOUR_MS
        await rings(shop, f"silent-{turn}")
        await ends(shop, f"silent-{turn}", talk_seconds=2.0)


NO_KEY: dict[str, Any] = {
    "outcome": "rejected",
    "reason": "spam_list",
    "code": 603,
    "target": None,
    "talk_seconds": 0.0,
    "legs": [],
    "recording": None,
}


def does(plan: dict[str, Any]) -> list[str]:
    return [step["do"] for step in plan["steps"]]
