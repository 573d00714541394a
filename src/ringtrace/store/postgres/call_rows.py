"""The own rows of calls: locked in the order of their keys, and what is written to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ringtrace.domain.attribution import Attribution, Basis
from ringtrace.domain.call import Report
from ringtrace.services.commands import KeepAttribution, KeepReport, NoteArrival, NoteRecording
from ringtrace.store import credits as shares
from ringtrace.store import rows
from ringtrace.store.credits import Key
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.rowset import CALL_KEY

_LOCKED = (
    "SELECT c.account_id, c.gateway, c.call_id, c.number, c.caller, c.started_at, c.basis, c.report"
    f" FROM calls c JOIN {CALL_KEY.unnested} ON {CALL_KEY.matching('c')}"
    " ORDER BY c.account_id, c.gateway, c.call_id FOR UPDATE OF c"
)

_ATTRIBUTION = {
    "basis": "text",
    "model": "text",
    "unknown": "double precision",
    "repeat": "double precision",
    "shares": "json",
}
CALL_COLUMNS: Final = {
    "number": "text",
    "caller": "text",
    "started_at": "bigint",
    "spam": "boolean",
    **_ATTRIBUTION,
}
ADDED: Final = " DO NOTHING RETURNING account_id, gateway, call_id"


@dataclass(frozen=True, slots=True)
class LockedCall:
    """What stands in a call's row, which is locked."""

    number: str
    caller: str | None
    started_at: int
    basis: str
    report: Report | None


def key_of(command: NoteArrival | KeepReport | KeepAttribution | NoteRecording) -> Key:
    return command.account_id, command.gateway.value, command.call


async def locked(connection: Connection, keys: Iterable[Key]) -> dict[Key, LockedCall]:
    found = await connection.fetch(_LOCKED, *CALL_KEY.arrays(sorted(keys)))
    return {
        (account_id, gateway, call): LockedCall(
            number, caller, started_at, basis, rows.report(report) if report else None
        )
        for account_id, gateway, call, number, caller, started_at, basis, report in found
    }


def said_columns(attribution: Attribution) -> tuple[object, ...]:
    """What of an attribution stands in the call's own row."""
    return (*shares.columns(attribution), shares.shares(attribution))


def corrected(known: Mapping[Key, LockedCall]) -> list[Key]:
    return [key for key, one in known.items() if one.basis == Basis.CORRECTED]
