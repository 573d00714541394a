"""Who calls is looked at before anybody is rung, from memory alone."""

import logging

from ringtrace.domain.flow import is_phone
from ringtrace.domain.screening import Finding, PastCall, screen
from ringtrace.services.directory import Directory
from ringtrace.services.neighbours import CallKey
from ringtrace.services.watch_callers import CallerWatch

log = logging.getLogger(__name__)


class ScreenCaller:
    def __init__(self, directory: Directory, watch: CallerWatch) -> None:
        self._directory = directory
        self._watch = watch

    def __call__(self, key: CallKey, caller: str | None, number: str, at: int) -> Finding | None:
        """What is held against the caller of a call to `number`, `at` ms since 1970 UTC.

        Nothing when he withholds his number, when a name stands in its place ("Reception"), which
        many may share, or when that cannot be told.
        """
        if caller is None or not is_phone(caller):
            return None
        try:
            return self._found(key, caller, number, at)
        except Exception:  # whatever it is, the caller must get through
            log.exception("caller_not_screened account=%d", key[0])
            return None

    def _found(self, key: CallKey, caller: str, number: str, at: int) -> Finding | None:
        past = self._watch.calls_of(key, caller)
        self._watch.note(key, caller, PastCall(number, at))
        rules, listing = self._directory.spam_rules(key[0]), self._directory.listing(key[0], caller)
        return screen(rules, listing, past, number, at)
