"""A business writes flows; numbers follow them, calls name the version they ran."""

from typing import Any

import httpx
import pytest

from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.setup_form import read_setup
from tests.shop import POOL, RADIO, TARGET, Shop, bearer, rfc

CALL = "0193c0de"
DESK, NIGHT = "+12025550192", "+12025550193"
TV = "+12025550161"
AD = "https://shop.example/?utm_source=google&utm_medium=cpc&utm_campaign=c&utm_term=k"


def ring(to: str, **more: Any) -> dict[str, Any]:
    return {"do": "dial", "targets": [to], **more}


def office(**more: Any) -> dict[str, Any]:
    """By day the desk, else a voicemail. The calls of REPORT come on a Monday, 06:30 UTC."""
    return {
        "name": "office",
        "hours": {"day": {"time_zone": "UTC", "mon": ["06:00-18:00"]}},
        "step": [
            {
                "do": "branch",
                "when": {"hours": "day"},
                "then": [ring(DESK)],
                "otherwise": [{"do": "voicemail", "say": "We are closed."}],
            }
        ],
    } | more


def by_channel(**more: Any) -> dict[str, Any]:
    dial = ring(DESK, whisper="Call from {channel}, {keyword}")
    when = {"channel": ["Paid Search"]}
    branch = {"do": "branch", "when": when, "then": [dial], "otherwise": [ring(NIGHT)]}
    return {"name": "ads", "step": [branch]} | more


async def apply(shop: Shop, **parts: Any) -> None:
    await shop.house.use_cases.apply_setup(1, read_setup(parts))


async def plan(shop: Shop, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await shop.arrive(**changes)).json()
    return answer


async def pool_follows(shop: Shop, flow: dict[str, Any]) -> None:
    site = {
        "key": "shop",
        "name": "Shop",
        "origins": ["https://shop.example"],
        "pool": {"numbers": [POOL], "flow": flow["name"]},
    }
    await apply(shop, flow=[flow], site=[site])


def dialled(found: dict[str, Any]) -> list[str]:
    return [
        target["to"]
        for step in found["steps"]
        if step["do"] == "dial"
        for target in step["targets"]
    ]


async def test_a_number_follows_the_flow_it_names(shop: Shop) -> None:
    await apply(shop, flow=[office()], number=[{"number": TV, "channel": "TV", "flow": "office"}])

    by_day = await plan(shop, number=TV, started_at="2026-11-23T06:30:00Z")
    by_night = await plan(shop, number=TV, started_at="2026-11-22T06:30:00Z")

    assert dialled(by_day) == [DESK]
    assert [step["do"] for step in by_night["steps"]] == ["voicemail"]
    assert not by_day["cacheable"], "by night it would be wrong"


async def test_a_new_version_is_what_its_numbers_do_from_then_on(shop: Shop) -> None:
    number = {"number": TV, "channel": "TV", "flow": "office"}
    await apply(shop, flow=[office()], number=[number])
    await shop.arrive(call="before", number=TV)

    await apply(shop, flow=[office(step=[ring(NIGHT)])])
    after = await plan(shop, call="after", number=TV)
    await shop.house.use_cases.route_call.settle()

    assert dialled(after) == [NIGHT]
    flows = [(await shop.call(call)).flow for call in ("before", "after")]
    assert flows == ["office 1", "office 2"]


async def test_a_plan_names_its_flow_and_what_it_was_made_of(shop: Shop) -> None:
    number = {"number": TV, "channel": "TV", "flow": "office"}
    await apply(shop, flow=[office()], number=[number])
    first = await plan(shop, number=TV)
    await apply(shop, flow=[office(step=[ring(NIGHT)])])
    second = await plan(shop, number=TV)
    await apply(shop, flow=[office()])
    third = await plan(shop, number=TV)

    assert [one["flow"] for one in (first, second, third)] == ["office 1", "office 2", "office 3"]
    assert first["revision"] == third["revision"] != second["revision"]


async def test_a_number_of_its_own_has_a_revision_and_no_flows_name(shop: Shop) -> None:
    first = await plan(shop)
    await apply(shop, number=[{"number": RADIO, "channel": "Radio", "target": NIGHT}])
    second = await plan(shop)

    assert (first["flow"], second["flow"]) == (None, None)
    assert first["revision"] != second["revision"]


async def test_the_report_of_a_call_whose_arrival_was_lost_names_the_flow(shop: Shop) -> None:
    await shop.report("lost", flow="office 7")
    await shop.report("noted", flow=None)

    assert (await shop.call("lost")).flow == "office 7"
    assert (await shop.call("noted")).flow is None


async def test_what_was_followed_counts_more_than_what_was_answered(shop: Shop) -> None:
    number = {"number": TV, "channel": "TV", "flow": "office"}
    await apply(shop, flow=[office()], number=[number])
    for call in ("late", "silent"):
        await shop.arrive(call=call, number=TV)
    await shop.house.use_cases.route_call.settle()

    await shop.report("late", number=TV, flow="office 9", plan_source="cache")
    await shop.report("silent", number=TV)

    assert (await shop.call("late")).flow == "office 9", "the gateway's cached plan"
    assert (await shop.call("silent")).flow == "office 1", "a gateway that does not tell"


@pytest.mark.parametrize("label", ["office", "office 1\n", "<b> 1", "x" * 65 + " 1"])
async def test_a_label_that_is_none_is_refused(shop: Shop, label: str) -> None:
    refused = await shop.report("odd", flow=label)

    assert (refused.status_code, refused.json()["field"]) == (422, "flow")


async def test_the_same_flow_again_is_no_new_version(shop: Shop) -> None:
    for _ in range(2):
        await apply(shop, flow=[office()])

    kept = shop.house.use_cases.directory.flow(1, "office")
    assert kept is not None
    assert kept.version == 1


async def test_every_version_can_be_looked_at(shop: Shop) -> None:
    await apply(shop, flow=[office()])
    await apply(shop, flow=[office(step=[ring(NIGHT)])])
    api = bearer(shop.tokens["api"])

    async def version(number: int, headers: dict[str, str] = api) -> httpx.Response:
        return await shop.client.get(f"/api/v1/flows/office/versions/{number}", headers=headers)

    assert (await version(1)).json()["flow"]["step"][0]["do"] == "branch"
    assert (await version(2)).json()["flow"]["step"][0]["do"] == "dial"
    assert (await version(3)).status_code == 404
    assert (await version(1, bearer(shop.foreign["api"]))).status_code == 404
    (newest,) = (await shop.client.get("/api/v1/setup", headers=api)).json()["flows"]
    assert (newest["name"], newest["version"]) == ("office", 2)


async def test_a_call_is_sent_where_its_visit_leads_and_the_agent_hears_why(shop: Shop) -> None:
    await pool_follows(shop, by_channel())
    await shop.hit(url=AD)
    shop.clock.now += 1_000

    found = await plan(shop, number=POOL, started_at=rfc(shop.clock.now))

    assert dialled(found) == [DESK]
    assert found["steps"][0]["whisper"]["text"] == "Call from Paid Search, k"
    assert not found["cacheable"], "another caller must not be told of this visit"


async def test_a_call_of_nobody_known_takes_the_other_way(shop: Shop) -> None:
    await pool_follows(shop, by_channel())

    found = await plan(shop, number=POOL)

    assert dialled(found) == [NIGHT]
    assert found["cacheable"], "it is the same for every unknown caller"


async def test_a_store_that_does_not_answer_in_time_makes_the_visit_unknown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool_follows(shop, by_channel())
    await shop.hit(url=AD)
    shop.clock.now += 1_000
    monkeypatch.setattr("ringtrace.services.know_call.LOOK_SECONDS", 0.0)

    assert dialled(await plan(shop, number=POOL, started_at=rfc(shop.clock.now))) == [NIGHT]


async def test_a_repeat_caller_reaches_whom_he_talked_to(shop: Shop) -> None:
    dial = {"do": "dial", "targets": [DESK, NIGHT], "sticky": True}
    flow = {"name": "sticky", "step": [dial]}
    await apply(shop, flow=[flow], number=[{"number": TV, "channel": "TV", "flow": "sticky"}])
    await shop.report(CALL, number=RADIO, target=NIGHT)

    known = await plan(shop, number=TV, started_at="2026-11-23T06:40:00Z")
    new = await plan(shop, number=TV, caller="+12025550178", started_at="2026-11-23T06:40:00Z")

    assert dialled(known) == [NIGHT, DESK]
    assert dialled(new) == [DESK, NIGHT]


async def test_calls_take_turns(shop: Shop) -> None:
    flow = {
        "name": "fair",
        "step": [{"do": "dial", "targets": [DESK, NIGHT], "how": "round_robin"}],
    }
    await apply(shop, flow=[flow], number=[{"number": TV, "channel": "TV", "flow": "fair"}])

    first = [dialled(await plan(shop, number=TV))[0] for _ in range(4)]

    assert first == [DESK, NIGHT, DESK, NIGHT]


async def test_an_extension_is_asked_for_where_the_flow_says(shop: Shop) -> None:
    notice = {"do": "announce", "say": "Calls are recorded."}
    flow = {"name": "poster", "step": [notice, {"do": "collect"}, ring(DESK)]}
    number = {
        "number": TV,
        "channel": "Poster",
        "flow": "poster",
        "extension": [{"code": "6179", "channel": "Poster", "target": NIGHT}],
    }
    await apply(shop, flow=[flow], number=[number])

    asked = await plan(shop, call=CALL, number=TV)
    right = await shop.client.post(
        f"/gateway/v1/calls/{CALL}/digits",
        json={"digits": "6179"},
        headers=bearer(shop.tokens["sip"]),
    )
    wrong = await shop.client.post(
        f"/gateway/v1/calls/{CALL}/digits",
        json={"digits": "1111"},
        headers=bearer(shop.tokens["sip"]),
    )

    assert [step["do"] for step in asked["steps"]] == ["announce", "collect", "dial"]
    assert dialled(right.json()) == [NIGHT]
    assert [step["do"] for step in wrong.json()["steps"]] == ["dial"], "nothing is heard twice"


LOOP = {"name": "loop", "step": [ring(RADIO)]}


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"flow": [office(name="a b")]}, "flow[0].name"),
        ({"flow": [office(), office()]}, "flow[1].name"),
        ({"flow": [office(step=[{"do": "dance"}])]}, "flow[0].step[0]"),
        ({"flow": [office(step=[ring("nobody")])]}, "flow[0].step[0].targets[0]"),
        ({"flow": [office(hours={})]}, "flow[0].step[0].when.hours"),
        ({"flow": [LOOP]}, "flow[0].step[0].targets[0]"),
        ({"number": [{"number": TV, "channel": "TV", "flow": "none"}]}, "number[0].flow"),
        ({"number": [{"number": TV, "channel": "TV"}]}, "number[0].target"),
        (
            {
                "flow": [office()],
                "number": [{"number": TV, "channel": "TV", "flow": "office", "target": TARGET}],
            },
            "number[0].target",
        ),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_kept(
    shop: Shop, parts: dict[str, Any], field: str
) -> None:
    with pytest.raises(FieldInvalidError) as refused:
        await apply(shop, **parts)

    assert refused.value.field is not None
    assert refused.value.field.startswith(field)
    assert shop.house.use_cases.directory.flows_of(1) == []


async def test_a_number_that_a_flow_dials_cannot_become_a_tracking_number(shop: Shop) -> None:
    await apply(shop, flow=[office()], number=[{"number": TV, "channel": "TV", "flow": "office"}])

    with pytest.raises(FieldInvalidError):
        await apply(shop, number=[{"number": DESK, "channel": "TV", "target": TARGET}])


async def test_what_may_not_be_meant_is_saved_and_said(shop: Shop) -> None:
    flow = office()
    flow["step"][0].pop("otherwise")

    answer = await shop.client.put(
        "/api/v1/setup", json={"flow": [flow]}, headers=bearer(shop.tokens["api"])
    )

    assert answer.status_code == 200
    (warning,) = answer.json()["warnings"]
    assert warning["field"].startswith("flow[0].step")
    assert warning["message"]
    assert shop.house.use_cases.directory.flow(1, "office") is not None


async def test_numbers_of_one_flow_take_turns_together(shop: Shop) -> None:
    flow = {
        "name": "fair",
        "step": [{"do": "dial", "targets": [DESK, NIGHT], "how": "round_robin"}],
    }
    pool = [f"+120255501{n}" for n in (61, 62, 63, 64)]
    numbers = [{"number": number, "channel": "TV", "flow": "fair"} for number in pool]
    await apply(shop, flow=[flow], number=numbers)

    first = [dialled(await plan(shop, number=number))[0] for number in pool]

    assert first == [DESK, NIGHT, DESK, NIGHT]


async def test_what_is_keyed_takes_no_turn_of_its_own(shop: Shop) -> None:
    flow = {
        "name": "fair",
        "step": [{"do": "dial", "targets": [DESK, NIGHT], "how": "round_robin"}],
    }
    code = {"code": "6179", "channel": "Poster"}
    number = {"number": TV, "channel": "TV", "flow": "fair", "extension": [code]}
    await apply(shop, flow=[flow], number=[number])
    first = []
    for n in range(4):
        await plan(shop, call=f"{CALL}-{n}", number=TV)
        answer = await shop.client.post(
            f"/gateway/v1/calls/{CALL}-{n}/digits",
            json={"digits": "6179"},
            headers=bearer(shop.tokens["sip"]),
        )
        first.append(dialled(answer.json())[0])

    assert first == [DESK, NIGHT, DESK, NIGHT]


async def test_whatever_fails_in_looking_a_caller_up_he_gets_through(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool_follows(shop, by_channel())

    async def broken(*_: object) -> None:
        raise ValueError("a damaged row")

    monkeypatch.setattr("ringtrace.services.know_call.attribute_call", broken)

    assert dialled(await plan(shop, number=POOL)) == [NIGHT]


@pytest.mark.parametrize("field", ["target", "ring_seconds", "record"])
async def test_what_a_flow_says_is_not_said_beside_it(shop: Shop, field: str) -> None:
    value = {"target": TARGET, "ring_seconds": 30, "record": False}[field]
    number = {"number": TV, "channel": "TV", "flow": "office", field: value}

    with pytest.raises(FieldInvalidError) as refused:
        await apply(shop, flow=[office()], number=[number])

    assert refused.value.field == f"number[0].{field}"


async def test_a_printed_extension_is_recorded_no_more_than_its_numbers_flow(shop: Shop) -> None:
    flow = {"name": "quiet", "record": False, "max_seconds": 60, "step": [ring(DESK)]}
    code = {"code": "6179", "channel": "Poster", "target": NIGHT}
    number = {"number": TV, "channel": "TV", "flow": "quiet", "extension": [code]}
    await apply(shop, flow=[flow], number=[number])
    await plan(shop, call=CALL, number=TV)

    answer = await shop.client.post(
        f"/gateway/v1/calls/{CALL}/digits",
        json={"digits": "6179"},
        headers=bearer(shop.tokens["sip"]),
    )

    keyed = answer.json()
    assert dialled(keyed) == [NIGHT]
    assert (keyed["steps"][0]["record"], keyed["max_seconds"]) == (False, 60)


async def test_a_number_a_flow_no_longer_dials_may_become_a_tracking_number(shop: Shop) -> None:
    number = {"number": TV, "channel": "TV", "flow": "f"}
    await apply(shop, flow=[{"name": "f", "step": [ring(DESK)]}], number=[number])

    became = {"number": DESK, "channel": "Print", "target": TARGET}
    await apply(shop, flow=[{"name": "f", "step": [ring(NIGHT)]}], number=[became])

    assert shop.house.use_cases.directory.number(1, DESK) is not None
