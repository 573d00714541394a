"""Number and extension, from the page to the attributed call."""

from typing import Any

import httpx
import pytest

from ringtrace.domain.attribution import Basis
from ringtrace.domain.extension import check_digit, code, is_code
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.setup_form import read_setup
from tests.shop import POOL, RADIO, TARGET, Shop, bearer, on_every_store, rfc, setup_of

CALL = "0193c0de"
POSTER, BARN = "+12025550131", "+12025550192"
STATIC = {
    "number": POSTER,
    "channel": "Poster",
    "target": TARGET,
    "extension": [
        {"code": code(1), "channel": "Poster", "campaign": "Barn", "target": BARN},
        {"code": code(2), "channel": "Poster", "campaign": "Bus stop"},
    ],
}


async def apply(shop: Shop, **parts: Any) -> None:
    await shop.house.use_cases.apply_setup(1, read_setup(parts))


async def share_one_number(shop: Shop) -> tuple[dict[str, Any], str, dict[str, Any], str]:
    """Two visitors on page with the site's only number: what each was shown, and their visits."""
    parts = setup_of("crowd", RADIO, ["+12025550141"])
    site = parts["site"][0] | {"extensions_above": 0.2}  # type: ignore[index]
    await apply(shop, site=[site])
    first, second = shop.ids(), shop.ids()
    one = await shop.hit(site="crowd", visit=first, visitor=first)
    two = await shop.hit(
        site="crowd",
        visit=second,
        visitor=second,
        url="https://shop.example/?utm_source=bing&utm_medium=cpc&utm_campaign=other",
    )
    return one.json()["number"], first, two.json()["number"], second


async def keyed(shop: Shop, digits: str, call: str = CALL, gateway: str = "sip") -> httpx.Response:
    return await shop.client.post(
        f"/gateway/v1/calls/{call}/digits",
        json={"digits": digits},
        headers=bearer(shop.tokens.get(gateway, gateway)),
    )


async def test_only_whoever_would_be_mixed_up_is_shown_an_extension(shop: Shop) -> None:
    one, _, two, _ = await share_one_number(shop)

    assert one["e164"] == two["e164"]
    assert (one["extension"], one["suffix"]) == (None, "")
    assert is_code(two["extension"])
    assert two["suffix"].endswith(two["extension"])


async def test_the_visit_is_told_the_same_after_a_restart_of_the_pool(shop: Shop) -> None:
    _, _, two, visit = await share_one_number(shop)
    await apply(shop, number=[STATIC])  # any change of the setup makes the writer read all anew

    again = await shop.hit(site="crowd", visit=visit, visitor=visit)

    assert again.json()["number"] == two


async def test_callers_of_a_number_shown_with_extensions_are_asked_for_one(shop: Shop) -> None:
    one, _, _, _ = await share_one_number(shop)

    plan = (await shop.arrive(call=CALL, number=one["e164"])).json()

    assert [step["do"] for step in plan["steps"]] == ["collect", "dial"]
    collect = plan["steps"][0]
    assert (collect["digits"], collect["prompt"]["language"]) == (4, "en-US")
    assert collect["prompt"]["text"]
    assert plan["cacheable"]


async def test_nobody_is_asked_a_day_after_the_last_extension(shop: Shop) -> None:
    one, _, _, _ = await share_one_number(shop)
    shop.clock.now += 86_400_001

    plan = (await shop.arrive(call=CALL, number=one["e164"])).json()

    assert [step["do"] for step in plan["steps"]] == ["dial"]


async def test_numbers_without_extensions_ring_at_once(shop: Shop) -> None:
    await share_one_number(shop)

    for number in (RADIO, POOL):
        plan = (await shop.arrive(number=number)).json()
        assert [step["do"] for step in plan["steps"]] == ["dial"]


async def test_an_extension_keyed_proves_the_visit_while_it_rings_and_with_the_report(
    shop: Shop,
) -> None:
    _, _, shown, visit = await share_one_number(shop)
    shop.clock.now += 5_000
    at = rfc(shop.clock.now)
    await shop.arrive(call=CALL, number=shown["e164"], started_at=at)

    plan = await keyed(shop, shown["extension"])
    await shop.house.use_cases.route_call.settle()
    ringing = await shop.call(CALL)
    await shop.report(CALL, number=shown["e164"], started_at=at, digits=shown["extension"])
    ended = await shop.call(CALL)

    assert [step["do"] for step in plan.json()["steps"]] == ["dial"]
    assert not plan.json()["cacheable"]
    for call in (ringing, ended):
        assert call.digits == shown["extension"]
        assert call.attribution.basis is Basis.EXTENSION
        assert [(one.visit_id, one.probability) for one in call.attribution.credits] == [
            (visit, 1.0)
        ]


async def test_the_report_alone_is_enough(shop: Shop) -> None:
    _, _, shown, visit = await share_one_number(shop)
    at = rfc(shop.clock.now + 5_000)

    await shop.report(CALL, number=shown["e164"], started_at=at, digits=shown["extension"])

    assert (await shop.call(CALL)).attribution.credits[0].visit_id == visit


async def test_a_report_that_forgot_the_digits_does_not_undo_them(shop: Shop) -> None:
    _, _, shown, visit = await share_one_number(shop)
    at = rfc(shop.clock.now + 5_000)
    await shop.arrive(call=CALL, number=shown["e164"], started_at=at)
    await keyed(shop, shown["extension"])
    await shop.house.use_cases.route_call.settle()

    await shop.report(CALL, number=shown["e164"], started_at=at)

    call = await shop.call(CALL)
    assert call.attribution.basis is Basis.EXTENSION
    assert call.attribution.credits[0].visit_id == visit


@pytest.mark.parametrize("digits", ["9999", "12", code(777)])
async def test_wrong_digits_count_as_none(shop: Shop, digits: str) -> None:
    _, _, shown, _ = await share_one_number(shop)
    at = rfc(shop.clock.now + 5_000)
    await shop.arrive(call=CALL, number=shown["e164"], started_at=at)
    await shop.report("plain", number=shown["e164"], started_at=at)

    plan = await keyed(shop, digits)
    await shop.report(CALL, number=shown["e164"], started_at=at, digits=digits)

    call, plain = await shop.call(CALL), await shop.call("plain")
    assert plan.json()["steps"][0]["targets"][0]["to"] == TARGET
    assert call.digits == digits
    assert call.attribution.basis is Basis.EXPOSURES
    assert len(call.attribution.credits) == len(plain.attribution.credits) == 2


async def test_an_extension_is_that_of_its_time(shop: Shop) -> None:
    """Nobody had been shown it when the call came."""
    _, _, shown, _ = await share_one_number(shop)
    at = rfc(shop.clock.now - 1)

    await shop.report(CALL, number=shown["e164"], started_at=at, digits=shown["extension"])

    assert (await shop.call(CALL)).attribution.basis is Basis.NOTHING


async def test_attributing_anew_keeps_what_an_extension_proved(shop: Shop) -> None:
    _, _, shown, visit = await share_one_number(shop)
    at = rfc(shop.clock.now + 5_000)
    await shop.report(CALL, number=shown["e164"], started_at=at, digits=shown["extension"])

    await shop.house.use_cases.reattribute(1, 0)

    call = await shop.call(CALL)
    assert call.attribution.basis is Basis.EXTENSION
    assert call.attribution.credits[0].visit_id == visit


async def test_a_printed_extension_has_a_source_and_a_target_of_its_own(shop: Shop) -> None:
    await apply(shop, number=[STATIC])
    asked = (await shop.arrive(call=CALL, number=POSTER)).json()

    barn = (await keyed(shop, code(1))).json()
    bus = (await keyed(shop, code(2))).json()
    wrong = (await keyed(shop, code(3))).json()
    await shop.report(CALL, number=POSTER, digits=code(1))

    targets = [plan["steps"][-1]["targets"][0]["to"] for plan in (asked, barn, bus, wrong)]
    assert targets == [TARGET, BARN, TARGET, TARGET]
    attribution = (await shop.call(CALL)).attribution
    assert attribution.basis is Basis.STATIC_NUMBER
    assert attribution.credits[0].source.campaign == "Barn"


async def test_digits_of_a_call_from_before_a_restart_are_understood(shop: Shop) -> None:
    await apply(shop, number=[STATIC])
    await shop.report(CALL, number=POSTER)

    plan = await keyed(shop, code(1))

    assert plan.json()["steps"][0]["targets"][0]["to"] == BARN


async def test_digits_are_refused_by_field_and_of_strangers_calls_nothing_is_known(
    shop: Shop,
) -> None:
    await apply(shop, number=[STATIC])
    await shop.arrive(call=CALL, number=POSTER)

    bad = [await keyed(shop, digits) for digits in ("", "12a4", "1" * 21, "#")]
    unknown = await keyed(shop, code(1), call="other")
    foreign = await keyed(shop, code(1), gateway=shop.foreign["sip"])

    assert {(one.status_code, one.json()["field"]) for one in bad} == {(422, "digits")}
    assert unknown.status_code == foreign.status_code == 404
    assert unknown.json() == foreign.json()


async def test_the_original_contract_knows_extensions(shop: Shop) -> None:
    await apply(shop, number=[STATIC])

    async def target(ext: str | None) -> str:
        query = {"dialed_number": POSTER, "token": shop.tokens["route"]}
        answer = await shop.client.get("/api", params=query | ({"ext": ext} if ext else {}))
        return answer.text

    assert await target(code(1)) == BARN.removeprefix("+")
    for ext in (None, code(2), code(3), "x"):
        assert await target(ext) == TARGET.removeprefix("+")

    report = {
        "session": "1",
        "dialed_number": POSTER,
        "ext": code(1),
        "caller": "12025550177",
        "agent_number": BARN,
        "date": "2026-11-23T06:30:00Z",
        "length": "3",
        "token": shop.tokens["route"],
    }
    assert (await shop.client.post("/api/report", data=report)).status_code == 200
    calls = (await shop.client.get("/api/v1/calls", headers=bearer(shop.tokens["api"]))).json()
    assert calls["calls"][0]["attribution"]["campaign"] == "Barn"


RIGHT = code(5)
WRONG = RIGHT[:3] + str((int(check_digit(RIGHT[:3])) + 1) % 10)
LOOP = {"code": RIGHT, "channel": "x", "target": POSTER}


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"code": "12"}, "number[0].extension[0].code"),
        ({"code": WRONG}, "number[0].extension[0].code"),
        ({"channel": " "}, "number[0].extension[0].channel"),
        ({"target": "nobody"}, "number[0].extension[0].target"),
        ({"target": []}, "number[0].extension[0].target"),
        ({"target": POSTER}, "target"),
    ],
)
async def test_a_wrong_field_of_an_extension_is_named(
    shop: Shop, parts: dict[str, Any], field: str
) -> None:
    extension = {"code": RIGHT, "channel": "Poster"} | parts

    with pytest.raises(FieldInvalidError) as refused:
        await apply(shop, number=[STATIC | {"extension": [extension]}])

    assert refused.value.field == field
    if parts.get("code") == WRONG:
        assert RIGHT in refused.value.message


async def test_a_code_stands_for_one_thing(shop: Shop) -> None:
    same = {"code": RIGHT, "channel": "Poster"}

    with pytest.raises(FieldInvalidError) as refused:
        await apply(shop, number=[STATIC | {"extension": [same, same]}])

    assert refused.value.field == "number[0].extension"


@pytest.mark.parametrize("above", [0.0, 0.01, 1.0, -1.0])
async def test_a_threshold_is_a_probability(shop: Shop, above: float) -> None:
    site = {"key": "new", "name": "New", "origins": [], "extensions_above": above}

    with pytest.raises(FieldInvalidError) as refused:
        await apply(shop, site=[site])

    assert refused.value.field == "site[0].extensions_above"


async def test_a_code_is_not_given_to_another_visit_while_it_is_in_use(shop: Shop) -> None:
    """Whoever was shown it days ago may still call, and it would prove the wrong visit."""
    _, _, first, visit = await share_one_number(shop)
    await apply(shop, number=[STATIC])  # the writer reads all anew
    shop.clock.now += 3 * 86_400_000
    for _ in range(2):
        one = shop.ids()
        other = await shop.hit(site="crowd", visit=one, visitor=one)

    assert other.json()["number"]["extension"] not in {None, first["extension"]}
    at = rfc(shop.clock.now + 1_000)
    await shop.report(CALL, number=first["e164"], started_at=at, digits=first["extension"])
    assert (await shop.call(CALL)).attribution.credits[0].visit_id == visit


async def test_a_printed_extension_without_a_target_follows_its_numbers_flow(shop: Shop) -> None:
    def flow(to: str) -> dict[str, Any]:
        return {"name": "main", "step": [{"do": "dial", "targets": [to]}]}

    code_only = {"code": code(1), "channel": "Poster"}
    number = {"number": POSTER, "channel": "Poster", "flow": "main", "extension": [code_only]}
    await apply(shop, flow=[flow(TARGET)], number=[number])
    await apply(shop, flow=[flow(BARN)])
    await shop.arrive(call=CALL, number=POSTER)

    plan = (await keyed(shop, code(1))).json()

    assert plan["steps"][0]["targets"][0]["to"] == BARN


@on_every_store
@pytest.mark.parametrize(("second", "label"), [(code(1), None), (code(2), "main 1")])
async def test_a_call_names_the_flow_that_it_ran(
    shop: Shop, second: str, label: str | None
) -> None:
    """An extension with a target of its own leads past the number's flow."""
    main = {"name": "main", "step": [{"do": "dial", "targets": [TARGET]}]}
    number = {key: value for key, value in STATIC.items() if key != "target"} | {"flow": "main"}
    await apply(shop, flow=[main], number=[number])
    asked = (await shop.arrive(call=CALL, number=POSTER)).json()
    await shop.house.use_cases.route_call.settle()
    before = (await shop.call(CALL)).flow

    plan = (await keyed(shop, second)).json()
    await shop.house.use_cases.route_call.settle()
    ringing = (await shop.call(CALL)).flow
    await shop.report(CALL, number=POSTER, digits=second, flow=plan["flow"])

    assert (asked["flow"], before) == ("main 1", "main 1")
    assert (plan["flow"], ringing, (await shop.call(CALL)).flow) == (label, label, label)


async def test_callers_are_still_asked_after_a_restart_while_the_code_is_on_a_page(
    shop: Shop,
) -> None:
    one, _, _, visit = await share_one_number(shop)
    shop.clock.now += 20 * 3_600_000
    await shop.hit(site="crowd", visit=visit, visitor=visit)
    shop.clock.now += 20 * 3_600_000
    afresh = Directory(shop.house.use_cases.store)
    await afresh.refresh()

    number = afresh.number(1, one["e164"])
    assert number is not None
    assert afresh.ask(number, shop.clock.now) is not None


async def test_a_late_report_without_digits_leaves_what_was_keyed(shop: Shop) -> None:
    _, _, shown, visit = await share_one_number(shop)
    at = rfc(shop.clock.now + 5_000)
    await shop.arrive(call=CALL, number=shown["e164"], started_at=at)
    await keyed(shop, shown["extension"])
    await shop.house.use_cases.route_call.settle()
    shop.clock.now += 25 * 3_600_000

    await shop.report(CALL, number=shown["e164"], started_at=at)

    assert (await shop.call(CALL)).attribution.credits[0].visit_id == visit
