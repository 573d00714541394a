"""Find out which visit or channel made a call, as of the moment it came."""

import asyncio

from ringtrace.domain import attribution
from ringtrace.domain.attribution import Attribution
from ringtrace.domain.number import TrackingNumber
from ringtrace.services.directory import Directory
from ringtrace.services.ports import Reads


async def attribute_call(
    store: Reads, directory: Directory, number: TrackingNumber, caller: str | None, at: int
) -> Attribution:
    """`at` is when the call came, ms since 1970 UTC; what happened later is not looked at."""
    if number.source is not None:
        return attribution.to_static(number.source)
    known = await store.evidence(number.account_id, number.number, caller, at)
    model = directory.model(number.site_key)
    # In a thread: a busy number has thousands of candidates, and a ringing call must not wait.
    return await asyncio.to_thread(
        attribution.to_exposures, known.candidates, at, model, known.caller
    )
