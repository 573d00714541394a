"""How every route of the app is asked about something, and what another account is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ringtrace.domain.notice import recipient_id
from ringtrace.domain.screening import BOUNDS
from tests.shop import BROWSER, ORIGIN, REPORT, bearer


@dataclass(frozen=True)
class Ids:
    """What a request names; `signature` is the query of the asking account's own recording."""

    number: str
    call: str
    visit: str
    site: str
    signature: str = ""
    recipient: str = ""
    delivery: str = ""


Tokens = Mapping[str, str]
Request = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """How a route is asked about `Ids`, and what another account is answered."""

    status: int
    request: Callable[[Ids, Tokens], Request] = lambda _ids, _tokens: {}


HOOK = "https://nobody.invalid/hook-4711"
"""A name that no name server knows (RFC 6761 6.4)."""

RECIPIENT = recipient_id(HOOK)
SHOP = Ids("+12025550121", "call-4711", "4711" * 8, "shop-4711", recipient=RECIPIENT)
NOBODY = Ids("+12025550999", "call-none", "f" * 32, "nobody", recipient="f" * 16, delivery="f" * 36)
STATIC = "+12025550131"
TAG = "tag-4711"
OWN_ROBOT = "+12025550155"
"""Whom the asking account lists itself."""
CALLER, SESSION, AUDIO = "+12025550166", "session-4711", b"RIFFaudio-4711"
SETUP = {
    "site": [
        {
            "key": SHOP.site,
            "name": "Harvest shop",
            "origins": [ORIGIN],
            "pool": {"numbers": [SHOP.number], "target": "+12025550193"},
        }
    ],
    "number": [
        {
            "number": STATIC,
            "channel": "Harvest fair",
            "campaign": "harvest-4711",
            "target": "+12025550193",
        }
    ],
    "recipient": [{"to": HOOK, "events": ["call.answered"]}],
}
NUMBERS = ("2025550121", "2025550131", "2025550166", "2025550193")
"""Without country code: so they are in every way of writing a number."""

WORDS = (
    SHOP.call, SHOP.visit, SHOP.site, SESSION, AUDIO.decode(), "winter-4711", "harvest-4711",
    "Harvest fair", "Harvest shop", "hook-4711", RECIPIENT, "robot-4711", TAG,
)  # fmt: skip


def _hit(ids: Ids, _: Tokens) -> Request:
    page = "https://evil.example/"
    body = {"site": ids.site, "kind": "page", "visitor": ids.visit, "visit": ids.visit, "url": page}
    headers = {"Origin": "https://evil.example", "User-Agent": BROWSER}
    return {"method": "POST", "json": body, "headers": headers}


def _arrival(ids: Ids, tokens: Tokens) -> Request:
    body = {
        "call": ids.call,
        "number": ids.number,
        "caller": None,
        "started_at": REPORT["started_at"],
    }
    return {"method": "POST", "json": body, "headers": bearer(tokens["sip"])}


def _report(ids: Ids, tokens: Tokens) -> Request:
    return {
        "method": "POST",
        "url": f"/gateway/v1/calls/{ids.call}/report",
        "json": REPORT | {"number": ids.number},
        "headers": bearer(tokens["sip"]),
    }


def recording(ids: Ids, tokens: Tokens) -> Request:
    url = f"/gateway/v1/calls/{ids.call}/recording"
    return {"method": "PUT", "url": url, "content": AUDIO, "headers": bearer(tokens["sip"])}


def _digits(ids: Ids, tokens: Tokens) -> Request:
    url = f"/gateway/v1/calls/{ids.call}/digits"
    return {
        "method": "POST",
        "url": url,
        "json": {"digits": "12"},
        "headers": bearer(tokens["sip"]),
    }


def _leg(ids: Ids, tokens: Tokens) -> Request:
    url = f"/gateway/v1/calls/{ids.call}/legs"
    form = {"leg": 1, "target": "+12025550193", "most_calls": 1}
    return {"method": "POST", "url": url, "json": form, "headers": bearer(tokens["sip"])}


def _alive(_: Ids, tokens: Tokens) -> Request:
    return {"headers": bearer(tokens["sip"])}


def _metrics(_: Ids, tokens: Tokens) -> Request:
    return {"headers": bearer(tokens["api"])}


def _original(ids: Ids, tokens: Tokens) -> Request:
    return {"params": {"dialed_number": ids.number, "token": tokens["route"]}}


def _original_report(ids: Ids, tokens: Tokens) -> Request:
    form = {"session": ids.call, "dialed_number": ids.number, "date": REPORT["started_at"]}
    return {"method": "POST", "data": form | {"length": "1", "token": tokens["route"]}}


def _listen(ids: Ids, _: Tokens) -> Request:
    return {"url": f"/recordings/1/sip/{ids.call}?{ids.signature}"}


def _number(ids: Ids, _: Tokens) -> Request:
    number = {"number": ids.number, "channel": "Mine now", "target": "+12025550191"}
    return {"json": {"number": [number]}}


def _account(_: Ids, __: Tokens) -> Request:
    return {"json": {"name": "X", "region": "US", "login": "x"}}


def _kind(_: Ids, __: Tokens) -> Request:
    return {"json": {"kind": "voximplant"}, "data": {"kind": "voximplant"}}


def _correction(ids: Ids, _: Tokens) -> Request:
    return {"json": {"visit_id": ids.visit}, "data": {"visit": ids.visit}}


def _spam(_: Ids, __: Tokens) -> Request:
    return {"json": {"spam": True, "caller": "block"}, "data": {"said": "block"}}


def _robots(_: Ids, __: Tokens) -> Request:
    form = {"callers": OWN_ROBOT, "treatment": "block"}
    return {"json": {"callers": [{"caller": OWN_ROBOT}]}, "data": form}


def _csv(_: Ids, __: Tokens) -> Request:
    return {"params": {"treatment": "ask"}, "content": OWN_ROBOT}


def _unlist(_: Ids, __: Tokens) -> Request:
    return {"data": {"caller": CALLER}}


def _rules(_: Ids, __: Tokens) -> Request:
    return {"data": {name: str(low) for name, (low, _) in BOUNDS.items()}}


def _tag(_: Ids, __: Tokens) -> Request:
    return {"data": {"add": TAG}}


def _sound(_: Ids, __: Tokens) -> Request:
    return {"url": f"/sounds/1/{'a' * 64}.wav?expires=1&signature=a"}


def _since(_: Ids, __: Tokens) -> Request:
    return {"json": {"since": "2026-11-01T00:00:00Z"}}


def _site(ids: Ids, _: Tokens) -> Request:
    return {"params": {"site": ids.site}}


def _recipient(_: Ids, __: Tokens) -> Request:
    return {"data": {"to": "https://nobody.invalid/theirs"}}


def _secret(_: Ids, __: Tokens) -> Request:
    return {"data": {"action": "secret"}}


def _unsubscribe(_: Ids, __: Tokens) -> Request:
    return {"params": {"signature": "0" * 64}}


def _guess(_: Ids, __: Tokens) -> Request:
    return {"data": {"login": "stranger", "password": "guess"}}


HOT = {
    "/t/hit": Ask(200, _hit),
    "/t/tag.js": Ask(200),
    "/health": Ask(200),
    "/metrics": Ask(401, _metrics),
    "/gateway/v1/alive": Ask(204, _alive),
    "/gateway/v1/calls": Ask(404, _arrival),
    "/gateway/v1/calls/*": Ask(404, _report),
    "/gateway/v1/calls/*/recording": Ask(404, recording),
    "/gateway/v1/calls/*/digits": Ask(404, _digits),
    "/gateway/v1/calls/*/report": Ask(404, _report),
    "/gateway/v1/calls/*/legs": Ask(200, _leg),
    "/api": Ask(404, _original),
    "/api/report": Ask(404, _original_report),
    "/recordings/*": Ask(404, _listen),
    "/sounds/*": Ask(404, _sound),
}
PAGES = {
    "GET /api/v1/calls": Ask(200),
    "GET /api/v1/calls/{gateway:str}/{call:str}": Ask(404),
    "PUT /api/v1/calls/{gateway:str}/{call:str}/correction": Ask(404, _correction),
    "DELETE /api/v1/calls/{gateway:str}/{call:str}/correction": Ask(404),
    "GET /api/v1/blocklist": Ask(200),
    "POST /api/v1/blocklist": Ask(201, _robots),
    "POST /api/v1/blocklist/import": Ask(201, _csv),
    "DELETE /api/v1/blocklist/{caller:str}": Ask(404),
    "PUT /api/v1/calls/{gateway:str}/{call:str}/spam": Ask(404, _spam),
    "DELETE /api/v1/calls/{gateway:str}/{call:str}/spam": Ask(404),
    "PUT /api/v1/calls/{gateway:str}/{call:str}/tags/{tag:str}": Ask(404),
    "DELETE /api/v1/calls/{gateway:str}/{call:str}/tags/{tag:str}": Ask(404),
    "GET /api/v1/tags": Ask(200),
    "POST /api/v1/attributions": Ask(200, _since),
    "GET /api/v1/sites/{site:str}/model": Ask(404),
    "POST /api/v1/sites/{site:str}/model": Ask(404),
    "GET /api/v1/reports/channels": Ask(200),
    "GET /api/v1/reports/calibration": Ask(404, _site),
    "GET /api/v1/visits/{visit_id:str}": Ask(404),
    "GET /api/v1/flows/{name:str}/versions/{version:int}": Ask(404),
    "GET /api/v1/recipients": Ask(200),
    "POST /api/v1/recipients/{recipient:str}/secret": Ask(404),
    "POST /api/v1/recipients/{recipient:str}/test": Ask(404),
    "POST /api/v1/recipients/{recipient:str}/start": Ask(404),
    "POST /api/v1/recipients/{recipient:str}/stop": Ask(404),
    "POST /api/v1/recipients/{recipient:str}/replay": Ask(404, _since),
    "GET /api/v1/deliveries": Ask(200),
    "GET /api/v1/deliveries/{delivery:str}": Ask(404),
    "POST /api/v1/deliveries/{delivery:str}/replay": Ask(404),
    "GET /api/v1/gateways": Ask(200),
    "GET /api/v1/setup": Ask(200),
    "PUT /api/v1/setup": Ask(409, _number),
    "GET /api/v1/sounds": Ask(200),
    "PUT /api/v1/sounds/{name:str}": Ask(400),
    "DELETE /api/v1/sounds/{name:str}": Ask(404),
    "GET /api/v1/tokens": Ask(200),
    "POST /api/v1/tokens": Ask(201, _kind),
    "POST /api/v1/accounts": Ask(404, _account),
    "GET /api/v1/schema": Ask(200),
    "GET /api/v1/schema/openapi.json": Ask(200),
    "GET /api/v1/schema/{path:str}": Ask(404),
    "GET /": Ask(200),
    "GET /channels": Ask(200),
    "GET /calibration": Ask(200),
    "GET /calls": Ask(200),
    "GET /calls/{gateway:str}/{call:str}": Ask(404),
    "POST /calls/{gateway:str}/{call:str}/correction": Ask(404, _correction),
    "GET /notices": Ask(200),
    "POST /notices/recipients": Ask(303, _recipient),
    "POST /notices/recipients/{recipient:str}": Ask(404, _secret),
    "POST /notices/deliveries/{delivery:str}": Ask(404),
    "GET /blocklist": Ask(200),
    "POST /blocklist": Ask(303, _robots),
    "POST /blocklist/remove": Ask(404, _unlist),
    "POST /blocklist/rules": Ask(303, _rules),
    "POST /calls/{gateway:str}/{call:str}/spam": Ask(404, _spam),
    "POST /calls/{gateway:str}/{call:str}/tags": Ask(404, _tag),
    "GET /setup": Ask(200),
    "POST /setup/tokens": Ask(200, _kind),
    "POST /setup/sounds": Ask(400),
    "POST /setup/sounds/{name:str}/delete": Ask(404),
    "GET /static/{digest:str}/{name:str}": Ask(404),
    "GET /unsubscribe/{account:int}/{recipient:str}": Ask(404, _unsubscribe),
    "POST /unsubscribe/{account:int}/{recipient:str}": Ask(404, _unsubscribe),
    "GET /login": Ask(303),
    "POST /login": Ask(401, _guess),
    "POST /logout": Ask(303),
}
"""In the order they are walked: signing out comes last."""
