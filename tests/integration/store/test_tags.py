"""Tags of calls and of their callers, as every store keeps them."""

import asyncio
from dataclasses import replace

import pytest

from ringtrace.domain.tag import MOST
from ringtrace.services.call_records import CallerHistory, CallFilter, CallTag
from ringtrace.services.commands import AddTag, RemoveTag
from ringtrace.services.errors import FieldInvalidError, NotFoundError
from ringtrace.services.ports import Store
from tests.stores import CALLER, NOW, SIP, STATIC, arrival, report, setup

CALL = "0193c0de"


def tagged(tag: str, call: str = CALL, *, account_id: int = 1, at: int = NOW) -> AddTag:
    return AddTag(account_id, SIP, call, tag, at, "admin")


@pytest.fixture(autouse=True)
async def call(store: Store) -> None:
    await store.submit(setup())
    await store.submit(setup(2, ()))
    await store.submit(report(CALL))


async def kept(store: Store, call: str = CALL) -> tuple[CallTag, ...]:
    record = await store.call(1, SIP, call)
    assert record is not None
    return record.tags


async def test_a_call_keeps_its_tags_in_alphabetical_order(store: Store) -> None:
    """Byte by byte, with who put them on first and when."""
    for word in ("vip", "ärger", "a_b", "a-b"):
        await store.submit(tagged(word))
    await store.submit(replace(tagged("vip", at=NOW + 1), made_by=None))

    assert [one.tag for one in await kept(store)] == ["a-b", "a_b", "vip", "ärger"]
    assert (await kept(store))[2] == CallTag("vip", NOW, "admin")
    assert [one.tag for one in (await store.calls(1, CallFilter(), 1, 0)).calls[0].tags] == [
        "a-b", "a_b", "vip", "ärger",
    ]  # fmt: skip
    assert await store.tag_names(1) == ["a-b", "a_b", "vip", "ärger"]
    assert await store.tag_names(2) == []


async def test_tags_stay_when_a_later_report_completes_the_call(store: Store) -> None:
    await store.submit(tagged("vip"))

    await store.submit(report(CALL, session="s"))

    assert [one.tag for one in await kept(store)] == ["vip"]


async def test_a_tag_is_taken_off_once(store: Store) -> None:
    await store.submit(tagged("vip"))

    await store.submit(RemoveTag(1, SIP, CALL, "vip"))
    with pytest.raises(NotFoundError) as again:
        await store.submit(RemoveTag(1, SIP, CALL, "vip"))

    assert again.value.field == "tag"
    assert await kept(store) == ()


async def test_calls_that_are_not_the_accounts_are_refused(store: Store) -> None:
    asked = [
        tagged("vip", "other"),
        tagged("vip", account_id=2),
        RemoveTag(1, SIP, "other", "vip"),
        RemoveTag(2, SIP, CALL, "vip"),
    ]

    told = await asyncio.gather(*map(store.submit, asked), return_exceptions=True)

    assert [getattr(one, "field", one) for one in told] == ["call"] * 4
    assert await kept(store) == ()


async def test_no_call_has_more_tags_than_the_most(store: Store) -> None:
    """Also when they come at once; one that it has already is not one more."""
    asked = [store.submit(tagged(f"t{n}")) for n in range(MOST + 3)]

    told = await asyncio.gather(*asked, return_exceptions=True)

    refused = [one for one in told if one is not None]
    assert [type(one) for one in refused] == [FieldInvalidError] * 3
    assert {getattr(one, "field", None) for one in refused} == {"tag"}
    found = await kept(store)
    assert len(found) == MOST
    await store.submit(tagged(found[0].tag))


async def test_calls_are_found_by_tag(store: Store) -> None:
    await store.submit(report("other", started_at=NOW + 1))
    await store.submit(tagged("vip"))
    await store.submit(tagged("new", "other"))

    found = await store.calls(1, CallFilter(tag="vip"), 10, 0)

    assert ([one.call for one in found.calls], found.total) == ([CALL], 1)
    assert sum(row.calls for row in await store.channels(1, CallFilter(tag="vip"))) == 1
    assert (await store.calls(1, CallFilter(tag="vi\0"), 10, 0)).total == 0
    assert (await store.calls(2, CallFilter(tag="vip"), 10, 0)).total == 0


async def test_a_callers_tags_are_those_of_his_earlier_calls(store: Store) -> None:
    """On any number of the account; what was said of him later than `at` is of no account."""
    await store.submit(report("b", number=STATIC, started_at=NOW + 1))
    await store.submit(arrival("later", started_at=NOW + 5))
    await store.submit(report("stranger", caller="+12025550178"))
    for word, call in (("vip", CALL), ("x", "b"), ("vip", "b"), ("no", "later"), ("n", "stranger")):
        await store.submit(tagged(word, call))

    history = await store.caller_history(1, CALLER, NOW + 5)

    assert history == CallerHistory(True, "+12025550191", ("vip", "x"))
    assert (await store.caller_history(1, CALLER, NOW)).tags == ()
    assert (await store.caller_history(2, CALLER, NOW + 5)).tags == ()
