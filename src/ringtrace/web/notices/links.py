"""Where the links in notices lead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from ringtrace.domain.moment import DAY_MS
from ringtrace.services.call_records import CallRecord
from ringtrace.services.keep_recording import RecordingLinks

RECORDING_MS: Final = 7 * DAY_MS
"""A notice may lie for some days before somebody opens it."""


@dataclass(frozen=True, slots=True)
class Links:
    """`base` is the URL that people reach this server by, without a slash at its end."""

    base: Callable[[], str]
    recordings: RecordingLinks

    def recording(self, account_id: int, call: CallRecord) -> str | None:
        """Opens without signing in, for RECORDING_MS; None while there is no audio."""
        if not call.is_playable:
            return None
        return self.base() + self.recordings.path(account_id, call, RECORDING_MS)

    def call(self, call: CallRecord) -> str:
        """The call's page in the console."""
        return f"{self.base()}/calls/{call.gateway}/{quote(call.call, safe='')}"
