"""What users said of whose call it was: facts of their own, which outlive every attribution."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ringtrace.domain.attribution import WINDOW_MS, Attribution, Candidate, to_corrected
from ringtrace.domain.proof import ProofKind
from ringtrace.services.call_records import Correction
from ringtrace.services.commands import KeepCorrection, TakeBackCorrection
from ringtrace.services.errors import RefusedError
from ringtrace.store import corrections, rows
from ringtrace.store import credits as shares
from ringtrace.store.credits import Key
from ringtrace.store.postgres import credits, proofs  # noqa: A004 - what a call's shares are called
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.handlers import Handlers
from ringtrace.store.postgres.rowset import CALL_KEY, storable
from ringtrace.store.proofs import of_correction

_MADE = (
    "SELECT k.account_id, k.gateway, k.call_id, k.visit_id, k.made_at, k.made_by,"
    f" v.started_at, {rows.CANDIDATE_COLUMNS}"
    f" FROM corrections k JOIN {CALL_KEY.unnested} ON {CALL_KEY.matching('k')}"
    " LEFT JOIN visits v ON v.account_id = k.account_id AND v.visit_id = k.visit_id"
    " AND v.account_id = ANY($1)"
)
_OF_CALL = "FROM calls c WHERE c.account_id = $1 AND c.gateway = $2 AND c.call_id = $3"
_LOCK = f"SELECT 1 {_OF_CALL} FOR UPDATE"
# Read once the row is locked: a statement that waits for a lock sees the credits of before.
_CALL = (
    f"SELECT c.number, c.started_at, c.basis, c.model, c.unknown, c.repeat, {credits.KEPT}"
    f" {_OF_CALL}"
)
_VISIT = (
    f"SELECT v.started_at, {rows.CANDIDATE_COLUMNS}, EXISTS (SELECT 1 FROM exposures e"
    "  WHERE e.account_id = $1 AND e.number = $3 AND e.shown_at BETWEEN $4 AND $5"
    "  AND e.visit_id = $2)"
    " FROM visits v WHERE v.account_id = $1 AND v.visit_id = $2"
)
_KEEP = (
    "INSERT INTO corrections (account_id, gateway, call_id, visit_id, made_at, made_by)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account_id, gateway, call_id)"
    " DO UPDATE SET visit_id = excluded.visit_id, made_at = excluded.made_at,"
    " made_by = excluded.made_by"
)
_TAKE_BACK = (
    "DELETE FROM corrections WHERE account_id = $1 AND gateway = $2 AND call_id = $3"
    " RETURNING call_id"
)


async def as_corrected(
    connection: Connection, attributions: Mapping[Key, Attribution], corrected: Collection[Key]
) -> Mapping[Key, Attribution]:
    """What the engine says of the calls, or, where a user knows better, what he says.

    Of the `corrected` ones that is read, once their rows are locked.
    """
    keys = attributions.keys() & set(corrected)
    if not keys:
        return attributions
    said = dict(attributions)
    for row in await connection.fetch(_MADE, *CALL_KEY.arrays(sorted(keys))):
        key, made, called = tuple(row[:3]), Correction(*row[3:6]), _candidate(row[6:])
        said[key] = corrections.as_corrected(made, called, said[key])
    return said


async def keep(
    connection: Connection, commands: Sequence[KeepCorrection]
) -> Sequence[RefusedError | None]:
    return [await _kept(connection, command) for command in commands]


async def _kept(connection: Connection, command: KeepCorrection) -> RefusedError | None:
    try:
        await _keep(connection, command)
    except RefusedError as refused:
        return refused
    return None


async def _keep(connection: Connection, command: KeepCorrection) -> None:
    """Raises NotFoundError and FieldInvalidError before anything is changed."""
    account_id, visit_id = command.account_id, command.visit_id
    key = (account_id, command.gateway.value, command.call)
    if not await connection.fetch(_LOCK, *key):
        raise corrections.no_such_call()
    ((number, started_at, *said, kept),) = await connection.fetch(_CALL, *key)
    called, was_shown = None, False
    if visit_id is not None:
        found = await connection.fetchrow(
            _VISIT, account_id, storable(visit_id), number, started_at - WINDOW_MS, started_at
        )
        if found is not None:
            called, was_shown = _candidate(found[:-1]), found[-1]
    corrections.refuse(said[0], visit_id, called, was_shown=was_shown)
    await _prove(connection, key, visit_id, shares.attribution(tuple(said), credits.kept(kept)))
    made_by = command.made_by and storable(command.made_by)
    await connection.execute(_KEEP, *key, visit_id, command.made_at, made_by)
    await credits.replace(connection, {key: to_corrected(called, said[1])})


async def _prove(
    connection: Connection, key: Key, visit_id: str | None, blind: Attribution
) -> None:
    known = await proofs.known(connection, key)
    earlier = known.get(ProofKind.CORRECTION) or known.get(ProofKind.EXTENSION)
    proven = of_correction(visit_id, earlier, blind)
    if proven is not None:
        await proofs.keep(connection, {key: proven})


async def take_back(
    connection: Connection, commands: Sequence[TakeBackCorrection]
) -> Sequence[RefusedError | None]:
    return [await _taken_back(connection, command) for command in commands]


async def _taken_back(connection: Connection, command: TakeBackCorrection) -> RefusedError | None:
    key = (command.account_id, command.gateway.value, command.call)
    await connection.fetch(_LOCK, *key)
    if not await connection.fetch(_TAKE_BACK, *key):
        return corrections.nothing_to_take_back()
    await proofs.drop(connection, [key], ProofKind.CORRECTION)
    await credits.replace(connection, {key: command.attribution})
    return None


def _candidate(row: Sequence[Any]) -> Candidate | None:
    """From when the visit began and CANDIDATE_COLUMNS."""
    return None if row[0] is None else rows.candidate(row[0], tuple(row[1:]))


HANDLERS: Handlers = {KeepCorrection: keep, TakeBackCorrection: take_back}
