"""Find out which visit or channel made a call, as of the moment it came."""

from ringtrace.domain import attribution
from ringtrace.domain.attribution import Attribution
from ringtrace.domain.number import TrackingNumber
from ringtrace.services.ports import Store


async def attribute_call(store: Store, number: TrackingNumber, at: int) -> Attribution:
    """`at` is when the call came, ms since 1970 UTC; what happened later is not looked at."""
    if number.source is not None:
        return attribution.to_static(number.source)
    candidates = await store.candidates(number.account_id, number.number, at)
    return attribution.to_exposures(candidates, at)
