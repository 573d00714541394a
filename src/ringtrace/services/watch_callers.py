"""The newest calls of each caller, in memory: a ringing call must not wait for a query."""

import logging
from collections import OrderedDict
from collections.abc import Collection, Iterable

from ringtrace.domain.moment import DAY_MS
from ringtrace.domain.screening import MEMORY_MS, Finding, PastCall
from ringtrace.services.errors import RefusedError
from ringtrace.services.neighbours import NOBODY, CallKey, CallsSeen, Neighbours, RuleActed
from ringtrace.services.ports import Reads
from ringtrace.services.spam_records import WatchedCall

log = logging.getLogger(__name__)

_MOST_CALLERS = 100_000
_MOST_CALLS = 64
_MOST_FINDINGS = 10_000
_MOST_READ = 100_000
_RECENT_MS = 30 * DAY_MS
"""No rule looks further back, but for what speaks of a robot outright."""


class CallerWatch:
    """What this process and its neighbours have seen of callers, and what the store knew before.

    Who called longest ago is forgotten first. What is not known here is held against nobody.
    """

    def __init__(self, store: Reads, neighbours: Neighbours = NOBODY) -> None:
        self._store = store
        self._neighbours = neighbours
        self._callers: OrderedDict[tuple[int, str], dict[CallKey, PastCall]] = OrderedDict()
        self._findings: OrderedDict[CallKey, Finding] = OrderedDict()

    async def load(self, account_ids: Iterable[int], now: int) -> None:
        """From the store, as of `now` (ms since 1970 UTC); without it the watch begins empty."""
        for account_id in account_ids:
            try:
                known = await self._read(account_id, now)
            except RefusedError:
                log.warning("callers_not_loaded account=%d", account_id)
                continue
            for one in reversed(known):
                self._note((account_id, one.gateway, one.call), one.caller, one.past)

    async def renew(self, account_id: int, caller: str, now: int) -> None:
        """After something was said of the caller's calls. Raises StoreAwayError."""
        known = await self._read(account_id, now, caller)
        calls = [((account_id, one.gateway, one.call), one.past) for one in reversed(known)]
        seen = CallsSeen(account_id, caller, calls[-_MOST_CALLS:], anew=True)
        self.hear_calls(seen)
        self._neighbours.tell(seen)

    def hear_calls(self, seen: CallsSeen) -> None:
        if seen.anew:
            self._callers.pop((seen.account_id, seen.caller), None)
        for key, past in seen.calls:
            self._note(key, seen.caller, past)

    def calls_of(self, key: CallKey, caller: str) -> Collection[PastCall]:
        """The caller's calls but for the one of that key."""
        known = self._callers.get((key[0], caller), {})
        return [past for other, past in known.items() if other != key]

    def note(self, key: CallKey, caller: str, past: PastCall) -> None:
        """What is known of a call now, in place of what was."""
        self._note(key, caller, past)
        self._neighbours.tell(CallsSeen(key[0], caller, [(key, past)]))

    def _note(self, key: CallKey, caller: str, past: PastCall) -> None:
        known = self._callers.setdefault((key[0], caller), {})
        self._callers.move_to_end((key[0], caller))
        known[key] = past
        if len(known) > _MOST_CALLS:
            del known[min(known, key=lambda one: known[one].at)]
        if len(self._callers) > _MOST_CALLERS:
            self._callers.popitem(last=False)

    def acted(self, key: CallKey, finding: Finding) -> None:
        """A rule acted on the call: its report will tell what came of it."""
        self._keep(key, finding)
        self._neighbours.tell(RuleActed(key, finding))

    def hear_rule(self, acted: RuleActed) -> None:
        self._keep(acted.call, acted.finding)

    def _keep(self, key: CallKey, finding: Finding) -> None:
        self._findings[key] = finding
        if len(self._findings) > _MOST_FINDINGS:
            self._findings.popitem(last=False)

    def finding(self, key: CallKey) -> Finding | None:
        return self._findings.get(key)

    async def _read(
        self, account_id: int, now: int, caller: str | None = None
    ) -> list[WatchedCall]:
        return list(
            await self._store.watched_calls(
                account_id, now - _RECENT_MS, now - MEMORY_MS, _MOST_READ, caller
            )
        )
