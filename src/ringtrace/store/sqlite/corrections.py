"""What users said of whose call it was: facts of their own, which outlive every attribution."""

import sqlite3

from ringtrace.domain.attribution import WINDOW_MS, Attribution, Candidate, to_corrected
from ringtrace.domain.proof import ProofKind
from ringtrace.services.call_records import Correction
from ringtrace.services.commands import KeepCorrection, TakeBackCorrection
from ringtrace.store import corrections, rows
from ringtrace.store.credits import Key
from ringtrace.store.proofs import of_correction
from ringtrace.store.sqlite import credits, proofs  # noqa: A004 - what a call's shares are called

_KEY = "account_id = ? AND gateway = ? AND call_id = ?"


def correction(connection: sqlite3.Connection, key: Key) -> Correction | None:
    row = connection.execute(
        f"SELECT visit_id, made_at, made_by FROM corrections WHERE {_KEY}", key
    ).fetchone()
    return Correction(*row) if row else None


def as_corrected(connection: sqlite3.Connection, key: Key, attribution: Attribution) -> Attribution:
    """What the engine says of the call, or, where a user knows better, what he says."""
    made = correction(connection, key)
    called = _visit(connection, key[0], made.visit_id) if made and made.visit_id else None
    return corrections.as_corrected(made, called, attribution)


class CorrectionWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def keep(self, command: KeepCorrection) -> None:
        account_id, visit_id = command.account_id, command.visit_id
        key = (account_id, command.gateway.value, command.call)
        row = self._connection.execute(
            f"SELECT number, started_at, basis, model, unknown, repeat FROM calls WHERE {_KEY}", key
        ).fetchone()
        if row is None:
            raise corrections.no_such_call()
        (number, started_at), said = row[:2], row[2:]
        called = None if visit_id is None else _visit(self._connection, account_id, visit_id)
        shown = visit_id is not None and self._was_shown(account_id, visit_id, number, started_at)
        corrections.refuse(said[0], visit_id, called, was_shown=shown)
        self._prove(key, visit_id, credits.read(self._connection, key, said))
        self._connection.execute(
            "INSERT OR REPLACE INTO corrections VALUES (?, ?, ?, ?, ?, ?)",
            (*key, visit_id, command.made_at, command.made_by),
        )
        credits.replace(self._connection, key, to_corrected(called, said[1]))

    def take_back(self, command: TakeBackCorrection) -> None:
        key = (command.account_id, command.gateway.value, command.call)
        deleted = self._connection.execute(f"DELETE FROM corrections WHERE {_KEY}", key)
        if deleted.rowcount == 0:
            raise corrections.nothing_to_take_back()
        proofs.drop(self._connection, key, ProofKind.CORRECTION)
        credits.replace(self._connection, key, command.attribution)

    def _prove(self, key: Key, visit_id: str | None, blind: Attribution) -> None:
        known = proofs.known(self._connection, key, ProofKind.CORRECTION) or proofs.known(
            self._connection, key, ProofKind.EXTENSION
        )
        proven = of_correction(visit_id, known, blind)
        if proven is not None:
            proofs.keep(self._connection, key, proven)

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
