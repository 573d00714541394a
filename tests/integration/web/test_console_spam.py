"""The blocklist's page, and what the console says of spam."""

import re
from typing import Any

import httpx
import pytest

from ringtrace.domain.screening import SpamRules
from tests.console import csrf, plain, signed_in, text
from tests.shop import RADIO, Shop, bearer, rfc

CALLER, OTHER = "+12025550177", "+12025550178"
SHOWN = "+1 202-555-0177"
RULES = {
    "silent_calls": "3",
    "silent_seconds": "5",
    "silent_days": "7",
    "too_many_calls": "8",
    "too_many_minutes": "10",
    "many_numbers_called": "4",
    "many_numbers_minutes": "60",
}


async def send(shop: Shop, path: str, **form: str) -> httpx.Response:
    token = await csrf(shop.client, "/setup")
    return await shop.client.post(path, data=form | {"_csrf_token": token})


async def lists(shop: Shop, callers: str = CALLER, treatment: str = "block") -> None:
    answer = await send(shop, "/blocklist", callers=callers, treatment=treatment)
    assert (answer.status_code, answer.headers["location"]) == (303, "/blocklist")


async def calls(shop: Shop, call: str, **report: Any) -> None:
    shop.clock.now += 60_000
    at, caller = rfc(shop.clock.now), report.pop("caller", CALLER)
    await shop.arrive(call=call, caller=caller, started_at=at)
    answer = await shop.report(call, caller=caller, started_at=at, **report)
    assert answer.status_code == 200, answer.text


REFUSED: dict[str, Any] = {
    "outcome": "rejected",
    "reason": "blacklisted",
    "code": 603,
    "target": None,
    "talk_seconds": 0.0,
    "legs": [],
    "recording": None,
}


def nbsp(page: str) -> str:
    return page.replace("\u2011", "-").replace("\xa0", " ")


async def test_an_empty_list_says_how_to_begin(shop: Shop) -> None:
    await signed_in(shop)

    page = await text(shop, "/blocklist")

    assert "0 entries" in page
    assert "Nobody is on this list." in page
    assert "Too many calls" in page
    assert "Blocklist" in await text(shop, "/calls")


async def test_who_is_listed_is_shown_with_why_and_by_whom(shop: Shop) -> None:
    await signed_in(shop)
    await lists(shop, f"{CALLER}, sells windows\r\n+1900*\r\n")
    await calls(shop, "one", **REFUSED)

    page = nbsp(await text(shop, "/blocklist"))

    assert "2 entries" in page
    assert re.search(
        rf"{re.escape(SHOWN)} Blocked sells windows admin, 23 Nov 2026, \d\d:\d\d 1 Remove", page
    )
    assert re.search(r"\+1900\* Blocked admin, 23 Nov 2026, \d\d:\d\d 0 Remove", page)


async def test_a_list_is_searched_and_divided(shop: Shop) -> None:
    await signed_in(shop)
    await lists(shop)
    await lists(shop, OTHER, "trust")

    blocked = nbsp(await text(shop, "/blocklist?show=block"))
    digits = nbsp(await text(shop, "/blocklist?caller=555-0178"))

    assert SHOWN in blocked
    assert "0178" not in blocked
    assert SHOWN not in digits
    assert "No entry has these digits." in await text(shop, "/blocklist?caller=999")
    assert "1 entry" in await text(shop, "/blocklist?show=nonsense&caller=0178")


async def test_a_removal_can_be_looked_up(shop: Shop) -> None:
    await signed_in(shop)
    await lists(shop)

    answer = await send(shop, "/blocklist/remove", caller=CALLER)

    assert answer.status_code == 303
    assert SHOWN not in nbsp(await text(shop, "/blocklist"))
    assert "removed by admin" in await text(shop, "/blocklist?show=removed")
    assert (await send(shop, "/blocklist/remove", caller=CALLER)).status_code == 404


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"callers": "nonsense", "treatment": "block"}, "nonsense"),
        ({"callers": "", "treatment": "block"}, "callers are needed"),
    ],
)
async def test_what_cannot_be_listed_is_said(shop: Shop, form: dict[str, str], words: str) -> None:
    await signed_in(shop)

    answer = await send(shop, "/blocklist", **form)

    assert answer.status_code == 422
    assert words in plain(answer.text)
    assert f">{form['callers']}</textarea>" in answer.text, "it can be put right"


async def test_a_country_is_blocked_when_somebody_has_read_what_that_is(shop: Shop) -> None:
    await signed_in(shop)
    await calls(shop, "one")
    form = {"callers": f"+1 *, all of them\n{OTHER}", "treatment": "block"}

    asked = await send(shop, "/blocklist", **form)

    assert asked.status_code == 422
    said = plain(asked.text)
    assert "This needs to be confirmed. +1* means every number of United States" in said
    assert "1 call of 1 caller began so in the last 90 days." in said
    assert re.search(r'type="checkbox" name="confirm" value="\+1\*" required', asked.text)
    assert "+1 *, all of them" in asked.text, "what was typed stays"
    assert "0 entries" in await text(shop, "/blocklist")
    more = form | {"callers": form["callers"] + "\n+7*", "confirm": "+1*"}
    anew = (await send(shop, "/blocklist", **more)).text
    assert "+7* means every number of Russia" in plain(anew)
    assert 'name="confirm" value="+1* +7*"' in anew, "both are confirmed together"

    meant = await send(shop, "/blocklist", **form, confirm="+1*")

    assert meant.status_code == 303
    assert "2 entries" in await text(shop, "/blocklist")


async def test_a_treatment_that_does_not_exist_is_refused(shop: Shop) -> None:
    await signed_in(shop)

    answer = await send(shop, "/blocklist", callers=CALLER, treatment="eat")

    assert answer.status_code == 422


async def test_long_lists_have_pages(shop: Shop) -> None:
    await signed_in(shop)
    await lists(shop, "\n".join(f"+120255501{n:02}" for n in range(60)))

    first, second = await text(shop, "/blocklist"), await text(shop, "/blocklist?page=2")

    assert "60 entries" in first
    assert (first.count("Remove"), second.count("Remove")) == (50 + 2, 10 + 2)


async def test_rules_are_switched_and_changed(shop: Shop) -> None:
    await signed_in(shop)

    answer = await send(shop, "/blocklist/rules", **RULES | {"silent": "on", "silent_calls": "4"})

    assert answer.status_code == 303
    rules = shop.house.use_cases.directory.spam_rules(1)
    assert (rules.silent, rules.silent_calls, rules.too_many, rules.blocked) == (
        True,
        4,
        False,
        False,
    )
    page = (await shop.client.get("/blocklist")).text
    assert re.search(r'name="silent_calls" value="4"', page)
    assert not re.search(r'name="too_many" value="on" checked', page)


@pytest.mark.parametrize("value", ["many", "0", "nan"])
async def test_wrong_thresholds_change_nothing(shop: Shop, value: str) -> None:
    await signed_in(shop)

    answer = await send(shop, "/blocklist/rules", **RULES | {"silent_calls": value})

    assert answer.status_code == 422
    assert shop.house.use_cases.directory.spam_rules(1) == SpamRules()


async def test_a_blocked_call_says_so_in_the_log_and_on_its_page(shop: Shop) -> None:
    await signed_in(shop)
    await lists(shop, f"{CALLER}, sells windows")
    await calls(shop, "one", **REFUSED)

    log, page = await text(shop, "/calls"), await text(shop, "/calls/sip/one")

    assert "Declined Spam rang" in log
    assert f"Blocked as {CALLER}" in log
    assert f"Blocked Blocked numbers: on the blocklist as {CALLER} (sells windows)." in page
    assert f"{CALLER} was listed by admin, 23 Nov 2026" in page
    assert "rejected before anybody was rung" in page
    assert "Reports leave this call out." in page


async def test_a_suspects_call_says_why_he_was_asked_and_what_came_of_it(shop: Shop) -> None:
    await signed_in(shop)
    await lists(shop, treatment="ask")
    await calls(shop, "asked")

    assert "Asked to press a key (known robots): passed" in await text(shop, "/calls")
    page = await text(shop, "/calls/sip/asked")
    assert "Asked to press a key Known robots: on the list of known robots" in page
    assert "The caller pressed a key and was put through." in page
    assert "Reports count this call." in page


async def test_the_log_is_filtered_by_spam(shop: Shop) -> None:
    await signed_in(shop)
    await lists(shop)
    await calls(shop, "one", **REFUSED)
    await calls(shop, "two", caller=OTHER)

    shown = {one: nbsp(await text(shop, f"/calls?spam={one}")) for one in ("only", "without", "x")}

    assert "1–1 of 1" in shown["only"]  # noqa: RUF001 - the dash of a span
    assert SHOWN in shown["only"]
    assert SHOWN not in shown["without"]
    assert "of 2" in shown["x"]
    assert "Clear" in shown["only"]


async def test_figures_leave_spam_out_and_say_so(shop: Shop) -> None:
    await signed_in(shop)
    await lists(shop)
    await calls(shop, "one", **REFUSED)
    await calls(shop, "two", caller=OTHER)

    overview, channels = await text(shop, "/"), await text(shop, "/channels")
    counted = await text(shop, "/channels?spam=with")

    for page in (overview, channels):
        assert "1 call left out as spam. Count it · Show it" in page
    assert "1 of these calls is spam. Leave it out · Show it" in counted
    assert "All 1 1" in channels
    assert "All 2 1 50.0 %" in counted
    assert "spam" not in (await text(shop, "/channels?from=2026-01-01&to=2026-01-02")).lower()


async def test_a_call_is_marked_and_the_mark_is_taken_back(shop: Shop) -> None:
    await signed_in(shop)
    await calls(shop, "one")
    assert "No rule acted on this call." in await text(shop, "/calls/sip/one")

    marked = await send(shop, "/calls/sip/one/spam", said="spam")
    page = await text(shop, "/calls/sip/one")
    await send(shop, "/calls/sip/one/spam", said="undo")

    assert marked.headers["location"] == "/calls/sip/one#spam"
    assert "Marked as spam by admin, 23 Nov 2026" in page
    assert "Take the mark back" in page
    assert "Take the mark back" not in await text(shop, "/calls/sip/one")


async def test_all_calls_of_a_caller_are_marked_and_he_is_blocked(shop: Shop) -> None:
    await signed_in(shop)
    for call in ("one", "two"):
        await calls(shop, call)

    await send(shop, "/calls/sip/one/spam", said="block", every="1")

    assert "of 2" in await text(shop, "/calls?spam=only")
    assert "Blocked admin" in nbsp(await text(shop, "/blocklist"))


async def test_a_caller_who_stays_blocked_when_his_mark_is_taken_back_is_said_to_be(
    shop: Shop,
) -> None:
    await signed_in(shop)
    await calls(shop, "one")
    assert "This caller is" not in await text(shop, "/calls/sip/one")

    await send(shop, "/calls/sip/one/spam", said="block")
    await send(shop, "/calls/sip/one/spam", said="undo")

    page = await shop.client.get("/calls/sip/one")
    assert f"This caller is blocked as {CALLER}, until that is taken off" in plain(page.text)
    (found,) = re.findall(r'href="(/blocklist\?caller=[^"]+)"', page.text)
    assert "1 entry" in await text(shop, found)
    await send(shop, "/blocklist/remove", caller=CALLER)
    assert "This caller is" not in await text(shop, "/calls/sip/one")


async def test_not_spam_trusts_the_caller_who_can_be_named(shop: Shop) -> None:
    await signed_in(shop)
    await calls(shop, "named")
    await calls(shop, "nameless", caller=None)
    for call in ("named", "nameless"):
        await send(shop, f"/calls/sip/{call}/spam", said="spam")
        await send(shop, f"/calls/sip/{call}/spam", said="not_spam")

    page = await text(shop, "/calls/sip/nameless")

    assert "1 entry" in await text(shop, "/blocklist?show=trust")
    assert "block the caller" not in page
    assert "all calls" not in page


@pytest.mark.parametrize(
    ("path", "said", "status"),
    [
        ("/calls/sip/none/spam", "spam", 404),
        ("/calls/fax/one/spam", "spam", 404),
        ("/calls/sip/one/spam", "nonsense", 422),
        ("/calls/sip/one/spam", "undo", 404),
    ],
)
async def test_a_mark_that_makes_no_sense_is_refused(
    shop: Shop, path: str, said: str, status: int
) -> None:
    await signed_in(shop)
    await calls(shop, "one", number=RADIO)

    assert (await send(shop, path, said=said)).status_code == status


async def test_a_call_that_still_rings_says_that_its_caller_is_asked(shop: Shop) -> None:
    await signed_in(shop)
    await lists(shop, treatment="ask")
    headers = bearer(shop.tokens["api"])
    await shop.arrive(call="ringing", caller=CALLER, started_at=rfc(shop.clock.now))
    await shop.house.use_cases.route_call.settle()

    log = await text(shop, "/calls")
    answer = (await shop.client.get("/api/v1/calls/sip/ringing", headers=headers)).json()

    assert "In progress" in log
    assert "Asked to press a key (known robots)" in log
    assert answer["screening"]["passage"] is None
