"""Calls of which the truth is known are kept beside what was stated of them."""

from typing import Any

import pytest

from ringtrace.domain.past import PastCall
from ringtrace.domain.proof import Proof, ProofKind
from ringtrace.services.call_records import ProofFilter
from ringtrace.services.setup_form import read_setup
from ringtrace.store.sqlite.connection import connect
from tests.shop import POOL, RADIO, Shop, bearer, rfc, setup_of

AD = "https://shop.example/?utm_source=google&utm_medium=cpc&utm_term=implants"
MAIL = "https://shop.example/?utm_source=news&utm_medium=email&utm_campaign=may"
CALL = "0193c0de"


async def visit(shop: Shop, url: str = AD, number: str = POOL) -> str:
    """A visit that is shown the number, and is still on page."""
    while True:
        one = shop.ids()
        answer = await shop.hit(visit=one, visitor=one, url=url)
        shop.clock.now += 20_000
        if answer.json()["number"]["e164"] == number:
            return one
        await shop.hit("leave", visit=one, visitor=one)


async def sign(shop: Shop, kind: str, one: str) -> None:
    await shop.hit(kind, visit=one, visitor=one)


async def called(shop: Shop, call: str = CALL, **changes: Any) -> None:
    said = {"number": POOL, "started_at": rfc(shop.clock.now)} | changes
    assert (await shop.report(call, **said)).status_code == 200


async def correct(shop: Shop, one: str | None, call: str = CALL) -> None:
    answer = await shop.client.put(
        f"/api/v1/calls/sip/{call}/correction",
        json={"visit_id": one},
        headers=bearer(shop.tokens["api"]),
    )
    assert answer.status_code == 200


async def proofs(shop: Shop, where: ProofFilter | None = None) -> list[Proof]:
    return list(await shop.house.use_cases.store.proofs(1, where or ProofFilter()))


async def tapped_call(shop: Shop, call: str = CALL) -> tuple[str, str]:
    """One visit left two hours ago and taps nevertheless, from an old page; one is on page."""
    gone = await visit(shop, MAIL)
    await sign(shop, "leave", gone)
    shop.clock.now += 7_200_000
    here = await visit(shop)
    await sign(shop, "tap", gone)
    await sign(shop, "leave", gone)
    shop.clock.now += 4_000
    await called(shop, call)
    return gone, here


async def test_a_tap_is_kept_with_what_was_stated_without_it(shop: Shop) -> None:
    gone, here = await tapped_call(shop)

    (found,) = await proofs(shop)

    assert (await shop.call(CALL)).attribution.credits[0].visit_id == gone
    assert (found.kind, found.visit_id, found.stated_visit) == (ProofKind.TAP, gone, here)
    assert 0.3 < found.stated < 1


async def test_a_call_without_a_tap_right_before_it_is_not_known(shop: Shop) -> None:
    one = await visit(shop)
    await sign(shop, "tap", one)
    shop.clock.now += 10_000
    await called(shop)
    await called(shop, "static", number=RADIO)

    assert await proofs(shop) == []


async def test_a_tap_after_the_call_proves_nothing_of_it(shop: Shop) -> None:
    """The report comes late; meanwhile the visitor tapped to call again."""
    one = await visit(shop)
    began = shop.clock.now
    shop.clock.now += 2_000
    await sign(shop, "tap", one)
    shop.clock.now += 2_000

    await called(shop, started_at=rfc(began))

    assert await proofs(shop) == []


async def test_a_report_that_knows_more_makes_the_proof_anew(shop: Shop) -> None:
    one = await visit(shop)
    await sign(shop, "tap", one)
    shop.clock.now += 1_000
    said: dict[str, Any] = {"caller": None, "started_at": rfc(shop.clock.now), "talk_seconds": None}
    await called(shop, **said)
    (first,) = await proofs(shop)

    await called(shop, **said | {"caller": "+12025550177"})

    (second,) = await proofs(shop)
    assert (first.visit_id, second.visit_id) == (one, one)
    assert first.stated != second.stated


async def test_a_contradicting_report_proves_nothing(shop: Shop) -> None:
    one = await visit(shop)
    began = shop.clock.now
    await called(shop)
    shop.clock.now += 60_000
    await sign(shop, "tap", one)
    shop.clock.now += 1_000

    answer = await shop.report(CALL, number=POOL, started_at=rfc(shop.clock.now))

    assert answer.status_code == 409
    assert rfc(began) != rfc(shop.clock.now)
    assert await proofs(shop) == []


async def extension_call(shop: Shop) -> tuple[str, str]:
    """Two visits share a number; the second left and keys its extension: holder and caller."""
    form = setup_of("crowd", RADIO, ["+12025550141"])
    site = form["site"][0] | {"extensions_above": 0.2}  # type: ignore[index]
    await shop.house.use_cases.apply_setup(1, read_setup({"site": [site]}))
    holder, coded = shop.ids(), shop.ids()
    await shop.hit(site="crowd", visit=holder, visitor=holder)
    shown = await shop.hit(site="crowd", visit=coded, visitor=coded)
    shop.clock.now += 5_000
    await shop.hit("leave", site="crowd", visit=coded, visitor=coded)
    shop.clock.now += 20_000
    extension = shown.json()["number"]["extension"]
    await called(shop, number="+12025550141", digits=extension)
    return holder, coded


async def test_a_keyed_extension_is_kept_with_what_was_stated_without_it(shop: Shop) -> None:
    holder, coded = await extension_call(shop)

    (found,) = await proofs(shop)
    assert (found.kind, found.visit_id, found.stated_visit) == (ProofKind.EXTENSION, coded, holder)
    assert 0.5 < found.stated < 1


async def test_a_correction_after_an_extension_is_held_against_what_was_stated_without_both(
    shop: Shop,
) -> None:
    await extension_call(shop)
    (keyed,) = await proofs(shop)

    await correct(shop, keyed.stated_visit)

    (found,) = await proofs(shop)
    assert found == Proof(
        ProofKind.CORRECTION, keyed.stated_visit, keyed.stated_visit, keyed.stated
    )


async def test_a_correction_is_held_against_what_the_engine_said_before_it(shop: Shop) -> None:
    gone = await visit(shop, MAIL)
    await sign(shop, "leave", gone)
    shop.clock.now += 600_000
    here = await visit(shop)
    await called(shop)
    before = (await shop.call(CALL)).attribution

    await correct(shop, here)
    await correct(shop, None)
    await correct(shop, gone)

    (found,) = await proofs(shop)
    assert found == Proof(ProofKind.CORRECTION, gone, here, before.credits[0].probability)
    await shop.client.delete(
        f"/api/v1/calls/sip/{CALL}/correction", headers=bearer(shop.tokens["api"])
    )
    assert await proofs(shop) == []


async def test_a_call_counts_once_by_its_strongest_proof(shop: Shop) -> None:
    gone, here = await tapped_call(shop)

    await correct(shop, here)

    assert [(one.kind, one.visit_id) for one in await proofs(shop)] == [
        (ProofKind.CORRECTION, here)
    ]
    await shop.client.delete(
        f"/api/v1/calls/sip/{CALL}/correction", headers=bearer(shop.tokens["api"])
    )
    assert [(one.kind, one.visit_id) for one in await proofs(shop)] == [(ProofKind.TAP, gone)]


async def test_a_correction_made_before_statements_were_kept_states_nothing(shop: Shop) -> None:
    here = await visit(shop)
    await called(shop)
    await correct(shop, here)
    connection = connect(shop.house.settings.database)
    connection.execute("DELETE FROM proofs")
    connection.close()

    await correct(shop, None)

    assert await proofs(shop) == []


async def test_proofs_are_those_of_calls_of_the_days_and_the_site(shop: Shop) -> None:
    await tapped_call(shop)
    at = shop.clock.now

    assert len(await proofs(shop, ProofFilter(at, at + 1, "shop"))) == 1
    assert await proofs(shop, ProofFilter(at + 1)) == []
    assert await proofs(shop, ProofFilter(until=at)) == []
    assert await proofs(shop, ProofFilter(site_key="foreign")) == []
    assert list(await shop.house.use_cases.store.proofs(2, ProofFilter())) == []


async def test_a_number_that_one_visit_alone_was_shown_is_counted(shop: Shop) -> None:
    count = shop.house.use_cases.store.only_holder
    await called(shop, "nobody")
    shop.clock.now += 1_000
    await visit(shop)
    await called(shop, "alone")
    await called(shop, "static", number=RADIO)
    await visit(shop)
    await called(shop, "two")

    assert await count(1, ProofFilter()) == 1
    shop.clock.now += 15 * 86_400_000
    await visit(shop)
    await called(shop, "alone-again")
    assert await count(1, ProofFilter()) == 2
    assert await count(1, ProofFilter(until=shop.clock.now)) == 1
    assert await count(1, ProofFilter(site_key="foreign")) == 0
    assert await count(2, ProofFilter()) == 0


@pytest.mark.parametrize("none", [True, False])
async def test_learning_is_told_what_is_known_and_users_have_the_last_word(
    shop: Shop, *, none: bool
) -> None:
    gone, here = await tapped_call(shop)
    shop.clock.now += 60_000
    await called(shop, "open", caller="+12025550178")

    async def told() -> dict[str | None, PastCall]:
        past = await shop.house.use_cases.store.past(1, "shop", shop.clock.now)
        return {one.caller: one for one in past.calls}

    before = await told()
    await correct(shop, None if none else here)
    after = await told()

    assert (before["+12025550177"].proven, before["+12025550177"].nobody) == (gone, False)
    assert (before["+12025550178"].proven, before["+12025550178"].nobody) == (None, False)
    expected = (None, True) if none else (here, False)
    assert (after["+12025550177"].proven, after["+12025550177"].nobody) == expected
