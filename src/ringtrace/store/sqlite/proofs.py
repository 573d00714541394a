"""Calls of which the truth is known, beside what was stated of them without it."""

import sqlite3
from collections.abc import Sequence
from itertools import repeat

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.number import NumberKind
from ringtrace.domain.proof import Proof, ProofKind
from ringtrace.services.call_records import ProofFilter
from ringtrace.store import proofs
from ringtrace.store.credits import Key
from ringtrace.store.filters import joined, of_proofs

_KEY = "account_id = ? AND gateway = ? AND call_id = ?"


def keep(connection: sqlite3.Connection, key: Key, proof: Proof) -> None:
    """In the place of an earlier one of its kind."""
    connection.execute(
        "INSERT OR REPLACE INTO proofs VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*key, proof.kind.value, proof.visit_id, proof.stated_visit, proof.stated),
    )


def drop(connection: sqlite3.Connection, key: Key, kind: ProofKind) -> None:
    connection.execute(f"DELETE FROM proofs WHERE {_KEY} AND kind = ?", (*key, kind.value))


def known(connection: sqlite3.Connection, key: Key, kind: ProofKind) -> Proof | None:
    row = connection.execute(
        f"SELECT visit_id, stated_visit, stated FROM proofs WHERE {_KEY} AND kind = ?",
        (*key, kind.value),
    ).fetchone()
    return Proof(kind, *row) if row else None


def strongest(
    connection: sqlite3.Connection, account_id: int, where: ProofFilter
) -> Sequence[Proof]:
    """One proof a call, the strongest, by the start of the call."""
    condition, values = joined(of_proofs(account_id, where), repeat("?"))
    return proofs.strongest(
        connection.execute(
            "SELECT p.gateway, p.call_id, p.kind, p.visit_id, p.stated_visit, p.stated FROM calls c"
            " JOIN proofs p ON p.account_id = c.account_id AND p.gateway = c.gateway"
            f" AND p.call_id = c.call_id WHERE {condition} ORDER BY c.started_at",
            values,
        )
    )


def only_holder(connection: sqlite3.Connection, account_id: int, where: ProofFilter) -> int:
    """Calls to pool numbers that one visit alone was shown in the attribution window."""
    condition, values = joined(of_proofs(account_id, where), repeat("?"))
    (count,) = connection.execute(
        "SELECT count(*) FROM calls c JOIN numbers n ON n.account_id = c.account_id"
        f" AND n.number = c.number WHERE {condition} AND n.kind = ?"
        " AND 1 = (SELECT count(*) FROM (SELECT 1 FROM exposures e"
        "  WHERE e.account_id = c.account_id AND e.number = c.number"
        "  AND e.shown_at BETWEEN c.started_at - ? AND c.started_at LIMIT 2))",
        (*values, NumberKind.POOL.value, WINDOW_MS),
    ).fetchone()
    return int(count)
