"""A user says whose call it was; it is a fact that outlives every attribution."""

from typing import Any

import httpx
import pytest

from ringtrace.domain.attribution import Basis
from ringtrace.services.call_records import CallFilter
from tests.shop import POOL, RADIO, Shop, bearer, rfc

AD = "https://shop.example/?utm_source=google&utm_medium=cpc&utm_term=implants"
MAIL = "https://shop.example/?utm_source=news&utm_medium=email&utm_campaign=may"
CALL = "0193c0de"


async def shown(shop: Shop, url: str, number: str = POOL) -> str:
    """A visit that is shown the number and leaves."""
    while True:
        visit = shop.ids()
        answer = await shop.hit(visit=visit, visitor=visit, url=url)
        shop.clock.now += 20_000
        await shop.hit("leave", visit=visit, visitor=visit)
        shop.clock.now += 1_000
        if answer.json()["number"]["e164"] == number:
            return visit


async def called(shop: Shop, call: str = CALL, **changes: Any) -> None:
    """A call to POOL after a visit by mail and one by an ad, both gone."""
    said = {"number": POOL, "started_at": rfc(shop.clock.now)} | changes
    assert (await shop.report(call, **said)).status_code == 200


async def correct(shop: Shop, visit: str | None, call: str = CALL) -> httpx.Response:
    return await shop.client.put(
        f"/api/v1/calls/sip/{call}/correction",
        json={"visit_id": visit},
        headers=bearer(shop.tokens["api"]),
    )


async def take_back(shop: Shop, call: str = CALL) -> httpx.Response:
    return await shop.client.delete(
        f"/api/v1/calls/sip/{call}/correction", headers=bearer(shop.tokens["api"])
    )


async def test_the_call_is_credited_to_the_visit_a_user_names(shop: Shop) -> None:
    mail, _ = await shown(shop, MAIL), await shown(shop, AD)
    await called(shop)

    answer = (await correct(shop, mail)).json()

    assert answer["attribution"]["basis"] == "corrected"
    assert (answer["attribution"]["channel"], answer["attribution"]["campaign"]) == ("Email", "may")
    assert (answer["attribution"]["visit_probability"], answer["attribution"]["unknown"]) == (1, 0)
    assert [one["visit_id"] for one in answer["credits"]] == [mail]
    assert answer["correction"]["visit_id"] == mail
    assert answer["correction"]["made_by"] is None
    rows = await shop.house.use_cases.store.channels(1, CallFilter())
    assert [(row.channel, row.calls) for row in rows if row.calls] == [("Email", 1)]


async def test_none_of_the_visits_may_have_called(shop: Shop) -> None:
    await shown(shop, AD)
    await called(shop)

    answer = (await correct(shop, None)).json()

    assert (answer["credits"], answer["attribution"]["unknown"]) == ([], 1)
    assert answer["correction"]["visit_id"] is None


async def test_a_later_report_keeps_the_correction(shop: Shop) -> None:
    mail, _ = await shown(shop, MAIL), await shown(shop, AD)
    await shop.arrive(call=CALL, number=POOL, started_at=rfc(shop.clock.now))
    await shop.house.use_cases.route_call.settle()
    await correct(shop, mail)

    await called(shop)

    kept = await shop.call(CALL)
    assert kept.report is not None
    assert (kept.attribution.basis, kept.attribution.credits[0].visit_id) == (Basis.CORRECTED, mail)
    assert len(kept.attribution.credits) == 1


@pytest.mark.parametrize("none", [True, False])
async def test_a_correction_taken_back_leaves_what_the_engine_said(
    shop: Shop, *, none: bool
) -> None:
    mail, _ = await shown(shop, MAIL), await shown(shop, AD)
    await called(shop)
    before = await shop.call(CALL)
    await correct(shop, mail)
    await correct(shop, None if none else mail)
    shop.clock.now += 60_000
    await shown(shop, AD)

    answer = await take_back(shop)

    assert answer.status_code == 200
    assert answer.json()["correction"] is None
    assert await shop.call(CALL) == before
    again = await take_back(shop)
    assert (again.status_code, again.json()["field"]) == (404, "call")


async def test_a_correction_is_evidence_for_the_callers_next_call(shop: Shop) -> None:
    mail, _ = await shown(shop, MAIL), await shown(shop, AD)
    await called(shop)
    await correct(shop, mail)
    shop.clock.now += 20 * 3_600_000

    await called(shop, "next")

    assert (await shop.call("next")).attribution.credits[0].visit_id == mail


async def test_only_visits_that_were_shown_the_number_before_the_call_are_taken(
    shop: Shop,
) -> None:
    old = await shown(shop, MAIL)
    shop.clock.now += 15 * 86_400_000
    await shown(shop, AD)
    other = await shown(shop, AD, "+12025550112")
    at = shop.clock.now
    shop.clock.now += 60_000
    late = await shown(shop, AD)
    await called(shop, started_at=rfc(at))
    untouched = await shop.call(CALL)

    for visit in (old, late, other):
        answer = await correct(shop, visit)
        assert (answer.status_code, answer.json()["field"]) == (422, "visit_id")
    assert await shop.call(CALL) == untouched


async def test_unknown_visits_and_those_of_others_are_the_same(shop: Shop) -> None:
    await shown(shop, AD)
    await called(shop)
    theirs = shop.ids()
    await shop.hit(site="foreign", visit=theirs, visitor=theirs)

    answers = [await correct(shop, visit) for visit in (theirs, "f" * 32, "")]

    assert {(one.status_code, one.json()["field"]) for one in answers} == {(404, "visit_id")}
    assert len({one.text for one in answers}) == 1


async def test_a_static_numbers_call_stays_with_its_source(shop: Shop) -> None:
    await called(shop, number=RADIO)

    answer = await correct(shop, None)

    assert (answer.status_code, answer.json()["field"]) == (422, "call")
    assert (await shop.call(CALL)).attribution.basis is Basis.STATIC_NUMBER


async def test_sizing_takes_corrected_calls_for_what_users_said(shop: Shop) -> None:
    mail, _ = await shown(shop, MAIL), await shown(shop, AD)
    await called(shop)
    await called(shop, "wrong-number")
    await correct(shop, mail)
    await correct(shop, None, "wrong-number")

    calls = (await shop.house.use_cases.store.history(1, "shop", 14)).calls

    assert [[(one.visit, one.probability) for one in call.credits] for call in calls] == [
        [(mail, 1.0)]
    ]
