"""What users said of whose call it was: facts of their own, which outlive every attribution."""

import sqlite3
from dataclasses import replace

from ringtrace.domain.attribution import WINDOW_MS, Attribution, Basis, Candidate, to_corrected
from ringtrace.domain.proof import ProofKind, proof
from ringtrace.services.commands import KeepCorrection, TakeBackCorrection
from ringtrace.services.errors import FieldInvalidError, NotFoundError
from ringtrace.services.ports import Correction
from ringtrace.store.sqlite import (
    credits,  # noqa: A004 - what a call's shares are called
    proofs,
    rows,
)
from ringtrace.store.sqlite.credits import Key

_KEY = "account_id = ? AND gateway = ? AND call_id = ?"


def correction(connection: sqlite3.Connection, key: Key) -> Correction | None:
    row = connection.execute(
        f"SELECT visit_id, made_at, made_by FROM corrections WHERE {_KEY}", key
    ).fetchone()
    return Correction(*row) if row else None


def as_corrected(connection: sqlite3.Connection, key: Key, attribution: Attribution) -> Attribution:
    """What the engine says of the call, or, where a user knows better, what he says."""
    made = correction(connection, key)
    if made is None:
        return attribution
    called = None if made.visit_id is None else _visit(connection, key[0], made.visit_id)
    return to_corrected(called, attribution.model)


class CorrectionWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def keep(self, command: KeepCorrection) -> None:
        key = (command.account_id, command.gateway.value, command.call)
        row = self._connection.execute(
            f"SELECT number, started_at, basis, model, unknown, repeat FROM calls WHERE {_KEY}", key
        ).fetchone()
        if row is None:
            raise NotFoundError("no such call", "call")
        number, started_at, basis, model, unknown, repeat = row
        if basis == Basis.STATIC_NUMBER:
            raise FieldInvalidError("a static number's calls belong to its source", "call")
        called = None
        if command.visit_id is not None:
            called = _visit(self._connection, command.account_id, command.visit_id)
            if called is None:
                raise NotFoundError("no such visit", "visit_id")
            if not self._was_shown(command.account_id, command.visit_id, number, started_at):
                raise FieldInvalidError(
                    "this visit was not shown the number in the 14 days before the call",
                    "visit_id",
                )
        self._prove(key, command.visit_id, (basis, model, unknown, repeat))
        self._connection.execute(
            "INSERT OR REPLACE INTO corrections VALUES (?, ?, ?, ?, ?, ?)",
            (*key, command.visit_id, command.made_at, command.made_by),
        )
        credits.replace(self._connection, key, to_corrected(called, model))

    def take_back(self, command: TakeBackCorrection) -> None:
        key = (command.account_id, command.gateway.value, command.call)
        deleted = self._connection.execute(f"DELETE FROM corrections WHERE {_KEY}", key)
        if deleted.rowcount == 0:
            raise NotFoundError("nobody corrected this call", "call")
        proofs.drop(self._connection, key, ProofKind.CORRECTION)
        credits.replace(self._connection, key, command.attribution)

    def _prove(self, key: Key, visit_id: str | None, said: tuple[str, str, float, float]) -> None:
        """What the engine stated before the first correction is held against the last one.

        Where an extension told it whose call it was, that is what it stated without.
        """
        known = proofs.known(self._connection, key, ProofKind.CORRECTION) or proofs.known(
            self._connection, key, ProofKind.EXTENSION
        )
        if known is not None:
            again = replace(known, kind=ProofKind.CORRECTION, visit_id=visit_id)
            proofs.keep(self._connection, key, again)
        elif said[0] != Basis.CORRECTED:
            blind = credits.read(self._connection, key, said)
            proofs.keep(self._connection, key, proof(ProofKind.CORRECTION, visit_id, blind))

    def _was_shown(self, account_id: int, visit_id: str, number: str, at: int) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM exposures WHERE account_id = ? AND number = ?"
            " AND shown_at BETWEEN ? AND ? AND visit_id = ?",
            (account_id, number, at - WINDOW_MS, at, visit_id),
        )
        return found.fetchone() is not None


def _visit(connection: sqlite3.Connection, account_id: int, visit_id: str) -> Candidate | None:
    row = connection.execute(
        f"SELECT v.started_at, {rows.CANDIDATE_COLUMNS} FROM visits v"
        " WHERE v.account_id = ? AND v.visit_id = ?",
        (account_id, visit_id),
    ).fetchone()
    return rows.candidate(row[0], row[1:]) if row else None
