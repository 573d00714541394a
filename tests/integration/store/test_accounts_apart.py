"""Two accounts in one store, with the same ids in the same batches, never see each other."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from ringtrace.domain.account import TokenKind
from ringtrace.domain.attribution import Basis
from ringtrace.domain.blocklist import Listing, Treatment
from ringtrace.domain.model import SHIPPED
from ringtrace.domain.proof import Proof, ProofKind
from ringtrace.domain.screening import Finding, Rule, SpamRules
from ringtrace.domain.visit import HitKind
from ringtrace.services.call_records import CallFilter, ProofFilter, SiteHistory
from ringtrace.services.commands import (
    AddToken,
    KeepAttribution,
    KeepCorrection,
    KeepModel,
    ListCallers,
    MarkSpam,
    NoteRecording,
    TakeBackCorrection,
)
from ringtrace.services.ports import Store
from ringtrace.services.spam_records import ListingFilter
from tests.stores import (
    AUDIO,
    CALLER,
    FLOW,
    MAIL,
    NOW,
    POOL,
    SIP,
    arrival,
    report,
    setup,
    shared,
    sign,
    view,
    visit_id,
)

OWN, FOREIGN = 1, 2


@pytest.fixture(autouse=True)
async def both(store: Store) -> None:
    """The foreign account knows nothing that the own one does not; both are hit at once."""
    await store.submit(setup(OWN, POOL[:2]))
    await store.submit(setup(FOREIGN, POOL[2:4]))
    await asyncio.gather(
        *(store.submit(view(n, account_id=one)) for n in (1, 2) for one in (OWN, FOREIGN))
    )
    await asyncio.gather(
        *(
            store.submit(one)
            for account_id in (OWN, FOREIGN)
            for one in (
                sign(HitKind.CONTACT, 1, NOW + 5, account_id=account_id),
                arrival("c", account_id=account_id, number=POOL[0]),
            )
        )
    )


async def test_what_one_account_reports_the_other_does_not_see(store: Store) -> None:
    proof = Proof(ProofKind.TAP, visit_id(1), None, 0.5)
    flow = msgspec.structs.replace(FLOW, name="Night")
    before = await everything(store, FOREIGN)

    await store.submit(report("c", shared(0.1, 0.1), proof=proof))
    await store.submit(report("d", started_at=NOW + 1))
    await store.submit(NoteRecording(OWN, SIP, "c", AUDIO))
    await store.submit(KeepAttribution(OWN, SIP, "d", POOL[0], CALLER, NOW + 1, shared(0.2, 0.2)))
    await store.submit(KeepCorrection(OWN, SIP, "d", None, NOW, None))
    await store.submit(TakeBackCorrection(OWN, SIP, "d", shared()))
    await store.submit(KeepCorrection(OWN, SIP, "c", visit_id(1), NOW, None))
    await store.submit(view(3, NOW + 6, source=MAIL))
    await store.submit(sign(HitKind.TAP, 2, NOW + 7))
    await store.submit(sign(HitKind.LEAVE, 2, NOW + 8))
    await store.submit(replace(setup(OWN, POOL[:1]), flows=(flow,)))
    await store.submit(replace(setup(OWN, ()), spam_rules=SpamRules(silent=True)))
    await store.submit(ListCallers(OWN, (Listing(CALLER, Treatment.ASK, "", NOW, None),)))
    await store.submit(replace(report("e"), finding=Finding(Rule.SILENT, "")))
    await store.submit(
        MarkSpam(OWN, SIP, "c", spam=True, every=True, marked_at=NOW, marked_by=None)
    )
    await store.submit(AddToken(OWN, TokenKind.SIP, "t", NOW))
    await store.submit(KeepModel(OWN, "site1", replace(SHIPPED, channels={"x": 0.5}), NOW))

    assert await everything(store, FOREIGN) == before
    assert await everything(store, OWN) != before


async def everything(store: Store, account_id: int) -> list[object]:
    """All that can be read of an account."""
    where, at = CallFilter(), NOW + 1_000
    found = await store.configuration()
    return [
        [one for one in found.numbers if one.account_id == account_id],
        [one for of, one in (*found.listings, *found.spam_rules) if of == account_id],
        await store.listings(account_id, ListingFilter(), 10, 0),
        await store.watched_calls(account_id, 0, 0, 10, None),
        await store.watched_calls(account_id, 0, 0, 10, CALLER),
        await store.unreported(account_id, 0, at),
        await store.count_calls(account_id, where),
        await store.calls(account_id, where, 10, 0),
        await store.calls_after(account_id, (0, "", ""), 10),
        await store.call(account_id, SIP, "c"),
        await store.call(account_id, SIP, "d"),
        await store.reports(account_id, SIP, "c"),
        await store.channels(account_id, where),
        await store.channel_names(account_id),
        await store.proofs(account_id, ProofFilter()),
        await store.only_holder(account_id, ProofFilter()),
        [await store.visit(account_id, visit_id(n)) for n in (1, 2, 3)],
        [await store.evidence(account_id, one, CALLER, at) for one in POOL],
        await store.evidence(account_id, POOL[0], None, at, "4217"),
        await store.caller_history(account_id, CALLER, at),
        [await store.past(account_id, f"site{n}", at) for n in (OWN, FOREIGN)],
        [await store.history(account_id, f"site{n}", 9) for n in (OWN, FOREIGN)],
        await store.flow(account_id, "Night", 1),
        await store.tokens(account_id),
    ]


async def test_one_account_cannot_read_what_only_the_other_has(store: Store) -> None:
    await store.submit(report("d"))
    await store.submit(view(3))

    assert await store.call(FOREIGN, SIP, "d") is None
    assert await store.visit(FOREIGN, visit_id(3)) is None
    assert list(await store.reports(FOREIGN, SIP, "d")) == []
    assert (await store.past(FOREIGN, "site1", NOW + 9)).visits == ()
    assert await store.history(FOREIGN, "site1", 9) == SiteHistory([], [])
    assert list((await store.evidence(FOREIGN, POOL[1], CALLER, NOW + 9)).candidates) == []


async def test_reports_of_the_same_call_in_one_batch_go_to_their_accounts(store: Store) -> None:
    await asyncio.gather(
        store.submit(report("c", shared(0.9, 0.1), started_at=NOW + 1)),
        store.submit(report("c", shared(0.1, 0.9), started_at=NOW + 2, account_id=FOREIGN)),
        store.submit(KeepCorrection(FOREIGN, SIP, "c", None, NOW, None)),
    )

    own, foreign = [await store.call(one, SIP, "c") for one in (OWN, FOREIGN)]
    assert own is not None
    assert foreign is not None
    assert (own.started_at, own.attribution) == (NOW + 1, shared(0.9, 0.1))
    assert (foreign.started_at, foreign.attribution.basis) == (NOW + 2, Basis.CORRECTED)
