"""A shop that uses the product, as tests see it; its house also holds a stranger's account."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ringtrace.bootstrap import House
from ringtrace.domain.call import GatewayKind
from ringtrace.services.call_records import CallFilter, CallRecord

on_every_store = pytest.mark.parametrize("settings", ["sqlite", "partitioned"], indirect=True)
"""The shop's house stands on a file, then on a PostgreSQL database divided by account."""

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
ORIGIN = "https://shop.example"
RADIO, POOL, TARGET = "+12025550101", "+12025550111", "+12025550191"
FOREIGN = "+12025550201"


class Clock:
    """A clock that tests move. Starts on 23 November 2026, an hour after the calls of REPORT."""

    def __init__(self) -> None:
        self.now = 1_795_419_000_000

    def __call__(self) -> int:
        return self.now


def setup_of(key: str, static: str, pool: list[str]) -> dict[str, object]:
    return {
        "site": [
            {
                "key": key,
                "name": "Shop",
                "origins": [ORIGIN],
                "swap": ["+12025550100"],
                "pool": {"numbers": pool, "target": TARGET},
            }
        ],
        "number": [
            {
                "number": static,
                "channel": "Radio",
                "campaign": "Morning show",
                "target": TARGET,
            }
        ],
    }


@dataclass
class Shop:
    """The house with its own account (1) and a stranger's (2), and a client that speaks HTTP."""

    house: House
    clock: Clock
    client: httpx.AsyncClient
    tokens: dict[str, str]
    foreign: dict[str, str]
    passwords: dict[int, tuple[str, str]]
    ids: Callable[[], str]

    async def hit(self, kind: str = "page", **changes: Any) -> httpx.Response:
        """A page view unless told otherwise; `visit` and `visitor` are new unless given."""
        visit = self.ids()
        body = {
            "site": "shop",
            "kind": kind,
            "visitor": visit,
            "visit": visit,
            "url": "https://shop.example/?utm_source=google&utm_medium=cpc&utm_campaign=c&utm_term=k",
        } | changes
        return await self.client.post(
            "/t/hit", json=body, headers={"Origin": ORIGIN, "User-Agent": BROWSER}
        )

    async def call(self, call: str) -> CallRecord:
        record = await self.house.use_cases.store.call(1, GatewayKind.SIP, call)
        assert record is not None
        return record

    async def count(self) -> int:
        """Calls of the own account, once every arrival is noted."""
        await self.house.use_cases.route_call.settle()
        return (await self.house.use_cases.store.calls(1, CallFilter(), 1, 0)).total

    async def arrive(self, **changes: Any) -> httpx.Response:
        """A call to the static number unless told otherwise; `token` is the own SIP node's."""
        token = changes.pop("token", self.tokens["sip"])
        body = {
            "call": self.ids(),
            "number": RADIO,
            "caller": "+12025550177",
            "started_at": "2026-11-23T06:30:00Z",
        } | changes
        return await self.client.post("/gateway/v1/calls", json=body, headers=bearer(token))

    async def report(self, call: str, **changes: Any) -> httpx.Response:
        """An answered call unless told otherwise; `token` is the own SIP node's."""
        token = changes.pop("token", self.tokens["sip"])
        body = REPORT | changes
        return await self.client.post(
            f"/gateway/v1/calls/{call}/report",
            json=body,
            headers=bearer(token),
        )


REPORT: dict[str, object] = {
    "number": RADIO,
    "caller": "+12025550177",
    "started_at": "2026-11-23T06:30:00Z",
    "outcome": "answered",
    "reason": None,
    "code": 200,
    "target": TARGET,
    "ring_seconds": 3.5,
    "talk_seconds": 41.0,
    "legs": [
        {
            "target": TARGET,
            "started_at": "2026-11-23T06:30:00.2Z",
            "ring_seconds": 3.0,
            "talk_seconds": 41.0,
            "code": 200,
            "reason": None,
        }
    ],
    "recording": {"url": None, "seconds": 41.0, "channels": 2},
    "session": "abc",
    "plan_source": "backend",
}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def rfc(at: int) -> str:
    """Ms since 1970 as gateways write it."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()
