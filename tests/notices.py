"""Who subscribes to what happens to calls, and what became of telling him."""

from typing import Any

from tests.receiver import Receiver
from tests.shop import Shop, bearer

MISSED: dict[str, Any] = {
    "outcome": "missed",
    "reason": "operator_not_responsive",
    "code": 480,
    "talk_seconds": 0.0,
    "legs": [],
    "recording": None,
}
MESSAGE = MISSED | {"outcome": "voicemail", "reason": None, "code": 200}


async def ask(shop: Shop, method: str, path: str, body: object = None) -> Any:
    answer = await shop.client.request(
        method, f"/api/v1{path}", json=body, headers=bearer(shop.tokens["api"])
    )
    assert answer.is_success, answer.text
    return answer.json()


async def subscribe(shop: Shop, url: str, *events: str, token: str | None = None) -> str:
    """Answers the id of the recipient."""
    document = {"recipient": [{"to": url, "events": list(events)}]}
    answer = await shop.client.put(
        "/api/v1/setup", json=document, headers=bearer(token or shop.tokens["api"])
    )
    assert answer.status_code == 200, answer.text
    known: list[dict[str, str]] = answer.json()["recipients"]
    return next(one["recipient"] for one in known if one["to"] == url)


async def deliver(shop: Shop) -> None:
    """Try all that is due, and wait until it is noted."""
    await shop.house.deliver.look()
    await shop.house.deliver.settle()


async def log(shop: Shop, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(shop, "GET", f"/deliveries{query}"))["deliveries"]
    return found


def url_of(one: Receiver) -> str:
    return f"http://127.0.0.1:{one.port}/hook"
