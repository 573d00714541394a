"""Find out which visit or channel made a call, as of the moment it came."""

import asyncio

from ringtrace.domain import attribution
from ringtrace.domain.attribution import Attribution
from ringtrace.domain.model import Model
from ringtrace.domain.number import TrackingNumber
from ringtrace.domain.proof import Proof, ProofKind, proof, tapped, untapped
from ringtrace.services.call_records import CallRecord, Evidence
from ringtrace.services.directory import Directory
from ringtrace.services.errors import VisitsArchivedError
from ringtrace.services.ports import Reads


async def attribute_call(
    store: Reads,
    directory: Directory,
    number: TrackingNumber,
    caller: str | None,
    at: int,
    digits: str | None = None,
) -> Attribution:
    """`at` is when the call came, ms since 1970 UTC; what happened later is not looked at.

    `digits` are what the caller keyed: an extension proves whose call it is, anything else says
    nothing. Raises VisitsArchivedError when too few of the visits of then are left to tell.
    """
    if number.source is not None:
        said = number.extension(digits)
        return attribution.to_static(said.source if said else number.source)
    known = await _evidence(store, number, caller, at, digits)
    # In a thread: a busy number has thousands of candidates, and a ringing call must not wait.
    return await asyncio.to_thread(_attributed, known, at, directory.model(number.site_key))


async def attribute_record(
    store: Reads, directory: Directory, number: TrackingNumber, record: CallRecord
) -> Attribution:
    """As attribute_call, of a call to `number` that is kept already."""
    return await attribute_call(
        store, directory, number, record.caller, record.started_at, record.digits
    )


async def attribute_and_prove(
    store: Reads,
    directory: Directory,
    number: TrackingNumber,
    caller: str | None,
    at: int,
    digits: str | None = None,
) -> tuple[Attribution, Proof | None]:
    """As attribute_call; and the proof of whose call it was, where there is one."""
    if number.source is not None:
        return await attribute_call(store, directory, number, caller, at, digits), None
    known = await _evidence(store, number, caller, at, digits)
    model = directory.model(number.site_key)
    return await asyncio.to_thread(
        lambda: (_attributed(known, at, model), _proven(known, at, model))
    )


async def _evidence(
    store: Reads, number: TrackingNumber, caller: str | None, at: int, digits: str | None
) -> Evidence:
    known = await store.evidence(number.account_id, number.number, caller, at, digits)
    if not known.complete:
        raise VisitsArchivedError("the visits of that time are in the lake alone")
    return known


def _attributed(known: Evidence, at: int, model: Model) -> Attribution:
    if known.keyed is not None:
        return attribution.to_extension(known.keyed, model)
    return attribution.to_exposures(known.candidates, at, model, known.caller)


def _proven(known: Evidence, at: int, model: Model) -> Proof | None:
    if known.keyed is not None:
        blind = attribution.to_exposures(known.candidates, at, model, known.caller)
        return proof(ProofKind.EXTENSION, known.keyed.visit_id, blind)
    visit = tapped(known.candidates, at)
    if visit is None:
        return None
    blind = attribution.to_exposures(untapped(known.candidates), at, model, known.caller)
    return proof(ProofKind.TAP, visit, blind)
