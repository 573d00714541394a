"""Calls of the past are attributed anew, as of their time, with what is known of callers today."""

import asyncio
import logging
from dataclasses import dataclass

from ringtrace.domain.attribution import Basis
from ringtrace.services.arrival import known_number
from ringtrace.services.attribute_call import attribute_record
from ringtrace.services.call_records import CallRecord
from ringtrace.services.commands import KeepAttribution
from ringtrace.services.directory import Directory
from ringtrace.services.errors import VisitsArchivedError
from ringtrace.services.ports import Store

log = logging.getLogger(__name__)

_PAGE = 200
_THE_ENGINES = {Basis.EXPOSURES, Basis.EXTENSION, Basis.NOTHING}
"""What users corrected stays, and what a static number stood for at the time is not kept."""


@dataclass(frozen=True, slots=True)
class Reattributed:
    """How many calls there were and how many of them are attributed otherwise now."""

    calls: int
    changed: int


class Reattribute:
    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory
        self._turn = asyncio.Lock()

    async def __call__(self, account_id: int, since: int) -> Reattributed:
        """All calls begun at `since` (ms since 1970 UTC) or later; doing it again changes nothing.

        Oldest first, one after the other: to whom a call is credited is evidence for the next.
        Calls of a time whose visits have left the store stay as they are.
        """
        async with self._turn:
            calls = changed = 0
            after = (since, "", "")
            while page := await self._store.calls_after(account_id, after, _PAGE):
                for record in page:
                    changed += await self._anew(account_id, record)
                calls += len(page)
                after = (page[-1].started_at, page[-1].gateway.value, page[-1].call)
        log.info("reattributed account=%d calls=%d changed=%d", account_id, calls, changed)
        return Reattributed(calls, changed)

    async def _anew(self, account_id: int, record: CallRecord) -> bool:
        number = known_number(self._directory, account_id, record.number)
        if record.attribution.basis not in _THE_ENGINES or number.source is not None:
            return False
        try:
            attribution = await attribute_record(self._store, self._directory, number, record)
        except VisitsArchivedError:
            return False
        if attribution == record.attribution:
            return False
        return await self._store.submit(
            KeepAttribution(
                account_id,
                record.gateway,
                record.call,
                record.number,
                record.caller,
                record.started_at,
                attribution,
            )
        )
