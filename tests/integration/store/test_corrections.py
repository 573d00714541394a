"""What users say of calls, as every store keeps it."""

import asyncio
from dataclasses import replace

import pytest

from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.proof import Proof, ProofKind
from ringtrace.services.call_records import CallRecord, Correction, ProofFilter
from ringtrace.services.commands import KeepAttribution, KeepCorrection, TakeBackCorrection
from ringtrace.services.errors import FieldInvalidError, NotFoundError
from ringtrace.services.ports import Store
from tests.stores import (
    ADS,
    CALLER,
    MAIL,
    NOW,
    POOL,
    RADIO,
    SIP,
    arrival,
    report,
    setup,
    shared,
    view,
    visit_id,
)

CALL = "0193c0de"
AT = NOW + 60_000


@pytest.fixture(autouse=True)
async def visits(store: Store) -> None:
    await store.submit(setup(numbers=POOL[:1]))
    await store.submit(view(1))
    await store.submit(view(2, NOW + 1, source=MAIL))


def correct(visit: int | None, call: str = CALL, made_by: str | None = "admin") -> KeepCorrection:
    return KeepCorrection(1, SIP, call, None if visit is None else visit_id(visit), AT, made_by)


def take_back(attribution: Attribution | None = None) -> TakeBackCorrection:
    return TakeBackCorrection(1, SIP, CALL, shared() if attribution is None else attribution)


async def kept(store: Store) -> CallRecord:
    record = await store.call(1, SIP, CALL)
    assert record is not None
    return record


async def proofs(store: Store) -> list[Proof]:
    return list(await store.proofs(1, ProofFilter()))


async def test_the_call_is_credited_to_the_visit_that_is_named(store: Store) -> None:
    await store.submit(report(CALL, started_at=AT))

    await store.submit(correct(2))

    record = await kept(store)
    credit = Credit(visit_id(2), 1.0, MAIL)
    assert record.attribution == Attribution(Basis.CORRECTED, "m", (credit,), 0.0)
    assert record.correction == Correction(visit_id(2), AT, "admin")


async def test_none_of_the_visits_may_have_called(store: Store) -> None:
    await store.submit(report(CALL, started_at=AT))

    await store.submit(correct(None, made_by=None))

    record = await kept(store)
    assert record.attribution == Attribution(Basis.CORRECTED, "m", (), 1.0)
    assert record.correction == Correction(None, AT, None)


async def test_a_correction_outlives_what_the_gateway_and_the_engine_say(store: Store) -> None:
    await store.submit(arrival(CALL, started_at=AT))
    await store.submit(correct(2))
    corrected = (await kept(store)).attribution

    await store.submit(arrival(CALL, shared(0.1, 0.1), started_at=AT, digits="4217"))
    keyed = await kept(store)
    await store.submit(report(CALL, shared(0.9, 0.1), started_at=AT))
    await store.submit(report(CALL, shared(0.9, 0.1), started_at=AT, session="s"))
    engine = KeepAttribution(1, SIP, CALL, POOL[0], CALLER, AT, shared())

    assert not await store.submit(engine)
    assert (keyed.attribution, keyed.digits) == (corrected, "4217")
    record = await kept(store)
    assert (record.attribution, record.correction) == (corrected, keyed.correction)


async def test_corrected_and_other_calls_of_one_moment_each_keep_their_own(store: Store) -> None:
    await store.submit(arrival(CALL, started_at=AT))
    await store.submit(arrival("other", started_at=AT))
    await store.submit(correct(1))

    await asyncio.gather(
        *(store.submit(report(one, started_at=AT)) for one in ("new", "other", CALL))
    )

    found = {one.call: one.attribution.basis for one in await store.calls_after(1, (0, "", ""), 9)}
    assert found == {CALL: Basis.CORRECTED, "other": Basis.EXPOSURES, "new": Basis.EXPOSURES}


async def test_a_correction_taken_back_leaves_what_the_engine_says(store: Store) -> None:
    await store.submit(report(CALL, started_at=AT))
    before = await kept(store)
    await store.submit(correct(1))
    await store.submit(correct(2))

    await store.submit(take_back())

    assert await kept(store) == before
    assert await proofs(store) == []
    with pytest.raises(NotFoundError) as refused:
        await store.submit(take_back())
    assert refused.value.field == "call"


async def test_what_cannot_be_is_refused_and_changes_nothing(store: Store) -> None:
    static = Attribution(Basis.STATIC_NUMBER, "m", (Credit(None, 1.0, RADIO),), 0.0)
    await store.submit(report("static", static, started_at=AT))
    await store.submit(report(CALL, started_at=AT))
    await store.submit(report("early", started_at=NOW))
    await store.submit(report("late", started_at=NOW + 15 * DAY_MS))
    before = await store.calls_after(1, (0, "", ""), 9)

    refused = await asyncio.gather(
        *(
            store.submit(one)
            for one in (
                correct(1, "none"), correct(7), replace(correct(1), visit_id="\0"),
                correct(2, "early"), correct(1, "late"), correct(None, "static"),
                correct(1, "static"), replace(correct(1), account_id=2),
            )
        ),
        return_exceptions=True,
    )  # fmt: skip

    told = [(type(one), getattr(one, "field", None)) for one in refused]
    assert told == [
        (NotFoundError, "call"), (NotFoundError, "visit_id"), (NotFoundError, "visit_id"),
        (FieldInvalidError, "visit_id"), (FieldInvalidError, "visit_id"),
        (FieldInvalidError, "call"), (FieldInvalidError, "call"), (NotFoundError, "call"),
    ]  # fmt: skip
    assert await store.calls_after(1, (0, "", ""), 9) == before
    assert await proofs(store) == []


async def test_the_last_correction_is_held_against_what_was_stated_before_the_first(
    store: Store,
) -> None:
    await store.submit(report(CALL, shared(0.6, 0.1, visit=visit_id(1)), started_at=AT))

    for visit in (1, None, 2):
        await store.submit(correct(visit))

    assert await proofs(store) == [Proof(ProofKind.CORRECTION, visit_id(2), visit_id(1), 0.6)]


async def test_an_extension_told_the_engine_so_a_correction_is_held_against_what_it_said_without(
    store: Store,
) -> None:
    keyed = Attribution(Basis.EXTENSION, "m", (Credit(visit_id(1), 1.0, ADS),), 0.0)
    proof = Proof(ProofKind.EXTENSION, visit_id(1), visit_id(2), 0.4)
    await store.submit(report(CALL, keyed, started_at=AT, proof=proof))

    await store.submit(correct(2))

    assert await proofs(store) == [Proof(ProofKind.CORRECTION, visit_id(2), visit_id(2), 0.4)]
    await store.submit(take_back(keyed))
    assert await proofs(store) == [proof]


async def test_a_call_counts_once_by_its_strongest_proof(store: Store) -> None:
    tap = Proof(ProofKind.TAP, visit_id(1), None, 0.6)
    await store.submit(report(CALL, started_at=AT, proof=tap))
    await store.submit(report("b", started_at=AT + 1, proof=tap))
    await store.submit(report("c", started_at=AT + 2))
    await store.submit(correct(None))

    assert [one.kind for one in await proofs(store)] == [ProofKind.CORRECTION, ProofKind.TAP]


async def test_proofs_are_those_of_the_span_and_the_site(store: Store) -> None:
    await store.submit(replace(setup(2, POOL[3:4]), account_id=2))
    for n in range(3):
        proof = Proof(ProofKind.TAP, visit_id(n), None, 0.5)
        await store.submit(report(f"c{n}", started_at=AT + n, proof=proof))

    found = await store.proofs(1, ProofFilter(AT + 1, AT + 2, "site1"))

    assert [one.visit_id for one in found] == [visit_id(1)]
    assert not await store.proofs(1, ProofFilter(site_key="site2"))
    assert not await store.proofs(2, ProofFilter())


async def test_calls_to_numbers_that_one_visit_alone_was_shown_are_counted(store: Store) -> None:
    await store.submit(setup(numbers=POOL[:1]))
    await store.submit(report("two", started_at=AT))
    await store.submit(report("one", started_at=NOW))
    await store.submit(report("nobody", started_at=NOW - 1))
    await store.submit(report("foreign", started_at=NOW, number="+12025550999"))

    assert await store.only_holder(1, ProofFilter()) == 1
    assert await store.only_holder(1, ProofFilter(NOW, NOW + 1, "site1")) == 1
    assert await store.only_holder(1, ProofFilter(since=AT)) == 0
    assert await store.only_holder(1, ProofFilter(site_key="x")) == 0
    assert await store.only_holder(2, ProofFilter()) == 0
