"""Who is on the list, why, and how he came there or left."""

from typing import Any

import pytest

from ringtrace.services.spam_records import ListingFilter
from tests.callers import CALLER, OTHER, all_rules_on, api, does, listed, rings
from tests.shop import Shop, on_every_store

pytestmark = on_every_store


@pytest.fixture(autouse=True)
async def rules(shop: Shop) -> None:
    await all_rules_on(shop)


async def test_the_list_tells_who_when_why_and_how_many_calls(shop: Shop) -> None:
    body = {"callers": [{"caller": "(202) 555-0177", "note": " sells  windows "}]}
    answer = await api(shop, "POST", "/blocklist", json=body)
    for turn in range(2):
        await rings(shop, f"call-{turn}")
    await rings(shop, "free", caller=OTHER)

    (kept,) = (await api(shop, "GET", "/blocklist")).json()["callers"]

    assert answer.json() == {"callers": [CALLER]}
    assert (kept["caller"], kept["treatment"], kept["calls"]) == (CALLER, "block", 2)
    assert (kept["note"], kept["added_by"], kept["by_gate"]) == ("sells windows", None, False)
    assert kept["removed_at"] is None
    call = (await api(shop, "GET", "/calls/sip/call-0")).json()["screening"]
    assert (call["pattern"], call["listed_at"]) == (CALLER, kept["added_at"])


async def test_what_was_taken_off_the_list_stays_as_a_fact(shop: Shop) -> None:
    await listed(shop)
    await rings(shop, "one")
    shop.clock.now += 1_000
    assert (await api(shop, "DELETE", f"/blocklist/{CALLER}")).status_code == 200

    assert does(await rings(shop, "two")) == ["dial"]
    (was,) = (await api(shop, "GET", "/blocklist", params={"removed": "true"})).json()["callers"]
    assert (was["caller"], was["calls"]) == (CALLER, 1)
    assert was["removed_at"] > was["added_at"]
    again = await api(shop, "DELETE", f"/blocklist/{CALLER}")
    assert (again.status_code, again.json()["field"]) == (404, "caller")
    await listed(shop)
    assert (await api(shop, "GET", "/blocklist")).json()["callers"][0]["calls"] == 0


async def test_the_same_said_again_changes_nothing(shop: Shop) -> None:
    await listed(shop)
    (first,) = (await api(shop, "GET", "/blocklist")).json()["callers"]
    shop.clock.now += 60_000
    await listed(shop)

    assert (await api(shop, "GET", "/blocklist")).json()["callers"] == [first]


async def test_the_list_can_be_searched(shop: Shop) -> None:
    await listed(shop, "+1900*", "ask")
    await listed(shop, CALLER)

    async def found(**query: str) -> list[str]:
        answer = (await api(shop, "GET", "/blocklist", params=query)).json()
        return [one["caller"] for one in answer["callers"]]

    assert set(await found()) == {CALLER, "+1900*"}
    assert await found(treatment="ask") == ["+1900*"]
    assert await found(caller="2025") == [CALLER]
    assert await found(limit="1", offset="5") == []


async def test_robots_are_imported_from_csv(shop: Shop) -> None:
    csv = "Number;Note\n+12025550177;windows\n\n+1900*;\n"

    answer = await api(
        shop, "POST", "/blocklist/import", params={"treatment": "ask"}, content=csv.encode()
    )

    assert (answer.status_code, answer.json()) == (201, {"callers": [CALLER, "+1900*"]})
    page = await shop.house.use_cases.store.listings(1, ListingFilter(), 10, 0)
    assert {one.listing.note for one in page.listings} == {"windows", ""}
    assert does(await rings(shop, "one", caller="+19005550100")) == ["menu", "dial"]


async def test_lines_may_end_as_old_spreadsheets_end_them(shop: Shop) -> None:
    content = b"+12025550177,windows\r+1900*\r"

    answer = await api(
        shop, "POST", "/blocklist/import", params={"treatment": "ask"}, content=content
    )

    assert (answer.status_code, answer.json()) == (201, {"callers": [CALLER, "+1900*"]})


@pytest.mark.parametrize(
    ("content", "error", "field"),
    [
        (b"+12025550177\nnonsense\n", "field_invalid", "callers[1].caller"),
        (b"", "field_invalid", "callers"),
        (b"\xff\xfe", "body_invalid", "body"),
        (b'"' + b"1" * 140_000, "field_invalid", "callers"),
        (b"+12025550177," + b"x" * 201, "field_invalid", "callers[0].note"),
    ],
)
async def test_an_import_is_all_or_nothing(
    shop: Shop, content: bytes, error: str, field: str
) -> None:
    answer = await api(
        shop, "POST", "/blocklist/import", params={"treatment": "ask"}, content=content
    )

    assert (answer.json()["error_id"], answer.json()["field"]) == (error, field)
    assert (await api(shop, "GET", "/blocklist")).json()["total"] == 0


async def test_a_country_is_blocked_only_when_it_is_meant(shop: Shop) -> None:
    """The answer says whose numbers that are, and how many calls it would have been."""
    for call, caller in (("a", CALLER), ("b", CALLER), ("c", OTHER), ("d", "+4930555017")):
        await rings(shop, call, caller=caller)
    wide = {"caller": "+1*", "treatment": "block"}
    callers: list[dict[str, Any]] = [{"caller": "+1900*"}, wide]

    refused = await api(shop, "POST", "/blocklist", json={"callers": callers})

    assert refused.status_code == 422
    said = refused.json()
    assert (said["error_id"], said["field"]) == ("confirmation_needed", "callers[1].confirm")
    assert "+1* means every number of United States (your own country)" in said["message"]
    assert "3 calls of 2 callers began so in the last 90 days" in said["message"]
    assert (await api(shop, "GET", "/blocklist")).json()["total"] == 0

    callers[1] = wide | {"confirm": True}
    answer = await api(shop, "POST", "/blocklist", json={"callers": callers})
    assert (answer.status_code, answer.json()["callers"]) == (201, ["+1900*", "+1*"])


@pytest.mark.parametrize("treatment", ["ask", "trust"])
async def test_nobody_is_turned_away_by_asking_or_trusting_a_country(
    shop: Shop, treatment: str
) -> None:
    await listed(shop, "+1*", treatment)


async def test_a_file_that_blocks_countries_is_meant_as_a_whole(shop: Shop) -> None:
    lines = ("+1900*", "+7*", "+79*", "+41*", "+43*", "+44*", "+45*", "+46*")
    request: dict[str, Any] = {
        "params": {"treatment": "block"},
        "content": "\n".join(lines).encode(),
    }

    refused = await api(shop, "POST", "/blocklist/import", **request)

    assert refused.status_code == 422
    said = refused.json()
    assert (said["error_id"], said["field"]) == ("confirmation_needed", "confirm")
    assert (
        "+7* means every number of Russia and Kazakhstan; 0 calls of 0 callers" in said["message"]
    )
    assert "+79* means a large part of the numbers of Russia and Kazakhstan" in said["message"]
    assert said["message"].endswith(". 2 more are as wide")

    request["params"] |= {"confirm": "true"}
    assert (await api(shop, "POST", "/blocklist/import", **request)).status_code == 201
