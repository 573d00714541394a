"""Calls of which the truth is known, beside what was stated of them without it."""

from collections.abc import Collection, Mapping, Sequence

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.number import NumberKind
from ringtrace.domain.proof import Proof, ProofKind
from ringtrace.services.call_records import ProofFilter
from ringtrace.store import proofs
from ringtrace.store.credits import Key
from ringtrace.store.filters import joined, of_proofs
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.rowset import CALL_KEY, RowSet
from ringtrace.store.postgres.slots import numbered

_PROOFS = RowSet(
    {
        **CALL_KEY.types,
        "kind": "text",
        "visit_id": "text",
        "stated_visit": "text",
        "stated": "double precision",
    },
    4,
)
_KEEP = (
    f"{_PROOFS.inserted_into('proofs')} DO UPDATE SET visit_id = excluded.visit_id,"
    " stated_visit = excluded.stated_visit, stated = excluded.stated"
)
_DROP = (
    f"DELETE FROM proofs p USING {CALL_KEY.unnested} WHERE {CALL_KEY.matching('p')}"
    " AND p.kind = ANY($4::text[])"
)


async def keep(connection: Connection, proven: Mapping[Key, Proof]) -> None:
    """In the place of earlier ones of their kinds."""
    if proven:
        found = [
            (*key, one.kind.value, one.visit_id, one.stated_visit, one.stated)
            for key, one in sorted(proven.items(), key=lambda item: item[0])
        ]
        await connection.execute(_KEEP, *_PROOFS.arrays(found))


async def drop(connection: Connection, keys: Collection[Key], *kinds: ProofKind) -> None:
    if keys:
        arrays = CALL_KEY.arrays(sorted(keys))
        await connection.execute(_DROP, *arrays, [kind.value for kind in kinds])


async def known(connection: Connection, key: Key) -> Mapping[ProofKind, Proof]:
    found = await connection.fetch(
        "SELECT kind, visit_id, stated_visit, stated FROM proofs"
        " WHERE account_id = $1 AND gateway = $2 AND call_id = $3",
        *key,
    )
    return {ProofKind(kind): Proof(ProofKind(kind), *said) for kind, *said in found}


async def strongest(connection: Connection, account_id: int, where: ProofFilter) -> Sequence[Proof]:
    """One proof a call, the strongest, by the start of the call."""
    condition, values = joined(of_proofs(account_id, where), numbered())
    return proofs.strongest(
        await connection.fetch(
            "SELECT p.gateway, p.call_id, p.kind, p.visit_id, p.stated_visit, p.stated FROM calls c"
            " JOIN proofs p ON p.account_id = c.account_id AND p.gateway = c.gateway"
            f" AND p.call_id = c.call_id WHERE {condition}"
            " ORDER BY c.started_at, c.gateway, c.call_id",
            *values,
        )
    )


async def only_holder(connection: Connection, account_id: int, where: ProofFilter) -> int:
    """Calls to pool numbers that one visit alone was shown in the attribution window."""
    slots = numbered()
    condition, values = joined(of_proofs(account_id, where), slots)
    return int(
        await connection.fetchval(
            "SELECT count(*) FROM calls c JOIN numbers n ON n.account_id = c.account_id"
            f" AND n.number = c.number WHERE {condition} AND n.kind = {next(slots)}"
            " AND 1 = (SELECT count(*) FROM (SELECT 1 FROM exposures e"
            "  WHERE e.account_id = $1 AND e.number = c.number AND e.shown_at"
            f"  BETWEEN c.started_at - {next(slots)}::bigint AND c.started_at LIMIT 2) two)",
            *values,
            NumberKind.POOL.value,
            WINDOW_MS,
        )
    )
