"""What gateways ask and report over HTTP."""

import asyncio
from typing import Any

import pytest

from ringtrace.domain.account import TokenKind
from ringtrace.domain.occupancy import LASTS_MS
from tests.shop import RADIO, TARGET, Shop, bearer, on_every_store, rfc

pytestmark = on_every_store

CALL = "0193c0de"


async def test_a_call_to_a_known_number_gets_its_plan(shop: Shop) -> None:
    answer = await shop.arrive(call=CALL)

    assert answer.status_code == 200
    plan = answer.json()
    assert len(plan.pop("revision")) == 16
    assert plan == {
        "call": CALL,
        "number": RADIO,
        "steps": [
            {
                "do": "dial",
                "targets": [{"to": TARGET, "ring_seconds": 25}],
                "caller_id": RADIO,
                "record": True,
            }
        ],
        "max_seconds": 7200,
        "cacheable": True,
        "flow": None,
    }


@pytest.mark.parametrize("spelling", ["12025550101", "2025550101", "+1 202-555-0101"])
async def test_numbers_arrive_in_any_spelling(shop: Shop, spelling: str) -> None:
    assert (await shop.arrive(number=spelling)).json()["number"] == RADIO


async def test_a_ringing_call_is_already_in_the_log_with_who_was_shown_its_number(
    shop: Shop,
) -> None:
    shown = (await shop.hit()).json()["number"]["e164"]
    shop.clock.now += 5_000
    await shop.arrive(call=CALL, number=shown, started_at=rfc(shop.clock.now))
    await shop.house.use_cases.route_call.settle()

    call = await shop.call(CALL)

    assert call.report is None
    assert call.attribution.credits[0].source.campaign == "c"


async def test_a_report_makes_completes_and_keeps_the_call(shop: Shop) -> None:
    early = await shop.report(CALL, talk_seconds=None, recording=None)
    full = await shop.report(CALL)
    again = await shop.report(CALL)

    results = [answer.json() for answer in (early, full, again)]
    assert results == [{"result": "created"}, {"result": "updated"}, {"result": "unchanged"}]
    call = await shop.call(CALL)
    assert call.report is not None
    assert call.report.talk_seconds == 41.0


async def test_a_report_may_tell_the_gateways_node_and_two_nodes_are_no_contradiction(
    shop: Shop,
) -> None:
    """A node that took over what a dead one left tells the same call again."""
    for node, result in ((None, "created"), ("sip-1", "updated"), ("sip-2", "unchanged")):
        assert (await shop.report(CALL, node=node)).json() == {"result": result}
    call = await shop.call(CALL)
    assert call.report is not None
    assert call.report.node == "sip-1"
    assert (await shop.report(CALL, node="x" * 257)).status_code == 422


async def test_the_arrivals_moment_may_be_coarser_than_the_reports(shop: Shop) -> None:
    await shop.arrive(call=CALL, started_at="2026-11-23T06:30:00.123Z")
    await shop.house.use_cases.route_call.settle()

    first = await shop.report(CALL, started_at="2026-11-23T06:30:00Z")
    again = await shop.report(CALL, started_at="2026-11-23T06:30:00Z")

    assert [first.json(), again.json()] == [{"result": "created"}, {"result": "unchanged"}]
    assert (await shop.call(CALL)).report is not None


async def test_a_contradicting_report_is_refused_and_kept_for_inspection(shop: Shop) -> None:
    await shop.report(CALL)

    refused = await shop.report(CALL, outcome="missed", reason="operator_not_responsive")
    repeated = await shop.report(CALL, outcome="missed", reason="operator_not_responsive")

    assert (refused.status_code, repeated.status_code) == (409, 409)
    assert refused.json()["error_id"] == "report_contradicts"
    call = await shop.call(CALL)
    assert call.report is not None
    assert call.report.outcome == "answered"
    assert call.contradictions == 1


async def test_a_report_that_was_accepted_is_no_contradiction_when_it_comes_again(
    shop: Shop,
) -> None:
    """Its answer was lost, and the platform's history completed the call meanwhile."""
    missed = {"outcome": "missed", "reason": "operator_not_responsive", "talk_seconds": 0.0}
    await shop.report(CALL, **missed)
    await shop.report(CALL)

    again = await shop.report(CALL, **missed)

    assert (again.status_code, again.json()) == (200, {"result": "unchanged"})
    call = await shop.call(CALL)
    assert call.report is not None
    assert call.report.outcome == "answered"
    assert call.contradictions == 0


async def test_a_report_is_enough_when_the_arrival_never_came(shop: Shop) -> None:
    shown = (await shop.hit()).json()["number"]["e164"]
    shop.clock.now += 10_000

    await shop.report(CALL, number=shown, started_at=rfc(shop.clock.now))

    call = await shop.call(CALL)
    assert call.attribution.credits[0].source.channel == "Paid Search"
    assert call.attribution.credits[0].probability > 0.95


async def test_simultaneous_equal_reports_make_one_call(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.report(CALL) for _ in range(20)))

    results = sorted(answer.json()["result"] for answer in answers)
    assert results == ["created"] + ["unchanged"] * 19
    assert await shop.count() == 1


async def test_a_call_keeps_its_report_though_the_number_was_switched_off_meanwhile(
    shop: Shop,
) -> None:
    await shop.client.put(
        "/api/v1/setup",
        json={"number": [{"number": RADIO, "channel": "Radio", "target": TARGET, "active": False}]},
        headers=bearer(shop.tokens["api"]),
    )

    assert (await shop.arrive()).status_code == 404
    assert (await shop.report(CALL)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"call": None}, 422, "call"),
        ({"call": ""}, 422, "call"),
        ({"call": "a/b"}, 422, "call"),
        ({"call": "x" * 129}, 422, "call"),
        ({"number": 12025550101}, 422, "number"),
        ({"number": "not a number"}, 404, "number"),
        ({"number": "100"}, 404, "number"),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, 422, "started_at"),
        ({"started_at": "9999-01-01T00:00:00Z"}, 422, "started_at"),
        ({"number": "+12025550999"}, 404, "number"),
        ({"caller": 5}, 422, "caller"),
        ({"started_at": "yesterday"}, 422, "started_at"),
        ({"started_at": "2026-11-23T06:30:00"}, 422, "started_at"),
        ({"headers": "x"}, 422, "headers"),
    ],
)
async def test_a_bad_arrival_is_refused_by_field_and_nothing_is_stored(
    shop: Shop, changes: dict[str, Any], status: int, field: str
) -> None:
    answer = await shop.arrive(**changes)

    assert answer.status_code == status
    assert answer.json()["field"] == field
    assert answer.json()["error_id"]
    assert await shop.count() == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"outcome": "fine"}, "outcome"),
        ({"reason": "because"}, "reason"),
        ({"talk_seconds": -1}, "talk_seconds"),
        ({"talk_seconds": "long"}, "talk_seconds"),
        ({"code": 1000}, "code"),
        ({"legs": [{"target": "x"}]}, "legs[0].started_at"),
        ({"legs": "none"}, "legs"),
        ({"recording": {"url": "javascript:alert(1)"}}, "recording.url"),
        ({"recording": {"channels": 3}}, "recording.channels"),
        ({"recording": {"url": "https://x.example/a\r\nSet-Cookie: b"}}, "recording.url"),
        ({"started_at": "1999-12-31T23:59:59Z"}, "started_at"),
    ],
)
async def test_a_bad_report_is_refused_by_field_and_nothing_is_stored(
    shop: Shop, changes: dict[str, Any], field: str
) -> None:
    answer = await shop.report(CALL, **changes)

    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert await shop.count() == 0


@pytest.mark.parametrize("path", ["/gateway/v1/calls", "/gateway/v1/calls/a/report"])
@pytest.mark.parametrize(
    ("body", "status", "error_id"),
    [
        (b"", 400, "body_invalid"),
        (b"{", 400, "body_invalid"),
        (b"\xff\xfe", 400, "body_invalid"),
        (b'{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}", 400, "body_invalid"),
        (b"[]", 422, "field_invalid"),
        (b"{}", 422, "field_invalid"),
        (b'"' + b"x" * 1_000_000 + b'"', 413, "body_too_large"),
    ],
)
async def test_a_body_that_is_no_report_or_arrival_is_refused(
    shop: Shop, path: str, body: bytes, status: int, error_id: str
) -> None:
    headers = bearer(shop.tokens["sip"])

    answer = await shop.client.post(path, content=body, headers=headers)

    assert answer.status_code == status
    assert answer.json()["error_id"] == error_id
    assert answer.json()["field"]
    assert await shop.count() == 0


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic abc", "Bearer " + "é"])
async def test_without_a_gateways_token_nothing_is_told(shop: Shop, header: str | None) -> None:
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}

    for path in ("/gateway/v1/calls", "/gateway/v1/calls/a/report"):
        answer = await shop.client.post(path, json={}, headers=headers)
        assert (answer.status_code, answer.json()["error_id"]) == (401, "token_unknown")


async def test_tokens_of_another_kind_do_not_open_the_gateways_door(shop: Shop) -> None:
    for kind in ("api", "route"):
        assert (await shop.arrive(token=shop.tokens[kind])).status_code == 401


async def test_two_tokens_are_valid_at_a_time(shop: Shop) -> None:
    issue = shop.house.use_cases.issue_token
    first = shop.tokens["sip"]
    shop.clock.now += 1
    second = await issue(1, TokenKind.SIP)
    assert (await shop.arrive(token=first)).status_code == 200
    shop.clock.now += 1
    third = await issue(1, TokenKind.SIP)

    statuses = [(await shop.arrive(token=token)).status_code for token in (first, second, third)]

    assert statuses == [401, 200, 200]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/gateway/v1/calls", 405),
        ("POST", "/gateway/v1/calls/a", 404),
        ("POST", "/gateway/v1/calls/a/nothing", 404),
        ("POST", "/gateway/v1/calls/a/recording", 405),
    ],
)
async def test_other_methods_and_paths_are_refused(
    shop: Shop, method: str, path: str, status: int
) -> None:
    headers = bearer(shop.tokens["sip"])

    answer = await shop.client.request(method, path, headers=headers, json={})

    assert answer.status_code == status


async def leg(shop: Shop, call: str, number: int = 1, **note: Any) -> bool:
    """Whether the leg may ring a target that takes one call, unless told otherwise."""
    token = note.pop("token", shop.tokens["sip"])
    body = {"leg": number, "target": TARGET, "most_calls": 1} | note
    answer = await shop.client.post(
        f"/gateway/v1/calls/{call}/legs",
        json={name: value for name, value in body.items() if value is not None},
        headers=bearer(token),
    )
    assert answer.status_code == 200, answer.text
    free: bool = answer.json()["free"]
    return free


async def test_a_target_is_not_rung_by_more_calls_than_it_takes(shop: Shop) -> None:
    assert await leg(shop, "a")
    assert not await leg(shop, "b")

    await leg(shop, "a", target=None, most_calls=None)

    assert await leg(shop, "b")


async def test_the_calls_of_all_the_accounts_gateways_count_together(shop: Shop) -> None:
    voximplant = await shop.house.use_cases.issue_token(1, TokenKind.VOXIMPLANT)

    assert await leg(shop, "a")
    assert not await leg(shop, "a", token=voximplant), "the same id at another gateway"
    assert await leg(shop, "a", token=shop.foreign["sip"]), "another account's are its own"


async def test_a_report_ends_all_legs_of_its_call(shop: Shop) -> None:
    await leg(shop, "a")

    await shop.report("a")

    assert await leg(shop, "b")


async def test_a_report_that_cannot_be_kept_ends_them_too(shop: Shop) -> None:
    await leg(shop, "a")

    refused = await shop.report("a", number="+12025550999")

    assert refused.status_code == 404
    assert await leg(shop, "b")


async def test_a_call_that_never_reports_blocks_nobody_for_ever(shop: Shop) -> None:
    await leg(shop, "dead")
    shop.clock.now += LASTS_MS

    assert await leg(shop, "b")


@pytest.mark.parametrize(
    ("note", "field"),
    [
        ({"leg": 0}, "leg"),
        ({"target": "x" * 257}, "target"),
        ({"most_calls": 0}, "most_calls"),
    ],
)
async def test_a_wrong_note_of_a_leg_is_refused(
    shop: Shop, note: dict[str, Any], field: str
) -> None:
    body = {"leg": 1, "target": TARGET, "most_calls": 1} | note

    answer = await shop.client.post(
        "/gateway/v1/calls/a/legs", json=body, headers=bearer(shop.tokens["sip"])
    )

    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_leg_of_no_call_is_refused(shop: Shop) -> None:
    answer = await shop.client.post(
        "/gateway/v1/calls/a b/legs",
        json={"leg": 1, "target": TARGET, "most_calls": 1},
        headers=bearer(shop.tokens["sip"]),
    )

    assert (answer.status_code, answer.json()["field"]) == (422, "call")
