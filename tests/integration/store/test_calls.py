"""Calls as every store keeps them: arrivals, reports, recordings, attributions."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ringtrace.domain.attribution import Attribution, Basis, Credit, Why
from ringtrace.domain.call import GatewayKind, MergeResult, Outcome, Reason, Recording
from ringtrace.domain.proof import Proof, ProofKind
from ringtrace.domain.source import ClickId, Source
from ringtrace.services.call_records import CallRecord, ProofFilter
from ringtrace.services.commands import KeepAttribution, NoteRecording, RemoveTag
from ringtrace.services.ports import Store
from tests.stores import (
    ADS,
    AUDIO,
    CALLER,
    MAIL,
    NOW,
    POOL,
    SIP,
    STATIC,
    arrival,
    report,
    said,
    setup,
    shared,
)

CALL = "0193c0de"


@pytest.fixture(autouse=True)
async def accounts(store: Store) -> None:
    await store.submit(setup())
    await store.submit(setup(2, ()))


async def kept(store: Store, call: str = CALL) -> CallRecord:
    record = await store.call(1, SIP, call)
    assert record is not None
    return record


async def test_a_call_rings_until_it_is_reported(store: Store) -> None:
    await store.submit(arrival(CALL, flow="Night 3"))
    ringing = await kept(store)

    assert await store.submit(report(CALL)) is MergeResult.CREATED

    assert (ringing.report, ringing.attribution, ringing.flow) == (None, shared(), "Night 3")
    assert (ringing.number, ringing.caller, ringing.started_at) == (POOL[0], CALLER, NOW)
    over = await kept(store)
    assert over.report == said()
    assert over.flow == "Night 3"


async def test_a_report_says_by_which_flow_the_call_went(store: Store) -> None:
    """One that does not know takes nothing away."""
    await store.submit(report("unheard", flow="Night 4"))
    await store.submit(arrival(CALL, flow="Night 3"))
    await store.submit(report(CALL, flow="Night 4"))
    first = await kept(store)

    await store.submit(report(CALL, session="s"))

    assert (await kept(store, "unheard")).flow == "Night 4"
    assert (first.flow, (await kept(store)).flow) == ("Night 4", "Night 4")


async def test_who_waits_for_the_store_is_counted(store: Store) -> None:
    asked = [asyncio.create_task(store.submit(report(f"c{n}"))) for n in range(5)]
    refused = asyncio.create_task(store.submit(RemoveTag(1, SIP, "other", "vip")))
    await asyncio.sleep(0)
    counted = store.waiting
    await asyncio.gather(*asked, refused, return_exceptions=True)

    assert (counted, store.waiting) == (6, 0)


async def test_a_call_is_read_as_it_was_kept(store: Store) -> None:
    why = Why("left 2 min ago", 1.5, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, known=True, own=0.25)
    source = Source("Paid Search", "g", "cpc", "c", "t", "x", ClickId("gclid", "y"), "shop/", None)
    named = (Credit("a" * 32, 1 / 3, source, why), Credit(None, 0.1, MAIL))
    attribution = Attribution(Basis.EXPOSURES, "learnt 7", named, 1 - 0.1 - 1 / 3, 2 / 7)

    await store.submit(report(CALL, attribution, recording=Recording(None, 41.25, 2)))

    record = await kept(store)
    assert record.attribution == attribution
    assert record.report == said(recording=Recording(None, 41.25, 2))
    assert (record.contradictions, record.correction, record.audio) == (0, None, None)


async def test_reporting_again_changes_nothing(store: Store) -> None:
    await store.submit(report(CALL))
    before = await kept(store)

    assert await store.submit(report(CALL, shared(0.1, 0.1))) is MergeResult.UNCHANGED

    assert await kept(store) == before
    assert len(await store.reports(1, SIP, CALL)) == 1


async def test_an_arrival_after_its_report_changes_nothing(store: Store) -> None:
    await store.submit(report(CALL))
    before = await kept(store)

    await store.submit(arrival(CALL, shared(0.1, 0.1), number=STATIC))
    await store.submit(arrival(CALL, shared(0.1, 0.1), digits="4217"))

    assert await kept(store) == before


async def test_a_later_report_completes_the_first(store: Store) -> None:
    await store.submit(report(CALL, session=None, digits="4217"))

    done = await store.submit(report(CALL, shared(0.2, 0.2), session="s", received_at=NOW + 1))

    assert done is MergeResult.UPDATED
    record = await kept(store)
    assert record.report == said(session="s", digits="4217")
    assert (record.attribution, record.digits) == (shared(0.2, 0.2), "4217")
    assert [one.received_at for one in await store.reports(1, SIP, CALL)] == [NOW, NOW + 1]


async def test_a_call_believed_missed_may_turn_out_answered(store: Store) -> None:
    missed: dict[str, Any] = {
        "outcome": Outcome.MISSED,
        "reason": Reason.OPERATOR_NOT_RESPONSIVE,
        "target": None,
    }
    await store.submit(report(CALL, code=408, talk_seconds=None, **missed))

    assert await store.submit(report(CALL)) is MergeResult.UPDATED

    record = await kept(store)
    assert record.report == said()


@pytest.mark.parametrize(
    "change", [{"started_at": NOW + 1}, {"number": STATIC}, {"talk_seconds": 61.0}]
)
async def test_a_contradicting_report_is_kept_aside(store: Store, change: dict[str, Any]) -> None:
    await store.submit(report(CALL))
    before = await kept(store)

    for _ in range(2):
        other = report(CALL, shared(0.1, 0.1), received_at=NOW + 5, **change)
        assert await store.submit(other) is MergeResult.CONTRADICTS

    record = await kept(store)
    assert replace(record, contradictions=0) == before
    assert record.contradictions == 1
    heard = await store.reports(1, SIP, CALL)
    assert [(one.accepted, one.report) for one in heard] == [
        (True, said()),
        (False, said(**change)),
    ]


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_report_that_was_accepted_is_none_when_it_comes_again(
    store: Store, at_once: bool
) -> None:
    """Its gateway heard no answer to it, and a later report completed the call meanwhile."""
    first = report(CALL, outcome=Outcome.BUSY, talk_seconds=0.0)
    later = report(CALL)
    commands = (first, later, first)
    if at_once:
        results = await asyncio.gather(*(store.submit(one) for one in commands))
    else:
        results = [await store.submit(one) for one in commands]

    assert results == [MergeResult.CREATED, MergeResult.UPDATED, MergeResult.UNCHANGED]
    assert (await kept(store)).contradictions == 0
    assert (await kept(store)).report == said()


async def test_a_report_of_another_number_than_the_one_that_rang_contradicts(store: Store) -> None:
    await store.submit(arrival(CALL))

    assert await store.submit(report(CALL, number=STATIC)) is MergeResult.CONTRADICTS
    assert (await kept(store)).report is None
    assert await store.submit(report(CALL, started_at=NOW + 900)) is MergeResult.CREATED
    assert (await kept(store)).started_at == NOW + 900
    assert (await kept(store)).contradictions == 1


async def test_digits_keyed_while_it_rings_attribute_the_call_anew(store: Store) -> None:
    await store.submit(arrival(CALL))
    keyed = Attribution(Basis.EXTENSION, "m", (Credit("b" * 32, 1.0, ADS),), 0.0)

    await store.submit(arrival(CALL, keyed, digits="4217", number=STATIC))

    record = await kept(store)
    assert (record.digits, record.attribution, record.number) == ("4217", keyed, POOL[0])
    await store.submit(report(CALL))
    assert (await kept(store)).digits == "4217"


async def test_everything_said_of_a_call_at_once_is_taken_in_order(store: Store) -> None:
    """As when a server comes back and hears what happened meanwhile."""
    keyed = Attribution(Basis.EXTENSION, "m", (Credit("b" * 32, 1.0, ADS),), 0.0)
    await asyncio.gather(
        store.submit(arrival(CALL)),
        store.submit(arrival("other")),
        store.submit(arrival(CALL, keyed, digits="4217")),
    )
    ringing = await kept(store)
    results = await asyncio.gather(
        store.submit(report("new")),
        store.submit(report(CALL, number=STATIC)),
        store.submit(report(CALL, session=None)),
        store.submit(report("new", shared(0.2, 0.2), session="s")),
        store.submit(report(CALL, session=None)),
        store.submit(report(CALL, session="s")),
        store.submit(report("new", talk_seconds=2.0)),
    )

    assert (ringing.digits, ringing.attribution) == ("4217", keyed)
    assert (await kept(store, "other")).digits is None
    created, contradicts, _, updated, unchanged, *_ = results
    assert results[2:] == [
        MergeResult.CREATED, MergeResult.UPDATED, MergeResult.UNCHANGED, MergeResult.UPDATED,
        MergeResult.CONTRADICTS,
    ]  # fmt: skip
    assert (created, contradicts) == (MergeResult.CREATED, MergeResult.CONTRADICTS)
    assert (updated, unchanged) == (MergeResult.UPDATED, MergeResult.UNCHANGED)
    new, call = await kept(store, "new"), await kept(store)
    assert (new.report, new.attribution) == (said(session="s"), shared(0.2, 0.2))
    assert (call.report, call.attribution) == (said(session="s"), shared())
    assert (new.contradictions, call.contradictions) == (1, 1)


async def test_many_calls_at_once_are_all_kept(store: Store) -> None:
    names = [f"c{n}" for n in range(300)]
    await asyncio.gather(*(store.submit(arrival(name)) for name in names))
    await asyncio.gather(*(store.submit(report(name)) for name in reversed(names)))

    found = await store.calls_after(1, (0, "", ""), 1_000)

    assert sorted(one.call for one in found) == sorted(names)
    assert {len(one.attribution.credits) for one in found} == {2}


async def test_the_same_id_of_another_gateway_is_another_call(store: Store) -> None:
    await store.submit(report(CALL))

    await store.submit(replace(report(CALL, talk_seconds=5.0), gateway=GatewayKind.VOXIMPLANT))

    other = await store.call(1, GatewayKind.VOXIMPLANT, CALL)
    assert other is not None
    assert other.report == said(talk_seconds=5.0)
    assert (await kept(store)).report == said()


async def test_a_recording_belongs_to_a_known_call(store: Store) -> None:
    await store.submit(report(CALL))

    noted = [await store.submit(NoteRecording(1, SIP, one, AUDIO)) for one in (CALL, CALL, "x")]

    assert noted == [True, True, False]
    assert not await store.submit(NoteRecording(2, SIP, CALL, AUDIO))
    assert (await kept(store)).audio == AUDIO


async def test_a_call_is_attributed_anew_if_it_is_the_call_it_was(store: Store) -> None:
    await store.submit(report(CALL))
    anew = KeepAttribution(1, SIP, CALL, POOL[0], CALLER, NOW, shared(0.9, 0.1))

    stale = (
        replace(anew, number=STATIC), replace(anew, caller=None), replace(anew, started_at=1),
        replace(anew, call="x"), replace(anew, account_id=2),
    )  # fmt: skip
    assert await asyncio.gather(*(store.submit(one) for one in stale)) == [False] * 5
    assert (await kept(store)).attribution == shared()
    assert await store.submit(anew)
    assert (await kept(store)).attribution == shared(0.9, 0.1)


async def test_a_withheld_caller_stays_unknown(store: Store) -> None:
    await store.submit(report(CALL, caller=None))
    anew = KeepAttribution(1, SIP, CALL, POOL[0], None, NOW, shared(0.9, 0.1))

    assert (await kept(store)).caller is None
    assert await store.submit(anew)


async def test_a_report_brings_its_proof_and_a_better_one_replaces_it(store: Store) -> None:
    keyed = Proof(ProofKind.EXTENSION, "a" * 32, "b" * 32, 0.4)
    tap = Proof(ProofKind.TAP, "a" * 32, None, 0.6)
    await store.submit(report(CALL, proof=keyed))
    first = await store.proofs(1, ProofFilter())

    await store.submit(report(CALL, session="s", proof=tap))

    assert (list(first), list(await store.proofs(1, ProofFilter()))) == ([keyed], [tap])
    await store.submit(report(CALL, target=None, session="s", recording=Recording("u", None, None)))
    assert list(await store.proofs(1, ProofFilter())) == []


async def test_a_contradicting_report_proves_nothing(store: Store) -> None:
    tap = Proof(ProofKind.TAP, "a" * 32, None, 0.6)
    await store.submit(report(CALL, proof=tap))

    await store.submit(report(CALL, number=STATIC))

    assert list(await store.proofs(1, ProofFilter())) == [tap]


async def test_odd_texts_of_a_gateway_are_kept(store: Store) -> None:
    """U+0000 may be kept as U+FFFD where it is searched for."""
    odd: dict[str, Any] = {"session": "a\0b", "target": "sip:\U0001f4de@x", "caller": "\0secret"}
    many = tuple(Credit(f"{n:032x}", 1 / 4096, Source("Email", term=f"ü{n}\0")) for n in range(999))
    big = Attribution(Basis.EXPOSURES, "m", many, 1 - 999 / 4096)

    assert await store.submit(report(CALL, big, **odd)) is MergeResult.CREATED
    assert await store.submit(report(CALL, big, **odd)) is MergeResult.UNCHANGED

    record = await kept(store)
    assert record.report == said(**odd)
    assert record.caller in {"\0secret", "\ufffdsecret"}
    assert record.attribution == big
    assert (await store.caller_history(1, "\0secret", NOW + 1)).called_before
    assert await store.call(1, SIP, "no\0call") is None
