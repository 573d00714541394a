"""The account that is measured, and what its requests look like."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec

from benchmarks.request import Template

BUSY, CALM = "busy-site", "calm-site"
ORIGIN = "https://shop.example"
TARGET = "+12025550191"
STATIC = "+12025550101"
BUSY_POOL = [f"+1202555{last}" for last in range(1_000, 1_200)]
CALM_POOL = [f"+1202555{last}" for last in range(2_000, 2_020)]
CALM_VISITS = 800
"""Visits of the calm site; its numbers were shown to 40 visitors each."""

_AREAS = (303, 305, 312, 313)
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
PAGE = (
    ORIGIN + "/services/roof-repair?utm_source=google&utm_medium=cpc&utm_campaign=spring"
    "&utm_term=roof+repair&gclid=EAIaIQobChMI"
)
_HIT_HEADERS = (
    ("Content-Type", "text/plain;charset=UTF-8"),
    ("Origin", ORIGIN),
    ("Referer", ORIGIN + "/"),
    ("User-Agent", _BROWSER),
    ("Accept", "*/*"),
    ("Accept-Language", "en-US,en;q=0.9"),
)


def open_business(url: str, data: Path, busy: Sequence[str] = BUSY_POOL) -> str:
    """Set the account up through the API; answers a gateway's token. `busy` is a site's pool."""
    with api(url, data) as account:
        account.put("/api/v1/setup", json=setup(busy)).raise_for_status()
        answer = account.post("/api/v1/tokens", json={"kind": "sip"}).raise_for_status()
    return str(answer.json()["token"])


def api(url: str, data: Path) -> httpx.Client:
    """The API of a server over `data`, as its owner."""
    key = (data / "api-token").read_text("utf-8").strip()
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=url, headers=headers, timeout=60.0, trust_env=False)


def numbers(count: int) -> list[str]:
    """For a pool; of areas that are given out, and exchanges that are for fiction or unused."""
    return [f"+1{_AREAS[n // 10_000]}555{n % 10_000:04}" for n in range(count)]


def setup(busy: Sequence[str] = BUSY_POOL) -> dict[str, object]:
    return {
        "account": {"name": "Shop", "region": "US"},
        "site": [
            {
                "key": key,
                "name": key,
                "origins": [ORIGIN],
                "swap": ["+12025550100"],
                "pool": {"numbers": pool, "target": TARGET},
            }
            for key, pool in ((BUSY, list(busy)), (CALM, CALM_POOL))
        ],
        "number": [{"number": STATIC, "channel": "Radio", "target": TARGET}],
    }


def page(site: str = BUSY) -> Template:
    """The first page view of a new visitor."""
    return _hit(
        "hit_page", site, {"kind": "page", "url": PAGE, "referrer": "https://www.google.com/"}
    )


def beat() -> Template:
    """Signs of life of the calm site's visits."""
    return _hit("hit_beat", CALM, {"kind": "beat"}, CALM_VISITS)


def _hit(name: str, site: str, more: dict[str, str], cycle: int = 0) -> Template:
    body = {"site": site, "visitor": "<visitor>", "visit": "<id>"} | more
    return Template(name, "/t/hit", _json(body), _HIT_HEADERS, cycle)


def arrival(name: str, token: str, number: str) -> Template:
    body = {"call": "<id>", "number": number, "caller": "<caller>", "started_at": _now()}
    return Template(name, "/gateway/v1/calls", _json(body), _gateway_headers(token))


def report(name: str, token: str, number: str) -> Template:
    at = _now()
    leg = {
        "target": TARGET,
        "started_at": at,
        "ring_seconds": 3.0,
        "talk_seconds": 41.0,
        "code": 200,
        "reason": None,
    }
    body = {
        "number": number,
        "caller": "<caller>",
        "started_at": at,
        "outcome": "answered",
        "reason": None,
        "code": 200,
        "target": TARGET,
        "ring_seconds": 3.5,
        "talk_seconds": 41.0,
        "legs": [leg],
        "recording": {"url": None, "seconds": 41.0, "channels": 2},
        "session": "<id>",
        "plan_source": "backend",
    }
    path = "/gateway/v1/calls/<id>/report"
    return Template(name, path, _json(body), _gateway_headers(token))


def _gateway_headers(token: str) -> tuple[tuple[str, str], ...]:
    return (("Content-Type", "application/json"), ("Authorization", f"Bearer {token}"))


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
