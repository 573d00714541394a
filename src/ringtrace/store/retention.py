"""What a store keeps no longer: calls, recordings and traffic of old days."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final, Protocol

from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.call import GatewayKind
from ringtrace.services.lake import Change, Part
from ringtrace.store import rows
from ringtrace.store.rows import Row

OF_A_CALL: Final = (
    "credits", "call_reports", "corrections", "proofs", "screenings", "spam_marks", "call_tags",
    "deliveries", "calls",
)  # fmt: skip
"""The tables that know of a call, by its key; `calls` last."""


@dataclass(frozen=True, slots=True)
class OldCall:
    """`audio` is there unless the recording is the platform's, or none."""

    gateway: GatewayKind
    call: str
    audio: AudioFormat | None


class OldRows(AbstractContextManager["OldRows"], Protocol):
    """Beside servers that run: every transaction is short, and a rest follows it.

    Days are counted since 1970 UTC.
    """

    def accounts(self) -> Sequence[int]: ...

    def days(self, account_id: int, part: Part, before: int) -> Sequence[Change]:
        """Those before the day `before` that have anything of the part, oldest first."""
        ...

    def calls(self, account_id: int, day: int) -> Sequence[OldCall]:
        """Begun on the day."""
        ...

    def recorded(self, account_id: int, day: int) -> Sequence[OldCall]:
        """Those of the day's calls that have a recording, here or at the platform."""
        ...

    def drop_calls(self, account_id: int, some: Sequence[OldCall]) -> None:
        """With everything that is known of them. Their recordings are gone by then."""
        ...

    def drop_recordings(self, account_id: int, some: Sequence[OldCall]) -> None:
        """The calls have none any more."""
        ...

    def drop_traffic(self, account_id: int, before: int) -> int:
        """Visits that began before the day `before`, hits and exposures of then; returns rows."""
        ...

    def drop_days(self, days: Sequence[Change]) -> None:
        """Last: the store has nothing of these days, but of those written to since.

        Nor is the lake to be asked about any of them.
        """
        ...


def old_call(row: Row) -> OldCall:
    """From its gateway, its id and the format of its audio."""
    gateway, call, audio = row
    return OldCall(GatewayKind(gateway), call, None if audio is None else AudioFormat(audio))


def without_recording(said: str) -> str:
    """A report that was kept."""
    return rows.text(replace(rows.report(said), recording=None))
