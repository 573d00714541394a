"""Why a call is attributed as it is, correcting that, and models: in the console and the API."""

import re
from typing import Any

import httpx
import pytest

from ringtrace.domain.model import SHIPPED
from tests.console import csrf, signed_in, text
from tests.shop import POOL, RADIO, Shop, bearer, on_every_store, rfc

pytestmark = on_every_store

CALL = "0193c0de"
AD = "https://shop.example/?utm_source=google&utm_medium=cpc&utm_term=implants"
MAIL = "https://shop.example/?utm_source=news&utm_medium=email&utm_campaign=may"
PAGE = f"/calls/sip/{CALL}"


async def _api(shop: Shop, method: str, path: str) -> Any:
    headers = bearer(shop.tokens["api"])
    answer = await shop.client.request(method, f"/api/v1{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _visit(shop: Shop, url: str) -> str:
    """A visit that is shown POOL and leaves."""
    while True:
        visit = shop.ids()
        answer = await shop.hit(visit=visit, visitor=visit, url=url)
        shop.clock.now += 20_000
        await shop.hit("leave", visit=visit, visitor=visit)
        shop.clock.now += 60_000
        if answer.json()["number"]["e164"] == POOL:
            return visit


async def _called(shop: Shop, call: str = CALL, **changes: Any) -> None:
    said = {"number": POOL, "started_at": rfc(shop.clock.now)} | changes
    assert (await shop.report(call, **said)).status_code == 200


async def _correct(shop: Shop, **form: str) -> httpx.Response:
    data = form | {"_csrf_token": await csrf(shop.client, "/setup")}
    return await shop.client.post(f"{PAGE}/correction", data=data)


# Why


async def test_the_api_says_why_each_visit_got_its_share(shop: Shop) -> None:
    visit = await _visit(shop, AD)
    await _called(shop, "earlier", caller=None)
    await shop.hit("tap", visit=visit, visitor=visit)
    shop.clock.now += 3_000
    await _called(shop)

    call = await _api(shop, "GET", f"/calls/sip/{CALL}")

    (credit,) = [one for one in call["credits"] if one["visit_id"] == visit]
    why = credit["why"]
    product = why["hazard"] * why["channel"] * why["keyword"] * why["device"] * why["contact"]
    weight = (product + why["tap"]) * why["free"] * why["caller"]
    assert why["weight"] == pytest.approx(weight)
    assert (why["state"], why["known"]) == ("on page (desktop)", False)
    assert why["tap"] > 0
    assert 0 < why["free"] < 1
    assert call["attribution"]["repeat"] == 0


async def test_what_nobody_weighed_has_no_reasons(shop: Shop) -> None:
    await _called(shop, number=RADIO)

    call = await _api(shop, "GET", f"/calls/sip/{CALL}")

    assert call["credits"][0]["why"] is None
    assert call["attribution"]["repeat"] is None
    assert call["correction"] is None


async def test_the_page_says_what_spoke_for_each_visit(shop: Shop) -> None:
    visit = shop.ids()
    await shop.hit(visit=visit, visitor=visit, url=AD)
    shop.clock.now += 20_000
    for kind in ("contact", "tap"):
        await shop.hit(kind, visit=visit, visitor=visit)
        shop.clock.now += 3_000
    await _called(shop)
    await signed_in(shop)

    page = await text(shop, PAGE)

    assert re.search(r"Factors State on page \(desktop\): one call in \d+ \w+ of one sure", page)
    assert "Channel 1.5 calls per 100 visits" in page
    assert re.search(r"Contact page . 4\.00", page)
    assert re.search(r"Caller new number: . 1\.00", page)
    assert re.search(r"Tap tapped the number just before: \+ one call in \d+ seconds", page)
    assert re.search(r"Together one call in \d+ seconds", page)
    assert "Keyword ×" not in page  # noqa: RUF001 - the sign of multiplication
    assert f"Weighed with the model {SHIPPED.name}." in page


async def test_a_repeat_call_says_so_and_knows_its_caller(shop: Shop) -> None:
    await _visit(shop, AD)
    await _called(shop, "first")
    shop.clock.now += 20 * 3_600_000
    await _called(shop)
    await signed_in(shop)

    page = await text(shop, PAGE)

    assert re.search(r"(> )?\d+ % of it continues an earlier call of the same caller\.", page)
    assert "Caller called before as this visitor" in page
    assert re.search(r"Before probably had called already \((> )?\d+ %\)", page)


async def test_many_visits_are_shown_by_name_and_in_groups(shop: Shop) -> None:
    for n in range(60):
        visit = shop.ids()
        await shop.hit(visit=visit, visitor=visit, url=(AD, MAIL)[n % 2])
        shop.clock.now += 1_000
        await shop.hit("leave", visit=visit, visitor=visit)
    await _called(shop)
    await signed_in(shop)

    page = await text(shop, PAGE)

    grouped = [one for one in (await shop.call(CALL)).attribution.credits if not one.visit_id]
    assert grouped
    assert "18 other visits" in page
    found = re.search(r"Visits that are not kept by name (\d+) % (.*?) Unknown", page)
    assert found is not None
    assert int(found[1]) == round(sum(one.probability for one in grouped) * 100)
    assert {str(one.source.channel) for one in grouped} == set(
        re.findall(r"(Email|Paid Search) \d", found[2])
    )
    assert page.count("This visit called") == 24


# Correcting


async def test_a_user_says_on_the_page_who_called(shop: Shop) -> None:
    mail, _ = await _visit(shop, MAIL), await _visit(shop, AD)
    await _called(shop)
    await signed_in(shop)
    before = await text(shop, PAGE)
    raw = (await shop.client.get(PAGE)).text
    assert f'form="correct" name="visit" value="{mail}"' in raw

    answer = await _correct(shop, visit=mail)

    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#why")
    page = await text(shop, PAGE)
    assert "corrected Email may Somebody said whose call this was. admin, 23 Nov 2026" in page
    assert "This visit called" not in page
    assert "Email may corrected" in await text(shop, "/calls")
    assert (await _correct(shop, undo="1")).status_code == 303
    assert await text(shop, PAGE) == before


async def test_a_user_says_that_none_of_the_visits_called(shop: Shop) -> None:
    await _visit(shop, AD)
    await _called(shop)
    await signed_in(shop)

    await _correct(shop, visit="none")

    assert "corrected Unknown Somebody said whose call this was." in await text(shop, PAGE)


async def test_a_form_that_names_no_candidate_changes_nothing(shop: Shop) -> None:
    await _visit(shop, AD)
    await _called(shop)
    untouched = await shop.call(CALL)
    await signed_in(shop)

    answers = [await _correct(shop, **form) for form in ({}, {"visit": "f" * 32}, {"undo": "1"})]

    assert [one.status_code for one in answers] == [422, 404, 404]
    assert await shop.call(CALL) == untouched


async def test_there_is_nothing_to_correct_in_a_static_numbers_call(shop: Shop) -> None:
    await _called(shop, number=RADIO)
    await signed_in(shop)

    raw = (await shop.client.get(PAGE)).text

    assert 'id="correct"' not in raw
    assert "Weighed with" not in raw


# Models


async def test_a_model_is_learnt_on_request_and_shown(shop: Shop) -> None:
    shipped = await _api(shop, "GET", "/sites/shop/model")
    await _visit(shop, AD)
    shop.clock.now += 86_400_000

    learnt = await _api(shop, "POST", "/sites/shop/model")

    assert (shipped["name"], shipped["made_at"], shipped["site"]) == (SHIPPED.name, None, "shop")
    assert shipped["noise"] == pytest.approx(0.05)
    assert learnt["name"] != SHIPPED.name
    assert learnt["made_at"] is not None
    assert set(learnt["channels"]) == {"Paid Search"}
    assert await _api(shop, "GET", "/sites/shop/model") == learnt
