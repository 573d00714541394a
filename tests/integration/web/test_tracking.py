"""Hits over HTTP: visits, leases and refusals."""

import asyncio
from typing import Any

import pytest

from ringtrace.domain.call import GatewayKind
from ringtrace.services.limits import HitLimits
from tests.shop import BROWSER, ORIGIN, POOL, Shop, on_every_store, rfc

pytestmark = on_every_store

VISIT = "0193c0de" + "0" * 24
SECOND = "+12025550112"


async def test_a_page_view_is_answered_with_a_number_of_the_pool(shop: Shop) -> None:
    answer = await shop.hit()

    assert answer.status_code == 200
    assert answer.json() == {
        "number": {
            "e164": POOL,
            "national": "(202) 555-0111",
            "international": "+1 202-555-0111",
            "extension": None,
            "suffix": "",
        },
        "swap": ["+12025550100"],
        "reason": None,
    }
    assert answer.headers["access-control-allow-origin"] == ORIGIN


async def test_the_visit_is_kept_with_its_source(shop: Shop) -> None:
    visit = shop.ids()
    await shop.hit(visit=visit, visitor=visit)

    kept = await shop.house.use_cases.store.visit(1, visit)

    assert kept is not None
    said = kept.candidate.source
    assert (said.channel, said.campaign, said.term) == ("Paid Search", "c", "k")
    assert (kept.number, kept.site_key, kept.device) == (POOL, "shop", "desktop")


async def test_simultaneous_requests_of_a_visit_get_one_number(shop: Shop) -> None:
    visit = shop.ids()

    answers = await asyncio.gather(*(shop.hit(visit=visit, visitor=visit) for _ in range(20)))

    assert {answer.json()["number"]["e164"] for answer in answers} == {POOL}
    others = [await shop.hit() for _ in range(2)]
    assert others[0].json()["number"]["e164"] == SECOND


async def test_what_a_visitor_does_is_kept_in_order(shop: Shop) -> None:
    visit = shop.ids()
    for kind in ("page", "contact", "tap", "beat", "leave"):
        answer = await shop.hit(kind, visit=visit, visitor=visit)
        assert answer.status_code == (200 if kind == "page" else 204)
        shop.clock.now += 1_000
    await shop.hit(visit=visit, visitor=visit, url="https://shop.example/contact")

    kept = await shop.house.use_cases.store.visit(1, visit)

    assert kept is not None
    views = [(view.kind, view.path) for view in kept.views]
    assert views == [
        ("page", "shop.example/"),
        ("contact", ""),
        ("tap", ""),
        ("leave", ""),
        ("page", "shop.example/contact"),
    ]
    assert kept.candidate.left_at is None
    assert kept.candidate.seen_at == shop.clock.now
    assert kept.candidate.tapped_at == shop.clock.now - 3_000


async def test_a_leave_frees_the_number_for_the_next_visitor(shop: Shop) -> None:
    first, second = shop.ids(), shop.ids()
    await shop.hit(visit=first, visitor=first)
    await shop.hit(visit=second, visitor=second)
    shop.clock.now += 1_000
    await shop.hit("leave", visit=second, visitor=second)

    assert (await shop.hit()).json()["number"]["e164"] == SECOND


async def test_a_call_is_given_to_the_visit_that_was_shown_the_number_then(shop: Shop) -> None:
    early = shop.ids()
    await shop.hit(visit=early, visitor=early)
    called_at = shop.clock.now + 10_000
    shop.clock.now += 3_600_000
    for _ in range(4):
        await shop.hit()
        shop.clock.now += 60_000

    await shop.report("late-report", number=POOL, started_at=rfc(called_at))

    call = await shop.house.use_cases.store.call(1, GatewayKind.SIP, "late-report")
    assert call is not None
    assert [credit.visit_id for credit in call.attribution.credits] == [early]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Origin": "https://evil.example", "User-Agent": BROWSER}, "origin_not_allowed"),
        ({"User-Agent": BROWSER}, "origin_not_allowed"),
        ({"Origin": ORIGIN, "User-Agent": "Googlebot/2.1"}, "robot"),
    ],
)
async def test_strangers_and_robots_leave_the_page_as_it_is(
    shop: Shop, headers: dict[str, str], reason: str
) -> None:
    visit = shop.ids()
    body = {"site": "shop", "kind": "page", "visitor": visit, "visit": visit, "url": ORIGIN}

    answer = await shop.client.post("/t/hit", json=body, headers=headers)

    assert answer.status_code == 200
    assert answer.json() == {"number": None, "swap": [], "reason": reason}
    assert await shop.house.use_cases.store.visit(1, visit) is None


async def test_a_flood_from_one_address_gets_no_more_numbers(shop: Shop) -> None:
    limits = shop.house.use_cases.track_hit._limits
    assert isinstance(limits, HitLimits)
    limits.per_address = 3

    answers = [(await shop.hit()).json() for _ in range(8)]

    assert [one["reason"] for one in answers] == [None] * 6 + ["rate_limited"] * 2
    shop.clock.now += 60_000
    assert (await shop.hit()).json()["number"] is not None


async def test_a_site_without_a_pool_keeps_its_own_number(shop: Shop) -> None:
    await shop.client.put(
        "/api/v1/setup",
        json={"site": [{"key": "bare", "name": "Bare", "origins": [ORIGIN]}]},
        headers={"Authorization": f"Bearer {shop.tokens['api']}"},
    )

    assert (await shop.hit(site="bare")).json()["reason"] == "no_pool"


@pytest.mark.parametrize(
    ("changes", "status", "error_id", "field"),
    [
        ({"site": "nobody"}, 404, "site_unknown", "site"),
        ({"site": 5}, 422, "field_invalid", "site"),
        ({"kind": "look"}, 422, "field_invalid", "kind"),
        ({"visit": "x"}, 422, "field_invalid", "visit"),
        ({"visit": VISIT.upper()}, 422, "field_invalid", "visit"),
        ({"visitor": None}, 422, "field_invalid", "visitor"),
        ({"url": None}, 422, "field_invalid", "url"),
        ({"url": "/relative"}, 422, "field_invalid", "url"),
        ({"url": "https://shop.example/?" + "x" * 5_000}, 422, "field_invalid", "url"),
        ({"referrer": 1}, 422, "field_invalid", "referrer"),
    ],
)
async def test_a_bad_hit_is_refused_by_field_and_nothing_is_stored(
    shop: Shop, changes: dict[str, Any], status: int, error_id: str, field: str
) -> None:
    body = {"visit": VISIT, "visitor": VISIT} | changes

    answer = await shop.hit(**body)

    assert (answer.status_code, answer.json()["error_id"]) == (status, error_id)
    assert answer.json()["field"] == field
    assert await shop.house.use_cases.store.visit(1, VISIT) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"nonsense", 400), (b"[1]", 422), (b'"' + b"x" * 1_000_000 + b'"', 413)],
)
async def test_a_body_that_is_no_hit_is_refused(shop: Shop, body: bytes, status: int) -> None:
    answer = await shop.client.post("/t/hit", content=body, headers={"Origin": ORIGIN})

    assert answer.status_code == status
    assert answer.json()["field"] == "body"


async def test_browsers_may_ask_first(shop: Shop) -> None:
    asked = await shop.client.options("/t/hit", headers={"Origin": ORIGIN})
    wrong = await shop.client.get("/t/hit")

    assert asked.status_code == 204
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert wrong.status_code == 405


async def test_the_tag_is_served_small_and_cached(shop: Shop) -> None:
    first = await shop.client.get("/t/tag.js")
    again = await shop.client.get("/t/tag.js", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["content-type"].startswith("text/javascript")
    assert first.headers["content-encoding"] == "gzip"
    assert again.status_code == 304
