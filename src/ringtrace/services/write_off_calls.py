"""Calls that came and were never reported are closed once they cannot go on any more."""

import asyncio
import logging
from typing import Final

from ringtrace.domain.account import TokenKind, TokenOwner
from ringtrace.domain.call import presumed
from ringtrace.domain.moment import DAY_MS, HOUR_MS
from ringtrace.domain.validation import TALK_SECONDS
from ringtrace.services.arrival import known_number
from ringtrace.services.call_records import CallRecord
from ringtrace.services.directory import Directory
from ringtrace.services.errors import NumberUnknownError, RefusedError
from ringtrace.services.ports import Clock, Store
from ringtrace.services.record_call import RecordCall

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 600.0
MARGIN_MS: Final = HOUR_MS
"""Beyond the longest talk: for ringing, menus, and a report on its way."""
_FIRST_LOOK_MS: Final = 60 * DAY_MS
_LOOK_MS: Final = 3 * DAY_MS
"""Longer than any call can last, so that each is looked at when its time is up."""


class WriteOffCalls:
    """What is presumed of a call gives way to its report, should one come after all."""

    def __init__(
        self, store: Store, directory: Directory, clock: Clock, record_call: RecordCall
    ) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._record_call = record_call
        self._has_looked = False

    async def __call__(self) -> int:
        """Look through all accounts; how many calls were closed. Raises StoreAwayError."""
        now = self._clock()
        since = now - (_LOOK_MS if self._has_looked else _FIRST_LOOK_MS)
        closed = 0
        for account in self._directory.accounts():
            for call in await self._store.unreported(account.account_id, since, now - MARGIN_MS):
                if call.started_at + self._longest_ms(account.account_id, call) < now:
                    closed += await self._write_off(account.account_id, call)
        self._has_looked = True
        return closed

    async def for_ever(self) -> None:
        """Runs until it is cancelled, whatever fails; of several servers one looks at a time.

        Not at once: after an outage the gateways first deliver the reports that waited for us.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                async with self._store.alone("writing off") as mine:
                    closed = await self() if mine else 0
            except RefusedError as error:
                log.warning("calls_not_written_off error=%s", error.error_id)
            except Exception:  # one call that cannot be read must not end the job
                log.exception("write_off_failed")
            else:
                if closed:
                    log.warning("calls_written_off count=%d", closed)

    def _longest_ms(self, account_id: int, call: CallRecord) -> int:
        """How long it may last, from the flows of its number."""
        try:
            number = known_number(self._directory, account_id, call.number)
        except NumberUnknownError:
            return TALK_SECONDS[1] * 1_000 + MARGIN_MS
        flows = (number.flow, *(one.flow for one in number.extensions if one.flow is not None))
        return max(flow.max_seconds for flow in flows) * 1_000 + MARGIN_MS

    async def _write_off(self, account_id: int, call: CallRecord) -> bool:
        owner = TokenOwner(account_id, TokenKind(call.gateway.value))
        report = presumed(call.number, call.caller, call.started_at)
        try:
            await self._record_call(owner, call.call, report)
        except NumberUnknownError:
            return False  # the number has left us, and with it what the call could be credited to
        return True
