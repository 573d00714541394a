"""Taking a caller's number out of a store: out of its rows, and out of what is left of old ones."""

import hashlib
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.forgotten import anonymous, is_forgotten
from ringtrace.services.commands import KeepReport
from ringtrace.store import rows


class SpaceNotCleanError(RuntimeError):
    """The rows are done, but what is left of old ones could not be overwritten."""


@dataclass(frozen=True, slots=True)
class FoundCall:
    gateway: GatewayKind
    call: str


@dataclass(frozen=True, slots=True)
class Listed:
    """How the list treated a caller; `note` is gone with it."""

    treatment: str
    in_effect: bool


class Forgetting(AbstractContextManager["Forgetting"], Protocol):
    """Beside servers that run: each call in a short transaction."""

    def accounts(self) -> Sequence[tuple[int, str]]:
        """Ids with the region (ISO 3166 alpha-2) that national numbers are read in."""
        ...

    def is_own(self, account_id: int, number: str) -> bool:
        """Whether it is a number that the account tracks calls with."""
        ...

    def calls(self, account_id: int, spelled: Collection[str]) -> Sequence[FoundCall]:
        """Those of the caller; he may have been written otherwise in what came in of a call."""
        ...

    def make_anonymous(self, account_id: int, found: FoundCall, name: str) -> int:
        """`name` in place of the caller, and no recording; returns how many reports said it."""
        ...

    def unlist(self, account_id: int, number: str) -> Sequence[Listed]:
        """Take the number off the list, also what was said of it before, and out of the notes."""
        ...

    def clean_space(self) -> None:
        """Let nothing be left of deleted and moved rows. Raises SpaceNotCleanError."""
        ...


def anonymous_report(said: str, name: str) -> tuple[str, str]:
    """A report that was kept, without the caller, and its digest.

    The old digest could be compared with that of a guess.
    """
    body = rows.text(anonymous(rows.report(said), name))
    return body, hashlib.sha256(body.encode()).hexdigest()


def without_forgotten(command: KeepReport, caller: str | None) -> KeepReport:
    """What comes of a call after its `caller` was forgotten must not bring his number back."""
    if caller is None or not is_forgotten(caller):
        return command
    return replace(command, report=anonymous(command.report, caller), finding=None)
